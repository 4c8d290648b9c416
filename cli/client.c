#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "cli.h"
#include "out.h"
#include "paths.h"

#define CONNECT_S 5 /* until a daemon that accepts nobody is given up */

struct client {
	int fd;
	char instance[32];
	char *buf;
	size_t have, size;
	size_t line; /* bytes of buf that the last line took */
	bool ready;  /* that line was not handed out yet */
};

const char *client_run_dir = PATH_RUN;

static volatile sig_atomic_t interrupted;
static bool catching;
static sigset_t while_waiting; /* the mask under which a signal may come in */

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

void client_catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	/* Blocked but in ppoll(): no signal is lost between a check and the wait. */
	sigprocmask(SIG_BLOCK, &block, &while_waiting);
	sigdelset(&while_waiting, SIGINT);
	sigdelset(&while_waiting, SIGTERM);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	catching = true;
}

bool client_interrupted(void)
{
	return interrupted != 0;
}

const char *client_str(const json_t *o, const char *key, const char *def)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : def;
}

bool client_number(const json_t *o, const char *key, double *n)
{
	const json_t *j = json_object_get(o, key);

	if (!json_is_number(j))
		return false;
	*n = json_number_value(j);
	return isfinite(*n) && fabs(*n) < 1e12;
}

static int not_running(const char *instance, struct err *e)
{
	err_set(e, ERR_NOT_RUNNING, "bhyfid is not running for instance %s", instance);
	if (strcmp(instance, CLI_INSTANCE) == 0)
		return err_hint(e, "bhyfi up starts it");
	return err_hint(e, "bhyfi -i %s up starts it", instance);
}

static int connect_error(
    int errnum, const char *path, const char *instance, struct err *e)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		return not_running(instance, e);
	case EACCES:
	case EPERM:
		err_sys(e, errnum, "%s", path);
		return err_hint(e,
		    "run it as root, or as a member of control_group in " PATH_ETC
		    "/%s.conf",
		    instance);
	case EAGAIN:
	case EINPROGRESS:
	case ETIMEDOUT:
		err_set(e, ERR_TIMEOUT, "%s: bhyfid takes no connections", path);
		return err_hint(e, "it hangs; bhyfi log may say why");
	default:
		return err_sys(e, errnum, "%s", path);
	}
}

static int connect_name(int fd, const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memcpy(sun.sun_path, name, strlen(name) + 1);
	while (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

/* A path that no socket address holds: by its last part, from within its folder. */
static int connect_long(int fd, const char *path)
{
	struct sockaddr_un sun;
	char *copy = strdup(path), *slash;
	int here = -1, dir = -1, ret = 0;

	slash = copy != NULL ? strrchr(copy, '/') : NULL;
	if (slash == NULL || strlen(slash + 1) >= sizeof(sun.sun_path)) {
		free(copy);
		return copy == NULL ? ENOMEM : ENAMETOOLONG;
	}
	*slash = '\0';
	here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = here >= 0 ? open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0 || fchdir(dir) < 0) {
		ret = errno;
		goto out;
	}
	ret = connect_name(fd, slash + 1);
	if (fchdir(here) < 0 && ret == 0)
		ret = errno;
out:
	if (dir >= 0)
		close(dir);
	if (here >= 0)
		close(here);
	free(copy);
	return ret;
}

struct client *client_open_path(const char *path, const char *instance, struct err *e)
{
	struct timeval tv = {.tv_sec = CONNECT_S};
	struct sockaddr_un sun;
	struct client *c = calloc(1, sizeof(*c));
	int failed;

	if (c == NULL) {
		err_sys(e, ENOMEM, "%s", path);
		return NULL;
	}
	snprintf(c->instance, sizeof(c->instance), "%s", instance);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		err_sys(e, errno, "socket");
		free(c);
		return NULL;
	}
	/* Bounds connect() too, where the other end's queue is full. */
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	failed = strlen(path) < sizeof(sun.sun_path) ? connect_name(c->fd, path)
						     : connect_long(c->fd, path);
	if (failed != 0) {
		connect_error(failed, path, instance, e);
		client_close(c);
		return NULL;
	}
	return c;
}

struct client *client_open(const char *instance, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/control", client_run_dir, instance);
	return client_open_path(path, instance, e);
}

void client_close(struct client *c)
{
	if (c == NULL)
		return;
	close(c->fd);
	free(c->buf);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->fd;
}

static int gone(const struct client *c, struct err *e)
{
	err_set(e, ERR_NOT_RUNNING, "bhyfid of instance %s ended the connection",
	    c->instance);
	return err_hint(e, "bhyfi -i %s log says what happened", c->instance);
}

