#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"

static int write_text(const char *path, const char *text, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return fs_write_all(fd, text, strlen(text), e) ? err_prefix(e, "%s", path) : 0;
}

/* We become root of a namespace in which there is nobody else. */
static int enter_user(struct err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWUSER)) {
		err_sys(e, errno, "user namespace");
		return err_hint(e, "run it as root");
	}
	if (write_text("/proc/self/setgroups", "deny", e))
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	if (write_text("/proc/self/uid_map", map, e))
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	return write_text("/proc/self/gid_map", map, e);
}

static pid_t inner;

/* With the inner process all end that it started. */
static void end_inner(int sig)
{
	(void)sig;
	if (inner > 0)
		kill(inner, SIGKILL);
}

static _Noreturn void wait_for_inner(void)
{
	int status;

	/* A terminal's interrupt ends the programs that run; the inner process, deaf to
	 * it as PID 1, sees that and cleans up. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, end_inner);
	signal(SIGHUP, end_inner);
	while (waitpid(inner, &status, 0) < 0) {
		if (errno != EINTR)
			exit(ERR_FAILED);
	}
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int loopback_up(struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "lo"};

	if (fd < 0)
		return err_sys(e, errno, "socket");
	if (ioctl(fd, SIOCGIFFLAGS, &r))
		return err_sys(e, errno, "lo");
	r.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &r) ? err_sys(e, errno, "lo") : 0;
}

/* What we mount stays with us. In a chroot the root need not be a mount point;
 * /proc is one there. */
static int own_mounts(void)
{
	if (!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 0;
	return errno == EINVAL ? mount("none", "/proc", NULL, MS_PRIVATE, NULL) : -1;
}

int ns_enter(struct err *e)
{
	if (geteuid() != 0 && enter_user(e))
		return -1;
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)) {
		err_sys(e, errno, "namespaces");
		return err_hint(e, "it needs root, or user namespaces");
	}
	fflush(NULL);
	inner = fork();
	if (inner < 0)
		return err_sys(e, errno, "fork");
	if (inner > 0)
		wait_for_inner();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (own_mounts() ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return err_sys(e, errno, "/proc of the new namespace");
	return loopback_up(e);
}

int ns_new_net(struct err *e)
{
	if (unshare(CLONE_NEWNET))
		return err_sys(e, errno, "network namespace");
	return loopback_up(e);
}

int ns_check_tun(struct err *e)
{
	AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return 0;
	err_sys(e, errno, "/dev/net/tun");
	if (e)
		e->code = ERR_PRECONDITION;
	return err_hint(e, errno == ENOENT
			       ? "modprobe tun"
			       : "run it as root, or give yourself the device");
}

void ns_tap_name(const char *instance, char name[16])
{
	snprintf(name, 16, "%.13s0", instance);
}
