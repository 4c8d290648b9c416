/*
 * The privileged process on FreeBSD's doubles, killed before and after each program
 * that it runs from preparing to releasing: the next bhyfid finds what is left and puts
 * it back, even where that one is killed on its way as well.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fbsd-tree.h"
#include "fs.h"
#include "log.h"
#include "os/native.h"
#include "paths.h"
#include "priv-server.h"

#define TAP "tap0"
#define KILLED 7 /* main's status once priv is gone */
#define STEPS_MAX 60

static const uint8_t mac[6] = {0x02, 1, 2, 3, 4, 5};
static char run_dir[PATH_MAX];
static struct config config;

typedef void story(struct priv *p);

static void call(struct priv *p, enum priv_op op, int32_t arg, const uint8_t *m)
{
	struct err e = ERR_INIT;

	if (priv_call(p, op, arg, m, NULL, &e) == 0)
		return;
	if (e.code == ERR_NOT_RUNNING)
		_exit(KILLED);
	fprintf(stderr, "# action %d: %s\n", (int)op, e.msg);
	_exit(1);
}

static void up_and_down(struct priv *p)
{
	call(p, PRIV_ADOPT, 0, NULL);
	call(p, PRIV_PREPARE, 0, NULL);
	call(p, PRIV_TAP_MAC, 0, mac);
	call(p, PRIV_TAP_CARRIER, 0, NULL);
	call(p, PRIV_RELEASE, 0, NULL);
}

/* What is run when the interface is plugged in keeps nobody, and may come to its end
 * when all is over. */
static void plug_in(struct priv *p)
{
	call(p, PRIV_PREPARE, 0, NULL);
	call(p, PRIV_TAP_CARRIER, 1, NULL);
	call(p, PRIV_TAP_MAC, 0, mac);
	call(p, PRIV_TAP_CARRIER, 0, NULL);
	call(p, PRIV_TAP_CARRIER, 1, NULL);
	call(p, PRIV_RELEASE, 0, NULL);
}

static void up(struct priv *p)
{
	call(p, PRIV_PREPARE, 0, NULL);
}

static void adopt(struct priv *p)
{
	call(p, PRIV_ADOPT, 0, NULL);
}

static void sleep_and_down(struct priv *p)
{
	call(p, PRIV_ADOPT, 0, NULL);
	call(p, PRIV_PREPARE, 0, NULL);
	call(p, PRIV_SUSPEND, 0, NULL);
	call(p, PRIV_PREPARE, 0, NULL);
	call(p, PRIV_SUSPEND, 0, NULL);
	call(p, PRIV_RELEASE, 0, NULL);
}

static void adopt_and_down(struct priv *p)
{
	call(p, PRIV_ADOPT, 0, NULL);
	call(p, PRIV_RELEASE, 0, NULL);
}

static void fall_asleep(struct priv *p)
{
	call(p, PRIV_PREPARE, 0, NULL);
	call(p, PRIV_SUSPEND, 0, NULL);
	_exit(2);
}

static void wake(struct priv *p)
{
	struct priv_reply r;
	struct err e = ERR_INIT;

	if (priv_call(p, PRIV_ADOPT, 0, NULL, &r, &e) < 0 || r.value != 3)
		_exit(3);
	if (priv_call(p, PRIV_PREPARE, 0, NULL, NULL, &e) < 0)
		_exit(4);
	call(p, PRIV_SUSPEND, 0, NULL);
	_exit(2);
}

/* Main's status, KILLED where the privileged process was. */
static int tell(story *tells)
{
	int keep[] = {0, 1, 2, -1}, st;
	struct err e = ERR_INIT;
	struct priv *p;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		log_set_level(LOG_LEVEL_ERROR);
		p = priv_split(&config, keep, &e);
		if (p == NULL) {
			fprintf(stderr, "# priv_split: %s\n", e.msg);
			_exit(1);
		}
		tells(p);
		priv_free(p);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	fbsd_settle();
	return WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL ? KILLED
	       : WIFEXITED(st)                            ? WEXITSTATUS(st)
							  : -1;
}

static bool has_record(void)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/" VM_STATE_FILE, run_dir);
	return access(path, F_OK) == 0;
}

static bool has_tap(void)
{
	struct host_if i;

	assert_int_equal(host_if(TAP, &i, NULL), 0);
	return i.exists;
}

static void nothing_is_left(const char *action, int step)
{
	if (strcmp(fbsd_driver(), "iwlwifi") != 0 || has_tap() || has_record())
		fail_msg("%s at program %d: driver \"%s\"%s%s", action, step,
		    fbsd_driver(), has_tap() ? ", the tap" : "",
		    has_record() ? ", the record" : "");
}

/* A new bhyfid until one gets through: the first is killed at its first program, the
 * next at its second ... Not after each step, as that takes its time. */
static void recover(const char *action, int after, story *tells)
{
	int status = KILLED;

	for (int step = 0; status == KILLED && step < STEPS_MAX; step++) {
		if (after % 4 == 0)
			fbsd_fault("", step, action, "");
		status = tell(tells);
	}
	assert_int_equal(status, 0);
}

static void killed_at_each_program(const char *action, story *tells, story *recovers)
{
	int step;

	for (step = 0; step < STEPS_MAX; step++) {
		int status;

		fbsd_install();
		fbsd_fault("", step, action, "");
		status = tell(tells);
		if (status == 0)
			break;
		assert_int_equal(status, KILLED);
		/* What was taken is on record. */
		if (strcmp(fbsd_driver(), "iwlwifi") != 0)
			assert_true(has_record());
		recover(action, step, recovers);
		nothing_is_left(action, step);
	}
	/* It got through, and there were as many as up and down have. */
	assert_true(fbsd_fault_waits());
	assert_in_range(step, 20, STEPS_MAX - 1);
	nothing_is_left(action, step);
	print_message("# %d programs, %s\n", step, action);
}

