/*
 * A list of what is denied rather than of what is allowed: the C library may change
 * the calls that it makes between releases, and main already has no user, no
 * files and no capabilities of use. What is left to take is the kernel's surface.
 */
#include "linux-seccomp.h"

#ifdef HAVE_SECCOMP

#include <errno.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "log.h"

static const char *const denied[] = {"execve", "execveat", "fork", "vfork", "ptrace",
    "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd", "kcmp", "mount",
    "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "unshare", "setns", "bpf", "perf_event_open",
    "keyctl", "add_key", "request_key", "init_module", "finit_module", "delete_module",
    "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "userfaultfd",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "name_to_handle_at",
    "open_by_handle_at", "acct", "quotactl", "iopl", "ioperm", "settimeofday",
    "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname",
    "personality", "lookup_dcookie", "vmsplice", "mknod", "mknodat", "setuid", "setgid",
    "setresuid", "setresgid", "setreuid", "setregid", "setgroups", "capset"};

/* All families but UNIX and, for the addresses in `status`, rtnetlink. A rule may
 * compare an argument only once, so each family gets its own. */
static int deny_sockets(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
	    SCMP_A0(SCMP_CMP_GE, AF_MAX));

	for (unsigned family = 0; family < AF_MAX && r == 0; family++)
		if (family != AF_UNIX && family != AF_NETLINK)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket),
			    1, SCMP_A0(SCMP_CMP_EQ, family));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
		    SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
		    SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE));
	return r;
}

int linux_seccomp(struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r = 0;

	if (ctx == NULL)
		return err_set(e, ERR_FAILED, "seccomp: no filter");
	for (size_t i = 0; i < ARRAY_LEN(denied) && r == 0; i++) {
		int nr = seccomp_syscall_resolve_name(denied[i]);

		/* Unknown to this libseccomp or not on this machine. */
		if (nr != __NR_SCMP_ERROR)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0);
		if (r == -EDOM)
			r = 0;
	}
	if (r == 0)
		r = deny_sockets(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r == -EINVAL || r == -ENOSYS) {
		/* A kernel without it. */
		log_warn("seccomp: %s", strerror(-r));
		return 0;
	}
	return r < 0 ? err_sys(e, -r, "seccomp") : 0;
}

#else

int linux_seccomp(struct err *e)
{
	(void)e;
	return 0;
}

#endif
