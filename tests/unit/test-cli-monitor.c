/* What `monitor` makes of the daemon's samples: figures, plots, the screen. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli-run.h"
#include "client.h"
#include "latency.h"
#include "out.h"
#include "paint.h"
#include "plot.h"

#define FIRST_AT 1795445668 /* 2026-11-23T14:54:28Z */

static const struct latency_result no_latency = {.ms = NAN};

static int setup(void **state)
{
	struct history *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	history_init(h);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	history_free(*state);
	free(*state);
	return 0;
}

static void add(
    struct history *h, const char *json, int64_t ms, const struct latency_result *latency)
{
	json_t *o = json_loads(json, 0, NULL);

	assert_non_null(o);
	history_add(h, o, ms, FIRST_AT + ms / 1000, latency);
	json_decref(o);
}

/* A second's traffic and signal. */
static void add_usual(struct history *h, int i)
{
	static const char fmt[] =
	    "{\"instance\":\"wlan\",\"state\":\"online\",\"uptime_s\":192,\"last_error\":"
	    "null,\"wlan\":{\"state\":\"associated\",\"ssid\":\"caf\303\251\",\"bssid\":"
	    "\"02:bf:00:00:00:01\",\"freq_mhz\":5180,\"width_mhz\":80,\"signal_dbm\":%d,"
	    "\"noise_dbm\":-92,\"tx_mbps\":433.3,\"rx_mbps\":390,\"key_mgmt\":\"SAE\","
	    "\"tx_packets\":%d,\"tx_retries\":%d,\"tx_failed\":3},\"host_if\":{\"name\":"
	    "\"bhyfi0\",\"rx_bytes\":%d,\"tx_bytes\":%d},\"guest\":{\"mem_total_kib\":"
	    "122880,\"mem_available_kib\":73728,\"cpu_pct\":%d}}";
	const struct latency_result r = {
	    .ms = i % 7 == 3 ? NAN : 1.5 + i % 5, .by = "icmp", .host = "192.0.2.1"};
	char json[1024];

	snprintf(json, sizeof(json), fmt, -40 - i, 100 * i, 5 * i, 62500 * i * i,
	    12500 * i, 3 * i);
	add(h, json, 1000 * i, &r);
}

static void is(double v, double expected, double tolerance)
{
	if (!(fabs(v - expected) <= tolerance)) {
		print_error("%g is not %g\n", v, expected);
		fail();
	}
}

static void figures(void **state)
{
	struct history *h = *state;

	add_usual(h, 10);
	assert_true(isnan(history_value(h, METRIC_DOWN, 0)));
	assert_true(isnan(history_value(h, METRIC_RETRIES, 0)));
	add_usual(h, 11);
	/* 62500 * (121 - 100) bytes in a second */
	is(history_value(h, METRIC_DOWN, 0), 10.5, 1e-9);
	is(history_value(h, METRIC_UP, 0), 0.1, 1e-9);
	is(history_value(h, METRIC_RETRIES, 0), 100 * 5.0 / 105, 1e-9);
	is(history_value(h, METRIC_MEMORY, 0), 40, 1e-9);
	is(history_value(h, METRIC_SIGNAL, 0), -51, 0);
	is(history_value(h, METRIC_SIGNAL, 1), -50, 0);
	is(history_value(h, METRIC_LATENCY, 0), 2.5, 0);
	assert_true(isnan(history_value(h, METRIC_SIGNAL, 2)));
	/* Counters that went back: another interface, another association. */
	add_usual(h, 1);
	assert_true(isnan(history_value(h, METRIC_DOWN, 0)));
	assert_true(isnan(history_value(h, METRIC_RETRIES, 0)));
}

/* What the guest might send, and a daemon of another version. */
static void absurd_figures(void **state)
{
	static const char *const samples[] = {"{}", "{\"wlan\":7,\"host_if\":[]}",
	    "{\"host_if\":{\"rx_bytes\":-5,\"tx_bytes\":1.5}}",
	    "{\"host_if\":{\"rx_bytes\":9223372036854775807,\"tx_bytes\":0}}",
	    "{\"wlan\":{\"signal_dbm\":1e308,\"noise_dbm\":\"x\",\"tx_packets\":-1}}",
	    "{\"guest\":{\"mem_total_kib\":1,\"mem_available_kib\":2,\"cpu_pct\":-1}}"};
	struct history *h = *state;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		/* The clock of a daemon that was started anew. */
		add(h, samples[i], 1000 - (int64_t)i, &no_latency);
		for (int m = 0; m < METRIC_COUNT; m++)
			assert_true(isnan(history_value(h, (enum metric)m, 0)));
	}
}

