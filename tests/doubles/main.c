/*
 * Which program, where, and the fault that a test asked for: the object "fault" of
 * the state makes one run of a program go wrong.
 *
 *     program  its name; "" any
 *     skip     how many runs of it still go well
 *     action   fail          says "message" and exits with "status" (1)
 *              kill-before   kills the process that started it, then does its work
 *              kill-after    does its work, then kills the process that started it
 *              hang          until it is killed
 */
#include "double.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"

const struct double_program double_programs[] = {
    {"/usr/sbin/bhyve", double_bhyve},
    {"/usr/sbin/bhyvectl", double_bhyvectl},
    {"/usr/sbin/pciconf", double_pciconf},
    {"/usr/sbin/devctl", double_devctl},
    {"/sbin/kldload", double_kldload},
    {"/sbin/kldstat", double_kldstat},
    {"/sbin/kldunload", double_kldunload},
    {"/sbin/ifconfig", double_ifconfig},
    {"/sbin/sysctl", double_sysctl},
    {"/usr/sbin/service", double_service},
    {"/usr/sbin/rtsold", double_rtsold},
    {"/bin/pkill", double_pkill},
    {"/usr/sbin/sysrc", double_sysrc},
    {"/sbin/dhclient", double_dhclient},
    {"/bin/kenv", double_kenv},
    {"/sbin/devmatch", double_devmatch},
    {"/usr/sbin/acpidump", double_acpidump},
    {"/sbin/zfs", double_zfs},
    {"/sbin/mount", double_mount},
    {NULL, NULL},
};

char double_root[PATH_MAX];
const char *double_name = "freebsd-double";

const char *double_path(const char *path)
{
	static char buffers[4][2 * PATH_MAX];
	static unsigned next;
	char *b = buffers[next++ % ARRAY_LEN(buffers)];

	snprintf(b, sizeof(buffers[0]), "%s%s", double_root, path);
	return b;
}

const char *double_strerror(int errnum)
{
	switch (errnum) {
	case EBUSY:
		return "Device busy";
	case EADDRNOTAVAIL:
		return "Can't assign requested address";
	case ENXIO:
		return "Device not configured";
	case EDEADLK:
		return "Resource deadlock avoided";
	}
	return strerror(errnum);
}

static void say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", double_name);
	vfprintf(stderr, fmt, ap);
}

void double_err(int status, int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", double_strerror(errnum));
	exit(status);
}

void double_errx(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

void double_warnx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int double_getopt(int argc, char **argv, const char *options)
{
	char posix[128];
	int c;

	/* glibc permutes the arguments otherwise, and its message is another one. */
	snprintf(posix, sizeof(posix), "+:%s", options);
	c = getopt(argc, argv, posix);
	if (c == '?')
		double_warnx("illegal option -- %c", optopt);
	else if (c == ':')
		double_warnx("option requires an argument -- %c", optopt);
	return c == ':' ? '?' : c;
}

static void log_run(int argc, char **argv)
{
	const char *args[256] = {double_name};
	char AUTO_FREE *line = NULL;
	FILE *f;

	for (int i = 1; i < argc && i < (int)ARRAY_LEN(args) - 1; i++)
		args[i] = argv[i];
	line = cmd_quote(args);
	f = fopen(double_path("/var/double/log"), "ae");
	if (f == NULL || line == NULL)
		double_errx(70, "no log in %s", double_root);
	fprintf(f, "%s\n", line);
	fclose(f);
}

/* "" where this run goes well. */
static const char *take_fault(char *message, size_t size, int *status)
{
	static char action[16];
	json_t *state = state_open(), *f = json_object_get(state, "fault");
	const char *program = state_text(f, "program", "");
	json_int_t skip = state_int(f, "skip", 0);
	bool mine = f != NULL && (*program == '\0' || strcmp(program, double_name) == 0);

	action[0] = '\0';
	if (mine && skip > 0) {
		json_object_set_new(f, "skip", json_integer(skip - 1));
	} else if (mine) {
		snprintf(action, sizeof(action), "%s", state_text(f, "action", "fail"));
		snprintf(message, size, "%s", state_text(f, "message", "it went wrong"));
		*status = (int)state_int(f, "status", 1);
		json_object_del(state, "fault");
	}
	state_close(state, mine);
	return action;
}

static void kill_starter(void)
{
	fflush(stdout);
	kill(getppid(), SIGKILL);
}

/* Held until we exit: who waits for what a killed one has started. */
static void be_busy(void)
{
	int fd =
	    open(double_path("/var/double/busy"), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_SH) < 0)
		double_err(70, errno, "busy");
}

static int run_program(const struct double_program *p, int argc, char **argv)
{
	char message[256];
	int status = 1;
	const char *fault;

	log_run(argc, argv);
	fault = take_fault(message, sizeof(message), &status);
	if (strcmp(fault, "fail") == 0)
		double_errx(status, "%s", message);
	while (strcmp(fault, "hang") == 0)
		pause();
	if (strncmp(fault, "kill-", 5) == 0)
		be_busy();
	if (strcmp(fault, "kill-before") == 0)
		kill(getppid(), SIGKILL);
	/* However it ends; a daemon that it forked ends by a signal. */
	if (strcmp(fault, "kill-after") == 0)
		atexit(kill_starter);
	return p->run(argc, argv);
}

/* The program whose path it was started by, and double_root. */
static const struct double_program *find_self(void)
{
	const char *self = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	char path[PATH_MAX], cwd[PATH_MAX / 2] = "";
	size_t len;

	if (self == NULL || (self[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL))
		return NULL;
	snprintf(path, sizeof(path), "%s%s%.*s", cwd, self[0] == '/' ? "" : "/",
	    PATH_MAX / 2, self);
	len = strlen(path);
	for (const struct double_program *p = double_programs; p->path != NULL; p++) {
		size_t n = strlen(p->path);

		if (len <= n || strcmp(path + len - n, p->path) != 0)
			continue;
		snprintf(double_root, sizeof(double_root), "%.*s", (int)(len - n), path);
		double_name = strrchr(p->path, '/') + 1;
		return p;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct double_program *p = find_self();

	if (p != NULL)
		return run_program(p, argc, argv);
	if (argc == 3 && strcmp(argv[1], "--install") == 0)
		return double_install("/proc/self/exe", argv[2]);
	if (argc == 3 && strcmp(argv[1], "--reboot") == 0)
		return double_reboot(argv[2]);
	fprintf(stderr, "usage: freebsd-double --install|--reboot SYSROOT\n");
	return 2;
}
