/* The VM's life: every transition of the table, driven with doubles. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "log.h"
#include "machine.h"

#define BOOT_MS 60000
#define STOP_MS 10000
#define SUSPEND_MS 3000
#define BEAT_MS 5000
#define RESTARTS 3

struct world {
	struct machine m;
	char calls[512];            /* what the machine did since the last look */
	int64_t timer[TIMER_COUNT]; /* -1: off */
	int64_t now;
	bool other_image; /* there is one to fall back to */
	bool supplicant;
	bool fail_prepare, fail_start, fail_attach, fail_kill, fail_button, fail_release,
	    fail_suspend, fail_config, fail_mac, fail_carrier;
};

static void note(void *arg, const char *what)
{
	struct world *w = arg;

	snprintf(w->calls + strlen(w->calls), sizeof(w->calls) - strlen(w->calls), "%s%s",
	    w->calls[0] != '\0' ? " " : "", what);
}

static int result(bool fail, const char *what, struct err *e)
{
	return fail ? err_set(e, ERR_FAILED, "%s does not work", what) : 0;
}

static int do_prepare(void *arg, struct err *e)
{
	note(arg, "prepare");
	return result(((struct world *)arg)->fail_prepare, "prepare", e);
}

static int do_vm_start(void *arg, struct err *e)
{
	note(arg, "start");
	return result(((struct world *)arg)->fail_start, "start", e);
}

static int do_vm_attach(void *arg, struct err *e)
{
	note(arg, "attach");
	return result(((struct world *)arg)->fail_attach, "attach", e);
}

static int do_vm_kill(void *arg, struct err *e)
{
	note(arg, "kill");
	return result(((struct world *)arg)->fail_kill, "kill", e);
}

static int do_powerdown(void *arg, struct err *e)
{
	note(arg, "button");
	return result(((struct world *)arg)->fail_button, "button", e);
}

static int do_release(void *arg, struct err *e)
{
	note(arg, "release");
	return result(((struct world *)arg)->fail_release, "release", e);
}

static int do_suspend(void *arg, struct err *e)
{
	note(arg, "park");
	return result(((struct world *)arg)->fail_suspend, "park", e);
}

static int do_send_config(void *arg, struct err *e)
{
	note(arg, "config");
	return result(((struct world *)arg)->fail_config, "config", e);
}

static int do_send_stop(void *arg, const char *reason, struct err *e)
{
	(void)e;
	assert_non_null(reason);
	note(arg, "ask");
	return 0;
}

static int do_tap_mac(void *arg, const uint8_t mac[6], struct err *e)
{
	assert_int_equal(mac[0], 2);
	note(arg, "mac");
	return result(((struct world *)arg)->fail_mac, "mac", e);
}

static int do_tap_carrier(void *arg, bool on, struct err *e)
{
	note(arg, on ? "plug" : "unplug");
	return result(((struct world *)arg)->fail_carrier, "carrier", e);
}

static void do_timer(void *arg, enum machine_timer t, int64_t ms)
{
	((struct world *)arg)->timer[t] = ms < 0 ? -1 : ms;
}

static int64_t do_now(void *arg)
{
	return ((struct world *)arg)->now;
}

static void do_changed(void *arg, enum vm_state state)
{
	char text[32];

	snprintf(text, sizeof(text), "=%s", state_name(state));
	note(arg, text);
}

static bool do_supplicant_runs(void *arg)
{
	return ((struct world *)arg)->supplicant;
}

/* Noted only where a test is about images. */
static void do_proved(void *arg)
{
	if (((struct world *)arg)->other_image)
		note(arg, "proved");
}

static bool do_fall_back(void *arg, enum image_word word, struct err *why)
{
	struct world *w = arg;

	if (!w->other_image)
		return false;
	assert_int_not_equal(word, IMAGE_TELL);
	w->other_image = false;
	note(arg, "fall-back");
	err_set(why, ERR_FAILED, "another image");
	return true;
}

static const struct machine_ops ops = {
    .supplicant_runs = do_supplicant_runs,
    .proved = do_proved,
    .fall_back = do_fall_back,
    .prepare = do_prepare,
    .vm_start = do_vm_start,
    .vm_attach = do_vm_attach,
    .vm_kill = do_vm_kill,
    .powerdown = do_powerdown,
    .release = do_release,
    .suspend = do_suspend,
    .send_config = do_send_config,
    .send_stop = do_send_stop,
    .tap_mac = do_tap_mac,
    .tap_carrier = do_tap_carrier,
    .timer = do_timer,
    .now = do_now,
    .changed = do_changed,
};

static struct world *new_world(void)
{
	static struct world w;
	static const struct machine_limits limits = {.boot_ms = BOOT_MS,
	    .stop_ms = STOP_MS,
	    .suspend_ms = SUSPEND_MS,
	    .beat_ms = BEAT_MS,
	    .restarts = RESTARTS};

