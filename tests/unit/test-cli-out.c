/* out.c, the parsers of iperf.c, and the screen of `status`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "iperf.h"
#include "out.h"
#include "speedtest.h"

static void safe_text(void **state)
{
	char out[64];

	(void)state;
	out_safe("caf\303\251 \\x0a", out, sizeof(out));
	assert_string_equal(out, "caf\303\251 \\x0a");
	out_safe("a\033[2J\nb\377\302\205", out, sizeof(out));
	assert_string_equal(out, "a\\x1b[2J\\x0ab\\xff\\xc2\\x85");
	/* Cut, terminated, never beyond. */
	memset(out, 'z', sizeof(out));
	out_safe("abc\\def", out, 5);
	assert_string_equal(out, "abc\\");
	assert_int_equal(out[5], 'z');
	out_safe("\\\\\\\\", out, 3);
	assert_string_equal(out, "\\\\");
	assert_int_equal(out_safe("x", out, 1), 0);
	assert_string_equal(out, "");
}

static char *stream(size_t *len, void (*print)(FILE *f, const void *arg), const void *arg)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	assert_non_null(f);
	print(f, arg);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void print_safe(FILE *f, const void *arg)
{
	out_safe_text(f, arg);
}

static void safe_stream(void **state)
{
	/* Pieces of 256 bytes must not tear characters of two bytes. */
	char in[2049], *text;
	size_t len;

	(void)state;
	in[0] = 'x';
	for (size_t i = 1; i + 2 < sizeof(in); i += 2)
		memcpy(in + i, "\303\251", 2);
	in[sizeof(in) - 2] = '\n';
	in[sizeof(in) - 1] = '\0';
	text = stream(&len, print_safe, in);
	assert_string_equal(text, in);
	free(text);
	text = stream(&len, print_safe, "a\tb\r\n\033c");
	assert_string_equal(text, "a\tb\\x0d\n\\x1bc");
	free(text);
}

static void widths(void **state)
{
	(void)state;
	assert_int_equal(out_width("abc"), 3);
	assert_int_equal(out_width("caf\303\251"), 4);
	assert_int_equal(out_width("\346\227\245\346\234\254"), 4); /* two wide ones */
	assert_int_equal(out_width("e\314\201"), 1);                /* combining */
	assert_int_equal(out_width("\377"), 1);
}

static void print_table(FILE *f, const void *arg)
{
	struct table *t = table_new(3);

	(void)arg;
	table_row(t, (const char *const[]){"A", "NAME", "LAST"});
	table_row(t, (const char *const[]){"\346\227\245", "x", "1"});
	table_row(t, (const char *const[]){"bb\033", "caf\303\251s", ""});
	assert_int_equal(table_print(t, f, true, NULL), 0);
	table_free(t);
}

static void tables(void **state)
{
	size_t len;
	char *text = stream(&len, print_table, NULL);

	(void)state;
	assert_string_equal(text, "A       NAME   LAST\n"
				  "\346\227\245      x      1\n"
				  "bb\\x1b  caf\303\251s\n");
	free(text);
}

static void print_paragraphs(FILE *f, const void *arg)
{
	out_paragraphs(f, arg, 2, 13);
}

static void paragraphs(void **state)
{
	size_t len;
	char *text;

	(void)state;
	text = stream(&len, print_paragraphs, "one two three\nfour.\n\nfive");
	assert_string_equal(text, "  one two\n  three four.\n\n  five\n");
	free(text);
	text = stream(&len, print_paragraphs, "averyverylongword b");
	assert_string_equal(text, "  averyverylongword\n  b\n");
	free(text);
	text = stream(&len, print_paragraphs, "");
	assert_string_equal(text, "");
	free(text);
}

static void errors(void **state)
{
	struct cli cli = {.json = true};
	struct err e = ERR_INIT;
	char *out = NULL, *err = NULL;
	size_t n, m;
	FILE *fo = tmpfile(), *fe = open_memstream(&err, &m);
	json_t *o, *error;

	(void)state;
	assert_non_null(fo);
	err_set(&e, ERR_PRECONDITION, "kvm: %s", "no such\ndevice");
	err_hint(&e, "load it");
	cli.error_members = json_pack("{s:s}", "state", "stopped");
	out_error(&cli, fo, fe, &e);
	fclose(fe);
	assert_string_equal(err, "bhyfi: kvm: no such\\x0adevice (load it)\n");
	n = (size_t)ftell(fo);
	out = calloc(1, n + 1);
	rewind(fo);
	assert_int_equal(fread(out, 1, n, fo), n);
	o = json_loads(out, 0, NULL);
	error = json_object_get(o, "error");
	assert_string_equal(
	    json_string_value(json_object_get(error, "code")), "precondition");
	assert_string_equal(json_string_value(json_object_get(error, "message")),
	    "kvm: no such\\x0adevice");
	assert_string_equal(json_string_value(json_object_get(error, "hint")), "load it");
	assert_string_equal(json_string_value(json_object_get(o, "state")), "stopped");
	json_decref(o);
	json_decref(cli.error_members);
	free(out);
	free(err);
	fclose(fo);
}

static void full_disk(void **state)
{
	FILE *f = fopen("/dev/full", "w");
	struct err e = ERR_INIT;

	(void)state;
	if (f == NULL)
		skip(); /* not on this system */
	fputs("x", f);
	assert_int_equal(out_flush(f, &e), -1);
	assert_int_equal(e.code, ERR_FAILED);
	assert_non_null(strstr(e.msg, "No space left"));
	fclose(f);
}

