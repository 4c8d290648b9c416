/* Linux's part of child.h: what /proc tells of processes, signalfd(2), pidfd_open(2). */
#include "child-os.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"

/* Made at first use. The mask is set each time: a
 * test that fails jumps out to where it may have been another. */
int child_signal(void)
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

void child_signal_clear(void)
{
	struct signalfd_siginfo si;

	while (read(child_signal(), &si, sizeof(si)) > 0)
		;
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

	child_reap();
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

		child_reap();
		if (process_list(&list, &n, e))
			return -1;
		if (n == 0)
			return 0;
		if (!child_left(deadline))
			return err_set(e, ERR_TIMEOUT, "still running: %d %s %c: %.300s",
			    (int)list[0].pid, list[0].name, list[0].state, list[0].args);
		/* All are our children or will be: their ends wake us. */
		child_step(NULL, child_left(deadline));
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
		if (!child_left(deadline))
			return err_set(
			    e, ERR_TIMEOUT, "process %d is still there", (int)pid);
		poll(p, 2, child_left(deadline));
		child_reap();
	}
	return 0;
}

void process_kill_all(void)
{
	child_forget();
	if (getpid() != 1)
		return;
	kill(-1, SIGCONT);
	kill(-1, SIGKILL);
	process_wait_none(5000, NULL);
}