static void nothing_is_left_by_one_killed_before(void **state)
{
	(void)state;
	killed_at_each_program("kill-before", up_and_down, adopt);
}

static void nothing_is_left_by_one_killed_after(void **state)
{
	(void)state;
	killed_at_each_program("kill-after", up_and_down, adopt);
}

static void nor_by_one_that_was_suspended(void **state)
{
	(void)state;
	killed_at_each_program("kill-before", sleep_and_down, adopt_and_down);
	killed_at_each_program("kill-after", sleep_and_down, adopt_and_down);
}

/* vmm.ko is not loaded while the host sleeps: its IOMMU is set up anew. The card stays
 * ours, the interface too. */
static void vmm_is_loaded_anew(void **state)
{
	static const char *const texts[] = {"devctl set driver -f pci0:3:0:0 ppt",
	    "ifconfig tap0 link0 down", "kldunload vmm", "kldload -n vmm", NULL};

	(void)state;
	fbsd_install();
	free(fbsd_log());
	assert_int_equal(tell(fall_asleep), 1);
	assert_true(has_record());
	assert_true(has_tap());
	assert_string_not_equal(fbsd_driver(), "iwlwifi");
	assert_int_equal(tell(wake), 1);
	assert_string_equal(fbsd_driver(), "ppt");
	AUTO_FREE char *log = fbsd_log();
	fbsd_in_order(log, texts);
	assert_null(strstr(log, "clear driver"));
	assert_int_equal(tell(adopt_and_down), 0);
	nothing_is_left("wake", 0);
}

/* The child that runs them is lost, priv is not. */
static void programs_at_plug_in_may_be_killed(void **state)
{
	static const char *const programs[] = {"sysrc", "service", "rtsold"};
	const struct timespec moment = {.tv_nsec = 10000000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		fbsd_install();
		fbsd_write("/etc/rc.conf",
		    "ifconfig_" TAP "=\"DHCP\"\n"
		    "ifconfig_" TAP "_ipv6=\"inet6 accept_rtadv\"\n");
		fbsd_fault(programs[i], 0, i == 1 ? "fail" : "kill-before", "it broke");
		assert_int_equal(tell(plug_in), 0);
		while (fbsd_fault_waits())
			nanosleep(&moment, NULL);
		fbsd_settle();
		nothing_is_left(programs[i], 0);
	}
}

/* What fails is asked for once more. */
static void again(struct priv *p, enum priv_op op)
{
	struct err e = ERR_INIT;

	if (priv_call(p, op, 0, NULL, NULL, &e) < 0)
		call(p, op, 0, NULL);
}

static void insist(struct priv *p)
{
	again(p, PRIV_ADOPT);
	again(p, PRIV_PREPARE);
	again(p, PRIV_RELEASE);
}

static void a_program_that_fails_once_is_got_over(void **state)
{
	int step;

	(void)state;
	for (step = 0; step < STEPS_MAX; step++) {
		fbsd_install();
		fbsd_fault("", step, "fail", "it broke");
		if (tell(insist) != 0)
			fail_msg("program %d", step);
		nothing_is_left("fail", step);
		if (fbsd_fault_waits())
			break;
	}
	assert_in_range(step, 16, STEPS_MAX - 1);
}

/* The driver that it had at first is still known. */
static void a_card_that_stayed_is_put_back_later(void **state)
{
	(void)state;
	fbsd_install();
	assert_int_equal(tell(up), 0);
	/* Main ended well, so did priv, which gave all back by itself. */
	nothing_is_left("end", 0);
	fbsd_fault("devctl", 1, "fail", "it broke");
	assert_int_equal(tell(up), 1);
	assert_string_equal(fbsd_driver(), "ppt");
	assert_true(has_record());
	assert_int_equal(tell(adopt), 0);
	nothing_is_left("later", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_left_by_one_killed_before),
	    cmocka_unit_test(nothing_is_left_by_one_killed_after),
	    cmocka_unit_test(nor_by_one_that_was_suspended),
	    cmocka_unit_test(vmm_is_loaded_anew),
	    cmocka_unit_test(programs_at_plug_in_may_be_killed),
	    cmocka_unit_test(a_program_that_fails_once_is_got_over),
	    cmocka_unit_test(a_card_that_stayed_is_put_back_later),
	};
	struct err e = ERR_INIT;
	int ret;

	snprintf(run_dir, sizeof(run_dir), PATH_RUN "/unit-fbsd");
	if (!fbsd_enter() || fs_mkdir_p(run_dir, 0755, &e) < 0 ||
	    config_init(&config, "unit-fbsd", &e) < 0) {
		printf("1..0 # SKIP needs root, namespaces and /dev/net/tun %s\n", e.msg);
		return 0;
	}
	config_set_vmm(&config, "bhyve");
	card_id_parse("pci0:3:0:0", &config.card, NULL);
	snprintf(config.interface, sizeof(config.interface), TAP);
	snprintf(config.sysroot, sizeof(config.sysroot), "%s", fbsd_root);
	snprintf(config.user, sizeof(config.user), "26969");
	snprintf(config.vm_user, sizeof(config.vm_user), "26970");
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	fs_remove_tree(run_dir, NULL);
	fbsd_leave();
	return ret;
}
