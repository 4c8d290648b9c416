/*
 * service(8) with the one script dhclient, dhclient(8), rtsold(8), pkill(1) by a pid
 * file, and sysrc(8), reading only.
 *
 * The script is libexec/rc/rc.d/dhclient with what rc.subr adds. The clients are real
 * processes: by default one that only waits, or the program of "dhclient_program" in
 * the state (an absolute path of Linux'), which gets the interface's name.
 */
#include "double.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "fs.h"
#include "link.h"

#define LEASE_WAIT_S 60

char *rc_value(const char *name)
{
	static const char script[] =
	    "for f in \"$2/etc/defaults/rc.conf\" \"$2/etc/rc.conf\" "
	    "\"$2/etc/rc.conf.local\"; do [ ! -r \"$f\" ] || . \"$f\"; done\n"
	    "eval \"[ -n \\\"\\${$1+x}\\\" ] && printf '%s' \\\"\\$$1\\\"\"";
	const char *const argv[] = {
	    "/bin/sh", "-c", script, "sh", name, double_root, NULL};
	const struct cmd_opts opts = {.quiet = 1};
	char *out = NULL;

	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
			 "0123456789") != strlen(name))
		return NULL;
	return cmd_run(argv, &opts, &out, NULL, NULL) == 0 ? out : NULL;
}

/* A variable of an interface, or the default's. */
static char *if_value(const char *prefix, const char *ifname, const char *def)
{
	char name[64];
	char *v;

	snprintf(name, sizeof(name), "%.24s%.16s", prefix, ifname);
	v = rc_value(name);
	return v != NULL || def == NULL ? v : rc_value(def);
}

static bool is_yes(const char *v)
{
	return v != NULL && (strcasecmp(v, "yes") == 0 || strcasecmp(v, "true") == 0 ||
				strcasecmp(v, "on") == 0 || strcmp(v, "1") == 0);
}

static bool dhcpif(const char *ifname)
{
	char AUTO_FREE *args = if_value("ifconfig_", ifname, "ifconfig_DEFAULT");
	bool yes = false;
	char *save = NULL;

	for (char *w = args != NULL ? strtok_r(args, " \t\n", &save) : NULL; w != NULL;
	     w = strtok_r(NULL, " \t\n", &save)) {
		if (strcasecmp(w, "noauto") == 0)
			continue;
		yes |= strcasecmp(w, "dhcp") == 0 || strcasecmp(w, "syncdhcp") == 0 ||
		       strcasecmp(w, "nosyncdhcp") == 0;
	}
	return yes;
}

/* A pid file of a process that holds its lock; 0: none runs. */
static pid_t pidfile_pid(const char *path)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 ||
	    read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	return (pid_t)atoi(text);
}

/*
 * Starts a daemon: program (its argument: ifname) or, NULL, one that waits for a
 * signal. It holds the lock on its pid file.
 */
static int start_daemon(const char *pidfile, const char *program, const char *ifname)
{
	char text[16];
	int ready[2], fd;
	pid_t pid;

	fd = open(pidfile, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || pipe(ready) < 0)
		return errno == EWOULDBLOCK ? EEXIST : errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return errno;
	if (pid > 0) {
		char c;

		close(ready[1]);
		while (read(ready[0], &c, 1) < 0 && errno == EINTR)
			;
		close(ready[0]);
		close(fd);
		return 0;
	}
	setsid();
	snprintf(text, sizeof(text), "%d", (int)getpid());
	if (write(fd, text, strlen(text)) < 0)
		_exit(1);
	for (int i = 0; i < 3; i++)
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), i);
	/* Its descriptor of the pid file stays, and with it the lock. */
	for (int i = 3; i < 64; i++)
		if (i != fd)
			close(i);
	if (program != NULL) {
		execl(program, program, ifname, (char *)NULL);
		_exit(1);
	}
	signal(SIGTERM, SIG_DFL);
	while (true)
		pause();
}

/* Ends the process behind a pid file and waits until its lock is free. */
static void stop_daemon(const char *pidfile, pid_t pid)
{
	int AUTO_CLOSE fd = open(pidfile, O_RDONLY | O_CLOEXEC);

	kill(pid, SIGTERM);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	unlink(pidfile);
}