int client_send(struct client *c, const char *cmd, json_t *args, struct err *e)
{
	json_t *request = json_pack("{s:s}", "cmd", cmd);
	AUTO_FREE char *text = NULL;
	size_t len, done = 0;
	int ret = -1;

	if (request != NULL && args != NULL && json_object_update(request, args) < 0)
		goto out;
	text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	if (text == NULL) {
		err_sys(e, ENOMEM, "%s", cmd);
		goto out;
	}
	len = strlen(text);
	text[len++] = '\n'; /* in the place of the terminator */
	while (done < len) {
		ssize_t n = send(c->fd, text + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			err_set(e, ERR_TIMEOUT, "bhyfid of instance %s does not read",
			    c->instance);
		else if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			gone(c, e);
		else if (n < 0)
			err_sys(e, errno, "control socket");
		if (n < 0)
			goto out;
		done += (size_t)n;
	}
	ret = 0;
out:
	json_decref(request);
	json_decref(args);
	return ret;
}

/* 1: readable, 0: time is up; -1 with e. */
static int wait_readable(struct client *c, int64_t deadline, struct err *e)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int64_t left = deadline < 0 ? 0 : deadline - clock_ms();
	struct timespec ts;
	int n;

	if (left < 0)
		left = 0;
	ts.tv_sec = (time_t)(left / 1000);
	ts.tv_nsec = (long)(left % 1000) * 1000000;
	n = ppoll(&p, 1, deadline < 0 ? NULL : &ts, catching ? &while_waiting : NULL);
	if (interrupted)
		return err_set(e, ERR_FAILED, "interrupted");
	if (n < 0 && errno != EINTR)
		return err_sys(e, errno, "control socket");
	if (n > 0)
		return 1;
	/* Interrupted by something else (a stop and its continuation): not yet. */
	return n < 0 && (deadline < 0 || clock_ms() < deadline)
		   ? wait_readable(c, deadline, e)
		   : 0;
}

/* Reads what is there. 1: at the end. */
static int fill(struct client *c, struct err *e)
{
	ssize_t n;

	if (c->have == c->size) {
		size_t size = c->size > 0 ? 2 * c->size : 4096;
		char *grown;

		if (c->size >= CLIENT_LINE_MAX)
			return err_set(e, ERR_FAILED,
			    "control socket: a line of more than %d bytes",
			    CLIENT_LINE_MAX);
		grown = realloc(c->buf, size);
		if (grown == NULL)
			return err_sys(e, ENOMEM, "control socket");
		c->buf = grown;
		c->size = size;
	}
	do
		n = recv(c->fd, c->buf + c->have, c->size - c->have, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n < 0 && errno != ECONNRESET)
		return err_sys(e, errno, "control socket");
	if (n <= 0)
		return 1;
	c->have += (size_t)n;
	return 0;
}

/* The error object as the error. The daemon's text is escaped already. */
static void take_error(const json_t *o, struct err *e)
{
	const char *name = client_str(o, "code", "failed");
	const char *hint = client_str(o, "hint", "");
	enum err_code code = ERR_FAILED;

	for (int i = ERR_FAILED; i <= ERR_PRECONDITION; i++)
		if (strcmp(err_code_name((enum err_code)i), name) == 0)
			code = (enum err_code)i;
	if (e == NULL)
		return;
	err_set(e, code, "%s", "");
	out_safe(
	    client_str(o, "message", "failed, without a reason"), e->msg, sizeof(e->msg));
	out_safe(hint, e->hint, sizeof(e->hint));
}

static json_t *parse(const char *text, size_t len, struct err *e)
{
	json_error_t why;
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why), *error;

	if (o == NULL) {
		err_set(e, ERR_FAILED, "control socket: not JSON: %s", why.text);
		return NULL;
	}
	if (!json_is_object(o)) {
		json_decref(o);
		err_set(e, ERR_FAILED, "control socket: JSON, but no object");
		return NULL;
	}
	error = json_object_get(o, "error");
	if (json_is_object(error)) {
		take_error(error, e);
		json_decref(o);
		return NULL;
	}
	return o;
}

int client_wait(struct client *c, int64_t timeout_ms, struct err *e)
{
	int64_t deadline = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
	size_t searched = 0;
	int r;

	if (c->line > 0) {
		c->have -= c->line;
		memmove(c->buf, c->buf + c->line, c->have);
		c->line = 0;
	}
	while (true) {
		char *nl = c->have > searched
			       ? memchr(c->buf + searched, '\n', c->have - searched)
			       : NULL;

		if (nl != NULL) {
			c->line = (size_t)(nl - c->buf) + 1;
			c->ready = true;
			return 1;
		}
		searched = c->have;
		r = wait_readable(c, deadline, e);
		if (r <= 0)
			return r;
		r = fill(c, e);
		if (r == 1)
			gone(c, e);
		if (r != 0)
			return -1;
	}
}

json_t *client_recv(struct client *c, int64_t timeout_ms, struct err *e)
{
	if (!c->ready) {
		int r = client_wait(c, timeout_ms, e);

		if (r == 0)
			err_set(e, ERR_TIMEOUT,
			    "bhyfid of instance %s did not answer in time", c->instance);
		if (r <= 0)
			return NULL;
	}
	c->ready = false;
	return parse(c->buf, c->line - 1, e);
}

json_t *client_call(struct client *c, const char *cmd, json_t *args, struct err *e)
{
	if (client_send(c, cmd, args, e) < 0)
		return NULL;
	return client_recv(c, CLIENT_CALL_MS, e);
}

int client_wait_end(struct client *c, int64_t timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;

	while (true) {
		int r = wait_readable(c, deadline, e);

		if (r < 0)
			return -1;
		if (r == 0)
			return err_set(e, ERR_TIMEOUT,
			    "bhyfid of instance %s did not end in time", c->instance);
		c->have = c->line = 0,
		c->ready = false; /* nothing is of interest any more */
		r = fill(c, e);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
}
