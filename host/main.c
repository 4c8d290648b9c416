/*
 * bhyfid: the daemon of one instance.
 *
 * Theory of operation: the order of the start.
 *
 *  1. Arguments, configuration, networks file, image: checked by the process that was
 *     started, which still has the user's terminal. -n ends here.
 *  2. Root is needed from here on. Without -f the process forks; the original waits
 *     on the `ready` pipe and ends with 0 only when the daemon serves, else with
 *     the daemon's own error (struct err travels through the pipe).
 *  3. RUN/INSTANCE is made and becomes the working directory: all names below are
 *     relative, so a deep PREFIX does not matter to sockets (sun_path).
 *  4. The lock, before anything that two daemons could disturb for each other. The
 *     descriptor goes to the privileged process alone; it is free when that is gone.
 *  5. Log files and control socket are opened, as root, in a folder that the later
 *     main process can not write.
 *  6. daemon_run() splits off the privileged process (this one: its pid is in the lock
 *     file) and runs the loop in the child, chrooted and without rights. Left-overs of a
 *     former daemon are adopted or cleared; then `ready` is said; then the VM starts.
 *
 * The privileged process removes lock and control socket at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../image/image.h"
#include "apconf.h"
#include "cleanup.h"
#include "config.h"
#include "daemon.h"
#include "fs.h"
#include "keep.h"
#include "log.h"
#include "networks.h"
#include "os/os.h"
#include "paths.h"
#include "priv.h"
#include "unixsock.h"
#include "wpa-door.h"

#define CONTROL_BACKLOG 8

struct options {
	const char *instance;
	bool foreground, check_only, clear, help, version;
};

static const char usage_text[] =
    "usage: bhyfid [-fn] [-i INSTANCE] [--clear]\n"
    "  -f           stay in the foreground, log to standard error too\n"
    "  -n           check the configuration and the networks file, then end\n"
    "  -i INSTANCE  default: wlan\n"
    "  --clear      stop what a former bhyfid left, then end\n"
    "  --version\n";

static int parse_options(struct options *o, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {{"foreground", no_argument, NULL, 'f'},
	    {"check", no_argument, NULL, 'n'}, {"instance", required_argument, NULL, 'i'},
	    {"clear", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0}};
	int c;

	*o = (struct options){.instance = "wlan"};
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":fni:h", longs, NULL)) != -1)
		switch (c) {
		case 'f':
			o->foreground = true;
			break;
		case 'n':
			o->check_only = true;
			break;
		case 'i':
			o->instance = optarg;
			break;
		case 'c':
			o->clear = true;
			break;
		case 'h':
			o->help = true;
			break;
		case 'v':
			o->version = true;
			break;
		default:
			err_set(e, ERR_USAGE, "%s: %s", argv[optind - 1],
			    c == ':' ? "it needs a value" : "no such option");
			return err_hint(e, "bhyfid --help");
		}
	if (optind == argc)
		return 0;
	err_set(e, ERR_USAGE, "%s: no arguments are expected", argv[optind]);
	return err_hint(e, "bhyfid --help");
}

/* What is known before the daemon runs. */
struct known {
	struct config config;
	struct image image;
	char card_name[96];
};

static int check_networks(const struct config *c, struct err *e)
{
	struct networks n;
	struct apconf a;

	if (c->mode == MODE_AP) {
		if (apconf_load(c->access_point, &a, e) < 0)
			return -1;
		apconf_free(&a);
		return 0;
	}
	if (networks_load(c->networks, &n, e) < 0)
		return -1;
	networks_free(&n);
	return 0;
}

static void name_card(struct known *k)
{
	const struct card_id *id = &k->config.card;
	struct card_list l = {.n = 0};

	if (id->kind == CARD_SIM) {
		snprintf(k->card_name, sizeof(k->card_name), "simulated WLAN (%s)",
		    id->scenario);
		return;
	}
	const struct os_ops *os = os_for(&k->config, NULL);

	if (os == NULL || os->cards(&l, NULL) < 0)
		return;
	for (size_t i = 0; i < l.n; i++) {
		const struct card_id *other = &l.cards[i].id;

		if (other->domain == id->domain && other->bus == id->bus &&
		    other->slot == id->slot && other->function == id->function)
			snprintf(
			    k->card_name, sizeof(k->card_name), "%s", l.cards[i].name);
	}
}