static void no_terminal(void **state)
{
	struct progress p;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	progress_init(&p, f);
	progress_paint(&p, "%d", 1);
	progress_line(&p, "%d", 2);
	progress_end(&p);
	assert_int_equal(ftell(f), 0);
	assert_string_equal(out_style(f, OUT_BAD), "");
	fclose(f);
}

/* On a pseudo-terminal: painted, cut to its width, taken away. */
static void terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char seen[4096], wide[200];
	struct progress p;
	ssize_t n = 0, got;
	FILE *f;

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	/* Not as our controlling terminal: closing that would be a SIGHUP. */
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	f = fdopen(slave, "r+");
	assert_non_null(f);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	assert_string_not_equal(out_style(f, OUT_BAD), "");
	setenv("NO_COLOR", "1", 1);
	assert_string_equal(out_style(f, OUT_BAD), "");
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assert_string_equal(out_style(f, OUT_BAD), "");
	setenv("TERM", "xterm", 1);
	progress_init(&p, f);
	progress_line(&p, "done");
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	progress_paint(&p, "\033%s", wide);
	progress_end(&p);
	/* The kernel passes it on in pieces. */
	for (seen[0] = '\0'; strstr(seen, "\r\033[K") == NULL; seen[n += got] = '\0') {
		got = read(master, seen + n, sizeof(seen) - 1 - (size_t)n);
		assert_true(got > 0);
	}
	assert_non_null(strstr(seen, "done\r\n\\x1bwww"));
	assert_string_equal(seen + n - 4, "\r\033[K");
	assert_true(n < 100);
	fclose(f);
	close(master);
}

static void servers(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} good[] = {
	    {"host", "host", 5201},
	    {"host:80", "host", 80},
	    {"192.0.2.1:65535", "192.0.2.1", 65535},
	    {"2001:db8::1", "2001:db8::1", 5201},
	    {"[2001:db8::1]", "2001:db8::1", 5201},
	    {"[2001:db8::1]:99", "2001:db8::1", 99},
	};
	static const char *const bad[] = {"", ":80", "host:", "host:0", "host:65536",
	    "host:x", "[::1", "[::1]x", "[::1]:", "[]", "-x", "host:+1"};
	char longer[400];
	struct iperf_server s;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(iperf_server_parse(good[i].text, &s, NULL), 0);
		assert_string_equal(s.host, good[i].host);
		assert_int_equal(s.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(iperf_server_parse(bad[i], &s, NULL), -1);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(iperf_server_parse(longer, &s, NULL), -1);
}

static int result(const char *text, struct iperf_result *r, struct err *e)
{
	return iperf_result_parse(text, strlen(text), r, e);
}

static void results(void **state)
{
	struct iperf_result r;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
	    result(
		"{\"end\":{\"sum_sent\":{\"retransmits\":3},"
		"\"sum_received\":{\"bits_per_second\":54.5e6},"
		"\"cpu_utilization_percent\":{\"host_total\":1.5,\"remote_total\":2}}}",
		&r, &e),
	    0);
	assert_true(r.mbps > 54.49 && r.mbps < 54.51);
	assert_int_equal(r.retransmits, 3);
	assert_true(r.cpu_local_pct > 1.4 && r.cpu_remote_pct < 2.1);
	assert_int_equal(
	    result("{\"error\":\"the server is \\u001b busy\"}", &r, &e), -1);
	assert_string_equal(e.msg, "the server is \\x1b busy");
	assert_int_equal(result("", &r, &e), -1);
	assert_int_equal(result("[]", &r, &e), -1);
	assert_int_equal(
	    result("{\"end\":{\"sum_received\":{\"bits_per_second\":-1}}}", &r, &e), -1);
	assert_int_equal(
	    result("{\"end\":{\"sum_received\":{\"bits_per_second\":1e300}}}", &r, &e),
	    -1);
	/* What is not told is told apart from nothing. */
	assert_int_equal(
	    result("{\"end\":{\"sum_received\":{\"bits_per_second\":1}}}", &r, &e), 0);
	assert_int_equal(r.retransmits, -1);
}

static void gateways(void **state)
{
	static const char *const none[] = {"", "192.0.2.61", "192.0.2.61/",
	    "192.0.2.61/33", "192.0.2.61/31", "192.0.2/24", "fe80::1/64", "x/24",
	    "192.0.2.61/24x", "192.0.2.61/-1"};
	char out[INET6_ADDRSTRLEN];

	(void)state;
	assert_true(speedtest_gateway("192.0.2.61/24", out));
	assert_string_equal(out, "192.0.2.1");
	assert_true(speedtest_gateway("10.1.2.3/9", out));
	assert_string_equal(out, "10.0.0.1");
	assert_true(speedtest_gateway("2001:db8::1234:5/64", out));
	assert_string_equal(out, "2001:db8::1");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(speedtest_gateway(none[i], out));
}

static int setup(void **state)
{
	(void)state;
	setenv("LC_ALL", "C.UTF-8", 1);
	out_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(safe_text),
	    cmocka_unit_test(safe_stream),
	    cmocka_unit_test(widths),
	    cmocka_unit_test(tables),
	    cmocka_unit_test(paragraphs),
	    cmocka_unit_test(errors),
	    cmocka_unit_test(full_disk),
	    cmocka_unit_test(no_terminal),
	    cmocka_unit_test(terminal),
	    cmocka_unit_test(servers),
	    cmocka_unit_test(results),
	    cmocka_unit_test(gateways),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
