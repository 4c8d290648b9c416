/*
 * suspend and resume: what the host's own scripts call before and after it sleeps.
 * doc/suspend.md says why they do what they do.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "client.h"
#include "clock.h"
#include "follow.h"
#include "out.h"
#include "start.h"

/* Longer than suspend_timeout can be: this is for a daemon that hangs. */
#define SUSPEND_MS (630 * 1000)

static int print_suspended(
    const struct cli *cli, const json_t *status, int64_t ms, struct err *e)
{
	const char *state = client_str(status, "state", "suspended");
	const json_t *clean = json_object_get(status, "clean_stop");
	json_t *o;

	if (!cli->json) {
		printf("%s: %s after %.1f s%s\n", cli->instance, state, (double)ms / 1000,
		    json_is_false(clean) ? "; its guest had not released the card" : "");
		return 0;
	}
	o = json_pack("{s:s, s:s, s:O?, s:I}", "instance", cli->instance, "state", state,
	    "clean_stop", clean, "waited_ms", (json_int_t)ms);
	return out_json_end(stdout, o, e);
}

static int suspend(struct cli *cli, struct client *c, int64_t began, struct err *e)
{
	json_t *status = NULL;
	struct progress p;
	int ret = -1;

	progress_init(&p, stderr);
	client_catch_signals();
	if (client_send(c, "suspend", NULL, e) == 0 &&
	    follow_wait(c, &p, SUSPEND_MS, &status, e) == 0)
		ret = print_suspended(cli, status, clock_ms() - began, e);
	else if (client_interrupted())
		err_set(e, ERR_FAILED, "suspend: interrupted; bhyfid goes on stopping");
	else if (e != NULL && e->code == ERR_NOT_RUNNING)
		e->code = ERR_FAILED; /* it ran, and ended under our hands */
	json_decref(status);
	return ret;
}

int cmd_suspend(struct cli *cli, int argc, char **argv, struct err *e)
{
	int64_t began = clock_ms();
	struct client *c;
	bool started;
	int ret;

	(void)argc;
	(void)argv;
	c = start_reach(cli, true, &started, e);
	if (c == NULL)
		return -1;
	ret = suspend(cli, c, began, e);
	client_close(c);
	return ret;
}

int cmd_resume(struct cli *cli, int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return start_command(cli, true, e);
}
