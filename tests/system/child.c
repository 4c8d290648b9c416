#include "child.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"

#define OUTPUT_MAX (16 * 1024 * 1024)

static struct child *children;

/* Readable when a child has ended; made at first use. The mask is set each time: a
 * test that fails jumps out to where it may have been another. */
static int child_signal(void)
{
	static int fd = -1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (fd < 0)
		fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd;
}

static void reap(void)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	while (read(child_signal(), &si, sizeof(si)) > 0)
		;
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

/* Enters it among the children that reap() looks for. */
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

static int left(int64_t deadline)
{
	int64_t ms = deadline - clock_ms();

	return ms > 0 ? (int)ms : 0;
}

/* Waits for output or an end of any child. */
static void step(struct child *c, int timeout_ms)
{
	struct pollfd p[3] = {
	    {.fd = child_signal(), .events = POLLIN},
	    {.fd = c ? c->fd[0] : -1, .events = POLLIN},
	    {.fd = c ? c->fd[1] : -1, .events = POLLIN},
	};

	poll(p, 3, timeout_ms);
	reap();
	if (c) {
		drain(&c->fd[0], &c->out, &c->out_len);
		drain(&c->fd[1], &c->err, &c->err_len);
	}
}

int child_wait(struct child *c, int timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;

	while (!c->ended) {
		if (!left(deadline))
			return err_set(e, ERR_TIMEOUT, "still running after %d ms: %s%s",
			    timeout_ms, c->out, c->err);
		step(c, left(deadline));
	}
	step(c, 0);
	return 0;
}

int child_wait_text(struct child *c, const char *text, int timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;

	while (!strstr(c->out, text)) {
		if (c->ended)
			return err_set(e, ERR_FAILED, "ended without saying \"%s\": %s%s",
			    text, c->out, c->err);
		if (!left(deadline))
			return err_set(e, ERR_TIMEOUT, "has not said \"%s\" in %d ms",
			    text, timeout_ms);
		step(c, left(deadline));
	}
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

static void read_args(struct process *p)
{
	AUTO_FREE char *text = NULL;
	char path[64];
	size_t len = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)p->pid);
	if (fs_read_file(path, 1024 * 1024, &text, &len, NULL))
		return;
	if (len >= sizeof(p->args))
		len = sizeof(p->args) - 1;
	for (size_t i = 0; i < len; i++)
		p->args[i] = text[i] ? text[i] : ' ';
	p->args[len] = '\0';
}

bool process_get(pid_t pid, struct process *p)
{
	AUTO_FREE char *text = NULL;
	unsigned long long user, sys;
	char path[64], *open, *close;
	int parent;

	memset(p, 0, sizeof(*p));
	p->pid = pid;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fs_read_file(path, 65536, &text, NULL, NULL))
		return false;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return false;
	snprintf(p->name, sizeof(p->name), "%.*s", (int)(close - open - 1), open + 1);
	if (sscanf(close + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
		&p->state, &parent, &user, &sys) != 4)
		return false;
	p->parent = parent;
	p->cpu_ticks = user + sys;
	read_args(p);
	return true;
}

int process_list(struct process **list, size_t *n, struct err *e)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;

	*list = NULL;
	*n = 0;
	if (!d)
		return err_sys(e, errno, "/proc");
	while ((entry = readdir(d))) {
		struct process p, *grown;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    atoi(entry->d_name) == getpid() ||
		    !process_get(atoi(entry->d_name), &p))
			continue;
		grown = realloc(*list, (*n + 1) * sizeof(p));
		if (!grown)
			break;
		*list = grown;
		grown[(*n)++] = p;
	}
	closedir(d);
	return 0;
}

bool process_find(const char *name, const char *arg, pid_t parent, struct process *p)
{
	struct process *list;
	bool found = false;
	size_t n;

	reap();
	if (process_list(&list, &n, NULL))
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		found = strncmp(list[i].name, name, sizeof(list[i].name) - 1) == 0 &&
			(!arg || strstr(list[i].args, arg)) &&
			(!parent || list[i].parent == parent);
		if (found)
			*p = list[i];
	}
	free(list);
	return found;
}

int process_wait_none(int timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;

	while (true) {
		AUTO_FREE struct process *list = NULL;
		size_t n;

		reap();
		if (process_list(&list, &n, e))
			return -1;
		if (n == 0)
			return 0;
		if (!left(deadline))
			return err_set(e, ERR_TIMEOUT, "still running: %d %s %c: %.300s",
			    (int)list[0].pid, list[0].name, list[0].state, list[0].args);
		/* All are our children or will be: their ends wake us. */
		step(NULL, left(deadline));
	}
}

int process_wait_gone(pid_t pid, int timeout_ms, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;
	AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p[2] = {
	    {.fd = fd, .events = POLLIN}, {.fd = child_signal(), .events = POLLIN}};

	if (fd < 0)
		return errno == ESRCH ? 0 : err_sys(e, errno, "pidfd_open");
	while (!(p[0].revents & POLLIN)) {
		if (!left(deadline))
			return err_set(
			    e, ERR_TIMEOUT, "process %d is still there", (int)pid);
		poll(p, 2, left(deadline));
		reap();
	}
	return 0;
}

void process_kill_all(void)
{
	/* A test that failed left its children's entries on a stack that is gone. */
	children = NULL;
	if (getpid() != 1)
		return;
	kill(-1, SIGCONT);
	kill(-1, SIGKILL);
	process_wait_none(5000, NULL);
}
