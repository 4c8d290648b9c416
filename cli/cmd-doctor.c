#include "client.h"
#include "cli.h"
#include "doctor.h"
#include "escape.h"
#include "out.h"
#include "paths.h"

struct sink {
	json_t *list; /* NULL: text */
	unsigned count[CHECK_STATUSES];
	bool broken; /* out of memory */
};

static const enum out_style styles[] = {OUT_GOOD, OUT_WARN, OUT_BAD, OUT_DIM};
_Static_assert(
    sizeof(styles) / sizeof(styles[0]) == CHECK_STATUSES, "a status lacks a style");

#define TITLE_WIDTH 20

static void print_text(const struct check_result *r)
{
	char text[ESCAPE_SIZE(sizeof(r->why))];

	out_safe(r->why, text, sizeof(text));
	printf("%s%s%s  %-*s %s\n", out_style(stdout, styles[r->status]),
	    check_status_name(r->status), out_style(stdout, OUT_PLAIN), TITLE_WIDTH,
	    r->title, text);
	if (r->fix[0] == '\0')
		return;
	out_safe(r->fix, text, sizeof(text));
	printf("      %-*s %sfix:%s %s\n", TITLE_WIDTH, "", out_style(stdout, OUT_BOLD),
	    out_style(stdout, OUT_PLAIN), text);
}

static void report(void *arg, const struct check_result *r)
{
	struct sink *s = arg;
	json_t *o;

	s->count[r->status]++;
	if (s->list == NULL) {
		print_text(r);
		fflush(stdout);
		return;
	}
	o = json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", r->id, "title", r->title, "status",
	    check_status_name(r->status), "why", r->why, "fix", r->fix);
	if (json_array_append_new(s->list, o) < 0)
		s->broken = true;
}

static int print_json(const struct sink *s, struct err *e)
{
	json_t *o;

	if (s->broken)
		return err_set(e, ERR_FAILED, "doctor: out of memory");
	o = json_pack("{s:O,s:i,s:i,s:i,s:i}", "checks", s->list, "pass",
	    (int)s->count[CHECK_PASS], "warn", (int)s->count[CHECK_WARN], "fail",
	    (int)s->count[CHECK_FAIL], "skip", (int)s->count[CHECK_SKIP]);
	return out_json_end(stdout, o, e);
}

static void print_summary(const struct sink *s)
{
	printf("%u passed, %u warned, %u failed, %u not told\n", s->count[CHECK_PASS],
	    s->count[CHECK_WARN], s->count[CHECK_FAIL], s->count[CHECK_SKIP]);
}

int cmd_doctor(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct client *daemon = client_open(cli->instance, NULL);
	struct doctor_options o = {.instance = cli->instance,
	    .os = cli_value(cli, "os"),
	    .root = cli_value(cli, "root"),
	    .running = daemon != NULL,
	    .flr_path = PATH_SHARE "/flr-broken"};
	struct sink s = {.list = cli->json ? json_array() : NULL};
	int ret;

	(void)argc;
	(void)argv;
	client_close(daemon);
	ret = doctor_run(&o, report, &s, e);
	if (ret == 0 && cli->json)
		ret = print_json(&s, e);
	else if (ret == 0)
		print_summary(&s);
	json_decref(s.list);
	if (ret < 0 || s.count[CHECK_FAIL] == 0)
		return ret;
	/* The lines above say what; there is only the exit status left to give. */
	e->code = ERR_PRECONDITION;
	return -1;
}
