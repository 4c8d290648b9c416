#include "follow.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "cmd.h"
#include "paths.h"

const char *follow_daemon = PATH_SBIN "/bhyfid";

#define REPAINT_MS 100 /* the running time beside the current state */

static void show(struct progress *p, const json_t *o, const char *state, int64_t began)
{
	const char *stage = client_str(o, "stage", "");
	const json_t *ms = json_object_get(o, "ms");

	if (o != NULL && stage[0] != '\0' && json_is_number(ms))
		progress_line(p, "  %-14s %7.2f s", stage, json_number_value(ms) / 1000);
	progress_paint(p, "  %s ... %.1f s", state, (double)(clock_ms() - began) / 1000);
}

/* The next answer; NULL with e. The clock beside the state runs meanwhile. */
static json_t *next(struct client *c, struct progress *p, const char *state,
    int64_t began, int64_t deadline, struct err *e)
{
	while (p->on && deadline - clock_ms() > REPAINT_MS) {
		int r = client_wait(c, REPAINT_MS, e);

		if (r < 0)
			return NULL;
		if (r > 0)
			break;
		show(p, NULL, state, began);
	}
	int64_t left = deadline - clock_ms();
	return client_recv(c, left > 0 ? left : 0, e);
}

int follow_wait(struct client *c, struct progress *p, int64_t timeout_ms, json_t **done,
    struct err *e)
{
	int64_t began = clock_ms(), deadline = began + timeout_ms;
	char state[32] = "waiting";
	int ret = -1;
	json_t *o;

	while ((o = next(c, p, state, began, deadline, e)) != NULL) {
		if (json_object_get(o, "ok") != NULL) {
			ret = 0;
			break;
		}
		out_safe(client_str(o, "progress", state), state, sizeof(state));
		show(p, o, state, began);
		json_decref(o);
	}
	progress_end(p);
	if (ret == 0 && done != NULL)
		*done = o;
	else
		json_decref(o);
	return ret;
}

/* The " (...)" at the end of a text, with what is nested in it; NULL: none. */
static char *last_parenthesis(char *text)
{
	size_t i = strlen(text);
	int depth = 0;

	if (i == 0 || text[i - 1] != ')')
		return NULL;
	while (i-- > 1) {
		depth += (text[i] == ')') - (text[i] == '(');
		if (depth == 0)
			return text[i - 1] == ' ' ? &text[i - 1] : NULL;
	}
	return NULL;
}

/* "PATH: exit status 5: bhyfid: what: why (hint)" to its parts. */
static void take_over(struct err *e, int status)
{
	static const char mark[] = ": bhyfid: ";
	char *own = strstr(e->msg, mark), *hint;

	if (status >= ERR_FAILED && status <= ERR_PRECONDITION)
		e->code = (enum err_code)status;
	if (own == NULL)
		return;
	memmove(e->msg, own + sizeof(mark) - 1, strlen(own + sizeof(mark) - 1) + 1);
	hint = last_parenthesis(e->msg);
	if (hint == NULL)
		return;
	snprintf(e->hint, sizeof(e->hint), "%.*s", (int)(strlen(hint) - 3), hint + 2);
	*hint = '\0';
}

int follow_bhyfid(const char *instance, const char *arg, int timeout_ms, struct err *e)
{
	const char *argv[] = {follow_daemon, "-i", instance, arg, NULL};
	const struct cmd_opts opts = {.timeout_ms = timeout_ms};
	struct err mine = ERR_INIT;
	int status;

	if (cmd_run(argv, &opts, NULL, &status, &mine) == 0)
		return 0;
	take_over(&mine, status);
	if (e != NULL)
		*e = mine;
	return -1;
}

bool follow_leftovers(const char *instance)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/vm.json", client_run_dir, instance);
	return access(path, F_OK) == 0;
}
