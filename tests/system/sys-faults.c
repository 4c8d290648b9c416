/*
 * What may happen to a machine that is online, each with its way back: online
 * again by itself, or failed with a reason; never anything left after `down`.
 *
 * The host sees the loss by the carrier of its interface, so that is what the
 * tests wait for before they wait for the return.
 */
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "harness.h"

#define LOSS_MS 60000
#define RETURN_MS 120000

static struct inst *online(void **state, int *watch)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;

	lab_up(i);
	*watch = net_watch(&e);
	ok(*watch < 0, &e);
	return i;
}

static void lost_and_back(struct inst *i, int watch)
{
	struct err e = ERR_INIT;

	ok(net_watch_carrier(watch, i->tap, false, LOSS_MS, &e), &e);
	ok(net_watch_carrier(watch, i->tap, true, RETURN_MS, &e), &e);
	close(watch);
	lab_wait_online(i, RETURN_MS);
	lab_lan_works(i);
}

/* An order whose answer may go down with the guest, so nobody waits for it. */
static void lost_by_order(
    struct inst *i, int watch, const char *op, const char *what, const char *how)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_start(i, &c, &e, "air", op, what, how, NULL), &e);
	lost_and_back(i, watch);
	child_free(&c);
}

static double restarts(const struct inst *i)
{
	json_t *o = lab_status(i);
	double n = number_at(o, "restarts");

	json_decref(o);
	return n;
}

static void qemu_killed(void **state)
{
	int watch;
	struct inst *i = online(state, &watch);
	pid_t pid = lab_vmm(i);

	assert_int_equal(kill(pid, SIGKILL), 0);
	lost_and_back(i, watch);
	assert_int_not_equal(lab_vmm(i), pid);
	assert_true(restarts(i) == 1);
	lab_down(i);
}

static void guest_panic(void **state)
{
	int watch;
	struct inst *i = online(state, &watch);

	lost_by_order(i, watch, "panic", NULL, NULL);
	assert_true(restarts(i) == 1);
	lab_down(i);
}

static void supplicant_killed(void **state)
{
	int watch;
	struct inst *i = online(state, &watch);
	pid_t pid = lab_vmm(i);

	json_decref(lab_air(i, "kill what=wpa_supplicant signal=KILL"));
	lost_and_back(i, watch);
	/* That needs no other guest. */
	assert_int_equal(lab_vmm(i), pid);
	lab_down(i);
}

static void agent_stopped(void **state)
{
	int watch;
	struct inst *i = online(state, &watch);

	lost_by_order(i, watch, "kill", "what=agent", "signal=STOP");
	assert_true(restarts(i) == 1);
	lab_down(i);
}

static void long_ap_gone_for_20_s(void **state)
{
	int watch;
	struct inst *i = online(state, &watch);
	struct err e = ERR_INIT;
	pid_t pid = lab_vmm(i);

	json_decref(lab_air(i, "ap-off"));
	ok(net_watch_carrier(watch, i->tap, false, LOSS_MS, &e), &e);
	/* Not to wait for anything: the time without an AP is what is tested. */
	poll(NULL, 0, 20000);
	json_decref(lab_air(i, "ap-on"));
	ok(net_watch_carrier(watch, i->tap, true, RETURN_MS, &e), &e);
	close(watch);
	lab_wait_online(i, RETURN_MS);
	lab_lan_works(i);
	assert_int_equal(lab_vmm(i), pid);
	lab_down(i);
}

static void tap_deleted(void **state)
{
	int watch;
	struct inst *i = online(state, &watch);
	struct err e = ERR_INIT;

	ok(net_delete(i->tap, &e), &e);
	lost_and_back(i, watch);
	lab_down(i);
}

static void kill_and_start_again(void **state, bool kill_priv, bool kill_main)
{
	int watch;
	struct inst *i = online(state, &watch);
	pid_t pid = lab_vmm(i);
	struct process priv, main;
	struct err e = ERR_INIT;

	close(watch);
	lab_find_bhyfid(i, &priv, &main);
	if (kill_priv)
		assert_int_equal(kill(priv.pid, SIGKILL), 0);
	if (kill_main)
		assert_int_equal(kill(main.pid, SIGKILL), 0);
	/* Neither goes on without the other. */
	ok(process_wait_gone(priv.pid, 10000, &e), &e);
	ok(process_wait_gone(main.pid, 10000, &e), &e);
	lab_up(i);
	/* The new one took the VM over, nobody lost the network. */
	assert_int_equal(lab_vmm(i), pid);
	lab_lan_works(i);
	lab_down(i);
}

static void bhyfid_killed_and_started_again(void **state)
{
	kill_and_start_again(state, true, true);
}

static void main_killed_and_started_again(void **state)
{
	kill_and_start_again(state, false, true);
}

static void priv_killed_and_started_again(void **state)
{
	kill_and_start_again(state, true, false);
}

/* Killed and not started again: `down` clears. */
static void bhyfid_killed_then_down(void **state)
{
	int watch;
	struct inst *i = online(state, &watch);

	close(watch);
	lab_kill_bhyfid(i);
	lab_down(i);
}

LAB_MAIN("fault", LAB_TEST(qemu_killed), LAB_TEST(guest_panic),
    LAB_TEST(supplicant_killed), LAB_TEST(agent_stopped), LAB_TEST(long_ap_gone_for_20_s),
    LAB_TEST(tap_deleted), LAB_TEST(bhyfid_killed_and_started_again),
    LAB_TEST(main_killed_and_started_again), LAB_TEST(priv_killed_and_started_again),
    LAB_TEST(bhyfid_killed_then_down))