static void ring(void **state)
{
	struct history *h = *state;

	for (int i = 0; i < HISTORY_MAX + 10; i++)
		add(h, i % 2 ? "{\"guest\":{\"cpu_pct\":1}}" : "{}", i, &no_latency);
	is(history_value(h, METRIC_CPU, 0), 1, 0);
	assert_true(isnan(history_value(h, METRIC_CPU, 1)));
	is(history_value(h, METRIC_CPU, HISTORY_MAX - 2), 1, 0);
	assert_true(isnan(history_value(h, METRIC_CPU, HISTORY_MAX)));
	for (int i = 0; i < EVENTS_MAX + 5; i++) {
		char line[64];

		snprintf(line, sizeof(line), "2026-11-23T14:54:28Z info number %d", i);
		assert_true(history_event(h, line));
	}
	assert_string_equal(history_line(h, 0)->text, "number 36");
	assert_string_equal(history_line(h, EVENTS_MAX - 1)->text, "number 5");
	assert_null(history_line(h, EVENTS_MAX));
}

static void events(void **state)
{
	struct history *h = *state;
	json_t *o;

	assert_false(history_event(h, "2026-11-23T14:54:28Z debug state: online"));
	assert_true(history_event(h, "2026-11-23T14:54:28Z warning guest: \033[2J"));
	assert_true(history_event(h, "not of the log"));
	assert_true(history_event(h, ""));
	assert_int_equal(history_line(h, 2)->at, FIRST_AT);
	assert_true(history_line(h, 2)->bad);
	assert_string_equal(history_line(h, 2)->text, "guest: \\x1b[2J");
	assert_string_equal(history_line(h, 1)->text, "not of the log");
	add(h, "{\"state\":\"online\"}", 0, &no_latency);
	o = history_json(h, 2);
	assert_int_equal(json_array_size(json_object_get(o, "events")), 2);
	assert_string_equal(client_str(o, "time", ""), "2026-11-23T14:54:28Z");
	assert_string_equal(client_str(o, "state", ""), "online");
	assert_true(
	    json_is_null(json_object_get(json_object_get(o, "throughput"), "down_mbps")));
	json_decref(o);
}

static void plots(void **state)
{
	(void)state;
	assert_int_equal(plot_level(NAN, 0, 10, 1), 0);
	assert_int_equal(plot_level(-5, 0, 10, 1), 1);
	assert_int_equal(plot_level(0, 0, 10, 1), 1);
	assert_int_equal(plot_level(5, 0, 10, 1), 5);
	assert_int_equal(plot_level(10, 0, 10, 1), 8);
	assert_int_equal(plot_level(1e300, 0, 10, 3), 24);
	assert_int_equal(plot_level(5, 7, 7, 2), 1);
	assert_int_equal(plot_level(5, 0, 10, 0), 0);
	/* Two rows: the upper one begins above eight. */
	assert_string_equal(plot_cell(0, 0, 1, true), " ");
	assert_string_equal(plot_cell(1, 0, 1, true), "\342\226\201");
	assert_string_equal(plot_cell(8, 0, 2, false), " ");
	assert_string_equal(plot_cell(8, 1, 2, false), "#");
	assert_string_equal(plot_cell(9, 0, 2, false), "_");
	assert_string_equal(plot_cell(9, 1, 2, false), "#");
	assert_string_equal(plot_cell(16, 0, 2, false), "#");
	is(plot_ceiling(0, 1), 1, 0);
	is(plot_ceiling(NAN, 1), 1, 0);
	is(plot_ceiling(1.2, 1), 2, 1e-9);
	is(plot_ceiling(20, 1), 20, 1e-9);
	is(plot_ceiling(20.1, 1), 50, 1e-9);
	is(plot_ceiling(99, 1), 100, 1e-9);
	is(plot_ceiling(900, 1), 1000, 1e-9);
}

