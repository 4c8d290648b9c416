/*
 * PID 1 of the guest: mounts, starts the agent, reaps, and owns the release.
 *
 * Theory of operation. init does little, so that little can break it: it parses
 * nothing, loads no module, and has one loop of poll(2) over signals, the
 * agent's socket and the power button. Whatever ends the guest (the agent asks,
 * the agent is gone, the button, a signal) leads to one place, power_off():
 *
 *   1. the radio is released (release.c),
 *   2. the agent, if it lives, hears how that went and tells the host,
 *   3. "power off" is said, as the last words, and the machine is off.
 */
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "console.h"
#include "log.h"
#include "proc.h"
#include "release.h"
#include "spawn.h"

#define INPUTS_MAX 8
#define AGENT_NICE (-10)
#define AGENT_END_MS 1500 /* for its last words to the host */

enum fd_slot {
	SLOT_SIGNALS,
	SLOT_AGENT,
	SLOT_INPUT,
};
#define SLOTS (SLOT_INPUT + INPUTS_MAX)

struct init {
	struct console console;
	pid_t agent; /* 0: gone */
	struct pollfd fds[SLOTS];
	char why[200]; /* not empty: it is time to go */
};

static const struct mount_row {
	const char *type, *dir, *data;
	unsigned long flags;
} mounts[] = {
    {"proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"devtmpfs", "/dev", "mode=0755", MS_NOSUID | MS_NOEXEC},
    {"tmpfs", "/run", "mode=0755,size=16m", MS_NOSUID | MS_NODEV},
    {"tmpfs", "/tmp", "mode=1777,size=16m", MS_NOSUID | MS_NODEV},
};

static const struct {
	const char *path, *value;
} sysctls[] = {
    {"/proc/sys/kernel/modprobe", "/sbin/modprobe"},
    /* The host starts a new guest; a half-dead one helps nobody. */
    {"/proc/sys/kernel/panic", "-1"},
    {"/proc/sys/kernel/panic_on_oops", "1"},
};

static void mount_all(struct init *in)
{
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		const struct mount_row *m = &mounts[i];

		mkdir(m->dir, 0755);
		if (mount(m->type, m->dir, m->type, m->flags, m->data) == 0 ||
		    errno == EBUSY)
			continue;
		snprintf(text, sizeof(text), "mount %s: %s", m->dir, strerror(errno));
		console_line(&in->console, text);
	}
}

static void open_console(struct init *in)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	/* Without one we are mute, but not without descriptors 0-2. */
	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	for (int i = 0; i <= 2 && fd >= 0; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
	console_init(&in->console, -1);
}

/* A kernel that was built to run no modprobe has all built in that it would ask for. */
static bool is_empty(const char *path)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = '\0';

	return fd >= 0 && (read(fd, &c, 1) <= 0 || c == '\n');
}

static void set_up_kernel(void)
{
	for (size_t i = 0; i < ARRAY_LEN(sysctls); i++) {
		int AUTO_CLOSE fd = open(sysctls[i].path, O_WRONLY | O_CLOEXEC);
		ssize_t n = -1;

		if (is_empty(sysctls[i].path))
			continue;
		if (fd >= 0)
			n = write(fd, sysctls[i].value, strlen(sysctls[i].value));
		if (n < 0)
			dprintf(
			    2, "bhyfi-guest: %s: %s\n", sysctls[i].path, strerror(errno));
	}
	/* Ctrl-Alt-Del is a signal to us, not a reset. */
	reboot(RB_DISABLE_CAD);
}

static int open_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGPWR);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void start_agent(struct init *in, const sigset_t *mask)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0) {
		snprintf(in->why, sizeof(in->why), "socketpair: %s", strerror(errno));
		return;
	}
	in->agent = fork();
	if (in->agent == 0) {
		close(sv[0]);
		close(in->fds[SLOT_SIGNALS].fd);
		close(in->console.fd);
		sigprocmask(SIG_SETMASK, mask, NULL);
		/* Where traffic keeps the processor busy the host must still hear the
		 * heartbeat; what the agent starts runs as others do (spawn.c). */
		if (setpriority(PRIO_PROCESS, 0, AGENT_NICE) < 0)
			log_warn("priority: %s", strerror(errno));
		_exit(agent_main(sv[1]));
	}
	close(sv[1]);
	in->fds[SLOT_AGENT].fd = sv[0];
	if (in->agent < 0) {
		in->agent = 0;
		snprintf(in->why, sizeof(in->why), "fork: %s", strerror(errno));
	}
}

