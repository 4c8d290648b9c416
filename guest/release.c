/*
 * Theory of operation. What is to be released is read from /proc and /sys at
 * this moment, not remembered: it must work when the agent is dead, stopped or
 * confused. A step that talks to the driver runs in a child, as a broken driver
 * can hold it in the kernel for ever; PID 1 itself never waits without a bound.
 */
#include "release.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"

#define TERM_MS 2000 /* the supplicant's own time to say good-bye on the air */
#define KILL_MS 1000
#define LINK_MS 3000
#define UNBIND_MS 5000 /* some drivers wait for their firmware to stop */
#define DRAIN_MS 500
#define SUPPLICANTS_MAX 8
#define DEVICES_MAX 16
#define HWSIM "mac80211_hwsim"

static void say(struct release *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct release *r, const char *fmt, ...)
{
	char text[300] = "release: ";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + 9, sizeof(text) - 9, fmt, ap);
	va_end(ap);
	console_line(r->console, text);
}

bool release_wait_pid(int pid, int timeout_ms)
{
	struct pollfd p = {.events = POLLIN};
	int n;

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0)
		return errno == ESRCH;
	while ((n = poll(&p, 1, timeout_ms)) < 0 && errno == EINTR)
		;
	close(p.fd);
	return n > 0;
}

/* Runs fn in a child. 0: it returned 0; an errno; ETIMEDOUT where it hangs. */
static int run_step(int (*fn)(const char *), const char *arg, int timeout_ms)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(fn(arg) == 0 ? 0 : errno & 0x7f);
	if (!release_wait_pid(pid, timeout_ms)) {
		kill(pid, SIGKILL);
		return ETIMEDOUT;
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return EIO;
	return WEXITSTATUS(status);
}

static bool has_comm(const char *pid, const char *comm)
{
	char path[64], text[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, comm) == 0;
}

/* The simulated WLAN has a hostapd of its own, in another network namespace. */
static bool in_our_net(const char *pid)
{
	char path[64], own[64], its[64];
	ssize_t n, m;

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", pid);
	n = readlink("/proc/self/ns/net", own, sizeof(own));
	m = readlink(path, its, sizeof(its));
	return n > 0 && n == m && memcmp(own, its, (size_t)n) == 0;
}

static int find_processes(const char *comm, int pids[], int max)
{
	DIR *dir = opendir("/proc");
	struct dirent *de;
	int count = 0;

	while (dir != NULL && count < max && (de = readdir(dir)) != NULL)
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' &&
		    has_comm(de->d_name, comm) && in_our_net(de->d_name))
			pids[count++] = (int)strtol(de->d_name, NULL, 10);
	if (dir != NULL)
		closedir(dir);
	return count;
}

static void stop_supplicant(struct release *r)
{
	int pids[SUPPLICANTS_MAX];
	int count = find_processes("wpa_supplicant", pids, SUPPLICANTS_MAX);

	count += find_processes("hostapd", pids + count, SUPPLICANTS_MAX - count);
	r->supplicant_stopped = true;
	if (count == 0)
		say(r, "no supplicant runs");
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGTERM);
	for (int i = 0; i < count; i++) {
		if (release_wait_pid(pids[i], TERM_MS)) {
			say(r, "supplicant stopped");
			continue;
		}
		kill(pids[i], SIGKILL);
		if (release_wait_pid(pids[i], KILL_MS)) {
			say(r, "supplicant killed, it did not stop in %d ms", TERM_MS);
			continue;
		}
		say(r, "supplicant does not end, not even killed");
		r->supplicant_stopped = false;
	}
}

static int link_down(const char *ifname)
{
	int AUTO_CLOSE fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return -1;
	ifr.ifr_flags = (short)(ifr.ifr_flags & ~IFF_UP);
	return ioctl(fd, SIOCSIFFLAGS, &ifr);
}

/* The last component of the link at path; "" without one. */
static void link_name(const char *path, char *dst, size_t size)
{
	char link[512];
	const char *base;
	ssize_t n = readlink(path, link, sizeof(link) - 1);

	link[n > 0 ? n : 0] = '\0';
	base = strrchr(link, '/');
	snprintf(dst, size, "%.*s", (int)size - 1, base != NULL ? base + 1 : "");
}

