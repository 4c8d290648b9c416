/*
 * priv*.c as it runs: a real fork into root and main, real taps in a network
 * namespace of our own, a shell script in the place of QEMU. Root only.
 *
 * Each test is a story told by the main process, which priv_split() returns to; a
 * check that fails there ends it with status 1, which becomes the status of the
 * privileged parent that the test waits for.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../image/image.h"
#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "paths.h"
#include "os/native.h"
#include "priv-server.h"

#define WAIT_MS 10000

static char dir[] = "/tmp/bhyfi-priv-XXXXXX";
static char run_dir[PATH_MAX];
static char lines[8192]; /* what main logged */
static int tell[2];      /* main's story -> the test */

/* In the place of image.c's: any two files that the VM's user can read. */
int image_open_trusted(const char *path, struct image *img, struct err *e)
{
	(void)path;
	(void)e;
	memset(img, 0, sizeof(*img));
	img->id = strdup("unit-1.0");
	img->kernel_version = strdup("1.0");
	img->vmlinux = strdup("/etc/passwd");
	img->air_initrd_cpio = strdup("/etc/passwd");
	return 0;
}

int image_open(const char *path, struct image *img, struct err *e)
{
	return image_open_trusted(path, img, e);
}

int image_check_files(
    const struct image *img, const struct image_file *files, size_t n, struct err *e)
{
	(void)img;
	(void)files;
	(void)n;
	(void)e;
	return 0;
}

int image_check_data(const struct image *img, const char *path, const void *data,
    size_t len, struct err *e)
{
	(void)img;
	(void)path;
	(void)data;
	(void)len;
	(void)e;
	return 0;
}

void image_close(struct image *img)
{
	free(img->id);
	free(img->kernel_version);
	free(img->vmlinux);
	free(img->air_initrd_cpio);
	memset(img, 0, sizeof(*img));
}

static void keep_line(void *arg, enum log_level level, const char *text)
{
	size_t at = strlen(lines);

	(void)arg;
	(void)level;
	snprintf(lines + at, sizeof(lines) - at, "%s\n", text);
}

static _Noreturn void story_failed(int line, const char *what, const char *why)
{
	fprintf(stderr, "# test-priv.c:%d: %s: %s\n", line, what, why);
	fprintf(stderr, "# log:\n%s", lines);
	_exit(1);
}

