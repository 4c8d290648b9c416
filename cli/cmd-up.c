#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "client.h"
#include "clock.h"
#include "follow.h"
#include "out.h"
#include "start.h"

#define START_MS 30000 /* for bhyfid to take its control socket */
#define GRACE_MS 5000  /* the daemon itself says when the time is up */
#define WAIT_DEFAULT_S 60
#define WAIT_MAX_S 3600

static struct client *start_daemon(struct cli *cli, bool *started, struct err *e)
{
	const char *name = cli->command->name;

	*started = false;
	if (geteuid() != 0) {
		err_set(e, ERR_PRECONDITION, "%s: starting bhyfid needs root", name);
		err_hint(e, "run it with sudo or doas");
		return NULL;
	}
	if (follow_bhyfid(cli->instance, NULL, START_MS, e) < 0) {
		/* Somebody else may have started it at the same time. */
		return client_open(cli->instance, NULL);
	}
	*started = true;
	return client_open(cli->instance, e);
}

struct client *start_reach(
    struct cli *cli, bool only_leftovers, bool *started, struct err *e)
{
	struct err why = ERR_INIT;
	struct client *c = client_open(cli->instance, &why);

	*started = false;
	if (c == NULL && why.code == ERR_NOT_RUNNING &&
	    (!only_leftovers || follow_leftovers(cli->instance)))
		return start_daemon(cli, started, e);
	if (c == NULL && e != NULL)
		*e = why;
	return c;
}

/* Starts a machine that does not run, or gives one that has given up another try.
 * fresh: the daemon was started just now and starts the machine by itself, unless a
 * former one had suspended it. *online: nothing to do. */
static int start_if_down(
    struct client *c, bool fresh, json_t **status, bool *online, struct err *e)
{
	static const char *const idle[] = {"suspended", "failed", "stopped", "stopping"};
	json_t *o = client_call(c, "status", NULL, e);
	const char *state;
	bool start = false;

	if (o == NULL)
		return -1;
	state = client_str(o, "state", "");
	*online = strcmp(state, "online") == 0;
	for (size_t i = 0; i < (fresh ? 1 : ARRAY_LEN(idle)); i++)
		start = start || strcmp(state, idle[i]) == 0;
	if (!start) {
		*status = o;
		return 0;
	}
	json_decref(o);
	*status = client_call(c, "start", NULL, e);
	return *status != NULL ? 0 : -1;
}

static int wait_online(
    struct client *c, struct progress *p, int64_t wait_s, json_t **status, struct err *e)
{
	json_t *args = json_pack(
	    "{s:s,s:I}", "state", "online", "timeout_ms", (json_int_t)wait_s * 1000);

	if (client_send(c, "wait", args, e) < 0)
		return -1;
	if (follow_wait(c, p, wait_s * 1000 + GRACE_MS, status, e) == 0)
		return 0;
	if (e == NULL)
		return -1;
	if (e->code == ERR_TIMEOUT && e->hint[0] == '\0') {
		err_hint(e, "bhyfid goes on; see bhyfi status and bhyfi log");
	} else if (e->code == ERR_NOT_RUNNING) {
		e->code = ERR_FAILED; /* it ran: it ended under our hands */
	}
	return -1;
}

static void print_online(const struct cli *cli, const json_t *status, int64_t ms)
{
	const json_t *wlan = json_object_get(status, "wlan");
	const json_t *host = json_object_get(status, "host_if");
	char ssid[160], name[32];

	out_safe(client_str(wlan, "ssid", "?"), ssid, sizeof(ssid));
	out_safe(client_str(host, "name", "?"), name, sizeof(name));
	printf("%s: %sonline%s: %s on %s", cli->instance, out_style(stdout, OUT_GOOD),
	    out_style(stdout, OUT_PLAIN), ssid, name);
	if (ms >= 0)
		printf(" after %.1f s", (double)ms / 1000);
	printf("\n");
}

static int finish(
    const struct cli *cli, json_t *status, bool online, int64_t ms, struct err *e)
{
	int ret = 0;

	json_object_del(status, "ok");
	if (online && ms >= 0)
		json_object_set_new(status, "waited_ms", json_integer(ms));
	if (cli->json)
		ret = out_json(stdout, status, e);
	else if (online)
		print_online(cli, status, ms);
	else
		printf(
		    "%s: %s\n", cli->instance, client_str(status, "state", "starting"));
	json_decref(status);
	return ret;
}

static int start_wait_option(const struct cli *cli, int64_t *wait_s, struct err *e)
{
	const char *value = cli_value(cli, "wait");
	char what[32];

	*wait_s = WAIT_DEFAULT_S;
	if (value == NULL)
		return 0;
	snprintf(what, sizeof(what), "%.16s: --wait", cli->command->name);
	return cli_number(value, what, 0, WAIT_MAX_S, wait_s, e);
}

static int start_and_wait(struct cli *cli, struct client *c, bool fresh, int64_t wait_s,
    int64_t began, struct err *e)
{
	struct progress p;
	json_t *status = NULL;
	bool online = false;
	int ret = -1;

	progress_init(&p, stderr);
	client_catch_signals();
	if (start_if_down(c, fresh, &status, &online, e) < 0)
		goto out;
	if (online || wait_s == 0) {
		ret = finish(cli, status, online, -1, e);
		goto out;
	}
	json_decref(status);
	status = NULL;
	if (wait_online(c, &p, wait_s, &status, e) == 0)
		ret = finish(cli, status, true, clock_ms() - began, e);
out:
	if (ret < 0 && client_interrupted()) {
		err_set(e, ERR_FAILED, "%s: interrupted after %.1f s; bhyfid goes on",
		    cli->command->name, (double)(clock_ms() - began) / 1000);
		err_hint(e, "bhyfi status shows how far it is, bhyfi down stops it");
	}
	return ret;
}

int start_command(struct cli *cli, bool only_leftovers, struct err *e)
{
	int64_t wait_s, began = clock_ms();
	struct client *c;
	bool started;
	int ret;

	if (start_wait_option(cli, &wait_s, e) < 0)
		return -1;
	c = start_reach(cli, only_leftovers, &started, e);
	if (c == NULL)
		return -1;
	ret = start_and_wait(cli, c, started, wait_s, began, e);
	client_close(c);
	return ret;
}

int cmd_up(struct cli *cli, int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return start_command(cli, false, e);
}
