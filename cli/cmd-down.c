#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
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

/* The lock, while its file still has its name; -1 where we can not see it. */
static int open_lock(const struct cli *cli)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/lock", client_run_dir, cli->instance);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* The daemon's privileged part outlives the one that we talked to by a moment, and
 * only when it has let go of the lock can the next one start. */
static int wait_lock(int fd, struct err *e)
{
	struct sigaction sa = {.sa_handler = on_alarm}; /* without SA_RESTART */
	int ret;

	if (fd < 0)
		return 0;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, NULL);
	alarm(END_MS / 1000);
	ret = flock(fd, LOCK_SH);
	alarm(0);
	if (ret < 0 && errno == EINTR)
		return err_set(
		    e, ERR_TIMEOUT, "down: all is released, but bhyfid does not end");
	return ret < 0 ? err_sys(e, errno, "down: lock") : 0;
}

static int stop(const struct cli *cli, struct client *c, struct err *e)
{
	int AUTO_CLOSE lock = open_lock(cli);
	struct progress p;

	progress_init(&p, stderr);
	if (client_send(c, "down", NULL, e) < 0)
		return -1;
	if (follow_wait(c, &p, DOWN_MS, NULL, e) == 0)
		return client_wait_end(c, END_MS, e) < 0 ? -1 : wait_lock(lock, e);
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
		ret = stop(cli, c, e);
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
	return out_json_end(stdout, o, e);
}