	memset(&w, 0, sizeof(w));
	for (unsigned t = 0; t < TIMER_COUNT; t++)
		w.timer[t] = -1;
	w.now = 1000;
	machine_init(&w.m, &limits, &ops, &w);
	return &w;
}

static int send_event(struct world *w, enum machine_event ev)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 5};
	static const struct machine_input in = {
	    .reason = "so it is", .hint = "do it", .mac = mac};
	static const struct machine_input none = {.mac = mac};

	w->calls[0] = '\0';
	return machine_event(&w->m, ev, ev == EV_FATAL || ev == EV_VM_EXIT ? &in : &none);
}

/* The event is legal, leads there and does exactly that. */
static void step(
    struct world *w, enum machine_event ev, enum vm_state state, const char *calls)
{
	int ret = send_event(w, ev);

	if (ret != 0 || w->m.state != state || strcmp(w->calls, calls) != 0)
		fail_msg("%s: returned %d, is %s and did \"%s\"; expected %s and \"%s\"",
		    event_name(ev), ret, state_name(w->m.state), w->calls,
		    state_name(state), calls);
}

static void to_booting(struct world *w)
{
	step(w, EV_START, STATE_BOOTING, "=preparing prepare start =booting");
}

static void to_agent(struct world *w)
{
	to_booting(w);
	step(w, EV_LINK_UP, STATE_AGENT, "config =agent");
}

static void to_associating(struct world *w)
{
	to_agent(w);
	step(w, EV_RADIO, STATE_ASSOCIATING, "mac =associating");
}

static void to_online(struct world *w)
{
	to_associating(w);
	step(w, EV_WLAN_UP, STATE_ASSOCIATING, "");
	step(w, EV_PATH_UP, STATE_ONLINE, "plug =online");
}

static void to_stopping(struct world *w)
{
	to_online(w);
	step(w, EV_STOP, STATE_STOPPING, "unplug =stopping ask");
}

static void to_suspended(struct world *w)
{
	to_online(w);
	step(w, EV_SUSPEND, STATE_STOPPING, "unplug =stopping ask");
	step(w, EV_RELEASED, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_SUSPENDED, "park =suspended");
}

static void to_failed(struct world *w)
{
	w->fail_prepare = true;
	step(w, EV_START, STATE_FAILED, "=preparing prepare =failed");
	w->fail_prepare = false;
}

static void to_retry(struct world *w)
{
	to_online(w);
	step(w, EV_VM_EXIT, STATE_PREPARING, "unplug =preparing");
}

static void to_stopped(struct world *w)
{
	assert_int_equal(w->m.state, STATE_STOPPED);
}

