#include <stdarg.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "client.h"
#include "follow.h"
#include "out.h"
#include "screen.h"

/* The daemon is trusted, but half of what it tells comes from the guest: every member
 * may be missing, of another type, or absurd. */

static const json_t *member(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

/* Parts of a line, separated by a dot, each made safe. */
struct line {
	char text[512];
	size_t len;
};

static void part(struct line *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void part(struct line *l, const char *fmt, ...)
{
	const char *sep = out_utf8() ? " \302\267 " : ", ";
	char raw[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	if (raw[0] == '\0')
		return;
	if (l->len > 0 && l->len + strlen(sep) < sizeof(l->text)) {
		strcpy(l->text + l->len, sep);
		l->len += strlen(sep);
	}
	l->len += out_safe(raw, l->text + l->len, sizeof(l->text) - l->len);
}

static void row(FILE *f, const char *label, const char *value)
{
	if (value[0] != '\0')
		fprintf(f, "  %s%-10s%s %s\n", out_style(f, OUT_DIM), label,
		    out_style(f, OUT_PLAIN), value);
}

void screen_duration(double s, char *out, size_t size)
{
	long n = s > 0 ? (long)s : 0;

	if (n < 60)
		snprintf(out, size, "%ld s", n);
	else if (n < 3600)
		snprintf(out, size, "%ld min %ld s", n / 60, n % 60);
	else if (n < 86400)
		snprintf(out, size, "%ld h %ld min", n / 3600, n % 3600 / 60);
	else
		snprintf(out, size, "%ld d %ld h", n / 86400, n % 86400 / 3600);
}

enum out_style screen_state_style(const char *state)
{
	if (strcmp(state, "online") == 0)
		return OUT_GOOD;
	return strcmp(state, "failed") == 0 ? OUT_BAD : OUT_WARN;
}

static void print_state(FILE *f, const char *instance, const json_t *o)
{
	char state[32], since[48] = "";
	double s;

	out_safe(client_str(o, "state", "?"), state, sizeof(state));
	if (client_number(o, "uptime_s", &s))
		screen_duration(s, since, sizeof(since));
	fprintf(f, "%s%s%s  %s%s%s", out_style(f, OUT_BOLD), instance,
	    out_style(f, OUT_PLAIN), out_style(f, screen_state_style(state)), state,
	    out_style(f, OUT_PLAIN));
	fprintf(f, "%s%s\n", since[0] != '\0' ? ", up " : "", since);
}

/* Four bars; -55 dBm and better is full, under -85 hardly anything works. */
const char *screen_bars(double dbm)
{
	static const char *const pretty[] = {
	    "\342\226\201\342\226\201\342\226\201\342\226\201",
	    "\342\226\202\342\226\201\342\226\201\342\226\201",
	    "\342\226\202\342\226\204\342\226\201\342\226\201",
	    "\342\226\202\342\226\204\342\226\206\342\226\201",
	    "\342\226\202\342\226\204\342\226\206\342\226\210"};
	static const char *const plain[] = {
	    "[....]", "[#...]", "[##..]", "[###.]", "[####]"};
	int n = dbm >= -55 ? 4 : dbm >= -67 ? 3 : dbm >= -76 ? 2 : dbm >= -85 ? 1 : 0;

	return out_utf8() ? pretty[n] : plain[n];
}

static void print_wlan(FILE *f, const json_t *o)
{
	const json_t *w = member(o, "wlan");
	struct line net = {.len = 0}, signal = {.len = 0}, rate = {.len = 0};
	double n, width;

	part(&net, "%s", client_str(w, "ssid", ""));
	part(&net, "%s", client_str(w, "key_mgmt", ""));
	part(&net, "%s", client_str(w, "bssid", ""));
	/* What it is about, while there is no network, and why. */
	if (client_str(w, "bssid", NULL) == NULL) {
		part(&net, "%s", client_str(w, "state", ""));
		part(&net, "%s", client_str(w, "reason", ""));
	}
	row(f, "network", net.text);
	if (client_number(w, "signal_dbm", &n) && n < 0)
		part(&signal, "%s %.0f dBm", screen_bars(n), n);
	if (client_number(w, "freq_mhz", &n) && n > 0) {
		if (client_number(w, "width_mhz", &width) && width > 0)
			part(&signal, "%.0f MHz, %.0f MHz wide", n, width);
		else
			part(&signal, "%.0f MHz", n);
	}
	row(f, "signal", signal.text);
	if (client_number(w, "rx_mbps", &n) && n > 0)
		part(&rate, "%.4g Mbit/s down", n);
	if (client_number(w, "tx_mbps", &n) && n > 0)
		part(&rate, "%.4g Mbit/s up", n);
	row(f, "rate", rate.text);
}

static void print_host(FILE *f, const json_t *o)
{
	const json_t *h = member(o, "host_if"), *list = member(h, "addresses"), *address;
	struct line l = {.len = 0}, why = {.len = 0};
	char text[64];
	size_t i;

	part(&l, "%s", client_str(h, "name", ""));
	part(&l, "%s", client_str(h, "mac", ""));
	part(&l, "%s%s", member(o, "mode") != NULL ? "mode " : "",
	    client_str(o, "mode", ""));
	row(f, "interface", l.text);
	part(&why, "%s", client_str(o, "mode_why", ""));
	row(f, "", why.text);
	json_array_foreach (list, i, address) {
		if (!json_is_string(address))
			continue;
		out_safe(json_string_value(address), text, sizeof(text));
		row(f, i == 0 ? "addresses" : "", text);
	}
}

/* What is not as usual with images. */
static void print_images(FILE *f, const json_t *image)
{
	const json_t *refused = member(image, "refused");
	struct line l = {.len = 0};

	if (client_str(image, "candidate", NULL) != NULL)
		part(&l, "the next start tries %s", client_str(image, "candidate", ""));
	if (client_str(refused, "id", NULL) != NULL)
		part(&l, "%s was refused: %s", client_str(refused, "id", ""),
		    client_str(refused, "why", ""));
	row(f, "images", l.text);
}

static void print_machine(FILE *f, const json_t *o)
{
	const json_t *card = member(o, "card"), *image = member(o, "image");
	const json_t *guest = member(o, "guest");
	struct line c = {.len = 0}, g = {.len = 0}, m = {.len = 0};
	double total, n;

	part(&c, "%s", client_str(card, "pci", ""));
	part(&c, "%s", client_str(card, "name", ""));
	part(&c, "%s", client_str(card, "driver", ""));
	row(f, "card", c.text);
	if (client_number(guest, "mem_total_kib", &total) && total > 0) {
		if (client_number(guest, "mem_available_kib", &n))
			part(&g, "%.0f of %.0f MiB free", n / 1024, total / 1024);
		else
			part(&g, "%.0f MiB", total / 1024);
	}
	if (client_number(guest, "cpu_pct", &n))
		part(&g, "CPU %.0f %%", n);
	if (client_str(image, "kernel", NULL) != NULL)
		part(&g, "Linux %s", client_str(image, "kernel", ""));
	row(f, "guest", g.text);
	if (client_number(o, "pid", &n) && n > 0)
		part(&m, "%s, pid %.0f", client_str(o, "vmm", "?"), n);
	if (client_str(image, "id", NULL) != NULL)
		part(&m, "image %s", client_str(image, "id", ""));
	if (client_number(o, "restarts", &n) && n > 0)
		part(&m, "%.0f restart%s", n, n > 1 ? "s" : "");
	row(f, "machine", m.text);
	print_images(f, image);
}

static void print_error(FILE *f, const json_t *o)
{
	const json_t *last = member(o, "last_error");
	const char *text = json_is_object(last) ? client_str(last, "message", "")
						: client_str(o, "last_error", "");
	const char *hint = client_str(last, "hint", "");
	char safe[1024], safe_hint[512];

	if (text[0] == '\0')
		return;
	out_safe(text, safe, sizeof(safe));
	out_safe(hint, safe_hint, sizeof(safe_hint));
	fprintf(f, "  %slast error%s %s%s%s%s\n", out_style(f, OUT_BAD),
	    out_style(f, OUT_PLAIN), safe, safe_hint[0] != '\0' ? " (" : "", safe_hint,
	    safe_hint[0] != '\0' ? ")" : "");
}

void status_print(FILE *f, const char *instance, const json_t *o)
{
	print_state(f, instance, o);
	print_wlan(f, o);
	print_host(f, o);
	print_machine(f, o);
	print_error(f, o);
}

static int not_running(struct cli *cli, struct err *e)
{
	cli->error_members =
	    json_pack("{s:s,s:s}", "instance", cli->instance, "state", "stopped");
	if (!follow_leftovers(cli->instance))
		return -1;
	err_set(e, ERR_NOT_RUNNING,
	    "bhyfid of instance %s was killed and has left a machine behind",
	    cli->instance);
	return err_hint(e, "bhyfi -i %s up takes it over, bhyfi -i %s down clears it",
	    cli->instance, cli->instance);
}

int cmd_status(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct err why = ERR_INIT;
	struct client *c = client_open(cli->instance, &why);
	json_t *o = NULL;
	int ret = 0;

	(void)argc;
	(void)argv;
	if (c != NULL)
		o = client_call(c, "status", NULL, &why);
	client_close(c);
	if (o == NULL) {
		if (e != NULL)
			*e = why;
		return why.code == ERR_NOT_RUNNING ? not_running(cli, e) : -1;
	}
	json_object_del(o, "ok");
	if (cli->json)
		ret = out_json(stdout, o, e);
	else
		status_print(stdout, cli->instance, o);
	json_decref(o);
	return ret;
}
