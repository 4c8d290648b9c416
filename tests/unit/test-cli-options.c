/* cli.c, commands.c, help.c: from argv to a command, and what the table must hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli-run.h"
#include "cli.h"
#include "nearest.h"

#define ARGS_MAX 12

/* argv as main gets it: writable, NULL-terminated. */
struct args {
	char text[ARGS_MAX][64];
	char *v[ARGS_MAX + 1];
	int n;
};

static void args_set(struct args *a, const char *const words[])
{
	for (a->n = 0; words[a->n] != NULL; a->n++) {
		snprintf(a->text[a->n], sizeof(a->text[0]), "%s", words[a->n]);
		a->v[a->n] = a->text[a->n];
	}
	a->v[a->n] = NULL;
}
#define ARGS(a, ...) args_set((a), (const char *const[]){__VA_ARGS__, NULL})

static void globals_anywhere(void **state)
{
	struct cli cli = {.instance = "wlan"};
	struct cli_globals g;
	struct err e = ERR_INIT;
	struct args a;

	(void)state;
	ARGS(&a, "bhyfi", "-i", "two", "status", "--json", "x");
	assert_int_equal(cli_parse_globals(&cli, &a.n, a.v, &g, &e), 0);
	assert_string_equal(cli.instance, "two");
	assert_true(cli.json);
	assert_int_equal(a.n, 3);
	assert_string_equal(a.v[1], "status");
	assert_string_equal(a.v[2], "x");
	assert_null(a.v[3]);

	ARGS(&a, "bhyfi", "up", "-ithree", "--help");
	assert_int_equal(cli_parse_globals(&cli, &a.n, a.v, &g, &e), 0);
	assert_string_equal(cli.instance, "three");
	assert_true(g.help && !g.version);

	ARGS(&a, "bhyfi", "up", "--instance=four", "--", "--json", "-i");
	cli.json = false;
	assert_int_equal(cli_parse_globals(&cli, &a.n, a.v, &g, &e), 0);
	assert_string_equal(cli.instance, "four");
	assert_false(cli.json);
	assert_int_equal(a.n, 5);

	ARGS(&a, "bhyfi", "up", "-i");
	assert_int_equal(cli_parse_globals(&cli, &a.n, a.v, &g, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	ARGS(&a, "bhyfi", "up", "--json=yes");
	assert_int_equal(cli_parse_globals(&cli, &a.n, a.v, &g, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
}

static int parse(struct cli *cli, const char *command, struct args *a, struct err *e)
{
	memset(cli, 0, sizeof(*cli));
	cli->command = cli_find(command);
	assert_non_null(cli->command);
	return cli_parse_options(cli, &a->n, a->v, e);
}

static void command_options(void **state)
{
	struct err e = ERR_INIT;
	struct args a;
	struct cli cli;

	(void)state;
	ARGS(&a, "speedtest", "-t5", "host");
	assert_int_equal(parse(&cli, "speedtest", &a, &e), 0);
	assert_string_equal(cli_value(&cli, "time"), "5");
	assert_int_equal(a.n, 2);
	ARGS(&a, "speedtest", "host", "--time=7");
	assert_int_equal(parse(&cli, "speedtest", &a, &e), 0);
	assert_string_equal(cli_value(&cli, "time"), "7");
	assert_string_equal(a.v[1], "host");
	ARGS(&a, "log", "-f");
	assert_int_equal(parse(&cli, "log", &a, &e), 0);
	assert_string_equal(cli_value(&cli, "follow"), "");
	assert_null(cli_value(&cli, "nothing"));
	ARGS(&a, "log");
	assert_int_equal(parse(&cli, "log", &a, &e), 0);
	assert_null(cli_value(&cli, "follow"));
	ARGS(&a, "speedtest", "--", "-t");
	assert_int_equal(parse(&cli, "speedtest", &a, &e), 0);
	assert_string_equal(a.v[1], "-t");
}

static void command_options_wrong(void **state)
{
	static const struct {
		const char *words[4];
		const char *text;
	} wrong[] = {
	    {{"up", "--wai", "5"}, "--wai: no such option"},
	    {{"up", "--wait"}, "--wait: expected SEC"},
	    {{"log", "-fx"}, "-fx: no such option"},
	    {{"log", "--follow=1"}, "takes no value"},
	    {{"up", "5"}, "one argument too many"},
	    {{"air"}, "expected OP"},
	    {{"help", "up", "down"}, "down: one argument too many"},
	};
	struct err e = ERR_INIT;
	struct args a;
	struct cli cli;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		args_set(&a, wrong[i].words);
		assert_int_equal(parse(&cli, wrong[i].words[0], &a, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
		assert_non_null(strstr(e.msg, wrong[i].text));
	}
}

static void numbers(void **state)
{
	static const char *const wrong[] = {
	    "", "x", "5x", "-1", "+5", " 5", "61", "0x5", "99999999999999999999"};
	int64_t n;

	(void)state;
	assert_int_equal(cli_number("60", "t", 0, 60, &n, NULL), 0);
	assert_int_equal(n, 60);
	assert_int_equal(cli_number("0", "t", 0, 60, &n, NULL), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(cli_number(wrong[i], "t", 0, 60, &n, NULL), -1);
}

static const char *color(unsigned i, void *arg)
{
	(void)arg;
	return (const char *const[]){"status", "up", "speedtest"}[i];
}

static void nearest(void **state)
{
	(void)state;
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_int_equal(nearest_distance("kitten", "sitting"), 3);
	assert_string_equal(nearest_name("stauts", 3, color, NULL), "status");
	assert_string_equal(
	    nearest_name("u", 3, color, NULL) == NULL ? "none" : "some", "none");
	assert_null(nearest_name("frobnicate", 3, color, NULL));
	assert_null(nearest_name(
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 3, color, NULL));
}

/* Rules for rows: what help, the manual page and the parser rely on. */
static void table(void **state)
{
	(void)state;
	for (const struct command *c = cli_commands; c->name != NULL; c++) {
		size_t len = strlen(c->summary);
		int n = 0;

		assert_ptr_equal(cli_find(c->name), c);
		assert_true(len > 0 && len <= 66);
		assert_true(c->summary[len - 1] != '.');
		assert_non_null(c->help);
		assert_true(strlen(c->help) > 0);
		assert_true(c->help[strlen(c->help) - 1] == '.');
		assert_non_null(c->args);
		assert_non_null(c->run);
		assert_true(c->min_args <= c->max_args);
		for (const struct cli_option *o = c->options;
		     o != NULL && o->name != NULL; o++, n++) {
			assert_true(strlen(o->help) > 0);
			for (const struct cli_option *g = cli_global_options;
			     g->name != NULL; g++) {
				assert_string_not_equal(o->name, g->name);
				assert_true(o->letter == 0 || o->letter != g->letter);
			}
		}
		assert_true(n <= CLI_OPTIONS_MAX);
	}
	assert_null(cli_find("nothing"));
}

static void statuses(void **state)
{
	int n = 0;

	(void)state;
	for (; cli_statuses[n].help != NULL; n++)
		assert_int_equal(cli_statuses[n].code, n);
	assert_int_equal(n, ERR_PRECONDITION + 1);
}

static char *mdoc(void (*print)(FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	print(f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void manual_lists_all(void **state)
{
	char *commands = mdoc(cli_print_mdoc_commands),
	     *codes = mdoc(cli_print_mdoc_statuses);
	char item[80];

	(void)state;
	for (const struct command *c = cli_commands; c->name != NULL; c++) {
		snprintf(item, sizeof(item), ".It Cm %s", c->name);
		assert_non_null(strstr(commands, item));
		for (const struct cli_option *o = c->options;
		     o != NULL && o->name != NULL; o++) {
			snprintf(item, sizeof(item), " Fl \\-%s", o->name);
			assert_non_null(strstr(commands, item));
		}
	}
	for (int i = 0; i <= ERR_PRECONDITION; i++) {
		snprintf(item, sizeof(item), ".It %d\n", i);
		assert_non_null(strstr(codes, item));
	}
	/* Operands become macros with balanced brackets. */
	assert_non_null(strstr(commands, "Oo Ar SERVER[:PORT] Oc"));
	assert_non_null(strstr(commands, "Ar OP Oo Ar KEY=VALUE Ar ... Oc"));
	free(commands);
	free(codes);
}

static void help_output(void **state)
{
	static struct cli_run r;
	char line[80];

	(void)state;
	RUN(&r, "help");
	assert_int_equal(r.status, 0);
	for (const struct command *c = cli_commands; c->name != NULL; c++) {
		snprintf(line, sizeof(line), "\n  %-10s %s\n", c->name, c->summary);
		if (c->hidden)
			assert_null(strstr(r.out, line));
		else
			assert_non_null(strstr(r.out, line));
	}
	for (char *p = r.out, *nl; (nl = strchr(p, '\n')) != NULL; p = nl + 1)
		assert_true(nl - p <= 79);
	assert_null(strchr(r.out, '\033'));

	RUN(&r, "up", "--help");
	assert_int_equal(r.status, 0);
	assert_non_null(
	    strstr(r.out, "Usage: bhyfi [-i INSTANCE] [--json] up [--wait SEC]"));
	RUN(&r, "help", "nothing");
	assert_int_equal(r.status, ERR_USAGE);
}

static void wrong_usage(void **state)
{
	static struct cli_run r;

	(void)state;
	RUN(&r, "stauts");
	assert_int_equal(r.status, ERR_USAGE);
	assert_string_equal(r.out, "");
	assert_string_equal(
	    r.err, "bhyfi: stauts: no such command (did you mean status?)\n");
	RUN(&r, "x\033[2J");
	assert_int_equal(r.status, ERR_USAGE);
	assert_null(strchr(r.err, '\033'));
	cli_run(&r, (const char *const[]){"bhyfi", NULL});
	assert_int_equal(r.status, ERR_USAGE);
	RUN(&r, "-i", "../x", "status");
	assert_int_equal(r.status, ERR_USAGE);
	RUN(&r, "up", "--wait", "1h");
	assert_int_equal(r.status, ERR_USAGE);
	RUN(&r, "plan", "--os", "beos");
	assert_int_equal(r.status, ERR_USAGE);
}

static void versions(void **state)
{
	static struct cli_run r;
	json_t *o;

	(void)state;
	RUN(&r, "--version");
	assert_int_equal(r.status, 0);
	assert_int_equal(strncmp(r.out, "bhyfi ", 6), 0);
	RUN(&r, "--version", "--json");
	o = json_loads(r.out, 0, NULL);
	assert_true(json_is_string(json_object_get(o, "version")));
	json_decref(o);
	RUN(&r, "help", "up", "--json");
	o = json_loads(r.out, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "commands")), 1);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(globals_anywhere),
	    cmocka_unit_test(command_options),
	    cmocka_unit_test(command_options_wrong),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(nearest),
	    cmocka_unit_test(table),
	    cmocka_unit_test(statuses),
	    cmocka_unit_test(manual_lists_all),
	    cmocka_unit_test(help_output),
	    cmocka_unit_test(wrong_usage),
	    cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