static void dhclient_pidfile(const char *ifname, char out[2 * PATH_MAX])
{
	char path[64];

	snprintf(path, sizeof(path), "/var/run/dhclient/dhclient.%.16s.pid", ifname);
	snprintf(out, 2 * PATH_MAX, "%s", double_path(path));
}

void dhclient_lost_link(const char *ifname)
{
	char pidfile[2 * PATH_MAX];
	pid_t pid;

	dhclient_pidfile(ifname, pidfile);
	pid = pidfile_pid(pidfile);
	if (pid > 0)
		stop_daemon(pidfile, pid);
}

static int dhclient_stop(const char *ifname)
{
	char pidfile[2 * PATH_MAX];
	pid_t pid;

	dhclient_pidfile(ifname, pidfile);
	pid = pidfile_pid(pidfile);
	if (pid <= 0) {
		printf(
		    "dhclient not running? (check /var/run/dhclient/dhclient.%s.pid).\n",
		    ifname);
		return 1;
	}
	printf("Stopping dhclient.\nWaiting for PIDS: %d.\n", (int)pid);
	stop_daemon(pidfile, pid);
	return 0;
}

static int dhclient_start(const char *ifname, const char *background)
{
	char AUTO_FREE *program = NULL;
	char pidfile[2 * PATH_MAX];
	json_t *state;
	struct link l;
	pid_t pid;
	int error;

	dhclient_pidfile(ifname, pidfile);
	pid = pidfile_pid(pidfile);
	if (pid > 0) {
		printf("dhclient already running?  (pid=%d).\n", (int)pid);
		return 1;
	}
	printf("Starting dhclient.\n");
	fs_mkdir_p(double_path("/var/run/dhclient"), 0755, NULL);
	if (link_read(ifname, &l) != 0 || !l.exists || (l.tap && !l.open)) {
		fprintf(stderr, "%s: no link .............. giving up\n", ifname);
		fprintf(
		    stderr, "/etc/rc.d/dhclient: WARNING: failed to start dhclient\n");
		return 1;
	}
	link_set_up(ifname, true);
	state = state_open();
	if (state_text(state, "dhclient_program", NULL) != NULL)
		program = strdup(state_text(state, "dhclient_program", ""));
	state_close(state, false);
	error = start_daemon(pidfile, program, ifname);
	if (error != 0)
		double_err(1, error, "%s", pidfile);
	/* In the foreground until there is a lease. */
	if (!is_yes(background))
		sleep(LEASE_WAIT_S);
	return 0;
}

int double_dhclient(int argc, char **argv)
{
	char pidfile[2 * PATH_MAX];
	const char *background = "NO";
	pid_t pid;
	int c;

	while ((c = double_getopt(argc, argv, "bc:dl:np:qu")) != -1) {
		if (c == 'b')
			background = "YES";
		if (c == '?')
			break;
	}
	if (c == '?' || optind + 1 != argc) {
		fprintf(stderr, "usage: dhclient [-bdnqu] [-c conffile] [-l leasefile] "
				"interface\n");
		return 1;
	}
	dhclient_pidfile(argv[optind], pidfile);
	pid = pidfile_pid(pidfile);
	if (pid > 0) {
		fprintf(
		    stderr, "dhclient already running, pid: %d.\nexiting.\n", (int)pid);
		return 1;
	}
	return dhclient_start(argv[optind], background);
}

static int dhclient_script(
    const char *command, const char *ifname, const char *background)
{
	bool quiet = strncmp(command, "quiet", 5) == 0;
	bool force = strncmp(command, "force", 5) == 0;
	char pidfile[2 * PATH_MAX];
	bool restart;

	command += quiet || force ? 5 : 0;
	restart = strcmp(command, "restart") == 0;
	if (strcmp(command, "status") == 0) {
		dhclient_pidfile(ifname, pidfile);
		pid_t pid = pidfile_pid(pidfile);

		printf(pid > 0 ? "dhclient is running as pid %d.\n"
			       : "dhclient is not running.\n",
		    (int)pid);
		return pid <= 0;
	}
	if (!restart && strcmp(command, "start") != 0 && strcmp(command, "stop") != 0) {
		fprintf(stderr, "/etc/rc.d/dhclient: unknown directive '%s'.\n", command);
		return 1;
	}
	if ((restart || strcmp(command, "stop") == 0) && dhclient_stop(ifname) != 0 &&
	    !restart)
		return 1;
	if (!restart && strcmp(command, "stop") == 0)
		return 0;
	if (!force && !dhcpif(ifname)) {
		if (!quiet)
			printf("'%s' is not a DHCP-enabled interface\n", ifname);
		return 1;
	}
	return dhclient_start(ifname, background);
}

