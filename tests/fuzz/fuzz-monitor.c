/* What `monitor` makes of samples and of lines of the log, one a line: whatever they
 * hold, the screen has no control character but its own, and no line is wider than the
 * window. The whole is also read as an answer to an echo. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "latency.h"
#include "out.h"
#include "paint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_screen(const struct history *h, size_t rows, size_t columns, bool utf8)
{
	const struct paint_options o = {.rows = rows, .columns = columns, .utf8 = utf8};
	char *text = paint(h, &o), *save = NULL;
	size_t n = 0;

	if (text == NULL)
		return;
	for (const char *p = text; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f ||
		    (!utf8 && (unsigned char)*p >= 0x80))
			abort();
	for (const char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (out_width(line) > columns)
			abort();
		n++;
	}
	if (rows > 0 && n > rows)
		abort();
	free(text);
}

static void check_echo(const uint8_t *data, size_t size)
{
	const struct echo x = {.id = -1, .number = 1};
	uint8_t *copy = malloc(size > 0 ? size : 1); /* of the real size */

	if (copy == NULL)
		return;
	memcpy(copy, data, size);
	(void)echo_is_answer(&x, copy, size, true);
	(void)echo_is_answer(&x, copy, size, false);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct latency_result r = {
	    .ms = 1.5, .by = "icmp", .host = "192.0.2.1"};
	struct history *h = calloc(1, sizeof(*h));
	char *text = strndup((const char *)data, size), *save = NULL;
	int64_t ms = 0;

	if (h == NULL || text == NULL)
		goto out;
	out_init();
	history_init(h);
	check_echo(data, size);
	for (const char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		json_t *o = json_loads(line, 0, NULL);

		history_event(h, line);
		if (json_is_object(o))
			history_add(h, o, ms += 1000, 1, &r);
		json_decref(o);
	}
	check_screen(h, 24, 80, true);
	check_screen(h, 40, 100, false);
	check_screen(h, 5, 20, true);
	check_screen(h, 0, 300, false);
	if (h->n > 0) {
		json_t *o = history_json(h, 3);

		if (o == NULL)
			abort();
		json_decref(o);
	}
	history_free(h);
out:
	free(text);
	free(h);
	return 0;
}