static void screen_is(const struct history *h, size_t rows, size_t columns, bool utf8,
    bool colour, const char *expected)
{
	const struct paint_options o = {
	    .rows = rows, .columns = columns, .utf8 = utf8, .colour = colour};
	char *text = paint(h, &o);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

#define B1 "\342\226\201"
#define B2 "\342\226\202"
#define B3 "\342\226\203"
#define B4 "\342\226\204"
#define B5 "\342\226\205"
#define B6 "\342\226\206"
#define B7 "\342\226\207"
#define B8 "\342\226\210"
#define MID "\302\267"
#define DOT " " MID " "

static void usual_screen(void **state)
{
	struct history *h = *state;

	history_event(h, "2026-11-23T14:54:20Z info state: online");
	for (int i = 0; i < 12; i++)
		add_usual(h, i);
	screen_is(h, 12, 50, true, false,
	    "wlan  online, up 3 min 12 s               14:54:39\n"
	    "network  caf\303\251 " MID " SAE " MID " 02:bf:00:00:00:01\n"
	    "rate     390 down, 433.3 up Mbit/s " MID " 5180 MHz, 80\n"
	    "signal   -51 dBm, noise -92           " B7 B7 B7 B7 B6 B6 B6 B6 B6 B6 B6 B6
	    "\n"
	    "down     10.5 Mbit/s          \342\211\24420      " B1 B2 B2 B2 B3 B3 B3 B4
		B4 B4 B5 "\n"
	    "up       0.10 Mbit/s           \342\211\2441      " B2 B2 B2 B2 B2 B2 B2 B2
		B2 B2 B2 "\n"
	    "latency  2.50 ms (icmp)       \342\211\24410     " B2 B3 B3
	    " " B5 B2 B3 B3 B4 B5 " " B3 "\n"
	    "retries  4.76 %, failed 3     \342\211\24410      " B4 B4 B4 B4 B4 B4 B4 B4
		B4 B4 B4 "\n"
	    "memory   48 of 120 MiB                " B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4
	    "\n"
	    "cpu      33 %                         " B1 B1 B1 B2 B2 B2 B2 B2 B3 B3 B3 B3
	    "\n"
	    "14:54:20 state: online\n"
	    "q quits");
	screen_is(h, 13, 50, false, false,
	    "wlan  online, up 3 min 12 s               14:54:39\n"
	    "network  caf?, SAE, 02:bf:00:00:00:01\n"
	    "rate     390 down, 433.3 up Mbit/s, 5180 MHz, 80 M\n"
	    "signal   -51 dBm, noise -92           +=====----::\n"
	    "                                      ############\n"
	    "down     10.5 Mbit/s         <=20      _...:::---=\n"
	    "up       0.10 Mbit/s          <=1      ...........\n"
	    "latency  2.50 ms (icmp)      <=10     .:: =.::-= :\n"
	    "retries  4.76 %, failed 3    <=10      -----------\n"
	    "memory   48 of 120 MiB                ------------\n"
	    "cpu      33 %                         ___.....::::\n"
	    "14:54:20 state: online\n"
	    "q quits");
}

/* The least important goes first, and nothing is wider than the window. */
static void small_screens(void **state)
{
	struct history *h = *state;

	for (int i = 0; i < 12; i++)
		add_usual(h, i);
	screen_is(h, 5, 20, true, false,
	    "wlan  online, up 3 m\n"
	    "network  caf\303\251" DOT "SAE\n"
	    "signal   -51 dBm, no\n"
	    "down     10.5 Mbit/s\n"
	    "up       0.10 Mbit/s");
	screen_is(h, 1, 1, true, false, "w");
	for (size_t rows = 1; rows < 40; rows++)
		for (size_t columns = 1; columns < 120; columns += 7) {
			const struct paint_options o = {
			    .rows = rows, .columns = columns, .utf8 = rows % 2 == 0};
			char *text = paint(h, &o), *save = NULL, *line;
			size_t n = 0;

			assert_non_null(text);
			for (line = strtok_r(text, "\n", &save); line != NULL;
			     line = strtok_r(NULL, "\n", &save)) {
				assert_in_range(out_width(line), 0, columns);
				n++;
			}
			assert_in_range(n, 1, rows);
			free(text);
		}
}

static void colours(void **state)
{
	struct history *h = *state;

	add_usual(h, 0);
	screen_is(h, 3, 30, true, true,
	    "\033[1mwlan\033[0m  \033[32monline\033[0m, up 3 min 12 s\n"
	    "\033[2mnetwork\033[0m  caf\303\251" DOT "SAE" DOT "02:bf:00\n"
	    "\033[2msignal\033[0m   \033[32m-40 dBm\033[0m, noise -92");
}

/* Names from the air: escapes, bytes that are no UTF-8, wide characters at the edge. In
 * a terminal that does not know UTF-8 the bytes of other letters are controls. */
static void hostile_screen(void **state)
{
	static const char sample[] =
	    "{\"instance\":\"wlan\",\"state\":\"online\\u001b]0;x\\u0007\",\"wlan\":{"
	    "\"ssid\":\"a\\u001b[2J\\n\\u009b31m\\u202e\346\227\245\346\234\254\","
	    "\"bssid\":\"02:bf:00:00:00:01\",\"signal_dbm\":-90},"
	    "\"last_error\":\"\\u001bc \303\233\"}";
	struct history *h = *state;

	add(h, sample, 0, &no_latency);
	history_event(h, "2026-11-23T14:54:28Z info x\r\033[1m\303\233 \377");
	screen_is(h, 0, 500, true, false,
	    "wlan  online\\x1b]0;x\\x07\n"
	    "error    \\x1bc \303\233\n"
	    "network  a\\x1b[2J\\x0a\\xc2\\x9b31m\\xe2\\x80\\xae\346\227\245\346\234\254"
	    "" DOT "02:bf:00:00:00:01\n"
	    "rate     \342\200\223 down, \342\200\223 up Mbit/s\n"
	    "signal   -90 dBm, noise \342\200\223\n"
	    "down     \342\200\223\n"
	    "up       \342\200\223\n"
	    "latency  \342\200\223\n"
	    "retries  \342\200\223\n"
	    "memory   \342\200\223\n"
	    "cpu      \342\200\223\n"
	    "14:54:28 x\\x0d\\x1b[1m\303\233 \\xff");
	screen_is(h, 3, 61, true, false,
	    "wlan  online\\x1b]0;x\\x07                             14:54:28\n"
	    "network  a\\x1b[2J\\x0a\\xc2\\x9b31m\\xe2\\x80\\xae\346\227\245\346\234\254"
	    "" DOT "02:bf:00:0\n"
	    "signal   -90 dBm, noise \342\200\223                                   " B2);
	screen_is(h, 2, 45, false, false,
	    "wlan  online\\x1b]0;x\\x07             14:54:28\n"
	    "network  a\\x1b[2J\\x0a\\xc2\\x9b31m\\xe2\\x80\\xae?");
}

static void not_associated(void **state)
{
	struct history *h = *state;

	add(h,
	    "{\"instance\":\"wlan\",\"state\":\"associating\",\"wlan\":{\"state\":"
	    "\"disconnected\",\"ssid\":null,\"bssid\":null,\"reason\":\"wrong "
	    "passphrase\"}}",
	    0, &no_latency);
	screen_is(h, 2, 60, false, false,
	    "wlan  associating                                   14:54:28\n"
	    "network  disconnected, wrong passphrase");
}

static void echoes(void **state)
{
	/* Of RFC 1071's kind: the sum over all of it is 0xffff. */
	struct echo x = {.id = 0x1234, .number = 7, .cookie = "abcdefg"};
	uint8_t out[ECHO_SIZE], answer[20 + ECHO_SIZE] = {0x45};
	unsigned sum = 0;

	(void)state;
	echo_write(&x, out);
	for (size_t i = 0; i < sizeof(out); i += 2)
		sum += (unsigned)out[i] << 8 | out[i + 1];
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	assert_int_equal(out[0], 8);
	assert_false(echo_is_answer(&x, out, sizeof(out), false)); /* a request */
	out[0] = 0;
	assert_true(echo_is_answer(&x, out, sizeof(out), false));
	assert_false(echo_is_answer(&x, out, sizeof(out) - 1, false));
	memcpy(answer + 20, out, sizeof(out));
	assert_true(echo_is_answer(&x, answer, sizeof(answer), true));
	answer[0] = 0x4f; /* a header longer than all */
	assert_false(echo_is_answer(&x, answer, sizeof(answer), true));
	answer[0] = 0x41;
	assert_false(echo_is_answer(&x, answer, sizeof(answer), true));
	assert_false(echo_is_answer(&x, answer, 0, true));
	x.number = 8;
	assert_false(echo_is_answer(&x, out, sizeof(out), false));
	x.number = 7;
	x.id = 1;
	assert_false(echo_is_answer(&x, out, sizeof(out), false));
	x.id = -1;
	assert_true(echo_is_answer(&x, out, sizeof(out), false));
	x.six = true;
	assert_false(echo_is_answer(&x, out, sizeof(out), false));
	out[0] = 129;
	assert_true(echo_is_answer(&x, out, sizeof(out), false));
}

/* The command, with a daemon that plays a script. */

#define SAMPLE(ms, rx)                                                                   \
	"{\"status\":{\"instance\":\"wlan\",\"state\":\"online\",\"host_if\":{\"name\":" \
	"\"nosuchif0\",\"rx_bytes\":" rx ",\"tx_bytes\":0}},\"ms\":" ms "}\n"

static void once(void **state)
{
	static const struct step steps[] = {
	    {"{\"cmd\":\"monitor\",\"interval_ms\":2500}",
		"{\"line\":\"2026-11-23T14:54:20Z info hello\"}\n" SAMPLE("1000", "0")},
	    {NULL, "{\"line\":\"more\"}\n{\"odd\":1}\n" SAMPLE("3000", "1000000")},
	    {"\"cmd\":\"monitor\"", SAMPLE("1000", "0") SAMPLE("2000", "0")},
	    {NULL, NULL}};
	static struct cli_run r;
	pid_t pid;

	(void)state;
	cli_dir_make("wlan");
	/* Two clients, one after the other. */
	const struct step two[] = {
	    steps[0], steps[1], {NULL, ""}, steps[2], {NULL, NULL}};
	pid = server_start("wlan", two);
	RUN(&r, "monitor", "--once", "-n", "2.5");
	assert_string_equal(r.err, "");
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "down     4.00 Mbit/s\n"));
	assert_non_null(strstr(r.out, "14:54:20 hello\nmore\n"));
	RUN(&r, "monitor", "--once", "--json");
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "\"down_mbps\": 0.0"));
	assert_non_null(strstr(r.out, "\"events\": []"));
	server_stop(pid);
	cli_dir_remove();
}

