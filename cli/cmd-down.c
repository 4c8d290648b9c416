#include <limits.h>
#include <unistd.h>

#include "cli.h"
#include "client.h"
#include "follow.h"
#include "out.h"

/* A clean stop, the power button, a kill: the daemon bounds each of them by its
 * configuration; this is for a daemon that hangs. */
#define DOWN_MS (300 * 1000)
#define END_MS 10000
#define CLEAR_MS 60000

static int clear_leftovers(const struct cli *cli, struct err *e)
{
	if (geteuid() != 0) {
		err_set(e, ERR_PRECONDITION,
		    "down: clearing what a killed bhyfid left needs root");
		return err_hint(e, "run it with sudo or doas");
	}
	return follow_bhyfid(cli->instance, "--clear", CLEAR_MS, e);
}

static int stop(struct client *c, struct err *e)
{
	struct progress p;

	progress_init(&p, stderr);
	if (client_send(c, "down", NULL, e) < 0)
		return -1;
	if (follow_wait(c, &p, DOWN_MS, NULL, e) == 0)
		return client_wait_end(c, END_MS, e);
	if (client_interrupted()) {
		err_set(e, ERR_FAILED, "down: interrupted; bhyfid goes on stopping");
		err_hint(e, "bhyfi status shows how far it is");
	} else if (e != NULL && e->code == ERR_NOT_RUNNING) {
		e->code = ERR_FAILED; /* it ran, and ended before it had stopped all */
	}
	return -1;
}

int cmd_down(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct err why = ERR_INIT;
	struct client *c = client_open(cli->instance, &why);
	const char *what = "stopped";
	json_t *o;
	int ret;

	(void)argc;
	(void)argv;
	if (c != NULL) {
		client_catch_signals();
		ret = stop(c, e);
		client_close(c);
	} else if (why.code == ERR_NOT_RUNNING && follow_leftovers(cli->instance)) {
		what = "cleared what a killed bhyfid had left";
		ret = clear_leftovers(cli, e);
	} else {
		if (e != NULL)
			*e = why;
		ret = -1;
		if (why.code == ERR_NOT_RUNNING)
			err_hint(e, "nothing to stop");
	}
	if (ret < 0)
		return -1;
	if (!cli->json) {
		printf("%s: %s\n", cli->instance, what);
		return 0;
	}
	o = json_pack("{s:s,s:s}", "instance", cli->instance, "state", "stopped");
	ret = out_json(stdout, o, e);
	json_decref(o);
	return ret;
}
