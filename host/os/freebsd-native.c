/* native.h by FreeBSD's own interfaces: kqueue(2), sysctl(3), procctl(2), route(4). */
#include "ifaddr.h"
#include "native.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/event.h>
#include <sys/procctl.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <sys/user.h>
#include <unistd.h>

/* AF_LINK entries carry flags, state and MAC address (getifaddrs(3)). */
static void add_link(struct host_if *i, const struct ifaddrs *a)
{
	const struct sockaddr_dl *dl = (const void *)a->ifa_addr;
	const struct if_data *data = a->ifa_data;

	i->exists = true;
	i->up = (a->ifa_flags & IFF_UP) != 0;
	i->carrier = i->up && data != NULL && data->ifi_link_state == LINK_STATE_UP;
	i->counts = data != NULL;
	i->rx_bytes = data != NULL ? data->ifi_ibytes : 0;
	i->tx_bytes = data != NULL ? data->ifi_obytes : 0;
	if (dl->sdl_alen == sizeof(i->mac))
		memcpy(i->mac, LLADDR(dl), sizeof(i->mac));
}

int host_if(const char *ifname, struct host_if *i, struct err *e)
{
	struct ifaddrs *all;

	memset(i, 0, sizeof(*i));
	if (getifaddrs(&all) < 0)
		return err_sys(e, errno, "addresses of %s", ifname);
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next) {
		if (strcmp(a->ifa_name, ifname) != 0 || a->ifa_addr == NULL)
			continue;
		if (a->ifa_addr->sa_family == AF_LINK)
			add_link(i, a);
		else
			host_if_add_address(i, a);
	}
	freeifaddrs(all);
	return 0;
}

/* route(4): each change of a route, an interface or an address is a message. */
int address_watch(struct err *e)
{
	int fd = socket(PF_ROUTE, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, AF_UNSPEC);

	return fd >= 0 ? fd : err_sys(e, errno, "watch of interfaces");
}

int if_watch(int *fd, struct err *e)
{
	*fd = address_watch(e);
	return *fd < 0 ? -1 : 0;
}

bool if_watch_gone(int watch, const char *ifname)
{
	char buf[2048];

	/* What changed does not matter, nor that some was lost (ENOBUFS). */
	while (read(watch, buf, sizeof(buf)) >= 0 || errno == EINTR || errno == ENOBUFS)
		;
	return if_nametoindex(ifname) == 0;
}

static int no_process(int code, pid_t pid, struct err *e)
{
	err_sys(e, code, "process %d", (int)pid);
	if (e != NULL && code == ESRCH)
		e->code = ERR_NOT_RUNNING;
	return -1;
}

int proc_watch(pid_t pid, int *fd, struct err *e)
{
	struct kevent ev;
	int code, q;

	if (pid <= 0)
		return no_process(ESRCH, pid, e);
	q = kqueuex(KQUEUE_CLOEXEC);
	if (q < 0)
		return err_sys(e, errno, "kqueue");
	EV_SET(&ev, (uintptr_t)pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	if (kevent(q, &ev, 1, NULL, 0, NULL) == 0) {
		*fd = q;
		return 0;
	}
	code = errno;
	close(q);
	return no_process(code, pid, e);
}

int proc_start(pid_t pid, uint64_t *start, struct err *e)
{
	int mib[4] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, (int)pid};
	struct kinfo_proc p;
	size_t len = sizeof(p);

	if (sysctl(mib, 4, &p, &len, NULL, 0) < 0)
		return no_process(errno, pid, e);
	/* One that does not exist gives nothing, without an error. */
	if (len != sizeof(p) || p.ki_structsize != (int)sizeof(p))
		return no_process(ESRCH, pid, e);
	*start = (uint64_t)p.ki_start.tv_sec * 1000000 + (uint64_t)p.ki_start.tv_usec;
	return 0;
}

/*
 * kill(2) knows only numbers. A child's stays taken until it is waited for; of another
 * process the exit shows at the watch first, and between that look and the signal the
 * number would have to come round.
 */
int proc_signal(int watch, pid_t pid, int sig, struct err *e)
{
	/* poll(2) leaves the event there, for whoever waits for it. */
	struct pollfd p = {.fd = watch, .events = POLLIN};

	if (poll(&p, 1, 0) > 0)
		return no_process(ESRCH, pid, e);
	return kill(pid, sig) == 0 ? 0 : no_process(errno, pid, e);
}

/* There are no user namespaces. */
bool can_switch_user(uid_t uid)
{
	(void)uid;
	return geteuid() == 0;
}

int kvm_usable(uid_t uid, gid_t gid, gid_t *group, struct err *e)
{
	(void)uid;
	(void)gid;
	*group = (gid_t)-1;
	return err_set(e, ERR_PRECONDITION, "there is no KVM on FreeBSD");
}

static int no_new_privileges(struct err *e)
{
	int on = PROC_NO_NEW_PRIVS_ENABLE;

	if (procctl(P_PID, getpid(), PROC_NO_NEW_PRIVS_CTL, &on) < 0)
		return err_sys(e, errno, "no new privileges");
	return 0;
}

int vmm_confine(const struct config *c, struct err *e)
{
	(void)c;
	return no_new_privileges(e);
}

int drop_capabilities(struct err *e)
{
	return err_set(
	    e, ERR_PRECONDITION, "FreeBSD's root has no part that could be given up");
}

int main_confine(struct err *e)
{
	int off = PROC_TRACE_CTL_DISABLE;

	if (procctl(P_PID, getpid(), PROC_TRACE_CTL, &off) < 0)
		return err_sys(e, errno, "tracing");
	return no_new_privileges(e);
}
