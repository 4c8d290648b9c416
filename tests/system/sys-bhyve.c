/*
 * bhyve's side of the host from end to end, on the doubles of FreeBSD's programs: bhyfid
 * runs what it runs on FreeBSD, the double of bhyve boots the same disk with OVMF to an
 * online guest on a real tap, with null modems for its serial ports.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/fbsd-tree.h"
#include "cleanup.h"
#include "fbsd-lab.h"
#include "fs.h"
#include "harness.h"
#include "sleep.h"

#define BEGIN_MS 30000 /* a state that is about to come */

/* An instance of that host; more is further lines of its configuration. */
static struct inst *host_inst(void **state, const char *more)
{
	struct inst *i = lab_inst(state, "wpa2");

	snprintf(i->tap, sizeof(i->tap), "tap0");
	snprintf(i->settings, sizeof(i->settings),
	    "card = sim:wpa2\nnetworks = %.1000s\nvmm = bhyve\ninterface = tap0\n"
	    "sysroot = %s\n%s",
	    i->networks, fbsd_root, more);
	lab_write(i);
	return i;
}

/* As lab_down, and no VM of FreeBSD's kernel. */
static void host_down(struct inst *i)
{
	char dev[64];

	lab_down(i);
	assert_false(fbsd_has_vm(i->name));
	snprintf(dev, sizeof(dev), "/dev/nmdm-bhyfi-%s.2B", i->name);
	assert_false(fbsd_has(dev));
}

/* Many times what a UART takes at once: the null modem loses what is too much. */
static void many_networks(const struct inst *i)
{
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	fputs(i->network_text, f);
	/* Keys, as deriving 200 from passphrases takes a guest without KVM a minute. */
	for (int k = 0; k < 200; k++)
		fprintf(f,
		    "network={\n\tssid=\"nowhere-%d\"\n\tpsk=%064d\n\tdisabled=1\n}\n", k,
		    k);
	assert_int_equal(fclose(f), 0);
	assert_true(len > 12000);
	ok(fs_write_atomic(i->networks, 0600, text, len, &e), &e);
}

static void online_taken_over_and_gone(void **state)
{
	static const char *const up[] = {"kldload -n vmm nmdm", "ifconfig tap0 create",
	    "-o config.dump=1\n", "bhyve -k ", "ifconfig tap0 ether",
	    "ifconfig tap0 link0 up", NULL};
	static const char *const down[] = {
	    "bhyvectl --vm=bhyfi-", " --destroy\n", "ifconfig tap0 destroy\n", NULL};
	struct inst *i = host_inst(state, "");
	pid_t pid;

	many_networks(i);
	lab_up(i);
	AUTO_FREE char *log = fbsd_log();
	fbsd_in_order(log, up);
	lab_lan_works(i);
	pid = lab_vmm(i);
	/* The new one speaks on the same null modem. */
	lab_kill_bhyfid(i);
	lab_up(i);
	assert_int_equal(lab_vmm(i), pid);
	lab_lan_works(i);
	json_decref(lab_air(i, "status"));
	free(fbsd_log());
	host_down(i);
	AUTO_FREE char *ends = fbsd_log();
	fbsd_in_order(ends, down);
}

/* An agent that hangs: the button reaches PID 1, which releases the card. */
static void the_power_button_releases_the_card(void **state)
{
	static const char *const texts[] = {"release: power button", "supplicant stopped",
	    "driver mac80211_hwsim unloaded", "power off", NULL};
	struct inst *i = host_inst(state, "stop_timeout = 10\n");
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;
	char path[PATH_MAX + 16];
	struct child c;

	lab_up(i);
	ok(inst_start(i, &c, &e, "air", "kill", "what=agent", "signal=STOP", NULL), &e);
	/* Its answer never comes. */
	child_wait(&c, 1000, NULL);
	child_free(&c);
	host_down(i);
	snprintf(path, sizeof(path), "%s/console.log", i->run);
	ok(fs_read_file(path, 1 << 20, &text, NULL, &e), &e);
	fbsd_in_order(text, texts);
}

/* Twice, or BHYFI_SLEEPS times. What the double of bhyve holds is gone in between. */
static void long_suspended_and_resumed(void **state)
{
	static const char *const texts[] = {"bhyve -k ", "bhyvectl --vm=bhyfi-",
	    " --destroy\n", "ifconfig tap0 link0 down\n", "bhyve -k ",
	    "ifconfig tap0 link0 up", NULL};
	struct inst *i = host_inst(state, "");

	lab_up(i);
	sleep_suspend(i, CLEAN);
	sleep_suspended(i, "bhyve");
	assert_false(fbsd_has_vm(i->name));
	sleep_resume(i);
	AUTO_FREE char *log = fbsd_log();
	fbsd_in_order(log, texts);
	/* The interface was there all the time. */
	assert_null(strstr(log, "ifconfig tap0 destroy"));
	sleep_cycles(i, sleep_times(2), "bhyve");
	sleep_suspend(i, CLEAN);
	host_down(i);
}

/* bhyve runs, the guest does not answer yet. */
static pid_t begin(struct inst *i, struct child *log)
{
	struct err e = ERR_INIT;

	lab_begin(i);
	ok(inst_start(i, log, &e, "log", "-f", NULL), &e);
	ok(child_wait_text(log, "state: booting", BEGIN_MS, &e), &e);
	return lab_vmm(i);
}

/* The machine itself, under the double of bhyve. */
static void end_machine(pid_t bhyve)
{
	struct process p;

	/* It may not have come to it yet. */
	while (!process_find("qemu-system-x86", NULL, bhyve, &p))
		assert_true(process_get(bhyve, &p));
	kill(p.pid, SIGKILL);
}