/* What the VMM needs is checked at each of its starts, too; here a program that is
 * missing is an error of the command instead of a machine that failed. */
static int check_vmm(const struct known *k, struct err *e)
{
	struct vm_spec spec;

	if (os_for(&k->config, e) == NULL ||
	    vm_spec_init(&spec, &k->config, &k->image, e) < 0)
		return -1;
	return vmm_find(k->config.vmm)->check(&spec, e);
}

/* Step 1. A daemon that only clears needs neither networks nor image. */
static int check(struct known *k, const struct options *o, struct err *e)
{
	if (config_load(&k->config, o->instance, e) < 0)
		return -1;
	if (!o->clear && check_networks(&k->config, e) < 0)
		return -1;
	if (o->check_only || o->clear)
		return 0;
	if (priv_image_check(&k->config, &k->image, e) < 0)
		return -1;
	return check_vmm(k, e);
}

/* Step 2. The daemon's error, or that it serves, as the original process hears it. */
static int hear(int ready, struct err *e)
{
	char buf[1 + sizeof(*e)];
	size_t have = 0;
	ssize_t n;

	while (have < sizeof(buf) &&
	       (n = read(ready, buf + have, sizeof(buf) - have)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "bhyfid");
		have += (size_t)n;
	}
	if (have >= 1 && buf[0] == '1')
		return 0;
	if (have == sizeof(buf) && buf[0] == 'e') {
		memcpy(e, buf + 1, sizeof(*e));
		return -1;
	}
	return err_set(e, ERR_FAILED, "bhyfid ended without a word");
}

static void tell(int ready, const struct err *e)
{
	char buf[1 + sizeof(*e)] = {'e'};

	memcpy(buf + 1, e, sizeof(*e));
	fs_write_all(ready, buf, sizeof(buf), NULL);
}

/* Returns 1 in the original process, once the daemon serves; 0 in the daemon. */
static int daemonise(int *ready, struct err *e)
{
	int p[2], null, ret;
	pid_t pid;

	if (pipe(p) < 0)
		return err_sys(e, errno, "pipe");
	fcntl(p[1], F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "fork");
	if (pid > 0) {
		close(p[1]);
		ret = hear(p[0], e);
		close(p[0]);
		return ret < 0 ? -1 : 1;
	}
	close(p[0]);
	*ready = p[1];
	setsid();
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	return 0;
}

/* Step 3. */
static int enter_run_dir(const struct config *c, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", PATH_RUN, c->instance);
	umask(022);
	if (fs_mkdir_p(path, 0755, e) < 0)
		return -1;
	return chdir(path) == 0 ? 0 : err_sys(e, errno, "%s", path);
}

static int already_running(int fd, const struct config *c, struct err *e)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	if (n > 0)
		pid[strcspn(pid, "\n")] = '\0';
	err_set(e, ERR_FAILED, "%s: bhyfid is already running (process %s)", c->instance,
	    pid[0] != '\0' ? pid : "unknown");
	return err_hint(e, "bhyfi -i %s status", c->instance);
}