static void daemon_says_no(void **state)
{
	static const struct step steps[] = {
	    {"monitor", "{\"error\":{\"code\":\"usage\",\"message\":\"cmd: no such "
			"command\",\"hint\":\"\"}}\n"},
	    {NULL, "!"}};
	static struct cli_run r;
	pid_t pid;

	(void)state;
	cli_dir_make("wlan");
	pid = server_start("wlan", steps);
	RUN(&r, "monitor", "--json");
	assert_int_equal(r.status, 2);
	assert_string_equal(r.err, "bhyfi: cmd: no such command\n");
	server_stop(pid);
	RUN(&r, "monitor", "--json");
	assert_int_equal(r.status, 3);
	/* Before anybody is asked. */
	RUN(&r, "monitor");
	assert_int_equal(r.status, 2);
	RUN(&r, "monitor", "--once", "--interval", "nan");
	assert_int_equal(r.status, 2);
	RUN(&r, "monitor", "--once", "--interval", "1x");
	assert_int_equal(r.status, 2);
	cli_dir_remove();
}

/* Words for a shell: names that can not be typed are given by their digits. */
static void completes(void **state)
{
	static const struct step steps[] = {
	    {"{\"cmd\":\"networks\"}",
		"{\"ok\":true,\"networks\":[{\"ssid_hex\":\"63616620c3a9\"},{\"ssid_"
		"hex\":"
		"\"1b5b324a\"},{\"ssid_hex\":\"2d2d78\"},{\"ssid_hex\":\"\"},{\"ssid_"
		"hex\":\"zz\"},{\"ssid_hex\":\"6865783a31\"},{\"ssid_hex\":\"ff\"},{"
		"\"ssid_hex\":\"610062\"},7]}\n"},
	    {NULL, NULL}};
	static struct cli_run r;
	pid_t pid;

	(void)state;
	cli_dir_make("wlan");
	pid = server_start("wlan", steps);
	RUN(&r, "complete", "networks");
	server_stop(pid);
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out,
	    "caf \303\251\nhex:1b5b324a\nhex:2d2d78\nhex:6865783a31\nhex:ff\n"
	    "hex:610062\n");
	/* Nobody there: nothing is said. */
	RUN(&r, "complete", "heard");
	assert_string_equal(r.out, "");
	assert_string_equal(r.err, "");
	RUN(&r, "complete", "nonsense");
	assert_int_equal(r.status, 2);
	cli_dir_remove();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(figures),
	    TEST(absurd_figures),
	    TEST(ring),
	    TEST(events),
	    TEST(plots),
	    TEST(usual_screen),
	    TEST(small_screens),
	    TEST(colours),
	    TEST(hostile_screen),
	    TEST(not_associated),
	    TEST(echoes),
	    cmocka_unit_test(once),
	    cmocka_unit_test(daemon_says_no),
	    cmocka_unit_test(completes),
	};

	setenv("TZ", "UTC", 1);
	out_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