#define CHECK(cond)                                                                      \
	((cond) ? (void)0 : story_failed(__LINE__, #cond, e.msg[0] ? e.msg : "no"))
#define CALL(op, arg, mac, reply) CHECK(priv_call(p, op, arg, mac, reply, &e) == 0)
#define REFUSED(op, arg, mac, want)                                                      \
	CHECK(priv_call(p, op, arg, mac, NULL, &e) == -1 && e.code == (want))

typedef void story(struct priv *p, const struct config *c);

static void make_config(struct config *c)
{
	struct err e = ERR_INIT;

	assert_int_equal(config_init(c, "unit-priv", &e), 0);
	card_id_parse("sim:open", &c->card, &e);
	snprintf(c->qemu, sizeof(c->qemu), "%s/vmm", dir);
	snprintf(c->networks, sizeof(c->networks), "%s/networks", dir);
	snprintf(c->accel, sizeof(c->accel), "tcg");
	/* One image, not a folder of them that is somebody's. */
	snprintf(c->image, sizeof(c->image), "%s/image", dir);
	snprintf(c->user, sizeof(c->user), "26969");
	snprintf(c->vm_user, sizeof(c->vm_user), "26970");
}

static void set_vmm(const char *script)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/vmm", dir);
	assert_int_equal(fs_write_atomic(path, 0755, script, strlen(script), NULL), 0);
}

static bool one_user; /* a user namespace that holds nobody else */

static void enter_user_namespace(void)
{
	struct err e = ERR_INIT;
	int fd;

	CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
	fd = open("/proc/self/uid_map", O_WRONLY);
	CHECK(fd >= 0 && write(fd, "0 0 1", 5) == 5);
	close(fd);
}

/* Starts the privileged process whose main tells the story; its pid. */
static pid_t begin(story *tells, const struct config *c)
{
	int keep[] = {0, 1, 2, tell[1], -1};
	struct err e = ERR_INIT;
	struct priv *p;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	log_set_level(LOG_LEVEL_DEBUG);
	if (one_user)
		enter_user_namespace();
	p = priv_split(c, keep, &e);
	if (p == NULL)
		story_failed(__LINE__, "priv_split", e.msg);
	log_set_sink(keep_line, NULL);
	tells(p, c);
	priv_free(p);
	_exit(0);
}

static int finish(pid_t pid)
{
	int st;

	assert_int_equal(waitpid(pid, &st, 0), pid);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static void tell_pid(pid_t pid)
{
	if (write(tell[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
}

static pid_t hear_pid(void)
{
	struct pollfd p = {.fd = tell[0], .events = POLLIN};
	pid_t pid;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(read(tell[0], &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

static bool exists(const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", run_dir, name);
	return access(path, F_OK) == 0;
}

static void nothing_is_left(const struct config *c)
{
	struct host_if i;

	assert_int_equal(host_if(c->interface, &i, NULL), 0);
	assert_false(i.exists);
	assert_false(exists("agent") || exists("console") || exists("qmp"));
	assert_false(exists(VM_STATE_FILE));
}

/* The next event of that kind. */
static struct priv_vm_event wait_event(struct priv *p, enum priv_event_kind kind)
{
	struct pollfd f = {.fd = priv_event_fd(p), .events = POLLIN};
	struct priv_vm_event ev;
	struct err e = ERR_INIT;
	int got;

	while (true) {
		CHECK(poll(&f, 1, WAIT_MS) == 1);
		while ((got = priv_event(p, &ev, &e)) == 1)
			if (ev.kind == kind)
				return ev;
		CHECK(got == 0);
	}
}

static void wait_log(struct priv *p, const char *text)
{
	struct pollfd f = {.fd = priv_event_fd(p), .events = POLLIN};
	struct priv_vm_event ev;
	struct err e = ERR_INIT;

	while (strstr(lines, text) == NULL) {
		if (poll(&f, 1, WAIT_MS) != 1)
			story_failed(__LINE__, text, "is not in the log");
		CHECK(priv_event(p, &ev, &e) >= 0);
	}
}

static int connect_to(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", name);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fd : -1;
}

static void whole_life(struct priv *p, const struct config *c)
{
	static const uint8_t mac[6] = {0x02, 1, 2, 3, 4, 5}, multicast[6] = {0x03},
			     zero[6];
	struct err e = ERR_INIT;
	struct priv_reply r;
	struct host_if i;
	char text[16] = "";

	CHECK(getuid() == 26969 && getgid() == 26969 && setuid(0) == -1);
	CHECK(access("/etc/passwd", F_OK) == -1);
	CHECK(socket(AF_INET, SOCK_STREAM, 0) == -1);
	CALL(PRIV_ADOPT, 0, NULL, &r);
	CHECK(r.value == 0 && r.fd == -1);
	REFUSED(PRIV_VM_START, 0, NULL, ERR_USAGE);
	REFUSED(PRIV_TAP_MAC, 0, mac, ERR_USAGE);
	REFUSED(PRIV_TAP_CARRIER, 1, NULL, ERR_USAGE);
	REFUSED(PRIV_VM_SIGNAL, SIGKILL, NULL, ERR_NOT_RUNNING);
	CALL(PRIV_PREPARE, 0, NULL, NULL);
	REFUSED(PRIV_PREPARE, 0, NULL, ERR_USAGE);
	REFUSED(PRIV_ADOPT, 0, NULL, ERR_USAGE);
	CHECK(host_if(c->interface, &i, &e) == 0 && i.exists && !i.up);
	CALL(PRIV_VM_START, 0, NULL, &r);
	CHECK(r.pid > 1 && kill(r.pid, 0) == -1 && errno == EPERM);
	REFUSED(PRIV_VM_START, 0, NULL, ERR_USAGE);
	REFUSED(PRIV_RELEASE, 0, NULL, ERR_USAGE);
	wait_log(p, "qemu: uid 26970 26970");
	CHECK(connect_to("agent") >= 0 && connect_to("qmp") >= 0);
	REFUSED(PRIV_TAP_MAC, 0, multicast, ERR_USAGE);
	REFUSED(PRIV_TAP_MAC, 0, zero, ERR_USAGE);
	REFUSED(PRIV_TAP_CARRIER, 2, NULL, ERR_USAGE);
	REFUSED(PRIV_VM_SIGNAL, SIGSTOP, NULL, ERR_USAGE);
	CALL(PRIV_TAP_MAC, 0, mac, NULL);
	CALL(PRIV_TAP_CARRIER, 1, NULL, NULL);
	CHECK(host_if(c->interface, &i, &e) == 0 && i.carrier);
	CHECK(memcmp(i.mac, mac, 6) == 0);
	CALL(PRIV_NETWORKS, 0, NULL, &r);
	CHECK(
	    read(r.fd, text, sizeof(text) - 1) > 0 && strcmp(text, "network={}\n") == 0);
	close(r.fd);
	CALL(PRIV_VM_SIGNAL, SIGKILL, NULL, NULL);
	struct priv_vm_event ev = wait_event(p, PRIV_EVENT_VM_EXIT);
	CHECK(ev.reason == VM_EXIT_CRASH && WIFSIGNALED(ev.wait_status));
	CHECK(host_if(c->interface, &i, &e) == 0 && i.exists);
	/* The same tap serves the next run. */
	CALL(PRIV_VM_START, 0, NULL, &r);
	CALL(PRIV_VM_SIGNAL, SIGTERM, NULL, NULL);
	wait_event(p, PRIV_EVENT_VM_EXIT);
	CALL(PRIV_RELEASE, 0, NULL, NULL);
	CALL(PRIV_RELEASE, 0, NULL, NULL);
}

static void a_vm_is_prepared_run_and_released(void **state)
{
	struct config c;

	(void)state;
	make_config(&c);
	set_vmm("#!/bin/sh\necho \"uid $(id -u) $(id -G)\" >&2\nexec sleep 1000\n");
	assert_int_equal(finish(begin(whole_life, &c)), 0);
	nothing_is_left(&c);
}

static void end_vm(struct priv *p)
{
	struct err e = ERR_INIT;

	CALL(PRIV_VM_SIGNAL, SIGKILL, NULL, NULL);
	wait_event(p, PRIV_EVENT_VM_EXIT);
}

/* The interface stays, unplugged, and is the same one all the time. */
static void sleeps(struct priv *p, const struct config *c)
{
	unsigned index = 0;
	struct err e = ERR_INIT;
	struct priv_reply r;
	struct host_if i;

	CALL(PRIV_ADOPT, 0, NULL, &r);
	for (int n = 0; n < 2; n++) {
		CALL(PRIV_PREPARE, 0, NULL, NULL);
		CALL(PRIV_VM_START, 0, NULL, &r);
		CALL(PRIV_TAP_CARRIER, 1, NULL, NULL);
		CHECK(n == 0 || if_nametoindex(c->interface) == index);
		index = if_nametoindex(c->interface);
		REFUSED(PRIV_SUSPEND, 0, NULL, ERR_USAGE);
		end_vm(p);
		CALL(PRIV_SUSPEND, 0, NULL, NULL);
		CALL(PRIV_SUSPEND, 0, NULL, NULL);
		CHECK(host_if(c->interface, &i, &e) == 0 && i.exists && !i.carrier);
		REFUSED(PRIV_VM_START, 0, NULL, ERR_USAGE);
	}
	_exit(7);
}

static void sleeps_on(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct priv_reply r;
	struct host_if i;

	CALL(PRIV_ADOPT, 0, NULL, &r);
	CHECK(r.value == 3);
	CHECK(host_if(c->interface, &i, &e) == 0 && i.exists && !i.carrier);
	REFUSED(PRIV_VM_START, 0, NULL, ERR_USAGE);
	_exit(7);
}

static void wakes(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct priv_reply r;

	(void)c;
	CALL(PRIV_ADOPT, 0, NULL, &r);
	CHECK(r.value == 3);
	CALL(PRIV_PREPARE, 0, NULL, NULL);
	CALL(PRIV_VM_START, 0, NULL, &r);
	end_vm(p);
	CALL(PRIV_RELEASE, 0, NULL, NULL);
}

/* That it sleeps outlives main, however that ends; also with another configuration. */
static void a_sleep_is_remembered(void **state)
{
	struct config c;

	(void)state;
	make_config(&c);
	set_vmm("#!/bin/sh\nexec sleep 1000\n");
	assert_int_equal(finish(begin(sleeps, &c)), 1);
	assert_true(exists(VM_STATE_FILE));
	assert_false(exists("agent") || exists("console") || exists("qmp"));
	assert_int_equal(finish(begin(sleeps_on, &c)), 1);
	assert_int_equal(finish(begin(wakes, &c)), 0);
	nothing_is_left(&c);
	assert_int_equal(finish(begin(sleeps, &c)), 1);
	snprintf(c.interface, sizeof(c.interface), "another0");
	assert_int_equal(finish(begin(wakes, &c)), 0);
	nothing_is_left(&c);
}

static void life_of_one_user(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct priv_reply r;
	struct host_if i;

	CHECK(getuid() == 0 && access("/etc/passwd", F_OK) == -1);
	CHECK(chroot("/") == -1 && socket(AF_INET, SOCK_STREAM, 0) == -1);
	CALL(PRIV_ADOPT, 0, NULL, &r);
	CALL(PRIV_PREPARE, 0, NULL, NULL);
	CALL(PRIV_VM_START, 0, NULL, &r);
	wait_log(p, "qemu: CapEff:\\x090000000000000000");
	CHECK(connect_to("agent") >= 0);
	CALL(PRIV_TAP_CARRIER, 1, NULL, NULL);
	CHECK(host_if(c->interface, &i, &e) == 0 && i.carrier);
	CALL(PRIV_VM_SIGNAL, SIGKILL, NULL, NULL);
	wait_event(p, PRIV_EVENT_VM_EXIT);
	CALL(PRIV_RELEASE, 0, NULL, NULL);
}

static void a_namespace_of_one_user_is_enough(void **state)
{
	struct config c;
	int status;

	(void)state;
	make_config(&c);
	set_vmm("#!/bin/sh\ngrep CapEff /proc/self/status >&2\nexec sleep 1000\n");
	one_user = true;
	status = finish(begin(life_of_one_user, &c));
	one_user = false;
	assert_int_equal(status, 0);
	nothing_is_left(&c);
}

static int raw(struct priv *p, const void *data, size_t len)
{
	struct priv_response r;

	if (send(p->req, data, len, 0) != (ssize_t)len ||
	    recv(p->req, &r, sizeof(r), 0) != sizeof(r))
		return -2;
	return r.ret == -1 && r.code == ERR_USAGE && !r.has_fd ? -1 : 0;
}

static void hostile_main(struct priv *p, const struct config *c)
{
	struct priv_request r = {.op = PRIV_ADOPT + 1};
	uint8_t big[4096] = {0};
	struct err e = ERR_INIT;

	(void)c;
	CHECK(raw(p, &r, sizeof(r)) == -1);
	r.op = UINT32_MAX;
	CHECK(raw(p, &r, sizeof(r)) == -1);
	r.op = PRIV_PREPARE;
	CHECK(raw(p, &r, sizeof(r) - 1) == -1);
	CHECK(raw(p, big, sizeof(big)) == -1);
	CHECK(raw(p, big, sizeof(r) + 1) == -1);
	r.zero[1] = 1;
	CHECK(raw(p, &r, sizeof(r)) == -1);
	r.zero[1] = 0;
	r.arg = 5;
	CHECK(raw(p, &r, sizeof(r)) == -1);
	r.arg = 0;
	r.mac[3] = 1;
	CHECK(raw(p, &r, sizeof(r)) == -1);
	/* It still serves. */
	CALL(PRIV_RELEASE, 0, NULL, NULL);
}

static void requests_of_another_shape_are_refused(void **state)
{
	struct config c;

	(void)state;
	make_config(&c);
	assert_int_equal(finish(begin(hostile_main, &c)), 0);
	nothing_is_left(&c);
}

static void start_and_wait(struct priv *p, const struct config *c)
{
	struct pollfd f = {.fd = priv_event_fd(p), .events = POLLIN};
	struct priv_vm_event ev;
	struct err e = ERR_INIT;
	struct priv_reply r;

	(void)c;
	CALL(PRIV_PREPARE, 0, NULL, NULL);
	CALL(PRIV_VM_START, 0, NULL, &r);
	tell_pid(r.pid);
	/* Until the parent is killed. */
	while (poll(&f, 1, WAIT_MS) == 1 && priv_event(p, &ev, &e) >= 0)
		;
	tell_pid(0);
	_exit(7);
}

/* A bhyfid that was killed with all its processes but the VM; the VM's pid. */
static pid_t leave_a_vm(const struct config *c)
{
	pid_t priv, vm;

	set_vmm("#!/bin/sh\nexec sleep 1000\n");
	priv = begin(start_and_wait, c);
	vm = hear_pid();
	assert_true(vm > 1);
	kill(priv, SIGKILL);
	assert_int_equal(finish(priv), -1);
	assert_int_equal(hear_pid(), 0);
	assert_int_equal(kill(vm, 0), 0);
	return vm;
}

static void adopt_and_end(struct priv *p, const struct config *c)
{
	static const uint8_t mac[6] = {0x02, 1, 2, 3, 4, 5};
	struct err e = ERR_INIT;
	struct priv_reply r;

	(void)c;
	CALL(PRIV_ADOPT, 0, NULL, &r);
	CHECK(r.value == 1);
	pid_t vm = r.pid;
	REFUSED(PRIV_PREPARE, 0, NULL, ERR_USAGE);
	CHECK(connect_to("agent") >= 0);
	CALL(PRIV_TAP_MAC, 0, mac, NULL);
	CALL(PRIV_TAP_CARRIER, 1, NULL, NULL);
	CALL(PRIV_VM_SIGNAL, SIGKILL, NULL, NULL);
	struct priv_vm_event ev = wait_event(p, PRIV_EVENT_VM_EXIT);
	CHECK(ev.pid == vm && ev.reason == VM_EXIT_UNKNOWN);
	/* The tap went with it: it is made anew. */
	CALL(PRIV_VM_START, 0, NULL, &r);
	CALL(PRIV_TAP_CARRIER, 1, NULL, NULL);
	CALL(PRIV_VM_SIGNAL, SIGKILL, NULL, NULL);
	wait_event(p, PRIV_EVENT_VM_EXIT);
	CALL(PRIV_RELEASE, 0, NULL, NULL);
}

static void a_vm_of_a_killed_bhyfid_is_adopted(void **state)
{
	struct config c;
	struct host_if i;

	(void)state;
	make_config(&c);
	leave_a_vm(&c);
	assert_int_equal(host_if(c.interface, &i, NULL), 0);
	assert_true(i.exists && exists(VM_STATE_FILE));
	assert_int_equal(finish(begin(adopt_and_end, &c)), 0);
	nothing_is_left(&c);
}

static void adopt_finds_nothing(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct priv_reply r;

	(void)c;
	CALL(PRIV_ADOPT, 0, NULL, &r);
	CHECK(r.value == 0 && r.pid == 0);
}

static void adopt_finds_another(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct priv_reply r;

	(void)c;
	CALL(PRIV_ADOPT, 0, NULL, &r);
	CHECK(r.value == 2);
	CALL(PRIV_VM_SIGNAL, SIGKILL, NULL, NULL);
	wait_event(p, PRIV_EVENT_VM_EXIT);
	CALL(PRIV_RELEASE, 0, NULL, NULL);
}

static void wait_gone(pid_t pid)
{
	int fd;

	if (proc_watch(pid, &fd, NULL) < 0)
		return;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	close(fd);
}

static void what_is_left_without_a_vm_is_cleared(void **state)
{
	struct config c;
	pid_t vm;

	(void)state;
	make_config(&c);
	vm = leave_a_vm(&c);
	kill(vm, SIGKILL);
	wait_gone(vm);
	assert_true(exists(VM_STATE_FILE) && exists("agent"));
	assert_int_equal(finish(begin(adopt_finds_nothing, &c)), 0);
	nothing_is_left(&c);
	/* A record that no bhyfid wrote. */
	char path[PATH_MAX + 32];
	snprintf(path, sizeof(path), "%s/" VM_STATE_FILE, run_dir);
	assert_int_equal(fs_write_atomic(path, 0600, "{\"pid\":1}", 9, NULL), 0);
	assert_int_equal(finish(begin(adopt_finds_nothing, &c)), 0);
	nothing_is_left(&c);
}

static void another_process_of_that_pid_is_left_alone(void **state)
{
	struct config c;
	char path[PATH_MAX + 32];
	struct vm_record v = {.pid = getpid(), .start = 1};

	(void)state;
	make_config(&c);
	snprintf(v.vmm, sizeof(v.vmm), "qemu");
	snprintf(v.interface, sizeof(v.interface), "%s", c.interface);
	v.card = c.card;
	v.config = config_hash(&c);
	AUTO_FREE char *text = vm_record_text(&v);
	snprintf(path, sizeof(path), "%s/" VM_STATE_FILE, run_dir);
	assert_int_equal(fs_write_atomic(path, 0600, text, strlen(text), NULL), 0);
	assert_int_equal(finish(begin(adopt_finds_nothing, &c)), 0);
	nothing_is_left(&c);
}

static void a_changed_configuration_is_told(void **state)
{
	struct config c;
	pid_t vm;

	(void)state;
	make_config(&c);
	leave_a_vm(&c);
	c.memory_mib++;
	assert_int_equal(finish(begin(adopt_finds_another, &c)), 0);
	nothing_is_left(&c);
	/* Another card: it can not be run on. */
	vm = leave_a_vm(&c);
	card_id_parse("sim:wpa2", &c.card, NULL);
	assert_int_equal(finish(begin(adopt_finds_nothing, &c)), 0);
	wait_gone(vm);
	nothing_is_left(&c);
}

static void start_fails(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;

	(void)c;
	CALL(PRIV_PREPARE, 0, NULL, NULL);
	CHECK(priv_call(p, PRIV_VM_START, 0, NULL, NULL, &e) == -1);
	keep_line(NULL, LOG_LEVEL_ERROR, e.msg);
	/* The record tells of the tap only. */
	CHECK(access("agent", F_OK) == -1 && access(VM_STATE_FILE, F_OK) == 0);
	REFUSED(PRIV_VM_SIGNAL, SIGKILL, NULL, ERR_NOT_RUNNING);
	tell_pid((pid_t)(strstr(lines, "No space") != NULL));
	CALL(PRIV_RELEASE, 0, NULL, NULL);
}

static void a_vmm_that_can_not_start_is_an_error(void **state)
{
	struct config c;

	(void)state;
	make_config(&c);
	set_vmm("#!/nonexistent/interpreter\n");
	assert_int_equal(finish(begin(start_fails, &c)), 0);
	hear_pid();
	nothing_is_left(&c);
	snprintf(c.qemu, sizeof(c.qemu), "%s/no-such-vmm", dir);
	assert_int_equal(finish(begin(start_fails, &c)), 0);
	hear_pid();
	nothing_is_left(&c);
}

static void prepare_fails(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct host_if i;

	CHECK(priv_call(p, PRIV_PREPARE, 0, NULL, NULL, &e) == -1);
	CHECK(strstr(e.msg, "No space") != NULL);
	CHECK(host_if(c->interface, &i, &e) == 0 && !i.exists);
	REFUSED(PRIV_VM_START, 0, NULL, ERR_USAGE);
}

static void no_vm_runs_without_its_record(void **state)
{
	struct config c;
	char path[PATH_MAX + 32];
	static char fill[128 * 1024];
	int fd;

	(void)state;
	make_config(&c);
	set_vmm("#!/bin/sh\nexec sleep 1000\n");
	if (mount("none", run_dir, "tmpfs", 0, "size=64k,mode=755") < 0) {
		print_message("# no tmpfs here\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/fill", run_dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, fill, sizeof(fill)) > 0)
		;
	/* Nothing is taken without one either. */
	int first = finish(begin(prepare_fails, &c));
	/* A page is enough for the first, not to replace it. */
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 4096), 0);
	close(fd);
	int status = finish(begin(start_fails, &c));
	umount(run_dir);
	assert_int_equal(first, 0);
	assert_int_equal(status, 0);
	assert_int_equal(hear_pid(), 1);
	nothing_is_left(&c);
}

static void loses_its_tap(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct priv_reply r;
	struct host_if i;

	CALL(PRIV_PREPARE, 0, NULL, NULL);
	CALL(PRIV_VM_START, 0, NULL, &r);
	tell_pid(r.pid);
	wait_event(p, PRIV_EVENT_TAP_GONE);
	REFUSED(PRIV_TAP_CARRIER, 1, NULL, ERR_NOT_RUNNING);
	CALL(PRIV_VM_SIGNAL, SIGKILL, NULL, NULL);
	wait_event(p, PRIV_EVENT_VM_EXIT);
	CALL(PRIV_VM_START, 0, NULL, &r);
	CHECK(host_if(c->interface, &i, &e) == 0 && i.exists);
	CALL(PRIV_VM_SIGNAL, SIGKILL, NULL, NULL);
	wait_event(p, PRIV_EVENT_VM_EXIT);
	/* Main ends without a release: nothing runs, so priv cleans up. */
}

static void a_tap_that_is_deleted_is_told_and_made_anew(void **state)
{
	struct config c;
	pid_t priv;

	(void)state;
	make_config(&c);
	set_vmm("#!/bin/sh\nexec sleep 1000\n");
	priv = begin(loses_its_tap, &c);
	hear_pid();
	assert_int_equal(os_for(&c, NULL)->tap_destroy(c.interface, c.instance, NULL), 0);
	assert_int_equal(finish(priv), 0);
	nothing_is_left(&c);
}

static void hears_a_vmm_that_talks(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct priv_reply r;

	(void)c;
	CALL(PRIV_PREPARE, 0, NULL, NULL);
	CALL(PRIV_VM_START, 0, NULL, &r);
	struct priv_vm_event ev = wait_event(p, PRIV_EVENT_VM_EXIT);
	CHECK(WIFEXITED(ev.wait_status) && WEXITSTATUS(ev.wait_status) == 3);
	wait_log(p, "qemu: it broke");
	CHECK(strstr(lines, "\x1b") == NULL);
	CALL(PRIV_RELEASE, 0, NULL, NULL);
}

static void what_a_vmm_says_is_logged(void **state)
{
	struct config c;

	(void)state;
	make_config(&c);
	set_vmm("#!/bin/sh\nprintf 'it broke \\033[2J\\nand how' >&2\nexit 3\n");
	assert_int_equal(finish(begin(hears_a_vmm_that_talks, &c)), 0);
	nothing_is_left(&c);
}

static void listens_late(struct priv *p, const struct config *c)
{
	struct err e = ERR_INIT;
	struct priv_reply r;
	int tries = 0;

	(void)c;
	CALL(PRIV_PREPARE, 0, NULL, NULL);
	CALL(PRIV_VM_START, 0, NULL, &r);
	/* Refused as long as the VMM runs. Nothing is read meanwhile. */
	while (priv_call(p, PRIV_RELEASE, 0, NULL, NULL, &e) < 0 && tries++ < 2000)
		poll(NULL, 0, 5);
	CHECK(wait_event(p, PRIV_EVENT_VM_EXIT).pid == r.pid);
	CHECK(strstr(lines, "qemu: line 0") != NULL);
	CHECK(strstr(lines, "qemu: line 250") == NULL);
}

static void a_flood_of_lines_loses_no_event(void **state)
{
	struct config c;

	(void)state;
	make_config(&c);
	set_vmm(
	    "#!/bin/sh\ni=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done\n");
	assert_int_equal(finish(begin(listens_late, &c)), 0);
	nothing_is_left(&c);
}

static void waits_for_sigterm(struct priv *p, const struct config *c)
{
	sigset_t set;
	int sig;

	(void)p;
	(void)c;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	tell_pid(getpid());
	if (sigwait(&set, &sig) != 0 || sig != SIGTERM)
		_exit(1);
}

static void sigterm_reaches_main(void **state)
{
	struct config c;
	pid_t priv;

	(void)state;
	make_config(&c);
	priv = begin(waits_for_sigterm, &c);
	hear_pid();
	kill(priv, SIGTERM);
	assert_int_equal(finish(priv), 0);
}

static void records_are_read_as_written(void **state)
{
	struct vm_record a = {.pid = 4711,
			     .start = UINT64_MAX,
			     .config = 0x1234567890abcdef},
			 b;
	static const char *const bad[] = {"", "[]", "{}", "{\"version\":1}",
	    "{\"version\":2,\"pid\":5}", "{\"version\":1,\"pid\":1}",
	    "{\"version\":1,\"pid\":5,\"start\":\"-1\"}",
	    "{\"version\":1,\"pid\":5,\"start\":\"1\",\"vmm\":\"xen\"}",
	    "{\"version\":1,\"pid\":5,\"start\":\"1\",\"vmm\":\"qemu\"}"};
	struct err e = ERR_INIT;

	(void)state;
	snprintf(a.vmm, sizeof(a.vmm), "qemu");
	snprintf(a.interface, sizeof(a.interface), "bhyfi0");
	snprintf(a.image, sizeof(a.image), "debian-6.1.0+x~1");
	card_id_parse("pci0:3:0:0", &a.card, &e);
	a.claim = (struct card_claim){.claimed = true, .former_driver = "iwlwifi"};
	AUTO_FREE char *text = vm_record_text(&a);
	assert_non_null(text);
	if (vm_record_parse(&b, text, strlen(text), &e) < 0)
		fail_msg("%s", e.msg);
	assert_memory_equal(&a, &b, sizeof(a));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(vm_record_parse(&b, bad[i], strlen(bad[i]), &e), -1);
}

static void reads_files_again(struct priv *p, const struct config *c)
{
	struct priv_reply r = {.fd = -1};
	struct err e = ERR_INIT;
	struct config got;
	struct stat st;

	CALL(PRIV_CONFIG, 0, NULL, &r);
	CHECK(pread(r.fd, &got, sizeof(got), 0) == sizeof(got));
	close(r.fd);
	/* What can change while a VM runs has, and the rest is said to have. */
	CHECK(r.value == 1 && got.mode == MODE_WDS && strcmp(got.country, "DE") == 0);
	CHECK(strcmp(got.qemu, c->qemu) == 0);
	CALL(PRIV_AP_CONF, 0, NULL, &r);
	CHECK(fstat(r.fd, &st) == 0 && st.st_size == 7);
	close(r.fd);
	CALL(PRIV_SECRET, 0, NULL, &r);
	CHECK(fstat(r.fd, &st) == 0 && st.st_size == 32 && (st.st_mode & 0777) == 0600);
	CHECK(write(r.fd, "x", 1) < 0);
	close(r.fd);
	REFUSED(PRIV_SECRET, 1, NULL, ERR_USAGE);
	REFUSED(PRIV_CONFIG, 0, (const uint8_t *)"\2\0\0\0\0\1", ERR_USAGE);
	REFUSED(PRIV_CONFIG, 2, NULL, ERR_USAGE);
	/* And back: the access point's file is another one again, which is not there. */
	CALL(PRIV_CONFIG, 1, NULL, NULL);
	REFUSED(PRIV_AP_CONF, 0, NULL, ERR_PRECONDITION);
}

static void files_are_read_again(void **state)
{
	const char conf[] = PATH_ETC "/unit-priv.conf";
	char ap[PATH_MAX], text[PATH_MAX + 128];
	struct config c;

	(void)state;
	make_config(&c);
	snprintf(ap, sizeof(ap), "%s/hostapd.conf", dir);
	assert_int_equal(fs_write_atomic(ap, 0600, "ssid=a\n", 7, NULL), 0);
	snprintf(text, sizeof(text),
	    "card = sim:open\nmode = wds\ncountry = DE\naccess_point = %s\n", ap);
	assert_int_equal(fs_mkdir_p(PATH_ETC, 0755, NULL), 0);
	assert_int_equal(fs_write_atomic(conf, 0644, text, strlen(text), NULL), 0);
	assert_int_equal(finish(begin(reads_files_again, &c)), 0);
	unlink(conf);
}

static int set_up(void **state)
{
	char path[PATH_MAX];

	(void)state;
	snprintf(run_dir, sizeof(run_dir), PATH_RUN "/unit-priv");
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    access("/dev/net/tun", R_OK | W_OK) < 0 ||
	    fs_mkdir_p(run_dir, 0755, NULL) < 0) {
		/* Said as TAP does. */
		printf("1..0 # SKIP needs root, namespaces and /dev/net/tun\n");
		exit(0);
	}
	if (mkdtemp(dir) == NULL || chmod(dir, 0755) < 0 || pipe2(tell, O_CLOEXEC) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/networks", dir);
	return fs_write_atomic(path, 0600, "network={}\n", 11, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	fs_remove_tree(run_dir, NULL);
	return fs_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_read_as_written),
	    cmocka_unit_test(a_vm_is_prepared_run_and_released),
	    cmocka_unit_test(a_sleep_is_remembered),
	    cmocka_unit_test(files_are_read_again),
	    cmocka_unit_test(a_namespace_of_one_user_is_enough),
	    cmocka_unit_test(requests_of_another_shape_are_refused),
	    cmocka_unit_test(a_vm_of_a_killed_bhyfid_is_adopted),
	    cmocka_unit_test(what_is_left_without_a_vm_is_cleared),
	    cmocka_unit_test(another_process_of_that_pid_is_left_alone),
	    cmocka_unit_test(a_changed_configuration_is_told),
	    cmocka_unit_test(a_vmm_that_can_not_start_is_an_error),
	    cmocka_unit_test(no_vm_runs_without_its_record),
	    cmocka_unit_test(a_tap_that_is_deleted_is_told_and_made_anew),
	    cmocka_unit_test(what_a_vmm_says_is_logged),
	    cmocka_unit_test(a_flood_of_lines_loses_no_event),
	    cmocka_unit_test(sigterm_reaches_main),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
