/*
 * The machine: QEMU with OVMF in bhyve's place, on the same disk, tap and serial ports.
 *
 * Three processes: this one, which is bhyve to whoever started it, QEMU, and one that
 * stands for the kernel: it sees this one end in whatever way, ends QEMU, closes the
 * tap as FreeBSD's kernel does, and keeps the null modems until the host has closed
 * them.
 *
 * SIGTERM is the power button once the guest has switched ACPI on (bhyve handles the
 * signal from then on only), before that it is the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bhyve.h"
#include "cleanup.h"
#include "link.h"

#define QEMU "/usr/bin/qemu-system-x86_64"
#define QMP_MAX 65536
#define ARGS_MAX 64
/* Q35's PM1 enable register, where OVMF puts it. The bit of the global lock is set by
 * the kernel once it has ACPI on (that of the control register OVMF sets, too). */
#define PM1_ENABLE "0x602"
#define PM1_GBL_EN 0x20

struct run {
	struct machine *m;
	pid_t qemu, kernel;
	int qmp[2], signals, life[2];
	char buf[QMP_MAX];
	size_t have;
	int status; /* -1: the guest has not ended */
};

static char *args[ARGS_MAX + 1];
static int nargs;

static void arg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void arg(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (nargs == ARGS_MAX || vasprintf(&args[nargs++], fmt, ap) < 0)
		double_errx(70, "too many arguments");
	va_end(ap);
}

static void serial(const char *id, int fd)
{
	arg("-chardev");
	arg("socket,id=%s,fd=%d", id, fd);
	arg("-serial");
	arg("chardev:%s", id);
}

static void make_args(const struct machine *m, int qmp)
{
	arg(QEMU);
	for (size_t i = 0; i < 6; i++)
		arg("%s", (const char *[]){"-nodefaults", "-no-user-config", "-no-reboot",
			      "-display", "none", "-M"}[i]);
	arg("q35,usb=off,sata=off,smbus=off");
	arg("-accel");
	arg("tcg");
	arg("-cpu");
	arg("max");
	arg("-smp");
	arg("%u", m->cpus);
	arg("-m");
	arg("%u", m->memory_mib);
	arg("-rtc");
	arg("base=utc");
	arg("-drive");
	arg("if=pflash,format=raw,readonly=on,file=%s", m->bootrom);
	if (m->bootvars[0] != '\0') {
		arg("-drive");
		arg("if=pflash,format=raw,file=%s", m->bootvars);
	}
	arg("-drive");
	arg("if=none,id=esp,format=raw,file=%s", m->esp);
	arg("-device");
	arg("virtio-blk-pci,drive=esp,bootindex=0");
	if (m->tap_fd >= 0) {
		arg("-netdev");
		arg("tap,id=lan,fd=%d,vhost=off", m->tap_fd);
		arg("-device");
		arg("virtio-net-pci,netdev=lan,mac=%s,host_mtu=%u,romfile=", m->mac,
		    m->mtu);
	}
	arg("-device");
	arg("virtio-rng-pci");
	serial("com1", m->com[0].peer);
	serial("com2", m->com[1].peer);
	arg("-chardev");
	arg("socket,id=qmp,fd=%d", qmp);
	arg("-mon");
	arg("chardev=qmp,mode=control");
}