static void reap(struct init *in)
{
	char how[64];
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != in->agent)
			continue;
		in->agent = 0;
		spawn_status_text(status, how, sizeof(how));
		if (in->why[0] == '\0')
			snprintf(in->why, sizeof(in->why), "the agent %s", how);
	}
}

static void take_signals(struct init *in)
{
	struct signalfd_siginfo si;

	while (read(in->fds[SLOT_SIGNALS].fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(in);
		else if (in->why[0] == '\0')
			snprintf(in->why, sizeof(in->why), "signal %u (%s)", si.ssi_signo,
			    strsignal((int)si.ssi_signo));
	}
}

/* Input devices are few and all are opened: which of them has a power key is
 * seen when it is pressed. */
static void open_inputs(struct init *in)
{
	DIR *dir = opendir("/dev/input");
	struct dirent *de;
	int slot = SLOT_INPUT;

	while (dir != NULL && (de = readdir(dir)) != NULL && slot < SLOTS) {
		if (strncmp(de->d_name, "event", 5) != 0)
			continue;
		if (in->fds[slot].fd >= 0)
			close(in->fds[slot].fd);
		in->fds[slot].fd =
		    openat(dirfd(dir), de->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		slot++;
	}
	if (dir != NULL)
		closedir(dir);
}

static void take_agent(struct init *in)
{
	struct init_packet p;
	ssize_t n = recv(in->fds[SLOT_AGENT].fd, &p, sizeof(p), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		/* Its death arrives as a signal. */
		close(in->fds[SLOT_AGENT].fd);
		in->fds[SLOT_AGENT].fd = -1;
	}
	if (n != sizeof(p))
		return;
	p.reason[sizeof(p.reason) - 1] = '\0';
	if (p.word == INIT_RELEASE)
		snprintf(in->why, sizeof(in->why), "%s", p.reason);
	else if (p.word == INIT_INPUT)
		open_inputs(in);
}

static void take_input(struct init *in, struct pollfd *p)
{
	struct input_event ev;
	ssize_t n;

	while ((n = read(p->fd, &ev, sizeof(ev))) == sizeof(ev))
		if (ev.type == EV_KEY && ev.code == KEY_POWER && ev.value == 1)
			snprintf(in->why, sizeof(in->why), "power button");
	if (n < 0 && errno == EAGAIN)
		return;
	close(p->fd);
	p->fd = -1;
}

static void tell_agent(struct init *in, enum init_word word, const struct release *r)
{
	struct init_packet p = {.word = word};

	if (in->agent == 0 || in->fds[SLOT_AGENT].fd < 0)
		return;
	if (r != NULL) {
		p.supplicant_stopped = r->supplicant_stopped;
		p.driver_unbound = r->driver_unbound;
	}
	(void)send(in->fds[SLOT_AGENT].fd, &p, sizeof(p), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static _Noreturn void power_off(struct init *in)
{
	struct release r = {.console = &in->console};
	char text[256];

	snprintf(text, sizeof(text), "release: %s", in->why);
	console_line(&in->console, text);
	/* An agent that lives must not start the supplicant again. */
	tell_agent(in, INIT_RELEASE, NULL);
	release_radio(&r);
	tell_agent(in, INIT_RELEASED, &r);
	if (in->agent > 0 && !release_wait_pid(in->agent, AGENT_END_MS)) {
		console_line(&in->console, "the agent does not end");
		kill(in->agent, SIGKILL);
	}
	console_line(&in->console, "power off");
	release_drain_console();
	sync();
	reboot(RB_POWER_OFF);
	/* A machine that can not be turned off: halting is the next best. */
	reboot(RB_HALT_SYSTEM);
	for (;;)
		pause();
}

static void loop(struct init *in)
{
	while (in->why[0] == '\0') {
		if (poll(in->fds, SLOTS, -1) < 0)
			continue;
		if (in->fds[SLOT_SIGNALS].revents != 0)
			take_signals(in);
		if (in->fds[SLOT_AGENT].fd >= 0 && in->fds[SLOT_AGENT].revents != 0)
			take_agent(in);
		for (int i = SLOT_INPUT; i < SLOTS; i++)
			if (in->fds[i].fd >= 0 && in->fds[i].revents != 0)
				take_input(in, &in->fds[i]);
	}
}

_Noreturn void init_main(void)
{
	struct init in = {.console = {2}};
	sigset_t mask;

	umask(022);
	for (int i = 0; i < SLOTS; i++)
		in.fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	mount_all(&in);
	open_console(&in);
	set_up_kernel();
	in.fds[SLOT_SIGNALS].fd = open_signals(&mask);
	start_agent(&in, &mask);
	loop(&in);
	power_off(&in);
}
