#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_MAX_S 30

static _Noreturn void child(const char *const argv[], int out_fd, int fd3)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The agent's priority is for the agent. */
	setpriority(PRIO_PROCESS, 0, 0);
	dup2(null, 0);
	if (out_fd < 0)
		out_fd = null;
	/* Out of the way of 0-3 before those are filled. */
	if (out_fd <= 3)
		out_fd = fcntl(out_fd, F_DUPFD, 4);
	if (fd3 >= 0 && fd3 != 3)
		fd3 = dup2(fd3, 3);
	else if (fd3 == 3)
		fcntl(3, F_SETFD, 0);
	dup2(out_fd, 1);
	dup2(out_fd, 2);
	close_range(fd3 >= 0 ? 4 : 3, ~0U, 0);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t spawn_child(const char *const argv[], int out_fd, int fd3, struct err *e)
{
	pid_t pid;

	if (access(argv[0], X_OK) < 0)
		return err_sys(e, errno, "%s", argv[0]);
	pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "%s: fork", argv[0]);
	if (pid == 0)
		child(argv, out_fd, fd3);
	return pid;
}

int spawn_backoff_s(unsigned failures)
{
	return failures < 5 ? 1 << failures : BACKOFF_MAX_S;
}

void spawn_status_text(int status, char *dst, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(dst, size, "was killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(dst, size, "exited with status %d", WEXITSTATUS(status));
}
