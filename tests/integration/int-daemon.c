/*
 * The daemon, its commands and the tap with `vmm = fake`: the agent as a local
 * process. What needs no kernel of its own is tested here, in seconds.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "harness.h"
#include "msg.h"

#define EVENT_MS 30000

static struct inst *fake(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	inst_set(i, "vmm", "fake");
	lab_write(i);
	return i;
}

static int watch_links(void)
{
	struct err e = ERR_INIT;
	int fd = net_watch(&e);

	ok(fd < 0, &e);
	return fd;
}

static void up_status_down(void **state)
{
	/* What DESIGN promises of `status --json`. */
	const char *const members[] = {"instance", "state", "vmm", "pid", "uptime_s",
	    "card.pci", "card.name", "card.driver", "image.id", "image.kernel", "mode",
	    "wlan.ssid", "wlan.bssid", "wlan.freq_mhz", "wlan.width_mhz",
	    "wlan.signal_dbm", "wlan.tx_mbps", "wlan.rx_mbps", "wlan.key_mgmt",
	    "wlan.mac", "host_if.name", "host_if.mac", "host_if.addresses",
	    "guest.mem_total_kib", "guest.mem_available_kib", "guest.cpu_pct", "restarts",
	    "last_error"};
	struct inst *i = fake(state);
	json_t *o;

	lab_up(i);
	assert_true(net_has_carrier(i->tap));
	o = lab_status(i);
	for (size_t k = 0; k < ARRAY_LEN(members); k++) {
		if (!json_at(o, members[k])) {
			print_error("status has no %s\n", members[k]);
			fail();
		}
	}
	assert_string_equal(text_at(o, "state"), "online");
	assert_string_equal(text_at(o, "vmm"), "fake");
	json_decref(o);
	lab_down(i);
}

static void ten_times(void **state)
{
	struct inst *i = fake(state);

	for (int k = 0; k < 10; k++) {
		lab_up(i);
		lab_down(i);
	}
}

static void up_twice(void **state)
{
	struct inst *i = fake(state);
	struct err e = ERR_INIT;
	struct child up[2];
	pid_t pid;

	ok(inst_start(i, &up[0], &e, "up", NULL), &e);
	ok(inst_start(i, &up[1], &e, "up", NULL), &e);
	for (int k = 0; k < 2; k++) {
		ok(child_wait(&up[k], UP_MS, &e), &e);
		assert_int_equal(up[k].status, 0);
		child_free(&up[k]);
	}
	pid = lab_vmm(i);
	lab_up(i);
	assert_int_equal(lab_vmm(i), pid);
	lab_down(i);
}

static void down_in_the_middle_of_up(void **state)
{
	struct inst *i = fake(state);

	lab_begin(i);
	lab_down(i);
}

static void killed_vmm_comes_back(void **state)
{
	struct inst *i = fake(state);
	struct err e = ERR_INIT;
	int watch;
	pid_t pid;

	lab_up(i);
	pid = lab_vmm(i);
	watch = watch_links();
	assert_int_equal(kill(pid, SIGKILL), 0);
	ok(net_watch_carrier(watch, i->tap, false, EVENT_MS, &e), &e);
	ok(net_watch_carrier(watch, i->tap, true, EVENT_MS, &e), &e);
	close(watch);
	lab_wait_online(i, EVENT_MS);
	assert_int_not_equal(lab_vmm(i), pid);
	lab_down(i);
}

static void stopped_agent_is_noticed(void **state)
{
	struct inst *i = fake(state);
	struct err e = ERR_INIT;
	int watch;

	inst_set(i, "beat", "1");
	inst_set(i, "stop_timeout", "2");
	lab_write(i);
	lab_up(i);
	watch = watch_links();
	assert_int_equal(kill(lab_vmm(i), SIGSTOP), 0);
	ok(net_watch_carrier(watch, i->tap, false, EVENT_MS, &e), &e);
	ok(net_watch_carrier(watch, i->tap, true, EVENT_MS, &e), &e);
	close(watch);
	lab_wait_online(i, EVENT_MS);
	lab_down(i);
}

/* Enough is enough: failed, with a reason; and a new start from there. */
static void gives_up_with_a_reason(void **state)
{
	struct inst *i = fake(state);
	struct err e = ERR_INIT;
	struct child log;
	json_t *o;

	inst_set(i, "restarts", "0");
	lab_write(i);
	lab_up(i);
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	ok(child_wait_text(&log, "state: online", EVENT_MS, &e), &e);
	assert_int_equal(kill(lab_vmm(i), SIGKILL), 0);
	ok(child_wait_text(&log, "state: failed", EVENT_MS, &e), &e);
	child_free(&log);
	o = lab_status(i);
	assert_string_equal(text_at(o, "state"), "failed");
	assert_true(text_at(o, "last_error")[0]);
	json_decref(o);
	assert_false(net_exists(i->tap));
	lab_up(i);
	lab_down(i);
}

static void down_after_failure(void **state)
{
	struct inst *i = fake(state);
	struct err e = ERR_INIT;
	struct child log;

	inst_set(i, "restarts", "0");
	lab_write(i);
	lab_up(i);
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	ok(child_wait_text(&log, "state: online", EVENT_MS, &e), &e);
	assert_int_equal(kill(lab_vmm(i), SIGKILL), 0);
	ok(child_wait_text(&log, "state: failed", EVENT_MS, &e), &e);
	child_free(&log);
	lab_down(i);
}

/* The daemon runs without rights, chrooted, and its VMM as another user. */
static void who_runs_as_whom(void **state)
{
	struct inst *i = fake(state);
	struct process priv, main_process;
	char path[64], root[PATH_MAX] = "";

	lab_up(i);
	lab_find_bhyfid(i, &priv, &main_process);
	snprintf(path, sizeof(path), "/proc/%d/root", (int)main_process.pid);
	assert_true(readlink(path, root, sizeof(root) - 1) > 0);
	assert_string_equal(root, i->run);
	lab_down(i);
}

static void tap_deleted(void **state)
{
	struct inst *i = fake(state);
	struct err e = ERR_INIT;
	int watch;

	lab_up(i);
	watch = watch_links();
	ok(net_delete(i->tap, &e), &e);
	ok(net_watch_carrier(watch, i->tap, false, EVENT_MS, &e), &e);
	ok(net_watch_carrier(watch, i->tap, true, EVENT_MS, &e), &e);
	close(watch);
	lab_wait_online(i, EVENT_MS);
	lab_down(i);
}

LAB_MAIN("int", LAB_TEST(up_status_down), LAB_TEST(ten_times), LAB_TEST(up_twice),
    LAB_TEST(down_in_the_middle_of_up), LAB_TEST(killed_vmm_comes_back),
    LAB_TEST(stopped_agent_is_noticed), LAB_TEST(gives_up_with_a_reason),
    LAB_TEST(down_after_failure), LAB_TEST(who_runs_as_whom), LAB_TEST(tap_deleted))
