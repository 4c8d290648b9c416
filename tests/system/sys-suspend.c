/*
 * Before and after the host's sleep: ten times in a row, and what may come in between. In
 * place of the sleep itself stands what the host's scripts do before and after it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "harness.h"
#include "sleep.h"

/* Three times, or BHYFI_SLEEPS times. */
static void again_and_again(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	lab_up(i);
	sleep_cycles(i, sleep_times(3), "qemu-system-x86");
	lab_down(i);
}

static void what_is_done_twice_or_not_at_all(void **state)
{
	static const char *const suspend[] = {"suspend", NULL}, *const resume[] = {
								    "resume", NULL};
	static const char *const usage[] = {"suspend", "now", NULL};
	static const char *const bad_wait[] = {"resume", "--wait", "soon", NULL};
	static const char *const not_running[] = {"bhyfid is not running", NULL};
	static const char *const one[] = {"suspend: now: one argument too many", NULL};
	static const char *const number[] = {"resume: --wait", "0 to 3600", NULL};
	struct inst *i = lab_inst(state, "wpa2");

	lab_refuses(i, ERR_NOT_RUNNING, suspend, not_running);
	lab_refuses(i, ERR_NOT_RUNNING, resume, not_running);
	lab_refuses(i, ERR_USAGE, usage, one);
	lab_refuses(i, ERR_USAGE, bad_wait, number);
	lab_up(i);
	/* Nothing to do. */
	sleep_resume(i);
	sleep_suspend(i, CLEAN);
	sleep_suspend(i, CLEAN);
	/* The other two ways on from there. */
	lab_up(i);
	lab_lan_works(i);
	sleep_suspend(i, CLEAN);
	lab_down(i);
}

/* The VMM runs, the agent has not answered. */
static void while_it_boots(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	lab_begin(i);
	sleep_suspend(i, ANY);
	sleep_suspended(i, "qemu-system-x86");
	sleep_resume(i);
	lab_lan_works(i);
	lab_down(i);
}

/* Its answer never comes. */
static void stop_agent(const struct inst *i)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_start(i, &c, &e, "air", "kill", "what=agent", "signal=STOP", NULL), &e);
	child_wait(&c, 1000, NULL);
	child_free(&c);
}

/* The button reaches PID 1, which releases the card. */
static void agent_that_hangs(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	int64_t began;

	/* Longer than by default: emulated, on a busy machine. */
	inst_set(i, "suspend_timeout", "12");
	lab_write(i);
	lab_up(i);
	stop_agent(i);
	began = clock_ms();
	sleep_suspend(i, CLEAN);
	assert_in_range(clock_ms() - began, 5500, 13000);
	sleep_suspended(i, "qemu-system-x86");
	sleep_resume(i);
	lab_down(i);
}

/* The host does not wait: nor do we, longer than suspend_timeout says. */
static void machine_that_hangs(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	int64_t began;
	json_t *o;

	inst_set(i, "suspend_timeout", "3");
	inst_set(i, "stop_timeout", "100");
	lab_write(i);
	lab_up(i);
	assert_int_equal(kill(lab_vmm(i), SIGSTOP), 0);
	began = clock_ms();
	sleep_suspend(i, UNCLEAN);
	assert_in_range(clock_ms() - began, 2800, 5000);
	sleep_suspended(i, "qemu-system-x86");
	o = lab_status(i);
	assert_non_null(strstr(text_at(o, "last_error"), "did not stop within 3000 ms"));
	json_decref(o);
	sleep_resume(i);
	lab_lan_works(i);
	lab_down(i);
}

/* The host does not sleep in the end, or slept before all was done. */
static void resume_overtakes(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct child follow, c;

	lab_up(i);
	ok(inst_start(i, &follow, &e, "log", "-f", NULL), &e);
	/* A guest that takes its time: its agent hangs. */
	stop_agent(i);
	ok(inst_start(i, &c, &e, "suspend", NULL), &e);
	ok(child_wait_text(&follow, "state: stopping", COMMAND_MS, &e), &e);
	sleep_resume(i);
	ok(child_wait(&c, COMMAND_MS, &e), &e);
	assert_int_equal(c.status, ERR_FAILED);
	assert_non_null(strstr(c.err, "it was started again"));
	assert_null(strstr(follow.out, "state: suspended"));
	child_free(&c);
	child_free(&follow);
	lab_lan_works(i);
	lab_down(i);
}

static void suspend_during_down(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct child follow, down;

	inst_set(i, "stop_timeout", "100");
	inst_set(i, "suspend_timeout", "3");
	lab_write(i);
	lab_up(i);
	ok(inst_start(i, &follow, &e, "log", "-f", NULL), &e);
	assert_int_equal(kill(lab_vmm(i), SIGSTOP), 0);
	ok(inst_start(i, &down, &e, "down", NULL), &e);
	ok(child_wait_text(&follow, "state: stopping", COMMAND_MS, &e), &e);
	/* Not for 150 s. */
	sleep_suspend(i, UNCLEAN);
	ok(child_wait(&down, COMMAND_MS, &e), &e);
	assert_int_equal(down.status, 0);
	child_free(&down);
	child_free(&follow);
	lab_nothing_left(i);
}

static void one_that_has_failed(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct child follow;

	inst_set(i, "restarts", "0");
	lab_write(i);
	lab_up(i);
	ok(inst_start(i, &follow, &e, "log", "-f", NULL), &e);
	kill(lab_vmm(i), SIGKILL);
	ok(child_wait_text(&follow, "state: failed", COMMAND_MS, &e), &e);
	child_free(&follow);
	sleep_suspend(i, UNCLEAN);
	sleep_resume(i);
	lab_lan_works(i);
	lab_down(i);
}

static void start_bhyfid(const struct inst *i)
{
	const char *const argv[] = {
	    BHYFI_TEST_PREFIX "/sbin/bhyfid", "-i", i->name, NULL};
	struct err e = ERR_INIT;
	struct child c;

	ok(child_run(&c, argv, COMMAND_MS, &e), &e);
	assert_int_equal(c.status, 0);
	child_free(&c);
}

/* Whoever starts it again, a supervisor say, does not start a VM seconds before the host
 * sleeps. */
static void bhyfid_is_killed(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct process priv, main;
	struct err e = ERR_INIT;

	lab_up(i);
	sleep_suspend(i, CLEAN);
	lab_kill_bhyfid(i);
	start_bhyfid(i);
	sleep_suspended(i, "qemu-system-x86");
	/* The unprivileged process alone. */
	lab_find_bhyfid(i, &priv, &main);
	kill(main.pid, SIGKILL);
	ok(process_wait_gone(priv.pid, COMMAND_MS, &e), &e);
	/* With nobody to start it, resume does. */
	sleep_resume(i);
	lab_lan_works(i);
	/* And suspend takes over a VM whose daemon was killed. */
	lab_kill_bhyfid(i);
	sleep_suspend(i, CLEAN);
	sleep_suspended(i, "qemu-system-x86");
	lab_kill_bhyfid(i);
	lab_down(i);
}

LAB_MAIN("susp", LAB_TEST(again_and_again), LAB_TEST(what_is_done_twice_or_not_at_all),
    LAB_TEST(while_it_boots), LAB_TEST(agent_that_hangs), LAB_TEST(machine_that_hangs),
    LAB_TEST(resume_overtakes), LAB_TEST(suspend_during_down),
    LAB_TEST(one_that_has_failed), LAB_TEST(bhyfid_is_killed))