int double_service(int argc, char **argv)
{
	char AUTO_FREE *background = NULL;
	char name[64] = "background_dhclient_";
	const char *set = "";
	int c;

	while ((c = double_getopt(argc, argv, "dE:qv")) != -1) {
		if (c == '?')
			return 1;
		if (c == 'E')
			set = optarg;
	}
	argc -= optind;
	argv += optind;
	if (argc < 1) {
		printf("\nUsage:\nservice [-j <jail name or id>] -e\n");
		return 1;
	}
	if (strcmp(argv[0], "dhclient") != 0) {
		printf("%s does not exist in /etc/rc.d or the local startup\n"
		       "directories (/usr/local/etc/rc.d), or is not executable\n",
		    argv[0]);
		return 1;
	}
	if (argc != 3) {
		fprintf(stderr, "/etc/rc.d/dhclient: ERROR: /etc/rc.d/dhclient: no "
				"interface specified\n");
		return 1;
	}
	/* rc.conf has the last word. */
	background = if_value(name, argv[2], "background_dhclient");
	snprintf(name + strlen(name), 32, "%.16s=", argv[2]);
	if (strncmp(set, name, strlen(name)) == 0) {
		free(background);
		background = strdup(set + strlen(name));
	}
	return dhclient_script(argv[1], argv[2], background);
}

int double_rtsold(int argc, char **argv)
{
	char pidfile[2 * PATH_MAX];
	const char *file = "/var/run/rtsold.pid";
	int c, error;

	while ((c = double_getopt(argc, argv, "adDfFim1O:A:M:R:p:u")) != -1) {
		if (c == 'p')
			file = optarg;
		if (c == '?')
			break;
	}
	if (c == '?' || optind == argc) {
		fprintf(stderr,
		    "usage: rtsold [-dDfFimu1] [-O script-name] [-M script-name ] [-A "
		    "script-name ] [-p pidfile] [-R script-name] interface ...\n");
		return 1;
	}
	snprintf(pidfile, sizeof(pidfile), "%s", double_path(file));
	if (pidfile_pid(pidfile) > 0)
		double_errx(1, "failed to open pidfile: File exists");
	error = start_daemon(pidfile, NULL, NULL);
	if (error != 0)
		double_err(1, error, "failed to open pidfile");
	return 0;
}

int double_pkill(int argc, char **argv)
{
	const char *file = NULL;
	bool locked = false;
	char path[2 * PATH_MAX];
	pid_t pid;
	int c;

	while ((c = double_getopt(argc, argv, "LF:")) != -1) {
		if (c == '?')
			break;
		locked |= c == 'L';
		if (c == 'F')
			file = optarg;
	}
	/* Never by a pattern. */
	if (c == '?' || optind != argc || file == NULL || !locked) {
		fprintf(stderr, "usage: pkill [-signal] [-Lx] -F pidfile\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s", double_path(file));
	if (access(path, R_OK) < 0)
		double_errx(3, "Cannot open pidfile `%s': %s", file, strerror(errno));
	pid = pidfile_pid(path);
	if (pid <= 0)
		double_errx(3, "File '%s' can be locked", file);
	stop_daemon(path, pid);
	return 0;
}

int double_sysrc(int argc, char **argv)
{
	bool bare = false, quiet = false;
	int c, ret = 0;

	while ((c = double_getopt(argc, argv, "nqi")) != -1) {
		bare |= c == 'n';
		quiet |= c == 'q';
		if (c == '?')
			break;
	}
	if (c == '?' || optind == argc) {
		fprintf(stderr,
		    "Usage: sysrc [OPTIONS] {name[[+|-]=value] ... | -a | -A | "
		    "-l | -L [name ...]}\nTry `sysrc --help' for more "
		    "information.\n");
		return 1;
	}
	for (; optind < argc; optind++) {
		char AUTO_FREE *v = rc_value(argv[optind]);

		if (v == NULL) {
			ret = 1;
			if (!quiet)
				double_warnx("unknown variable '%s'", argv[optind]);
		} else if (bare) {
			printf("%s\n", v);
		} else {
			printf("%s: %s\n", argv[optind], v);
		}
	}
	return ret;
}
