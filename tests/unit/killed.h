/*
 * A process that is killed before one of its changes to the disk. The program is linked
 * with -Wl,--wrap=X for each X here: the linker puts __wrap_X in the place of X.
 */
#ifndef BHYFI_TEST_KILLED_H
#define BHYFI_TEST_KILLED_H

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The changes to the disk that a process may still make, then it is killed. -1: no end.
 */
static int left = -1;

static void change(void)
{
	if (left == 0)
		kill(getpid(), SIGKILL);
	if (left > 0)
		left--;
}

#define WRAP(name, params, args)                                                         \
	int __real_##name params;                                                        \
	int __wrap_##name params;                                                        \
	int __wrap_##name params                                                         \
	{                                                                                \
		change();                                                                \
		return __real_##name args;                                               \
	}
WRAP(rename, (const char *a, const char *b), (a, b))
WRAP(unlink, (const char *a), (a))
WRAP(symlink, (const char *a, const char *b), (a, b))
WRAP(mkdir, (const char *a, mode_t m), (a, m))

/* A step, but the disk's own pace is not what is tested. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	(void)fd;
	change();
	return 0;
}
WRAP(unlinkat, (int fd, const char *a, int f), (fd, a, f))

#endif
