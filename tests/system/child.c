#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child-os.h"
#include "clock.h"

#define OUTPUT_MAX (16 * 1024 * 1024)

static struct child *children;

void child_reap(void)
{
	int status;
	pid_t pid;

	child_signal_clear();
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (struct child *c = children; c; c = c->next) {
			if (c->pid != pid)
				continue;
			c->ended = true;
			c->status = WIFEXITED(status) ? WEXITSTATUS(status)
						      : 128 + WTERMSIG(status);
		}
	}
}

static void become(const char *const argv[], int out, int err)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	/* The vector is not written to; POSIX only lacks the const. */
	execvp(argv[0], (char *const *)(const void *)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Enters it among the children that child_reap() looks for. */
static int enlist(struct child *c, struct err *e)
{
	c->out = calloc(1, 1);
	c->err = calloc(1, 1);
	c->next = children;
	children = c;
	if (c->pid < 0 || !c->out || !c->err) {
		err_sys(e, errno, "fork");
		child_free(c);
		return -1;
	}
	return 0;
}

int child_start(struct child *c, const char *const argv[], struct err *e)
{
	int out[2], err[2];

	child_signal();
	memset(c, 0, sizeof(*c));
	if (pipe2(out, O_CLOEXEC))
		return err_sys(e, errno, "pipe");
	if (pipe2(err, O_CLOEXEC)) {
		close(out[0]);
		close(out[1]);
		return err_sys(e, errno, "pipe");
	}
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0)
		become(argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	c->fd[0] = out[0];
	c->fd[1] = err[0];
	fcntl(c->fd[0], F_SETFL, O_NONBLOCK);
	fcntl(c->fd[1], F_SETFL, O_NONBLOCK);
	return enlist(c, e);
}

int child_show(const char *const argv[], int timeout_ms, int *status, struct err *e)
{
	struct child c = {.fd = {-1, -1}};
	int rc;

	child_signal();
	fflush(NULL);
	c.pid = fork();
	if (c.pid == 0)
		become(argv, 1, 2);
	if (enlist(&c, e))
		return -1;
	rc = child_wait(&c, timeout_ms, e);
	*status = c.status;
	child_free(&c);
	return rc;
}

/* Takes what is there; closes at the end. */
static void drain(int *fd, char **text, size_t *len)
{
	char buf[16384];
	ssize_t n;

	while (*fd >= 0 && (n = read(*fd, buf, sizeof(buf))) != 0) {
		char *grown;

		if (n < 0)
			return;
		if (*len + (size_t)n > OUTPUT_MAX)
			continue;
		grown = realloc(*text, *len + (size_t)n + 1);
		if (!grown)
			continue;
		*text = grown;
		memcpy(*text + *len, buf, (size_t)n);
		*len += (size_t)n;
		(*text)[*len] = '\0';
	}
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int child_left(int64_t deadline)
{
	int64_t ms = deadline - clock_ms();

	return ms > 0 ? (int)ms : 0;
}

void child_step(struct child *c, int timeout_ms)
{
	struct pollfd p[3] = {
	    {.fd = child_signal(), .events = POLLIN},
	    {.fd = c ? c->fd[0] : -1, .events = POLLIN},
	    {.fd = c ? c->fd[1] : -1, .events = POLLIN},
	};

	poll(p, 3, timeout_ms);
	child_reap();
	if (c) {
		drain(&c->fd[0], &c->out, &c->out_len);
		drain(&c->fd[1], &c->err, &c->err_len);
	}
}

int child_wait(struct child *c, int timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;

	while (!c->ended) {
		if (!child_left(deadline))
			return err_set(e, ERR_TIMEOUT, "still running after %d ms: %s%s",
			    timeout_ms, c->out, c->err);
		child_step(c, child_left(deadline));
	}
	child_step(c, 0);
	return 0;
}

int child_wait_text(struct child *c, const char *text, int timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;

	while (!strstr(c->out, text)) {
		if (c->ended)
			return err_set(e, ERR_FAILED, "ended without saying \"%s\": %s%s",
			    text, c->out, c->err);
		if (!child_left(deadline))
			return err_set(e, ERR_TIMEOUT, "has not said \"%s\" in %d ms",
			    text, timeout_ms);
		child_step(c, child_left(deadline));
	}
	return 0;
}

int child_wait_more(struct child *c, size_t *seen, int timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;

	while (c->out_len <= *seen) {
		if (c->ended)
			return err_set(e, ERR_FAILED, "ended: %s%s", c->out, c->err);
		if (!child_left(deadline))
			return err_set(e, ERR_TIMEOUT,
			    "has said nothing more in %d ms; before: %s", timeout_ms,
			    c->out);
		child_step(c, child_left(deadline));
	}
	*seen = c->out_len;
	return 0;
}

void child_free(struct child *c)
{
	struct child **p = &children;

	if (c->pid > 0 && !c->ended) {
		kill(c->pid, SIGKILL);
		child_wait(c, 5000, NULL);
	}
	while (*p && *p != c)
		p = &(*p)->next;
	if (*p)
		*p = c->next;
	for (int i = 0; i < 2; i++) {
		if (c->pid && c->fd[i] >= 0)
			close(c->fd[i]);
	}
	free(c->out);
	free(c->err);
	memset(c, 0, sizeof(*c));
}

int child_run(struct child *c, const char *const argv[], int timeout_ms, struct err *e)
{
	if (child_start(c, argv, e))
		return -1;
	if (!child_wait(c, timeout_ms, e))
		return 0;
	err_prefix(e, "%s %s", argv[0], argv[1] ? argv[1] : "");
	child_free(c);
	return -1;
}

void child_forget(void)
{
	children = NULL;
}