/* Step 4. The descriptor, to be kept open. */
static int take_lock(const struct config *c, struct err *e)
{
	struct stat ours, named;
	char pid[16];
	int fd, n;

	while (true) {
		fd = open("lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return err_sys(e, errno, "lock");
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK)
				already_running(fd, c, e);
			else
				err_sys(e, errno, "lock");
			goto fail;
		}
		/* A daemon that ended in between has removed the name of this file. */
		if (fstat(fd, &ours) == 0 && stat("lock", &named) == 0 &&
		    ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
			break;
		close(fd);
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* A full disk is no reason not to run: the lock counts, not the number in it. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		log_warn("lock: %s", strerror(errno));
	return fd;
fail:
	close(fd);
	return -1;
}

/* Who may use a socket; "": root only, -1. */
static int socket_group(const char *group, gid_t *gid, struct err *e)
{
	*gid = (gid_t)-1;
	return group[0] != '\0' ? config_resolve_group(group, gid, e) : 0;
}

/* Step 5. */
static int open_control(const struct config *c, struct err *e)
{
	gid_t gid;

	if (socket_group(c->control_group, &gid, e) < 0)
		return -1;
	return unix_listen("control", gid, CONTROL_BACKLOG, e);
}

/* For wpa_cli and its like; who may use it is who wpa_group is, or control_group. */
static int open_wpa(const struct config *c, struct err *e)
{
	const char *group = c->wpa_group[0] != '\0' ? c->wpa_group : c->control_group;
	gid_t gid;

	if (socket_group(group, &gid, e) < 0)
		return -1;
	return wpa_door_start(gid, e);
}

/* A file that can not be written (a full disk) is done without. */
static int open_keep(struct keep *k, const char *name, mode_t mode, struct err *e)
{
	struct err why = ERR_INIT;

	if (keep_open(k, AT_FDCWD, name, mode, &why) == 0)
		return 0;
	log_warn("%s", why.msg);
	return keep_init(k, e);
}

/* Steps 3 to 6; returns in the main process, or in this one before it split. */
static int run(const struct options *o, struct known *k, int ready, struct err *e)
{
	static struct keep log, console;
	struct daemon_setup setup = {.config = &k->config,
	    .image_id = k->image.id != NULL ? k->image.id : "",
	    .kernel = k->image.kernel_version != NULL ? k->image.kernel_version : "",
	    .card_name = k->card_name,
	    .control_fd = -1,
	    .wpa_fd = -1,
	    .ready_fd = ready,
	    .log = &log,
	    .console = &console,
	    .clear = o->clear};

	pid_t self = getpid();

	log_set_level(k->config.log_level);
	if (enter_run_dir(&k->config, e) < 0 || take_lock(&k->config, e) < 0)
		return -1;
	if (open_keep(&log, "log", 0640, e) < 0 ||
	    open_keep(&console, "console.log", 0600, e) < 0)
		goto fail;
	if (!o->clear) {
		setup.control_fd = open_control(&k->config, e);
		if (setup.control_fd < 0)
			goto fail;
		setup.wpa_fd = open_wpa(&k->config, e);
		if (setup.wpa_fd < 0)
			goto fail;
	}
	if (daemon_run(&setup, e) == 0)
		return 0;
fail:
	/* In the process that split, or could not: in main the names mean nothing. */
	if (getpid() == self) {
		wpa_door_close(setup.wpa_fd);
		unlink("control");
		unlink("lock");
	}
	return -1;
}

static int start(const struct options *o, struct known *k, struct err *e)
{
	int ready = -1, ret;

	if (check(k, o, e) < 0)
		return -1;
	if (o->check_only)
		return 0;
	if (geteuid() != 0) {
		err_set(e, ERR_PRECONDITION, "bhyfid needs root");
		return err_hint(e, "run it as root, or in a user namespace of your own");
	}
	name_card(k);
	if (!o->foreground && !o->clear) {
		ret = daemonise(&ready, e);
		if (ret != 0)
			return ret < 0 ? -1 : 0;
	}
	ret = run(o, k, ready, e);
	if (ret < 0 && ready >= 0)
		tell(ready, e);
	return ret;
}

int main(int argc, char **argv)
{
	static struct known known;
	struct options o;
	struct err e = ERR_INIT;
	int ret;

	if (parse_options(&o, argc, argv, &e) < 0)
		goto failed;
	if (o.help || o.version) {
		fputs(o.help ? usage_text : "bhyfid " BHYFI_VERSION "\n", stdout);
		return 0;
	}
	ret = start(&o, &known, &e);
	image_close(&known.image);
	if (ret == 0)
		return 0;
failed:
	fprintf(stderr, "bhyfid: %s%s%s%s\n", e.msg, e.hint[0] != '\0' ? " (" : "",
	    e.hint, e.hint[0] != '\0' ? ")" : "");
	return (int)e.code;
}
