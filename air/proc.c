#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

static struct event_base *loop;
static struct event *chld_ev;
static struct proc *running;

const char *proc_status_text(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
	return buf;
}

/* What a program says before its last words is often the reason. */
static void keep_last(struct proc *p)
{
	static const char sep[] = " / ";
	size_t add = p->line_len, have = strlen(p->last);
	const char *cut = p->last;

	if (add > sizeof(p->last) - sizeof(sep))
		add = sizeof(p->last) - sizeof(sep);
	while (have > 0 && have + strlen(sep) + add >= sizeof(p->last)) {
		cut = strstr(cut, sep);
		cut = cut != NULL ? cut + strlen(sep) : p->last + strlen(p->last);
		have = strlen(cut);
	}
	memmove(p->last, cut, have);
	if (have > 0) {
		memcpy(p->last + have, sep, strlen(sep));
		have += strlen(sep);
	}
	memcpy(p->last + have, p->line, add);
	p->last[have + add] = '\0';
}

static void line_done(struct proc *p)
{
	p->line[p->line_len] = '\0';
	if (p->line_len > 0) {
		keep_last(p);
		if (p->on_line != NULL)
			p->on_line(p, p->line);
	}
	p->line_len = 0;
}

static void close_event(struct event **ev)
{
	if (*ev == NULL)
		return;
	close(event_get_fd(*ev));
	event_free(*ev);
	*ev = NULL;
}

/* Longer lines are cut into several. */
static void on_lines(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;
	char buf[1024];
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		line_done(p);
		close_event(&p->lines_ev);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '\n')
			p->line[p->line_len++] = buf[i] == '\0' ? ' ' : buf[i];
		if (buf[i] == '\n' || p->line_len == sizeof(p->line) - 1)
			line_done(p);
	}
}

/* What exceeds max_output is dropped: then it is no valid JSON, which is found. */
static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t room;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_event(&p->output_ev);
		return;
	}
	room = p->max_output - p->output_len;
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(p->output + p->output_len, buf, room);
	p->output_len += room;
	p->output[p->output_len] = '\0';
}

/* The pipes may hold more than one read, and a grandchild may hold them open. */
static void drain(struct proc *p)
{
	ssize_t before;

	while (p->output_ev != NULL) {
		before = (ssize_t)p->output_len;
		on_output(event_get_fd(p->output_ev), EV_READ, p);
		if (p->output_ev != NULL && (ssize_t)p->output_len == before)
			close_event(&p->output_ev);
	}
	for (int i = 0; i < 64 && p->lines_ev != NULL; i++)
		on_lines(event_get_fd(p->lines_ev), EV_READ, p);
	close_event(&p->lines_ev);
	line_done(p);
}

static void proc_ended(struct proc **at, int status)
{
	struct proc *p = *at;
	char *output;

	*at = p->next;
	drain(p);
	p->pid = 0;
	output = p->output;
	/* Behind this p may be gone, or running again. */
	if (p->on_exit != NULL)
		p->on_exit(p, status);
	free(output);
}

static void on_chld(evutil_socket_t sig, short what, void *arg)
{
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	(void)arg;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct proc **at = &running; *at != NULL; at = &(*at)->next)
			if ((*at)->pid == pid) {
				proc_ended(at, status);
				break;
			}
}

int procs_init(struct event_base *base, struct err *e)
{
	loop = base;
	chld_ev = evsignal_new(base, SIGCHLD, on_chld, NULL);
	if (chld_ev == NULL || event_add(chld_ev, NULL) < 0)
		return err_set(e, ERR_FAILED, "SIGCHLD: no event");
	return 0;
}

static _Noreturn void child(
    const struct proc *p, const char *const argv[], int out, int errfd, pid_t parent)
{
	sigset_t none;
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(errfd, 2) < 0)
		_exit(127);
	if (p->netns >= 0 && setns(p->netns, CLONE_NEWNET) < 0) {
		dprintf(2, "setns: %s\n", strerror(errno));
		_exit(127);
	}
	if (p->niceness != 0)
		setpriority(PRIO_PROCESS, 0, p->niceness);
	execv(argv[0], (char *const *)(const void *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static struct event *watch(int fd, event_callback_fn cb, struct proc *p)
{
	struct event *ev = event_new(loop, fd, EV_READ | EV_PERSIST, cb, p);

	if (ev != NULL && event_add(ev, NULL) == 0)
		return ev;
	if (ev != NULL)
		event_free(ev);
	return NULL;
}

int proc_start(struct proc *p, const char *const argv[], struct err *e)
{
	int lines[2] = {-1, -1}, output[2] = {-1, -1};
	pid_t self = getpid();

	p->line_len = p->output_len = 0;
	p->output = NULL;
	p->last[0] = '\0';
	if (pipe2(lines, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    (p->max_output > 0 && pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0)) {
		err_sys(e, errno, "pipe");
		goto fail;
	}
	/* Only our ends are non-blocking. */
	fcntl(lines[1], F_SETFL, 0);
	if (p->max_output > 0) {
		fcntl(output[1], F_SETFL, 0);
		p->output = calloc(1, p->max_output + 1);
	}
	p->lines_ev = watch(lines[0], on_lines, p);
	p->output_ev = p->output != NULL ? watch(output[0], on_output, p) : NULL;
	if (p->lines_ev == NULL || (p->max_output > 0 && p->output_ev == NULL)) {
		err_sys(e, ENOMEM, "%s", p->name);
		goto fail;
	}
	p->pid = fork();
	if (p->pid == 0)
		child(p, argv, output[1] >= 0 ? output[1] : lines[1], lines[1], self);
	if (p->pid < 0) {
		p->pid = 0;
		err_sys(e, errno, "fork");
		goto fail;
	}
	close(lines[1]);
	if (output[1] >= 0)
		close(output[1]);
	p->next = running;
	running = p;
	return 0;
fail:
	if (p->lines_ev != NULL)
		event_free(p->lines_ev);
	if (p->output_ev != NULL)
		event_free(p->output_ev);
	p->lines_ev = p->output_ev = NULL;
	free(p->output);
	p->output = NULL;
	for (int i = 0; i < 2; i++) {
		if (lines[i] >= 0)
			close(lines[i]);
		if (output[i] >= 0)
			close(output[i]);
	}
	return -1;
}

void procs_end(void)
{
	for (struct proc *p = running; p != NULL; p = p->next) {
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
		close_event(&p->lines_ev);
		close_event(&p->output_ev);
		free(p->output);
		p->output = NULL;
		p->pid = 0;
	}
	running = NULL;
	if (chld_ev != NULL)
		event_free(chld_ev);
	chld_ev = NULL;
}
