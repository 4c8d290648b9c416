#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "linux-seccomp.h"
#include "native.h"
#include "log.h"

/* Intel SDM 3A, CPUID.1:ECX[5]; AMD APM 3, Fn8000_0001_ECX[2]. */
#define CPUID_VMX (1u << 5)
#define CPUID_SVM (1u << 2)
#define KVM_DEVICE "/dev/kvm"

/* With errno. */
static int no_process(pid_t pid, struct err *e)
{
	int code = errno;

	err_sys(e, code, "process %d", (int)pid);
	if (e != NULL && code == ESRCH)
		e->code = ERR_NOT_RUNNING;
	return -1;
}

int proc_watch(pid_t pid, int *fd, struct err *e)
{
	int r;

	if (pid <= 0)
		return err_set(
		    e, ERR_NOT_RUNNING, "process %d: no such process", (int)pid);
	r = (int)syscall(SYS_pidfd_open, pid, 0);
	if (r >= 0) {
		*fd = r;
		return 0;
	}
	return no_process(pid, e);
}

int proc_signal(int watch, pid_t pid, int sig, struct err *e)
{
	if (syscall(SYS_pidfd_send_signal, watch, sig, NULL, 0) == 0)
		return 0;
	return no_process(pid, e);
}

/* Field 22 of /proc/PID/stat (proc(5)), clock ticks since boot. Field 2 is the
 * program's name in parentheses, which may hold anything. */
int proc_start(pid_t pid, uint64_t *start, struct err *e)
{
	AUTO_FREE char *stat = NULL;
	char path[64];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fs_read_file(path, 4096, &stat, NULL, e) < 0) {
		if (e != NULL && access(path, F_OK) < 0)
			e->code = ERR_NOT_RUNNING;
		return -1;
	}
	p = strrchr(stat, ')');
	for (int field = 2; p != NULL && field < 22; field++) {
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	if (p == NULL || sscanf(p, "%" SCNu64, start) != 1)
		return err_set(e, ERR_FAILED, "%s: not what proc(5) says", path);
	return 0;
}

bool can_switch_user(uid_t uid)
{
	AUTO_FREE char *map = NULL;
	struct err e;

	if (fs_read_file("/proc/self/uid_map", 65536, &map, NULL, &e) < 0)
		return true; /* no user namespaces */
	for (char *save, *line = strtok_r(map, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned long first, outside, count;

		if (sscanf(line, "%lu %lu %lu", &first, &outside, &count) == 3 &&
		    uid >= first && uid - first < count)
			return true;
	}
	return false;
}

/* Some hypervisors' guests have a /dev/kvm without the processor's support behind
 * it (PVM), on which QEMU does not get far. */
static bool has_virtualization(void)
{
#if defined(__x86_64__)
	unsigned a, b, c, d;

	return (__get_cpuid(1, &a, &b, &c, &d) && (c & CPUID_VMX)) ||
	       (__get_cpuid(0x80000001, &a, &b, &c, &d) && (c & CPUID_SVM));
#else
	return true;
#endif
}

static bool kvm_works(struct err *e)
{
	int AUTO_CLOSE kvm = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	int vm;

	if (kvm < 0) {
		err_sys(e, errno, KVM_DEVICE);
		return false;
	}
	if (!has_virtualization()) {
		err_set(e, ERR_PRECONDITION,
		    KVM_DEVICE ": the processor has neither VT-x nor AMD-V");
		return false;
	}
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		err_set(e, ERR_PRECONDITION, KVM_DEVICE ": not KVM's device");
		return false;
	}
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0) {
		err_sys(e, errno, KVM_DEVICE ": cannot make a virtual machine");
		return false;
	}
	close(vm);
	return true;
}

int kvm_usable(uid_t uid, gid_t gid, gid_t *group, struct err *e)
{
	struct stat st;

	*group = (gid_t)-1;
	if (!kvm_works(e)) {
		if (e != NULL)
			e->code = ERR_PRECONDITION;
		return -1;
	}
	if (!can_switch_user(uid))
		return 0; /* the VM will be what we are */
	if (stat(KVM_DEVICE, &st) < 0)
		return err_sys(e, errno, KVM_DEVICE);
	if (st.st_uid == uid && (st.st_mode & 0600) == 0600)
		return 0;
	if (st.st_gid != 0 && (st.st_mode & 0060) == 0060) {
		if (st.st_gid != gid)
			*group = st.st_gid;
		return 0;
	}
	if ((st.st_mode & 0006) == 0006)
		return 0;
	err_set(
	    e, ERR_PRECONDITION, KVM_DEVICE ": user %u cannot open it", (unsigned)uid);
	return err_hint(e, "chgrp kvm " KVM_DEVICE " and chmod 660 " KVM_DEVICE);
}

int vmm_confine(const struct config *c, struct err *e)
{
	struct rlimit core = {0, 0};
	/* VFIO pins all of the guest's memory and the card's own. */
	rlim_t lock = ((rlim_t)c->memory_mib + 1024) << 20;
	struct rlimit memlock = {lock, lock};

	/* The tap is a descriptor: the VMM needs no network of its own. */
	if (unshare(CLONE_NEWNET) < 0) {
		if (errno != EPERM && errno != ENOSPC)
			return err_sys(e, errno, "network namespace of the VMM");
		log_warn("the VMM runs in our network namespace: %s", strerror(errno));
	}
	if (setrlimit(RLIMIT_CORE, &core) < 0)
		return err_sys(e, errno, "core limit");
	if (c->card.kind == CARD_PCI && setrlimit(RLIMIT_MEMLOCK, &memlock) < 0)
		return err_sys(e, errno, "limit of locked memory");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, errno, "no new privileges");
	return 0;
}

/* The bounding set first: it is what a later exec as root's number could give. */
int drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL)
			break;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 &&
	    errno != EINVAL)
		return err_sys(e, errno, "ambient capabilities");
	if (syscall(SYS_capset, &head, none) < 0)
		return err_sys(e, errno, "capabilities");
	return 0;
}

int main_confine(struct err *e)
{
	struct rlimit core = {0, 0};

	if (drop_capabilities(e) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, errno, "no new privileges");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &core) < 0)
		return err_sys(e, errno, "core dumps");
	return linux_seccomp(e);
}
