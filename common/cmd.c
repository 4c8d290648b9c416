#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"

#define DEFAULT_MAX_OUTPUT (64 * 1024)
#define STDERR_KEPT 512
/* Only in the child between fork and exec: "could not even start". */
#define EXIT_NO_EXEC 127

extern char **environ;

struct capture {
	int fd;
	char *data;
	size_t len, max;
	bool keep_tail;               /* past max, keep the end rather than fail */
	const struct cmd_opts *watch; /* who gets it instead; NULL: nobody */
};

static _Noreturn void child(
    const char *const argv[], const struct cmd_opts *o, int out, int errfd, int report)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);
	int code;

	setpgid(0, 0);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out >= 0 ? out : null, 1) < 0 ||
	    dup2(errfd >= 0 ? errfd : null, 2) < 0)
		goto fail;
	/* `report` is close-on-exec: its end of file tells that exec worked. */
	if (o->cwd != NULL && chdir(o->cwd) < 0)
		goto fail;
	if (o->env != NULL)
		environ = (char **)(uintptr_t)o->env;
	for (int fd = 3; fd < 256; fd++)
		if (fd != report)
			close(fd);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
fail:
	code = errno;
	while (write(report, &code, sizeof(code)) < 0 && errno == EINTR)
		;
	_exit(EXIT_NO_EXEC);
}

/* Returns 1 at end of file, 0 for more, -1 with e filled. */
static int capture_read(struct capture *c, const char *prog, struct err *e)
{
	char chunk[4096];
	ssize_t n = read(c->fd, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0
							 : err_sys(e, errno, "%s", prog);
	if (n == 0)
		return 1;
	if (c->watch != NULL)
		return c->watch->watch(c->watch->watch_arg, chunk, (size_t)n, e) == 0
			   ? 0
			   : -1;
	if (c->keep_tail) {
		size_t keep = (size_t)n < c->max ? (size_t)n : c->max;
		size_t old = c->len + keep > c->max ? c->max - keep : c->len;

		memmove(c->data, c->data + (c->len - old), old);
		memcpy(c->data + old, chunk + ((size_t)n - keep), keep);
		c->len = old + keep;
		return 0;
	}
	if (c->len + (size_t)n > c->max)
		return err_set(
		    e, ERR_FAILED, "%s: wrote more than %zu bytes", prog, c->max);
	char *grown = realloc(c->data, c->len + (size_t)n + 1);
	if (grown == NULL)
		return err_sys(e, ENOMEM, "%s", prog);
	c->data = grown;
	memcpy(c->data + c->len, chunk, (size_t)n);
	c->len += (size_t)n;
	return 0;
}

static int collect(
    struct capture cap[2], int64_t deadline, const char *prog, struct err *e)
{
	struct pollfd p[2];
	int i, n, r;

	while (cap[0].fd >= 0 || cap[1].fd >= 0) {
		int64_t left = deadline < 0 ? -1 : deadline - clock_ms();

		if (deadline >= 0 && left <= 0)
			return err_set(
			    e, ERR_TIMEOUT, "%s: did not finish in time", prog);
		for (i = 0; i < 2; i++)
			p[i] = (struct pollfd){.fd = cap[i].fd, .events = POLLIN};
		n = poll(p, 2, (int)left);
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "poll");
		for (i = 0; n > 0 && i < 2; i++) {
			if (cap[i].fd < 0 || p[i].revents == 0)
				continue;
			r = capture_read(&cap[i], prog, e);
			if (r < 0)
				return -1;
			if (r == 1) {
				close(cap[i].fd);
				cap[i].fd = -1;
			}
		}
	}
	return 0;
}

static int reap(pid_t pid, int64_t deadline, const char *prog, int *st, struct err *e)
{
	/* Its output is at an end, so it is about to exit: a plain wait is enough
	 * unless it closed its output and lingers. */
	while (true) {
		pid_t r = waitpid(pid, st, deadline < 0 ? 0 : WNOHANG);

		if (r == pid)
			return 0;
		if (r < 0 && errno != EINTR)
			return err_sys(e, errno, "%s: wait", prog);
		if (deadline >= 0 && clock_ms() > deadline)
			return err_set(
			    e, ERR_TIMEOUT, "%s: did not finish in time", prog);
		if (r == 0)
			poll(NULL, 0, 5);
	}
}