static void destroy_under_it(const struct inst *i)
{
	char vm[64];
	const char *const argv[] = {fbsd_at("/usr/sbin/bhyvectl"), vm, "--destroy", NULL};
	struct err e = ERR_INIT;
	struct child c;

	snprintf(vm, sizeof(vm), "--vm=bhyfi-%s", i->name);
	ok(child_run(&c, argv, COMMAND_MS, &e), &e);
	assert_int_equal(c.status, 0);
	child_free(&c);
}

/* Each way in which bhyve ends: seen for what it is, nothing left, and the next start
 * finds nothing in its way. */
static void each_end_of_bhyve(void **state)
{
	static const struct {
		int status; /* ordered from the double; -1: as it comes */
		int sig;    /* to bhyve; 0: the machine ends; USR1: the VM is destroyed */
		const char *text;
	} rows[] = {{0, 0, "(reboot)"}, {1, 0, "(poweroff)"}, {2, 0, "(halt)"},
	    {3, 0, "(triple fault)"}, {4, 0, "(error)"}, {143, 0, "(terminated)"},
	    {100, 0, "(crash)"}, {-1, SIGTERM, "(terminated)"}, {-1, SIGKILL, "(killed)"},
	    {-1, SIGABRT, "(crash)"}, {-1, SIGUSR1, "(error)"}};
	struct inst *i = host_inst(state, "");
	struct err e = ERR_INIT;

	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		struct child log;
		pid_t bhyve;

		if (rows[k].status >= 0) {
			json_t *s = fbsd_state();

			json_object_set_new(
			    s, "bhyve_exit", json_integer(rows[k].status));
			fbsd_save(s);
		}
		bhyve = begin(i, &log);
		if (rows[k].sig == 0)
			end_machine(bhyve);
		else if (rows[k].sig == SIGUSR1)
			destroy_under_it(i);
		else
			kill(bhyve, rows[k].sig);
		ok(child_wait_text(&log, rows[k].text, BEGIN_MS, &e), &e);
		/* The next start, if it came to that, is ended by `down`. */
		host_down(i);
		child_free(&log);
	}
}

/* All killed at once: the VM is busy for whoever starts it next, until it is cleared. */
static void what_was_left_is_cleared(void **state)
{
	static const char *const texts[] = {
	    "bhyvectl --vm=bhyfi-", "ifconfig tap0 destroy", "bhyve -k", NULL};
	struct inst *i = host_inst(state, "");
	struct child log;
	pid_t bhyve = begin(i, &log);
	struct err e = ERR_INIT;

	child_free(&log);
	lab_kill_bhyfid(i);
	kill(bhyve, SIGKILL);
	ok(process_wait_gone(bhyve, BEGIN_MS, &e), &e);
	assert_true(fbsd_has_vm(i->name));
	free(fbsd_log());
	assert_int_not_equal(begin(i, &log), bhyve);
	child_free(&log);
	AUTO_FREE char *ran = fbsd_log();
	fbsd_in_order(ran, texts);
	/* And with nobody to start it again. */
	lab_kill_bhyfid(i);
	host_down(i);
}

static void refused(const struct inst *i, int status, const char *a, const char *b)
{
	const char *const up[] = {"up", NULL}, *const texts[] = {a, b, NULL};

	lab_refuses(i, status, up, texts);
}

static void what_is_missing_is_said(void **state)
{
	struct inst *i = host_inst(state, "");

	assert_int_equal(
	    unlink(fbsd_at("/usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd")), 0);
	refused(i, ERR_PRECONDITION, "BHYVE_UEFI_CODE.fd", "pkg install bhyve-firmware");
	fbsd_install();
	i = host_inst(state, "memory = 100\n");
	refused(i, ERR_PRECONDITION, "100 MiB is too little", "set memory = ");
	lab_nothing_left(i);
}

/* A start that bhyve refuses: its own words in the log, and nothing is left. */
static void a_start_that_fails(void **state)
{
	struct inst *i = host_inst(state, "restarts = 0\n");
	struct err e = ERR_INIT;
	struct child c;

	fbsd_fault("bhyve", 0, "fail", "x line 1: invalid config option 'y'");
	ok(inst_run(i, &c, UP_MS, &e, "up", NULL), &e);
	assert_int_equal(c.status, ERR_FAILED);
	assert_non_null(strstr(c.err, "invalid config option"));
	child_free(&c);
	host_down(i);
	/* The dump passes, the start does not. */
	fbsd_fault("bhyve", 1, "fail", "vm_openf: Device busy");
	ok(inst_run(i, &c, UP_MS, &e, "up", NULL), &e);
	assert_int_equal(c.status, ERR_FAILED);
	child_free(&c);
	ok(inst_run(i, &c, COMMAND_MS, &e, "log", NULL), &e);
	assert_non_null(strstr(c.out, "bhyve: bhyve: vm_openf: Device busy"));
	child_free(&c);
	host_down(i);
}

#define HOST_TEST(f) cmocka_unit_test_setup_teardown(f, fbsd_lab_setup, fbsd_lab_teardown)

LAB_MAIN("bhyve", HOST_TEST(online_taken_over_and_gone),
    HOST_TEST(the_power_button_releases_the_card), HOST_TEST(long_suspended_and_resumed),
    HOST_TEST(each_end_of_bhyve), HOST_TEST(what_was_left_is_cleared),
    HOST_TEST(what_is_missing_is_said), HOST_TEST(a_start_that_fails))