struct devices {
	char dir[DEVICES_MAX][192]; /* under /sys */
	int count;
};

static void add_device(struct devices *d, const char *dir)
{
	char real[4096];

	if (realpath(dir, real) == NULL || strlen(real) >= sizeof(d->dir[0]))
		return;
	for (int i = 0; i < d->count; i++)
		if (strcmp(d->dir[i], real) == 0)
			return;
	if (d->count < DEVICES_MAX)
		memcpy(d->dir[d->count++], real, strlen(real) + 1);
}

/* Each wireless interface goes down; its device is remembered. */
static void interfaces_down(struct release *r, struct devices *d)
{
	DIR *dir = opendir("/sys/class/net");
	struct dirent *de;

	while (dir != NULL && (de = readdir(dir)) != NULL) {
		char path[160];
		int err;

		if (de->d_name[0] == '.' || strlen(de->d_name) >= IFNAMSIZ)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%.16s/phy80211", de->d_name);
		if (access(path, F_OK) < 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%.16s/device", de->d_name);
		add_device(d, path);
		err = run_step(link_down, de->d_name, LINK_MS);
		say(r, "%s %s%s%s", de->d_name, err == 0 ? "down" : "does not go down",
		    err == 0 ? "" : ": ", err == 0 ? "" : strerror(err));
	}
	if (dir != NULL)
		closedir(dir);
}

/* A card whose driver made no interface is released like any other. */
static void pci_cards(struct devices *d)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	struct dirent *de;

	while (dir != NULL && (de = readdir(dir)) != NULL) {
		char path[160], class[16] = "";

		if (de->d_name[0] == '.')
			continue;
		snprintf(
		    path, sizeof(path), "/sys/bus/pci/devices/%.64s/class", de->d_name);
		int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, class, sizeof(class) - 1) <= 0 ||
		    strncmp(class, "0x0280", 6) != 0)
			continue;
		path[strlen(path) - strlen("/class")] = '\0';
		add_device(d, path);
	}
	if (dir != NULL)
		closedir(dir);
}

static int unbind(const char *dir)
{
	char path[256];
	const char *name = strrchr(dir, '/') + 1;

	snprintf(path, sizeof(path), "%s/driver/unbind", dir);
	int AUTO_CLOSE fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	return write(fd, name, strlen(name)) == (ssize_t)strlen(name) ? 0 : -1;
}

static void unbind_device(struct release *r, const char *dir)
{
	char path[256], driver[64];
	const char *name = strrchr(dir, '/') + 1;
	int err;

	snprintf(path, sizeof(path), "%s/driver", dir);
	link_name(path, driver, sizeof(driver));
	/* Simulated radios have no bus to unbind them from: see unload_hwsim. */
	if (driver[0] == '\0' || strcmp(driver, HWSIM) == 0)
		return;
	err = run_step(unbind, dir, UNBIND_MS);
	if (err == 0) {
		say(r, "driver %s unbound from %s", driver, name);
		return;
	}
	r->driver_unbound = false;
	if (err == ETIMEDOUT)
		say(r, "driver %s hangs: not unbound from %s in %d ms", driver, name,
		    UNBIND_MS);
	else
		say(r, "driver %s not unbound from %s: %s", driver, name, strerror(err));
}

static int unload(const char *module)
{
	return (int)syscall(SYS_delete_module, module, O_NONBLOCK);
}

static void unload_hwsim(struct release *r)
{
	int err;

	if (access("/sys/module/" HWSIM, F_OK) < 0)
		return;
	err = run_step(unload, HWSIM, UNBIND_MS);
	if (err == 0) {
		say(r, "driver " HWSIM " unloaded");
		return;
	}
	r->driver_unbound = false;
	say(r, "driver " HWSIM " not unloaded: %s", strerror(err));
}

void release_radio(struct release *r)
{
	struct devices d = {.count = 0};

	stop_supplicant(r);
	interfaces_down(r, &d);
	pci_cards(&d);
	r->driver_unbound = true;
	for (int i = 0; i < d.count; i++)
		unbind_device(r, d.dir[i]);
	unload_hwsim(r);
}

static int drain(const char *path)
{
	int AUTO_CLOSE fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -1 : tcdrain(fd);
}

void release_drain_console(void)
{
	run_step(drain, "/dev/console", DRAIN_MS);
}