static void test_up_and_down(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_booting(w);
	assert_int_equal(w->timer[TIMER_DEADLINE], BOOT_MS);
	step(w, EV_LINK_UP, STATE_AGENT, "config =agent");
	assert_int_equal(w->timer[TIMER_DEADLINE], BOOT_MS);
	assert_int_equal(w->timer[TIMER_BEAT], 3 * BEAT_MS);
	step(w, EV_RADIO, STATE_ASSOCIATING, "mac =associating");
	assert_int_equal(w->timer[TIMER_DEADLINE], -1);
	step(w, EV_PATH_UP, STATE_ASSOCIATING, "");
	step(w, EV_WLAN_UP, STATE_ONLINE, "plug =online");
	step(w, EV_BEAT, STATE_ONLINE, "");
	step(w, EV_STOP, STATE_STOPPING, "unplug =stopping ask");
	assert_int_equal(w->timer[TIMER_DEADLINE], STOP_MS);
	assert_int_equal(w->timer[TIMER_BEAT], -1);
	step(w, EV_RELEASED, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
	assert_int_equal(w->timer[TIMER_DEADLINE], -1);
	assert_int_equal(w->m.why.code, ERR_NONE);
	assert_int_equal(w->m.restarts, 0);
}

/* Never a kill without a question and the power button before. */
static void test_stop_escalates(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_stopping(w);
	step(w, EV_DEADLINE, STATE_STOPPING, "button");
	assert_int_equal(w->timer[TIMER_DEADLINE], STOP_MS / 2);
	step(w, EV_DEADLINE, STATE_STOPPING, "kill");
	assert_true(w->timer[TIMER_DEADLINE] > 0);
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
}

static void test_stop_without_button(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_stopping(w);
	w->fail_button = true;
	step(w, EV_DEADLINE, STATE_STOPPING, "button kill");
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
}

static void test_vm_that_does_not_die(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_stopping(w);
	send_event(w, EV_DEADLINE);
	send_event(w, EV_DEADLINE);
	step(w, EV_DEADLINE, STATE_FAILED, "=failed");
	assert_true(w->m.held);
	/* Neither a start nor a stop forgets that card and tap are still held. */
	w->fail_release = true;
	step(w, EV_START, STATE_FAILED, "release");
	step(w, EV_STOP, STATE_FAILED, "release =failed");
	w->fail_release = false;
	step(w, EV_VM_EXIT, STATE_FAILED, "release");
	assert_false(w->m.held);
	step(w, EV_STOP, STATE_STOPPED, "=stopped");
}

static void test_stop_before_the_link(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_booting(w);
	step(w, EV_STOP, STATE_STOPPING, "=stopping");
	step(w, EV_LINK_UP, STATE_STOPPING, "ask");
	step(w, EV_RELEASED, STATE_STOPPING, "");
	/* Another agent need not be asked for what is done. */
	step(w, EV_LINK_UP, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
}

static void test_first_start_fails(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_failed(w);
	assert_string_equal(w->m.why.msg, "prepare does not work");
	assert_false(w->m.held);
	w->fail_start = true;
	step(w, EV_START, STATE_FAILED, "=preparing prepare start release =failed");
	assert_string_equal(w->m.why.msg, "start does not work");
	w->fail_start = false;
	to_booting(w);
	assert_int_equal(w->m.why.code, ERR_NONE);
}

static void test_release_fails(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_stopping(w);
	w->fail_release = true;
	step(w, EV_VM_EXIT, STATE_FAILED, "release =failed");
	assert_string_equal(w->m.why.msg, "release: release does not work");
	w->fail_release = false;
	step(w, EV_STOP, STATE_STOPPED, "release =stopped");
}

static void test_backoff(void **state)
{
	struct world *w = new_world();

	(void)state;
	assert_int_equal(machine_backoff_ms(1), 1000);
	assert_int_equal(machine_backoff_ms(2), 2000);
	assert_int_equal(machine_backoff_ms(6), 32000);
	assert_int_equal(machine_backoff_ms(7), 60000);
	assert_int_equal(machine_backoff_ms(4000000000u), 60000);
	to_booting(w);
	/* The tap stays for the restart: no release before the last. */
	for (int n = 1; n <= RESTARTS; n++) {
		step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
		assert_int_equal(w->timer[TIMER_RETRY], machine_backoff_ms((unsigned)n));
		step(w, EV_RETRY, STATE_BOOTING, "start =booting");
	}
	step(w, EV_VM_EXIT, STATE_FAILED, "release =failed");
	assert_string_equal(w->m.why.msg, "so it is");
	assert_int_equal(w->m.restarts, RESTARTS);
	/* By hand it may be tried again, with all its restarts. */
	to_booting(w);
	step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
	assert_int_equal(w->timer[TIMER_RETRY], 1000);
}

static void test_retry_that_fails(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_retry(w);
	w->fail_start = true;
	for (int n = 2; n <= RESTARTS; n++) {
		step(w, EV_RETRY, STATE_PREPARING, "start");
		assert_int_equal(w->timer[TIMER_RETRY], machine_backoff_ms((unsigned)n));
	}
	step(w, EV_RETRY, STATE_FAILED, "start release =failed");
}

static void test_long_online_forgets(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_online(w);
	step(w, EV_VM_EXIT, STATE_PREPARING, "unplug =preparing");
	step(w, EV_RETRY, STATE_BOOTING, "start =booting");
	send_event(w, EV_LINK_UP);
	send_event(w, EV_RADIO);
	send_event(w, EV_WLAN_UP);
	send_event(w, EV_PATH_UP);
	assert_int_equal(w->m.state, STATE_ONLINE);
	w->now += 5 * 60 * 1000;
	step(w, EV_VM_EXIT, STATE_PREPARING, "unplug =preparing");
	assert_int_equal(w->m.failures, 1);
	assert_int_equal(w->m.restarts, 2);
}

static void test_stop_in_backoff(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_retry(w);
	step(w, EV_STOP, STATE_STOPPED, "release =stopped");
	assert_int_equal(w->timer[TIMER_RETRY], -1);
}

static void test_start_in_backoff(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_retry(w);
	step(w, EV_START, STATE_BOOTING, "start =booting");
	assert_int_equal(w->timer[TIMER_RETRY], -1);
	assert_int_equal(w->m.failures, 0);
}

static void test_ap_lost(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_online(w);
	step(w, EV_WLAN_DOWN, STATE_ASSOCIATING, "unplug =associating");
	assert_int_equal(w->timer[TIMER_DEADLINE], -1);
	step(w, EV_WLAN_UP, STATE_ONLINE, "plug =online");
	step(w, EV_PATH_DOWN, STATE_ASSOCIATING, "unplug =associating");
	step(w, EV_PATH_UP, STATE_ONLINE, "plug =online");
	assert_int_equal(w->m.restarts, 0);
}

static void test_news_before_the_radio(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_agent(w);
	step(w, EV_WLAN_UP, STATE_AGENT, "");
	step(w, EV_PATH_UP, STATE_AGENT, "");
	step(w, EV_RADIO, STATE_ONLINE, "mac =associating plug =online");
}

static void test_heartbeat(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_online(w);
	w->timer[TIMER_BEAT] = 1;
	step(w, EV_BEAT, STATE_ONLINE, "");
	assert_int_equal(w->timer[TIMER_BEAT], 3 * BEAT_MS);
	step(w, EV_BEAT_LOST, STATE_STOPPING, "unplug =stopping ask");
	/* An agent that hangs gets little time, then PID 1 is asked. */
	assert_true(w->timer[TIMER_DEADLINE] <= 1000);
	step(w, EV_DEADLINE, STATE_STOPPING, "button");
	step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
	assert_string_equal(w->m.why.msg, "heartbeat lost");
}

static void test_deadlines(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_booting(w);
	step(w, EV_DEADLINE, STATE_STOPPING, "=stopping");
	assert_non_null(strstr(w->m.why.msg, "no word from the guest within 60 s"));
	step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
	step(w, EV_RETRY, STATE_BOOTING, "start =booting");
	step(w, EV_LINK_UP, STATE_AGENT, "config =agent");
	step(w, EV_DEADLINE, STATE_STOPPING, "=stopping ask");
	assert_non_null(strstr(w->m.why.msg, "no radio"));
}

static void test_fatal(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_agent(w);
	step(w, EV_FATAL, STATE_STOPPING, "=stopping ask");
	step(w, EV_VM_EXIT, STATE_FAILED, "release =failed");
	assert_string_equal(w->m.why.msg, "so it is");
	assert_string_equal(w->m.why.hint, "do it");
	/* What has worked may work again. */
	to_online(w);
	step(w, EV_FATAL, STATE_STOPPING, "unplug =stopping ask");
	step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
}

static void test_down_while_failing(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_agent(w);
	step(w, EV_FATAL, STATE_STOPPING, "=stopping ask");
	step(w, EV_STOP, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
}

static void test_adopt(void **state)
{
	struct world *w = new_world();

	(void)state;
	step(w, EV_ADOPT, STATE_BOOTING, "attach =booting");
	assert_int_equal(w->timer[TIMER_DEADLINE], BOOT_MS);
	step(w, EV_LINK_UP, STATE_AGENT, "config =agent");
	step(w, EV_RADIO, STATE_ASSOCIATING, "mac =associating");
	step(w, EV_WLAN_UP, STATE_ASSOCIATING, "");
	/* Its tap may still be plugged in. */
	step(w, EV_PATH_DOWN, STATE_ASSOCIATING, "unplug");
	step(w, EV_PATH_UP, STATE_ONLINE, "plug =online");
	step(w, EV_STOP, STATE_STOPPING, "unplug =stopping ask");
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
}

static void test_adopt_silent(void **state)
{
	struct world *w = new_world();

	(void)state;
	step(w, EV_ADOPT, STATE_BOOTING, "attach =booting");
	step(w, EV_DEADLINE, STATE_STOPPING, "=stopping");
	step(w, EV_DEADLINE, STATE_STOPPING, "button");
	step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
	step(w, EV_RETRY, STATE_BOOTING, "start =booting");
}

static void test_adopt_fails(void **state)
{
	struct world *w = new_world();

	(void)state;
	w->fail_attach = true;
	step(w, EV_ADOPT, STATE_STOPPING, "attach =stopping");
	step(w, EV_DEADLINE, STATE_STOPPING, "button");
}

/* Another configuration may mean another card or tap: all is released in between. */
static void test_adopt_and_renew(void **state)
{
	struct machine_input in = {.reason = "another configuration"};
	struct world *w = new_world();

	(void)state;
	assert_int_equal(machine_event(&w->m, EV_ADOPT, &in), 0);
	assert_string_equal(w->calls, "attach =stopping");
	step(w, EV_LINK_UP, STATE_STOPPING, "ask");
	step(w, EV_VM_EXIT, STATE_BOOTING, "release =preparing prepare start =booting");
	assert_int_equal(w->m.failures, 0);
}

static void test_other_faults(void **state)
{
	static const enum machine_event faults[] = {EV_BROKEN, EV_TAP_GONE, EV_RELEASED};
	struct world *w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		w = new_world();
		to_online(w);
		/* Who has released already is not asked to. */
		step(w, faults[i], STATE_STOPPING,
		    faults[i] == EV_RELEASED ? "unplug =stopping"
					     : "unplug =stopping ask");
		step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
	}
}

static void test_ops_that_fail(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_booting(w);
	w->fail_config = true;
	step(w, EV_LINK_UP, STATE_STOPPING, "config =stopping ask");
	step(w, EV_VM_EXIT, STATE_FAILED, "release =failed");
	w = new_world();
	to_agent(w);
	w->fail_mac = true;
	step(w, EV_RADIO, STATE_STOPPING, "mac =stopping ask");
	w = new_world();
	to_associating(w);
	w->fail_carrier = true;
	send_event(w, EV_WLAN_UP);
	step(w, EV_PATH_UP, STATE_STOPPING, "plug =stopping ask");
	w = new_world();
	to_online(w);
	w->fail_carrier = true;
	step(w, EV_WLAN_DOWN, STATE_ASSOCIATING, "unplug =associating");
	w = new_world();
	to_stopping(w);
	send_event(w, EV_DEADLINE);
	w->fail_kill = true;
	step(w, EV_DEADLINE, STATE_STOPPING, "kill");
}

static void test_link_again(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_online(w);
	step(w, EV_LINK_UP, STATE_AGENT, "unplug config =agent");
	/* What the former agent said counts no more. */
	step(w, EV_RADIO, STATE_ASSOCIATING, "mac =associating");
}

/* Card and interface stay ours, but are looked at again before the next start. */
static void test_suspend_and_resume(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_online(w);
	step(w, EV_SUSPEND, STATE_STOPPING, "unplug =stopping ask");
	assert_int_equal(w->timer[TIMER_DEADLINE], SUSPEND_MS / 2);
	step(w, EV_SUSPEND, STATE_STOPPING, "");
	step(w, EV_RELEASED, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_SUSPENDED, "park =suspended");
	assert_int_equal(w->timer[TIMER_DEADLINE], -1);
	assert_int_equal(w->m.clean, CLEAN_YES);
	step(w, EV_SUSPEND, STATE_SUSPENDED, "");
	step(w, EV_TAP_GONE, STATE_SUSPENDED, "");
	step(w, EV_START, STATE_BOOTING, "=preparing prepare start =booting");
	assert_int_equal(w->m.clean, CLEAN_UNKNOWN);
	assert_int_equal(w->m.restarts, 0);
	/* Now it is prepared: a restart needs no more. */
	step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
	step(w, EV_RETRY, STATE_BOOTING, "start =booting");
}

/* All of it within the time that the host waits. */
static void test_suspend_escalates(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_online(w);
	step(w, EV_SUSPEND, STATE_STOPPING, "unplug =stopping ask");
	w->now += SUSPEND_MS / 2;
	step(w, EV_DEADLINE, STATE_STOPPING, "button");
	assert_int_equal(w->timer[TIMER_DEADLINE], SUSPEND_MS / 2);
	w->now += SUSPEND_MS / 2;
	step(w, EV_DEADLINE, STATE_STOPPING, "kill");
	assert_non_null(strstr(w->m.why.msg, "did not stop within 3000 ms"));
	step(w, EV_VM_EXIT, STATE_SUSPENDED, "park =suspended");
	assert_int_equal(w->m.clean, CLEAN_NO);
	step(w, EV_START, STATE_BOOTING, "=preparing prepare start =booting");
	assert_int_equal(w->m.why.code, ERR_NONE);
}

/* An agent that hangs says nothing; PID 1 has released the card all the same. */
static void test_clean_by_the_button(void **state)
{
	static const struct machine_input off = {.powered_off = true};
	struct world *w = new_world();

	(void)state;
	to_online(w);
	send_event(w, EV_SUSPEND);
	send_event(w, EV_DEADLINE);
	assert_int_equal(machine_event(&w->m, EV_VM_EXIT, &off), 0);
	assert_int_equal(w->m.state, STATE_SUSPENDED);
	assert_int_equal(w->m.clean, CLEAN_YES);
	/* One that nobody had told to. */
	w = new_world();
	to_online(w);
	assert_int_equal(machine_event(&w->m, EV_VM_EXIT, &off), 0);
	assert_int_equal(w->m.clean, CLEAN_NO);
	assert_int_equal(machine_event(&w->m, EV_VM_EXIT, NULL), -1);
}

/* A stop of another reason has less time from then on, in each of its phases. */
static void test_suspend_hurries(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_stopping(w);
	step(w, EV_SUSPEND, STATE_STOPPING, "");
	assert_int_equal(w->timer[TIMER_DEADLINE], SUSPEND_MS / 2);
	/* It was told to stop: it does not come back. */
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
	w = new_world();
	to_stopping(w);
	step(w, EV_DEADLINE, STATE_STOPPING, "button");
	assert_int_equal(w->timer[TIMER_DEADLINE], STOP_MS / 2);
	step(w, EV_SUSPEND, STATE_STOPPING, "");
	assert_int_equal(w->timer[TIMER_DEADLINE], SUSPEND_MS);
	step(w, EV_DEADLINE, STATE_STOPPING, "kill");
	step(w, EV_SUSPEND, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
	/* Little time that was left is not made more. */
	w = new_world();
	to_online(w);
	step(w, EV_BEAT_LOST, STATE_STOPPING, "unplug =stopping ask");
	w->now += 700;
	step(w, EV_SUSPEND, STATE_STOPPING, "");
	assert_int_equal(w->timer[TIMER_DEADLINE], 1000);
	step(w, EV_VM_EXIT, STATE_SUSPENDED, "park =suspended");
}

static void test_resume_while_stopping(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_online(w);
	step(w, EV_SUSPEND, STATE_STOPPING, "unplug =stopping ask");
	step(w, EV_START, STATE_STOPPING, "");
	step(w, EV_RELEASED, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_BOOTING, "park =preparing prepare start =booting");
	/* The host changed its mind twice. */
	step(w, EV_SUSPEND, STATE_STOPPING, "=stopping");
	step(w, EV_START, STATE_STOPPING, "");
	step(w, EV_SUSPEND, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_SUSPENDED, "park =suspended");
	/* What was told to stop is not started by a resume. */
	w = new_world();
	to_stopping(w);
	step(w, EV_START, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
	/* And down counts more than either. */
	w = new_world();
	to_online(w);
	step(w, EV_SUSPEND, STATE_STOPPING, "unplug =stopping ask");
	step(w, EV_START, STATE_STOPPING, "");
	step(w, EV_STOP, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_STOPPED, "release =stopped");
}

/* Suspend, then resume, from everywhere: what is done, and where it ends. */
static void test_suspend_from_each_state(void **state)
{
	static const struct {
		void (*reach)(struct world *w);
		const char *suspend; /* what it does */
		bool stops;          /* the VM has to end first */
	} rows[] = {
	    {to_stopped, "park =suspended", false},
	    {to_retry, "park =suspended", false},
	    {to_booting, "=stopping", true},
	    {to_agent, "=stopping ask", true},
	    {to_associating, "=stopping ask", true},
	    {to_online, "unplug =stopping ask", true},
	    {to_suspended, "", false},
	    {to_failed, "park =suspended", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = new_world();

		rows[i].reach(w);
		step(w, EV_SUSPEND, rows[i].stops ? STATE_STOPPING : STATE_SUSPENDED,
		    rows[i].suspend);
		if (rows[i].stops)
			step(w, EV_VM_EXIT, STATE_SUSPENDED, "park =suspended");
		for (unsigned t = 0; t < TIMER_COUNT; t++)
			assert_int_equal(w->timer[t], -1);
		step(w, EV_START, STATE_BOOTING, "=preparing prepare start =booting");
		assert_int_equal(w->m.failures, 0);
		/* And down from there. */
		w = new_world();
		rows[i].reach(w);
		send_event(w, EV_SUSPEND);
		if (rows[i].stops)
			send_event(w, EV_VM_EXIT);
		step(w, EV_STOP, STATE_STOPPED, "release =stopped");
	}
}

static void test_suspend_during_a_restart(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_agent(w);
	step(w, EV_FATAL, STATE_STOPPING, "=stopping ask");
	step(w, EV_SUSPEND, STATE_STOPPING, "");
	/* What would have failed is tried again after the sleep. */
	step(w, EV_VM_EXIT, STATE_SUSPENDED, "park =suspended");
	step(w, EV_START, STATE_BOOTING, "=preparing prepare start =booting");
}

static void test_suspend_before_the_link(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_booting(w);
	step(w, EV_SUSPEND, STATE_STOPPING, "=stopping");
	step(w, EV_LINK_UP, STATE_STOPPING, "ask");
	step(w, EV_RELEASED, STATE_STOPPING, "");
	step(w, EV_VM_EXIT, STATE_SUSPENDED, "park =suspended");
}

static void test_suspend_fails(void **state)
{
	struct world *w = new_world();

	(void)state;
	to_online(w);
	w->fail_suspend = true;
	step(w, EV_SUSPEND, STATE_STOPPING, "unplug =stopping ask");
	step(w, EV_VM_EXIT, STATE_FAILED, "park release =failed");
	assert_string_equal(w->m.why.msg, "suspend: park does not work");
	assert_false(w->m.held);
	step(w, EV_SUSPEND, STATE_FAILED, "park");
	w->fail_suspend = false;
	step(w, EV_SUSPEND, STATE_SUSPENDED, "park =suspended");
	/* A card that is gone after the sleep. */
	w->fail_prepare = true;
	step(w, EV_START, STATE_FAILED, "=preparing prepare release =failed");
	assert_string_equal(w->m.why.msg, "prepare does not work");
	assert_false(w->m.held);
	assert_false(w->m.parked);
	w->fail_prepare = false;
	to_booting(w);
}

static void test_adopt_suspended(void **state)
{
	struct world *w = new_world();

	(void)state;
	step(w, EV_ADOPT_SUSPENDED, STATE_SUSPENDED, "=suspended");
	step(w, EV_START, STATE_BOOTING, "=preparing prepare start =booting");
	w = new_world();
	step(w, EV_ADOPT_SUSPENDED, STATE_SUSPENDED, "=suspended");
	step(w, EV_STOP, STATE_STOPPED, "release =stopped");
}

/* Which events each state takes at all; all others change and do nothing. */
/* Each fault that may be the image's gives way to another, at once and with all that was
 * taken kept. */
static void test_image_falls_back(void **state)
{
	static const enum machine_event faults[] = {
	    EV_VM_EXIT, EV_FATAL, EV_BROKEN, EV_RELEASED, EV_DEADLINE, EV_BEAT_LOST};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct world *w = new_world();

		w->other_image = true;
		send_event(w, EV_START);
		send_event(w, EV_LINK_UP);
		send_event(w, faults[i]);
		if (w->m.state == STATE_STOPPING)
			step(w, EV_VM_EXIT, STATE_BOOTING,
			    "fall-back =preparing start =booting");
		else
			assert_string_equal(
			    w->calls, "fall-back =preparing start =booting");
		assert_string_equal(w->m.why.msg, "another image");
		assert_int_equal(w->m.failures, 0);
		/* The other one is a VM like any. */
		send_event(w, EV_VM_EXIT);
		assert_int_equal(w->m.state, STATE_PREPARING);
		assert_int_equal(w->m.failures, 1);
	}
}

/* What is not its fault: a stop, somebody who deletes the interface. */
static void test_image_is_not_to_blame(void **state)
{
	struct world *w = new_world();

	(void)state;
	w->other_image = true;
	send_event(w, EV_START);
	send_event(w, EV_LINK_UP);
	send_event(w, EV_TAP_GONE);
	step(w, EV_VM_EXIT, STATE_PREPARING, "=preparing");
	assert_true(w->other_image);
	w = new_world();
	w->other_image = true;
	send_event(w, EV_START);
	send_event(w, EV_STOP);
	send_event(w, EV_VM_EXIT);
	assert_int_equal(w->m.state, STATE_STOPPED);
	assert_true(w->other_image);
}

static void test_image_proves_itself(void **state)
{
	struct world *w = new_world();

	(void)state;
	w->other_image = true;
	send_event(w, EV_START);
	send_event(w, EV_LINK_UP);
	send_event(w, EV_RADIO);
	send_event(w, EV_WLAN_UP);
	step(w, EV_PATH_UP, STATE_ONLINE, "plug proved =online");
	/* Once for each start, and then it is a fault like any. */
	step(w, EV_PATH_DOWN, STATE_ASSOCIATING, "unplug =associating");
	step(w, EV_PATH_UP, STATE_ONLINE, "plug =online");
	send_event(w, EV_VM_EXIT);
	assert_int_equal(w->m.state, STATE_PREPARING);
	assert_true(w->other_image);
	step(w, EV_RETRY, STATE_BOOTING, "start =booting");
	/* Without its network: the supplicant runs, and the guest is heard of. */
	send_event(w, EV_LINK_UP);
	send_event(w, EV_RADIO);
	for (int i = 0; i < 10; i++)
		step(w, EV_BEAT, STATE_ASSOCIATING, "");
	w->supplicant = true;
	step(w, EV_BEAT, STATE_ASSOCIATING, "proved");
	step(w, EV_BEAT, STATE_ASSOCIATING, "");
}

/* With a network and no data path it is not what an image should do. */
static void test_image_without_a_path(void **state)
{
	struct world *w = new_world();

	(void)state;
	w->other_image = w->supplicant = true;
	send_event(w, EV_START);
	send_event(w, EV_LINK_UP);
	send_event(w, EV_RADIO);
	step(w, EV_BEAT, STATE_ASSOCIATING, "");
	step(w, EV_BEAT, STATE_ASSOCIATING, "");
	send_event(w, EV_WLAN_UP);
	for (int i = 0; i < 10; i++)
		step(w, EV_BEAT, STATE_ASSOCIATING, "");
}

static void test_refusals(void **state)
{
	static const struct {
		enum vm_state state;
		void (*reach)(struct world *w);
		const char *takes;
	} rows[] = {
	    {STATE_STOPPED, to_stopped, " start stop suspend adopt adopt-suspended "},
	    {STATE_PREPARING, to_retry, " start stop suspend retry "},
	    {STATE_BOOTING, to_booting,
		" start stop suspend vm-exit link-up broken tap-gone deadline "},
	    {STATE_AGENT, to_agent,
		" start stop suspend vm-exit link-up radio wlan-up wlan-down path-up "
		"path-down "
		"beat "
		"released fatal broken tap-gone deadline beat-lost "},
	    {STATE_ASSOCIATING, to_associating,
		" start stop suspend vm-exit link-up radio wlan-up wlan-down path-up "
		"path-down "
		"beat "
		"released fatal broken tap-gone beat-lost "},
	    {STATE_ONLINE, to_online,
		" start stop suspend vm-exit link-up radio wlan-up wlan-down path-up "
		"path-down "
		"beat "
		"released fatal broken tap-gone beat-lost "},
	    {STATE_STOPPING, to_stopping,
		" start stop suspend vm-exit link-up radio wlan-up wlan-down path-up "
		"path-down beat "
		"released fatal broken tap-gone deadline "},
	    {STATE_SUSPENDED, to_suspended, " start stop suspend tap-gone "},
	    {STATE_FAILED, to_failed, " start stop suspend vm-exit "},
	};
	char word[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned ev = 0; ev < EVENT_COUNT; ev++) {
			struct world *w = new_world();
			struct machine before;
			bool taken;

			rows[i].reach(w);
			assert_int_equal(w->m.state, rows[i].state);
			before = w->m;
			taken = send_event(w, (enum machine_event)ev) == 0;
			snprintf(word, sizeof(word), " %s ",
			    event_name((enum machine_event)ev));
			if (taken != (strstr(rows[i].takes, word) != NULL))
				fail_msg("%s in %s", word, state_name(rows[i].state));
			if (taken)
				continue;
			assert_memory_equal(&before, &w->m, sizeof(before));
			assert_string_equal(w->calls, "");
		}
}

static void test_nonsense(void **state)
{
	struct machine_input none = {.reason = NULL};
	struct world *w = new_world();

	(void)state;
	to_agent(w);
	/* A radio without an address. */
	assert_int_equal(machine_event(&w->m, EV_RADIO, &none), -1);
	assert_int_equal(machine_event(&w->m, EV_RADIO, NULL), -1);
	assert_int_equal(machine_event(&w->m, (enum machine_event)EVENT_COUNT, NULL), -1);
	assert_int_equal(w->m.state, STATE_AGENT);
}

static void test_names(void **state)
{
	enum vm_state s;

	(void)state;
	for (unsigned i = 0; i < STATE_COUNT; i++) {
		assert_int_equal(state_parse(state_name((enum vm_state)i), &s), 0);
		assert_int_equal(s, i);
	}
	assert_int_equal(state_parse("offline", &s), -1);
	for (unsigned i = 0; i < TIMER_COUNT; i++)
		assert_true(timer_event((enum machine_timer)i) < EVENT_COUNT);
}

static void sink(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_up_and_down),
	    cmocka_unit_test(test_stop_escalates),
	    cmocka_unit_test(test_stop_without_button),
	    cmocka_unit_test(test_vm_that_does_not_die),
	    cmocka_unit_test(test_stop_before_the_link),
	    cmocka_unit_test(test_first_start_fails),
	    cmocka_unit_test(test_release_fails),
	    cmocka_unit_test(test_backoff),
	    cmocka_unit_test(test_retry_that_fails),
	    cmocka_unit_test(test_long_online_forgets),
	    cmocka_unit_test(test_stop_in_backoff),
	    cmocka_unit_test(test_start_in_backoff),
	    cmocka_unit_test(test_ap_lost),
	    cmocka_unit_test(test_news_before_the_radio),
	    cmocka_unit_test(test_heartbeat),
	    cmocka_unit_test(test_deadlines),
	    cmocka_unit_test(test_fatal),
	    cmocka_unit_test(test_down_while_failing),
	    cmocka_unit_test(test_adopt),
	    cmocka_unit_test(test_adopt_silent),
	    cmocka_unit_test(test_adopt_fails),
	    cmocka_unit_test(test_adopt_and_renew),
	    cmocka_unit_test(test_other_faults),
	    cmocka_unit_test(test_ops_that_fail),
	    cmocka_unit_test(test_link_again),
	    cmocka_unit_test(test_suspend_and_resume),
	    cmocka_unit_test(test_suspend_escalates),
	    cmocka_unit_test(test_clean_by_the_button),
	    cmocka_unit_test(test_suspend_hurries),
	    cmocka_unit_test(test_resume_while_stopping),
	    cmocka_unit_test(test_suspend_from_each_state),
	    cmocka_unit_test(test_suspend_during_a_restart),
	    cmocka_unit_test(test_suspend_before_the_link),
	    cmocka_unit_test(test_suspend_fails),
	    cmocka_unit_test(test_adopt_suspended),
	    cmocka_unit_test(test_image_falls_back),
	    cmocka_unit_test(test_image_is_not_to_blame),
	    cmocka_unit_test(test_image_proves_itself),
	    cmocka_unit_test(test_image_without_a_path),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_nonsense),
	    cmocka_unit_test(test_names),
	};

	log_set_sink(sink, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
