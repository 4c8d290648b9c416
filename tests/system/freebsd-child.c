/* FreeBSD's part of child.h, as far as the demo needs it: kqueue(2), sysctl(3). */
#include "child-os.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/event.h>
#include <sys/sysctl.h>

static const struct timespec none;

int child_signal(void)
{
	static int fd = -1;
	struct kevent ev;

	if (fd >= 0)
		return fd;
	fd = kqueuex(KQUEUE_CLOEXEC);
	EV_SET(&ev, SIGCHLD, EVFILT_SIGNAL, EV_ADD | EV_CLEAR, 0, 0, NULL);
	if (fd >= 0)
		kevent(fd, &ev, 1, NULL, 0, &none);
	return fd;
}

void child_signal_clear(void)
{
	struct kevent ev;

	while (kevent(child_signal(), NULL, 0, &ev, 1, &none) > 0)
		;
}

bool process_get(pid_t pid, struct process *p)
{
	int mib[4] = {CTL_KERN, KERN_PROC, KERN_PROC_ARGS, (int)pid};
	size_t len = sizeof(p->args) - 1;

	memset(p, 0, sizeof(*p));
	p->pid = pid;
	if (sysctl(mib, 4, p->args, &len, NULL, 0) < 0)
		return false;
	for (size_t i = 0; i + 1 < len; i++)
		if (p->args[i] == '\0')
			p->args[i] = ' ';
	return true;
}