static int judge(int st, int ok_status, struct capture *errcap, const char *prog,
    int *status, struct err *e)
{
	const char *line = "";
	size_t len = errcap->len;

	if (WIFEXITED(st)) {
		if (status != NULL)
			*status = WEXITSTATUS(st);
		if (WEXITSTATUS(st) == 0 || WEXITSTATUS(st) == ok_status)
			return 0;
	}
	while (len > 0 && strchr("\r\n ", errcap->data[len - 1]) != NULL)
		len--;
	errcap->data[len] = '\0';
	if (len > 0) {
		line = strrchr(errcap->data, '\n');
		line = line != NULL ? line + 1 : errcap->data;
	}
	if (WIFEXITED(st))
		return err_set(e, ERR_FAILED, "%s: exit status %d%s%.300s", prog,
		    WEXITSTATUS(st), *line != '\0' ? ": " : "", line);
	return err_set(e, ERR_FAILED, "%s: killed by signal %d", prog, WTERMSIG(st));
}

static int started(int fd, const char *prog, struct err *e)
{
	int code = 0;
	ssize_t n;

	do
		n = read(fd, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(code))
		return 0;
	err_sys(e, code, "%s", prog);
	if (e != NULL && code == ENOENT) {
		e->code = ERR_PRECONDITION;
		err_hint(e, "install the program, or put it in PATH");
	}
	return -1;
}

int cmd_run(const char *const argv[], const struct cmd_opts *opts, char **out,
    int *status, struct err *e)
{
	static const struct cmd_opts none;
	const struct cmd_opts *o = opts != NULL ? opts : &none;
	char tail[STDERR_KEPT + 1];
	int po[2] = {-1, -1}, pe[2] = {-1, -1}, pr[2] = {-1, -1};
	struct capture cap[2] = {{.fd = -1}, {.fd = -1}};
	int64_t deadline = o->timeout_ms > 0 ? clock_ms() + o->timeout_ms : -1;
	AUTO_FREE char *line = cmd_quote(argv);
	int st = 0, ret = -1;
	pid_t pid = -1;

	if (status != NULL)
		*status = -1;
	log_debug("run: %s", line != NULL ? line : argv[0]);
	if (pipe(po) < 0 || pipe(pe) < 0 || pipe(pr) < 0) {
		err_sys(e, errno, "pipe");
		goto out;
	}
	fcntl(pr[1], F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (pid < 0) {
		err_sys(e, errno, "fork");
		goto out;
	}
	if (pid == 0)
		child(argv, o, out != NULL || o->watch != NULL ? po[1] : -1,
		    o->quiet ? -1 : pe[1], pr[1]);
	setpgid(pid, pid);
	close(po[1]), close(pe[1]), close(pr[1]);
	po[1] = pe[1] = pr[1] = -1;
	cap[0] = (struct capture){.fd = po[0],
	    .max = o->max_output > 0 ? o->max_output : DEFAULT_MAX_OUTPUT,
	    .watch = o->watch != NULL ? o : NULL};
	cap[1] = (struct capture){
	    .fd = pe[0], .data = tail, .max = STDERR_KEPT, .keep_tail = true};
	po[0] = pe[0] = -1;
	if (started(pr[0], argv[0], e) < 0 || collect(cap, deadline, argv[0], e) < 0 ||
	    reap(pid, deadline, argv[0], &st, e) < 0)
		goto out;
	pid = -1;
	ret = judge(st, o->ok_status, &cap[1], argv[0], status, e);
	if (out != NULL && ret == 0) {
		*out = cap[0].data != NULL ? cap[0].data : strdup("");
		if (*out == NULL)
			ret = err_sys(e, ENOMEM, "%s", argv[0]);
		else if (cap[0].data != NULL)
			(*out)[cap[0].len] = '\0';
		cap[0].data = NULL;
	}
out:
	if (pid > 0) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, &st, 0) < 0 && errno == EINTR)
			;
	}
	for (int i = 0; i < 2; i++) {
		int fds[] = {po[i], pe[i], pr[i], cap[i].fd};

		for (size_t k = 0; k < ARRAY_LEN(fds); k++)
			if (fds[k] >= 0)
				close(fds[k]);
	}
	free(cap[0].data);
	return ret;
}

static bool is_plain(const char *s)
{
	return *s != '\0' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_-+=./:,@%^") == strlen(s);
}

char *cmd_quote(const char *const argv[])
{
	size_t size = 1;
	char *line, *p;

	for (int i = 0; argv[i] != NULL; i++)
		size += 4 * strlen(argv[i]) + 3;
	line = p = malloc(size);
	if (line == NULL)
		return NULL;
	for (int i = 0; argv[i] != NULL; i++) {
		if (i > 0)
			*p++ = ' ';
		if (is_plain(argv[i])) {
			p = stpcpy(p, argv[i]);
			continue;
		}
		*p++ = '\'';
		for (const char *s = argv[i]; *s != '\0'; s++) {
			if (*s == '\'')
				p = stpcpy(p, "'\\''");
			else
				*p++ = *s;
		}
		*p++ = '\'';
	}
	*p = '\0';
	return line;
}