static void inherit(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

static void start_qemu(struct run *r)
{
	const struct machine *m = r->m;
	pid_t parent = getpid();
	sigset_t none;

	make_args(m, r->qmp[1]);
	r->qemu = fork();
	if (r->qemu < 0)
		double_err(70, errno, "fork");
	if (r->qemu > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	inherit(m->com[0].peer);
	inherit(m->com[1].peer);
	inherit(m->tap_fd);
	inherit(r->qmp[1]);
	setsid();
	execv(args[0], args);
	dprintf(2, "bhyve: %s: %s\n", args[0], strerror(errno));
	_exit(127);
}

static void close_tap(const struct machine *m)
{
	if (m->tap[0] != '\0' && link_wait_closed(m->tap) == 0)
		tap_closed(m->tap);
}

/* The kernel's part, as far as it outlives bhyve. */
static _Noreturn void be_kernel(struct run *r)
{
	struct machine *m = r->m;
	struct pollfd p[2] = {{.fd = m->com[0].watch, .events = POLLIN},
	    {.fd = m->com[1].watch, .events = POLLIN}};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	ssize_t n;
	char c;

	setsid();
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(r->life[1]);
	close(r->qmp[0]);
	close(r->qmp[1]);
	while ((n = read(r->life[0], &c, 1)) < 0 && errno == EINTR)
		;
	kill(r->qemu, SIGKILL);
	/* A byte says that bhyve did it. */
	if (n == 0)
		close_tap(m);
	for (int i = 0; i < 2; i++)
		modem_watch(&m->com[i]);
	while (m->com[0].readers + m->com[1].readers > 0 && poll(p, 2, -1) > 0)
		for (int i = 0; i < 2; i++)
			modem_watch(&m->com[i]);
	_exit(0);
}

static void start_kernel(struct run *r)
{
	if (pipe2(r->life, O_CLOEXEC) < 0)
		double_err(70, errno, "pipe");
	r->kernel = fork();
	if (r->kernel < 0)
		double_err(70, errno, "fork");
	if (r->kernel == 0)
		be_kernel(r);
	close(r->life[0]);
}

static void tell_qemu(const struct run *r, const char *text)
{
	if (send(r->qmp[0], text, strlen(text), MSG_NOSIGNAL) < 0)
		double_warnx("QMP: %s", strerror(errno));
}

/* A test may ask for another status than what the machine would give: a halt or a triple
 * fault can not be made to order. */
static int ordered_status(int status)
{
	json_t *state = state_open();
	json_int_t want = state_int(state, "bhyve_exit", -1);

	json_object_del(state, "bhyve_exit");
	state_close(state, true);
	return want >= 0 ? (int)want : status;
}

static _Noreturn void die_of(int sig)
{
	sigset_t set;

	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	_exit(128 + sig);
}

static void take_qmp(struct run *r, const json_t *o)
{
	const char *event = state_text(o, "event", "");
	const char *id = state_text(o, "id", "");

	if (strcmp(event, "SHUTDOWN") == 0) {
		const char *why =
		    state_text(json_object_get(o, "data"), "reason", "guest-reset");

		r->status = strcmp(why, "guest-shutdown") == 0 ? 1
			    : strcmp(why, "guest-reset") == 0  ? 0
							       : 4;
	}
	if (strcmp(id, "acpi") == 0) {
		const char *text = strstr(state_text(o, "return", ""), "= ");
		unsigned long value = text != NULL ? strtoul(text + 2, NULL, 16) : 0;

		/* All bits set: the firmware has not put it there yet. */
		if (!(value & PM1_GBL_EN) || value == 0xffff)
			die_of(SIGTERM);
		tell_qemu(r, "{\"execute\":\"system_powerdown\"}\n");
	}
}

static void read_qmp(struct run *r)
{
	ssize_t n = read(r->qmp[0], r->buf + r->have, sizeof(r->buf) - r->have);
	char *end;

	if (n > 0) {
		r->have += (size_t)n;
	} else if (n == 0) {
		/* It ends; its signal is on the way. */
		close(r->qmp[0]);
		r->qmp[0] = -1;
	}
	while ((end = memchr(r->buf, '\n', r->have)) != NULL) {
		size_t len = (size_t)(end - r->buf);
		json_t *o = json_loadb(r->buf, len, 0, NULL);

		r->have -= len + 1;
		take_qmp(r, o);
		json_decref(o);
		memmove(r->buf, end + 1, r->have);
	}
}

/* False: QEMU has ended. */
static bool take_signal(struct run *r)
{
	struct signalfd_siginfo si;
	int st;

	while (read(r->signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGUSR1) {
			/* bhyvectl --destroy: the next VM_RUN fails. */
			EPRINTLN("vm_run error -1, errno 6");
			r->status = 4;
			kill(r->qemu, SIGKILL);
		} else if (si.ssi_signo == SIGTERM)
			tell_qemu(r,
			    "{\"execute\":\"human-monitor-command\",\"id\":"
			    "\"acpi\",\"arguments\":{\"command-line\":\"i /h " PM1_ENABLE
			    "\"}}\n");
		else if (waitpid(r->qemu, &st, WNOHANG) == r->qemu)
			return false;
	}
	return true;
}

static void loop(struct run *r)
{
	struct modem *c = r->m->com;

	while (true) {
		struct pollfd p[] = {{.fd = r->signals, .events = POLLIN},
		    {.fd = r->qmp[0], .events = POLLIN},
		    {.fd = c[0].sock, .events = POLLIN},
		    {.fd = c[1].sock, .events = POLLIN},
		    {.fd = c[0].master, .events = POLLIN},
		    {.fd = c[1].master, .events = POLLIN},
		    {.fd = c[0].watch, .events = POLLIN},
		    {.fd = c[1].watch, .events = POLLIN}};

		if (poll(p, ARRAY_LEN(p), -1) < 0)
			continue;
		for (int i = 0; i < 2; i++) {
			/* First who is there, then what they say. */
			if (p[6 + i].revents != 0)
				modem_watch(&c[i]);
			if (p[2 + i].revents != 0)
				modem_from_guest(&c[i]);
			if (p[4 + i].revents != 0)
				modem_to_guest(&c[i]);
		}
		if (p[1].revents != 0)
			read_qmp(r);
		if (p[0].revents != 0 && !take_signal(r))
			return;
	}
}

static void open_signals(struct run *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signals < 0)
		double_err(70, errno, "signalfd");
}

int machine_run(struct machine *m)
{
	static struct run r;

	r = (struct run){.m = m, .status = -1};
	open_signals(&r);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, r.qmp) < 0)
		double_err(70, errno, "socketpair");
	start_qemu(&r);
	if (m->tap_fd >= 0)
		close(m->tap_fd);
	start_kernel(&r);
	close(r.qmp[1]);
	tell_qemu(&r, "{\"execute\":\"qmp_capabilities\"}\n");
	loop(&r);
	/* What it said last. */
	if (r.qmp[0] >= 0)
		read_qmp(&r);
	for (int i = 0; i < 2; i++) {
		modem_watch(&m->com[i]);
		for (int k = 0; k < 64; k++)
			modem_from_guest(&m->com[i]);
	}
	close_tap(m);
	if (write(r.life[1], "x", 1) < 0)
		double_warnx("the kernel is gone");
	return ordered_status(r.status >= 0 ? r.status : 4);
}
