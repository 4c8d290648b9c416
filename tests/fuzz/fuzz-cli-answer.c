/* What reaches the user's terminal: the daemon's status, half of it the guest's words,
 * the result of an iperf3 server, and the server's name. Nothing of it may be a control
 * character by then. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "escape.h"
#include "iperf.h"
#include "out.h"
#include "screen.h"
#include "speedtest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n' &&
			text[i] != '\t') ||
		    text[i] == 0x7f)
			abort();
}

static void screen(const json_t *o)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return;
	status_print(f, "fuzz", o);
	if (fclose(f) == 0)
		check(text, len);
	free(text);
}

static void plain(const char *in)
{
	char *text = NULL, small[40], gateway[INET6_ADDRSTRLEN];
	struct iperf_server s;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return;
	out_safe_text(f, in);
	if (fclose(f) == 0)
		check(text, len);
	free(text);
	check(small, out_safe(in, small, sizeof(small)));
	(void)out_width(in);
	(void)speedtest_gateway(in, gateway);
	if (iperf_server_parse(in, &s, NULL) == 0 && (s.host[0] == '\0' || s.port == 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o = json_loadb((const char *)data, size, 0, NULL);
	struct iperf_result r;
	char *text = malloc(size + 1);

	if (text != NULL) {
		memcpy(text, data, size);
		text[size] = '\0';
		plain(text);
		(void)iperf_result_parse(text, size, &r, NULL);
	}
	if (o != NULL)
		screen(o);
	json_decref(o);
	free(text);
	return 0;
}
