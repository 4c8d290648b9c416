/* scan: what is in the air, a line for each network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "client.h"
#include "escape.h"
#include "netfile.h"
#include "out.h"
#include "screen.h"

#define SCAN_MS 20000
#define ROWS_MAX 256

/* Access points of one name and one security. */
struct found {
	const char *ssid, *hex, *security; /* into the answer */
	int best_dbm, best_mhz, aps;
	bool known, connected;
};

static int number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_integer_value(v);

	return n > -1000000 && n < 1000000 ? (int)n : 0;
}

static bool is_set(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static void add(struct found *list, size_t *n, const json_t *ap)
{
	struct found f = {.ssid = client_str(ap, "ssid", ""),
	    .hex = client_str(ap, "ssid_hex", ""),
	    .security = client_str(ap, "security", ""),
	    .best_dbm = number(ap, "signal_dbm"),
	    .best_mhz = number(ap, "freq_mhz"),
	    .aps = 1,
	    .known = is_set(ap, "known"),
	    .connected = is_set(ap, "connected")};

	for (size_t i = 0; i < *n; i++) {
		struct found *o = &list[i];

		if (strcmp(o->hex, f.hex) != 0 || strcmp(o->security, f.security) != 0)
			continue;
		o->aps++;
		if (f.best_dbm > o->best_dbm) {
			o->best_dbm = f.best_dbm;
			o->best_mhz = f.best_mhz;
		}
		return;
	}
	if (*n < ROWS_MAX)
		list[(*n)++] = f;
}

/* The one that we are in, then the strongest. */
static int by_rank(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->connected != y->connected)
		return x->connected ? -1 : 1;
	if (x->best_dbm != y->best_dbm)
		return x->best_dbm > y->best_dbm ? -1 : 1;
	return strcmp(x->hex, y->hex);
}

static int print_table(const struct found *list, size_t n, struct err *e)
{
	static const char *const header[] = {
	    "", "SIGNAL", "", "BAND", "SECURITY", "APS", "SSID"};
	struct table *t;
	int ret;

	if (n == 0) {
		printf("No network is heard.\n");
		return 0;
	}
	t = table_new(ARRAY_LEN(header));
	table_row(t, header);
	for (size_t i = 0; i < n; i++) {
		const struct found *f = &list[i];
		char dbm[16], aps[12];

		snprintf(dbm, sizeof(dbm), "%d dBm", f->best_dbm);
		snprintf(aps, sizeof(aps), "%d", f->aps);
		table_row(t, (const char *const[]){f->connected ? "*"
						   : f->known   ? "+"
								: "",
				 screen_bars(f->best_dbm), dbm, wifi_band(f->best_mhz),
				 wifi_security(f->security), aps,
				 f->hex[0] != '\0' ? f->ssid : "(hidden)"});
	}
	ret = table_print(t, stdout, true, e);
	table_free(t);
	return ret;
}

static int print_scan(struct cli *cli, json_t *answer, struct err *e)
{
	struct found *list = calloc(ROWS_MAX, sizeof(*list));
	const json_t *aps = json_object_get(answer, "aps"), *ap;
	size_t n = 0, i;
	int ret;

	if (list == NULL)
		return err_set(e, ERR_FAILED, "scan: out of memory");
	if (cli->json) {
		json_object_del(answer, "ok");
		ret = out_json(stdout, answer, e);
	} else {
		json_array_foreach (aps, i, ap)
			add(list, &n, ap);
		qsort(list, n, sizeof(*list), by_rank);
		ret = print_table(list, n, e);
	}
	free(list);
	return ret;
}

int cmd_scan(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct client *c = client_open(cli->instance, e);
	bool cached = cli_value(cli, "cached") != NULL;
	struct progress p;
	json_t *answer = NULL;
	int ret = -1;

	(void)argc;
	(void)argv;
	if (c == NULL)
		return -1;
	progress_init(&p, stderr);
	progress_paint(&p, "  scanning ...");
	if (client_send(c, "scan", json_pack("{s:b}", "fresh", (int)!cached), e) == 0)
		answer = client_recv(c, SCAN_MS, e);
	progress_end(&p);
	if (answer != NULL)
		ret = print_scan(cli, answer, e);
	json_decref(answer);
	client_close(c);
	return ret;
}
