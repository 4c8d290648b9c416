/*
 * Theory of operation.
 *
 * One table says for each state and event what is done; an empty place is an event that
 * is not legal there and changes nothing (a guest may send anything at any time).
 *
 *  - A VM is never killed before its guest was asked to give up the card: many cards
 *    have no working reset, and an unclean kill can need a power cycle. All ways out
 *    of a running VM go through begin_stop(): the agent is asked; then the power
 *    button, which the guest's PID 1 hears even if the agent hangs; then SIGKILL.
 *  - What prepare took (`held`) stays through restarts and is given back only after the
 *    VMM has gone, on the way to stopped or failed; where that does not work `held`
 *    stays set, and the next stop or start tries again.
 *  - Faults of a VM that may be chance end in a restart with back-off; `failures` counts
 *    them in a row, five minutes online forget them. What a guest reports as fatal
 *    before it was ever online is no chance and fails at once.
 *  - Before the host sleeps the VM is stopped in the same way, within suspend_ms in all:
 *    the host may not wait longer. Then what prepare took is `parked`: it stays ours, but
 *    is taken anew before the next start, as a card may be gone when the host wakes.
 *    A start while the stop for a sleep is under way follows it (THEN_RESUME).
 *  - An image proves itself by being online; or, as the network may be what is missing,
 *    by a radio, a running supplicant that is not associated, and PROVE_BEATS heartbeats.
 *    Until then the faults that may be its own (`suspect`) are asked about, and where
 *    there is an image to fall back to, that is started at once.
 *  - The tap's carrier is on exactly while the state is online. An adopted VM's tap
 *    keeps its carrier until the guest has said how things are, so that a
 *    restarted daemon does not unplug the host.
 */
#include "machine.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"

#define BACKOFF_MAX_MS 60000
#define BEATS_MISSED 3
#define PROVE_BEATS 3
#define STABLE_MS (5 * 60 * 1000)
#define ASK_LOST_MS 1000 /* for an agent that has been silent for three beats already */
#define KILL_MS 5000 /* SIGKILL to exit: more than that is a VMM stuck in the kernel */

int64_t machine_backoff_ms(unsigned n)
{
	int64_t ms = 1000;

	while (n > 1 && ms < BACKOFF_MAX_MS) {
		ms *= 2;
		n--;
	}
	return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

void machine_init(struct machine *m, const struct machine_limits *limits,
    const struct machine_ops *ops, void *arg)
{
	memset(m, 0, sizeof(*m));
	m->limits = *limits;
	m->ops = ops;
	m->arg = arg;
}

static void timer(struct machine *m, enum machine_timer t, int64_t ms)
{
	if (t == TIMER_DEADLINE)
		m->deadline_at = ms < 0 ? 0 : m->ops->now(m->arg) + ms;
	m->ops->timer(m->arg, t, ms);
}

static void enter(struct machine *m, enum vm_state s)
{
	if (m->state == s)
		return;
	m->state = s;
	m->ops->changed(m->arg, s);
}

static const char *reason_of(const struct machine_input *in, const char *def)
{
	return in != NULL && in->reason != NULL && in->reason[0] != '\0' ? in->reason
									 : def;
}

/* The failure that is shown; a later one in the same stop does not hide the cause. */
static void blame(struct machine *m, const char *reason)
{
	err_set(&m->why, ERR_FAILED, "%s", reason);
	log_error("%s", reason);
}

static void blame_err(struct machine *m, const struct err *e)
{
	m->why = *e;
	log_err(LOG_LEVEL_ERROR, e);
}

static void timers_off(struct machine *m)
{
	for (unsigned t = 0; t < TIMER_COUNT; t++)
		timer(m, (enum machine_timer)t, -1);
}

/* Gives back what prepare took, if it did. */
static int release(struct machine *m)
{
	struct err e = ERR_INIT;

	if (!m->held)
		return 0;
	if (m->ops->release(m->arg, &e) < 0) {
		err_prefix(&e, "release");
		blame_err(m, &e);
		return -1;
	}
	m->held = m->parked = false;
	return 0;
}

static int park(struct machine *m)
{
	struct err e = ERR_INIT;

	if (m->ops->suspend(m->arg, &e) < 0) {
		err_prefix(&e, "suspend");
		blame_err(m, &e);
		return -1;
	}
	m->held = m->parked = true;
	return 0;
}

/* After a fault, with the VMM gone: once more, or not. Card and tap stay ours for it, so
 * that the host's network programs do not lose their interface. */
static void retry_or_fail(struct machine *m)
{
	int64_t ms;

	m->failures++;
	if (m->failures > m->limits.restarts) {
		log_error("given up after %u restarts in a row", m->limits.restarts);
		release(m);
		enter(m, STATE_FAILED);
		return;
	}
	m->restarts++;
	ms = machine_backoff_ms(m->failures);
	log_warn("restart %u of %u in %lld ms", m->failures, m->limits.restarts,
	    (long long)ms);
	enter(m, STATE_PREPARING);
	timer(m, TIMER_RETRY, ms);
}

static void boot(struct machine *m)
{
	struct err e = ERR_INIT;

	m->link_up = m->wlan_up = m->path_up = m->released = m->proved = false;
	m->suspect = IMAGE_TELL;
	m->clean = CLEAN_UNKNOWN;
	enter(m, STATE_PREPARING);
	if (!m->held || m->parked) {
		if (m->ops->prepare(m->arg, &e) < 0)
			goto failed;
		m->held = true;
		m->parked = false;
	}
	if (m->ops->vm_start(m->arg, &e) < 0)
		goto failed;
	timer(m, TIMER_DEADLINE, m->limits.boot_ms);
	enter(m, STATE_BOOTING);
	return;
failed:
	blame_err(m, &e);
	if (m->failures > 0) {
		retry_or_fail(m);
		return;
	}
	/* What can not be made at the first start is wrong, not a matter of chance. */
	release(m);
	enter(m, STATE_FAILED);
}

static void leave_online(struct machine *m, bool unplug)
{
	struct err e = ERR_INIT;

	if (m->state != STATE_ONLINE)
		return;
	if (m->ops->now(m->arg) - m->online_since >= STABLE_MS)
		m->failures = 0;
	if (unplug && m->ops->tap_carrier(m->arg, false, &e) < 0)
		log_warn("carrier off: %s", e.msg);
}

/* Asks for a clean release. ask_ms: how long the agent has for it. */
static void begin_stop(
    struct machine *m, enum stop_then then, const char *reason, int64_t ask_ms)
{
	struct err e = ERR_INIT;

	leave_online(m, true);
	timers_off(m);
	m->then = then;
	m->phase = STOP_ASK;
	m->kill_at = 0;
	timer(m, TIMER_DEADLINE, ask_ms);
	enter(m, STATE_STOPPING);
	/* Before the link is up nobody can hear it: stopping_link_up says it then. */
	if (m->link_up && !m->released && m->ops->send_stop(m->arg, reason, &e) < 0)
		log_warn("stop message: %s", e.msg);
}

/* A start that nothing has failed before. */
static void boot_anew(struct machine *m)
{
	m->failures = 0;
	m->ever_online = false;
	err_set(&m->why, ERR_NONE, "%s", "");
	boot(m);
}

static void finish_suspend(struct machine *m)
{
	if (park(m) < 0) {
		release(m);
		enter(m, STATE_FAILED);
	} else if (m->then == THEN_RESUME) {
		boot_anew(m);
	} else {
		enter(m, STATE_SUSPENDED);
	}
}

static void prove(struct machine *m)
{
	if (m->proved)
		return;
	m->proved = true;
	if (m->ops->proved != NULL)
		m->ops->proved(m->arg);
}

/* Whether the fault was one of an image that gives way to another now. */
static bool fall_back(struct machine *m)
{
	if (m->suspect == IMAGE_TELL || m->proved || m->ops->fall_back == NULL ||
	    !m->ops->fall_back(m->arg, m->suspect, &m->why))
		return false;
	m->failures = 0;
	m->ever_online = false;
	return true;
}

/* The VMM is gone. */
static void finish_stop(struct machine *m)
{
	timers_off(m);
	m->link_up = false;
	if ((m->then == THEN_RESTART || m->then == THEN_FAILED) && fall_back(m)) {
		boot(m);
		return;
	}
	switch (m->then) {
	case THEN_RESTART:
		retry_or_fail(m);
		break;
	case THEN_SUSPENDED:
	case THEN_RESUME:
		finish_suspend(m);
		break;
	case THEN_RENEW:
		if (release(m) < 0)
			enter(m, STATE_FAILED);
		else
			boot(m);
		break;
	case THEN_STOPPED:
		enter(m, release(m) < 0 ? STATE_FAILED : STATE_STOPPED);
		break;
	case THEN_FAILED:
		release(m);
		enter(m, STATE_FAILED);
		break;
	}
}

static void fault(struct machine *m, enum stop_then then, const char *reason)
{
	blame(m, reason);
	begin_stop(m, then, reason, m->limits.stop_ms);
}

static void check_online(struct machine *m)
{
	struct err e = ERR_INIT;

	if (m->state == STATE_ASSOCIATING && m->wlan_up && m->path_up) {
		if (m->ops->tap_carrier(m->arg, true, &e) < 0) {
			blame_err(m, &e);
			begin_stop(m, THEN_RESTART, "no carrier", m->limits.stop_ms);
			return;
		}
		m->ever_online = true;
		m->online_since = m->ops->now(m->arg);
		prove(m);
		enter(m, STATE_ONLINE);
	} else if (m->state == STATE_ONLINE && !(m->wlan_up && m->path_up)) {
		leave_online(m, true);
		enter(m, STATE_ASSOCIATING);
	}
}

typedef void handler(struct machine *m, const struct machine_input *in);

static void ignore(struct machine *m, const struct machine_input *in)
{
	(void)m;
	(void)in;
}

static void start(struct machine *m, const struct machine_input *in)
{
	(void)in;
	/* A VMM that would not die and a card that would not go back block the way. */
	if (release(m) < 0) {
		enter(m, STATE_FAILED);
		return;
	}
	boot_anew(m);
}

static void resume(struct machine *m, const struct machine_input *in)
{
	(void)in;
	boot_anew(m);
}

static void adopt(struct machine *m, const struct machine_input *in)
{
	struct err e = ERR_INIT;

	m->held = true;
	m->failures = 0;
	m->link_up = m->wlan_up = m->path_up = m->released = m->proved = false;
	m->suspect = IMAGE_TELL;
	m->ever_online = true;
	if (m->ops->vm_attach(m->arg, &e) < 0) {
		blame_err(m, &e);
		begin_stop(m, THEN_RESTART, "not adopted", m->limits.stop_ms);
		return;
	}
	if (in != NULL && in->reason != NULL) {
		log_warn("the VM that runs is started anew: %s", in->reason);
		begin_stop(m, THEN_RENEW, in->reason, m->limits.stop_ms);
		return;
	}
	timer(m, TIMER_DEADLINE, m->limits.boot_ms);
	enter(m, STATE_BOOTING);
}

/* Nothing runs. Says so even where the state stays. */
static void stop_idle(struct machine *m, const struct machine_input *in)
{
	(void)in;
	timers_off(m);
	m->state = release(m) == 0 ? STATE_STOPPED : STATE_FAILED;
	m->ops->changed(m->arg, m->state);
}

static void stop_running(struct machine *m, const struct machine_input *in)
{
	begin_stop(m, THEN_STOPPED, reason_of(in, "down"), m->limits.stop_ms);
}

static void adopt_suspended(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->held = m->parked = true;
	enter(m, STATE_SUSPENDED);
}

/* No VM runs. A machine that had failed gets another try after the sleep, too: some
 * cards come back only by that. */
static void suspend_idle(struct machine *m, const struct machine_input *in)
{
	(void)in;
	timers_off(m);
	enter(m, park(m) == 0 ? STATE_SUSPENDED : STATE_FAILED);
}

/* The agent's part of the time. It takes half a second; the other half is for the
 * guest's PID 1, which has to end it first. */
static int64_t ask_share(int64_t ms)
{
	return ms / 2;
}

static void suspend_running(struct machine *m, const struct machine_input *in)
{
	begin_stop(
	    m, THEN_SUSPENDED, reason_of(in, "suspend"), ask_share(m->limits.suspend_ms));
	m->kill_at = m->ops->now(m->arg) + m->limits.suspend_ms;
}

static void retry(struct machine *m, const struct machine_input *in)
{
	(void)in;
	boot(m);
}

/* Somebody does not want to wait for the back-off. */
static void start_now(struct machine *m, const struct machine_input *in)
{
	(void)in;
	timers_off(m);
	m->failures = 0;
	boot(m);
}

/* A VMM that outlived SIGKILL for a while is gone at last. */
static void late_exit(struct machine *m, const struct machine_input *in)
{
	(void)in;
	release(m);
}

static void unasked_exit(struct machine *m, const struct machine_input *in)
{
	blame(m, reason_of(in, "the VM ended by itself"));
	m->suspect = IMAGE_DIED;
	leave_online(m, true);
	m->then = THEN_RESTART;
	m->clean = m->released ? CLEAN_YES : CLEAN_NO;
	finish_stop(m);
}

static void link_up(struct machine *m, const struct machine_input *in)
{
	struct err e = ERR_INIT;

	(void)in;
	leave_online(m, true);
	m->link_up = true;
	m->wlan_up = m->path_up = false;
	m->beats = 0;
	if (m->ops->send_config(m->arg, &e) < 0) {
		blame_err(m, &e);
		begin_stop(m, THEN_FAILED, "no configuration", m->limits.stop_ms);
		return;
	}
	timer(m, TIMER_DEADLINE, m->limits.boot_ms);
	timer(m, TIMER_BEAT, m->limits.beat_ms * BEATS_MISSED);
	enter(m, STATE_AGENT);
}

static int take_mac(struct machine *m, const struct machine_input *in)
{
	struct err e = ERR_INIT;

	if (m->ops->tap_mac(m->arg, in->mac, &e) == 0)
		return 0;
	blame_err(m, &e);
	begin_stop(m, THEN_RESTART, "no MAC address", m->limits.stop_ms);
	return -1;
}

static void radio(struct machine *m, const struct machine_input *in)
{
	if (take_mac(m, in) < 0)
		return;
	timer(m, TIMER_DEADLINE, -1);
	enter(m, STATE_ASSOCIATING);
	check_online(m);
}

/* A second radio message: the card came back with another address, or the same. */
static void radio_again(struct machine *m, const struct machine_input *in)
{
	take_mac(m, in);
}

static void wlan_up(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->wlan_up = true;
	check_online(m);
}

/* In associating, too: an adopted tap may still have its carrier on. */
static void unplug(struct machine *m)
{
	struct err e = ERR_INIT;

	if (m->state == STATE_ASSOCIATING && m->ops->tap_carrier(m->arg, false, &e) < 0)
		log_warn("carrier off: %s", e.msg);
	check_online(m);
}

static void wlan_down(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->wlan_up = false;
	unplug(m);
}

static void path_up(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->path_up = true;
	check_online(m);
}

static void path_down(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->path_up = false;
	unplug(m);
}

static void beat(struct machine *m, const struct machine_input *in)
{
	(void)in;
	timer(m, TIMER_BEAT, m->limits.beat_ms * BEATS_MISSED);
	m->beats = m->state == STATE_ASSOCIATING && !m->wlan_up ? m->beats + 1 : 0;
	if (m->beats >= PROVE_BEATS && m->ops->supplicant_runs != NULL &&
	    m->ops->supplicant_runs(m->arg))
		prove(m);
}

static void released_unasked(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->released = true;
	m->suspect = IMAGE_BROKEN;
	fault(m, THEN_RESTART, "the guest gave up the card by itself");
}

static void fatal(struct machine *m, const struct machine_input *in)
{
	m->suspect = IMAGE_FATAL;
	fault(m, m->ever_online ? THEN_RESTART : THEN_FAILED,
	    reason_of(in, "the guest failed"));
	if (in != NULL && in->hint != NULL)
		err_hint(&m->why, "%s", in->hint);
}

static void broken(struct machine *m, const struct machine_input *in)
{
	m->suspect = IMAGE_BROKEN;
	fault(m, THEN_RESTART, reason_of(in, "the guest breaks the protocol"));
}

static void tap_gone(struct machine *m, const struct machine_input *in)
{
	(void)in;
	fault(m, THEN_RESTART, "somebody deleted the host's interface");
}

static void too_late(struct machine *m, const char *what)
{
	char text[96];

	snprintf(text, sizeof(text), "%s within %lld s", what,
	    (long long)(m->limits.boot_ms / 1000));
	fault(m, THEN_RESTART, text);
}

static void boot_deadline(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->suspect = IMAGE_NO_WORD;
	too_late(m, "no word from the guest");
}

static void radio_deadline(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->suspect = IMAGE_NO_RADIO;
	too_late(m, "the guest found no radio");
}

static void beat_lost(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->suspect = IMAGE_SILENT;
	blame(m, "heartbeat lost");
	begin_stop(m, THEN_RESTART, "heartbeat lost",
	    m->limits.stop_ms < ASK_LOST_MS ? m->limits.stop_ms : ASK_LOST_MS);
}

static void stopping_stop(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->then = THEN_STOPPED;
}

/* A stop that is under way has less time from now on. Where it was asked for, it stays
 * one; what would have been started again is started after the sleep. */
static void stopping_suspend(struct machine *m, const struct machine_input *in)
{
	int64_t now = m->ops->now(m->arg), ms = m->limits.suspend_ms;

	(void)in;
	if (m->then != THEN_STOPPED)
		m->then = THEN_SUSPENDED;
	if (m->phase == STOP_KILL || m->kill_at != 0)
		return;
	m->kill_at = now + ms;
	if (m->phase == STOP_ASK)
		ms = ask_share(ms);
	if (now + ms < m->deadline_at)
		timer(m, TIMER_DEADLINE, ms);
}

/* What is not being suspended is not to be started, or starts again by itself. */
static void stopping_start(struct machine *m, const struct machine_input *in)
{
	(void)in;
	if (m->then == THEN_SUSPENDED)
		m->then = THEN_RESUME;
}

/* Only now can it be asked, or it is another agent that has not heard it yet. */
static void stopping_link_up(struct machine *m, const struct machine_input *in)
{
	struct err e = ERR_INIT;

	(void)in;
	m->link_up = true;
	if (!m->released && m->ops->send_stop(m->arg, "stop", &e) < 0)
		log_warn("stop message: %s", e.msg);
}

static void stopping_released(struct machine *m, const struct machine_input *in)
{
	(void)in;
	m->released = true;
}

static void stopping_exit(struct machine *m, const struct machine_input *in)
{
	bool clean = m->released || (m->phase == STOP_BUTTON && in->powered_off);

	m->clean = clean ? CLEAN_YES : CLEAN_NO;
	if (!clean)
		log_warn("the VM ended without a word that the card is released");
	finish_stop(m);
}

static void kill_vm(struct machine *m)
{
	struct err e = ERR_INIT;
	char text[96];

	m->phase = STOP_KILL;
	timer(m, TIMER_DEADLINE, KILL_MS);
	if (m->kill_at != 0) {
		snprintf(text, sizeof(text),
		    "the guest did not stop within %lld ms for the host's sleep",
		    (long long)m->limits.suspend_ms);
		blame(m, text);
	}
	log_warn("the guest does not stop: killed%s",
	    m->released ? "" : "; if the card does not work now, it needs a power cycle");
	if (m->ops->vm_kill(m->arg, &e) < 0)
		log_error("kill: %s", e.msg);
}

static int64_t button_ms(const struct machine *m)
{
	int64_t now = m->ops->now(m->arg);

	if (m->kill_at == 0)
		return m->limits.stop_ms / 2;
	return m->kill_at > now ? m->kill_at - now : 0;
}

static void stopping_deadline(struct machine *m, const struct machine_input *in)
{
	struct err e = ERR_INIT;

	(void)in;
	switch (m->phase) {
	case STOP_ASK:
		log_warn("the guest did not stop when asked: pressing the power button");
		if (m->ops->powerdown(m->arg, &e) < 0) {
			log_warn("power button: %s", e.msg);
			kill_vm(m);
			break;
		}
		m->phase = STOP_BUTTON;
		timer(m, TIMER_DEADLINE, button_ms(m));
		break;
	case STOP_BUTTON:
		kill_vm(m);
		break;
	case STOP_KILL:
		blame(m, "the VM does not die, card and tap are not released");
		enter(m, STATE_FAILED);
		break;
	}
}

/* Alike in each state in which the agent is there. */
#define AGENT_IS_THERE                                                                   \
	[EV_START] = ignore, [EV_STOP] = stop_running, [EV_SUSPEND] = suspend_running,   \
	[EV_VM_EXIT] = unasked_exit, [EV_LINK_UP] = link_up, [EV_WLAN_UP] = wlan_up,     \
	[EV_WLAN_DOWN] = wlan_down, [EV_PATH_UP] = path_up, [EV_PATH_DOWN] = path_down,  \
	[EV_BEAT] = beat, [EV_RELEASED] = released_unasked, [EV_FATAL] = fatal,          \
	[EV_BROKEN] = broken, [EV_TAP_GONE] = tap_gone, [EV_BEAT_LOST] = beat_lost

static handler *const table[STATE_COUNT][EVENT_COUNT] = {
    [STATE_STOPPED] =
	{
	    [EV_START] = start,
	    [EV_STOP] = stop_idle,
	    [EV_SUSPEND] = suspend_idle,
	    [EV_ADOPT] = adopt,
	    [EV_ADOPT_SUSPENDED] = adopt_suspended,
	},
    [STATE_PREPARING] =
	{
	    [EV_START] = start_now,
	    [EV_STOP] = stop_idle,
	    [EV_SUSPEND] = suspend_idle,
	    [EV_RETRY] = retry,
	},
    [STATE_BOOTING] =
	{
	    [EV_START] = ignore,
	    [EV_STOP] = stop_running,
	    [EV_SUSPEND] = suspend_running,
	    [EV_VM_EXIT] = unasked_exit,
	    [EV_LINK_UP] = link_up,
	    [EV_BROKEN] = broken,
	    [EV_TAP_GONE] = tap_gone,
	    [EV_DEADLINE] = boot_deadline,
	},
    [STATE_AGENT] =
	{
	    AGENT_IS_THERE,
	    [EV_RADIO] = radio,
	    [EV_DEADLINE] = radio_deadline,
	},
    [STATE_ASSOCIATING] =
	{
	    AGENT_IS_THERE,
	    [EV_RADIO] = radio_again,
	},
    [STATE_ONLINE] =
	{
	    AGENT_IS_THERE,
	    [EV_RADIO] = radio_again,
	},
    [STATE_STOPPING] =
	{
	    [EV_START] = stopping_start,
	    [EV_STOP] = stopping_stop,
	    [EV_SUSPEND] = stopping_suspend,
	    [EV_VM_EXIT] = stopping_exit,
	    [EV_LINK_UP] = stopping_link_up,
	    [EV_RADIO] = ignore,
	    [EV_WLAN_UP] = ignore,
	    [EV_WLAN_DOWN] = ignore,
	    [EV_PATH_UP] = ignore,
	    [EV_PATH_DOWN] = ignore,
	    [EV_BEAT] = ignore,
	    [EV_RELEASED] = stopping_released,
	    [EV_FATAL] = ignore,
	    [EV_BROKEN] = ignore,
	    [EV_TAP_GONE] = ignore,
	    [EV_DEADLINE] = stopping_deadline,
	},
    [STATE_SUSPENDED] =
	{
	    [EV_START] = resume,
	    [EV_STOP] = stop_idle,
	    [EV_SUSPEND] = ignore,
	    [EV_TAP_GONE] = ignore, /* the next start makes another */
	},
    [STATE_FAILED] =
	{
	    [EV_START] = start,
	    [EV_STOP] = stop_idle,
	    [EV_SUSPEND] = suspend_idle,
	    [EV_VM_EXIT] = late_exit,
	},
};

int machine_event(
    struct machine *m, enum machine_event ev, const struct machine_input *in)
{
	handler *h;

	if ((unsigned)ev >= EVENT_COUNT || (unsigned)m->state >= STATE_COUNT)
		return -1;
	h = table[m->state][ev];
	if (h == NULL) {
		log_debug("event %s means nothing while %s", event_name(ev),
		    state_name(m->state));
		return -1;
	}
	if ((ev == EV_RADIO && (in == NULL || in->mac == NULL)) ||
	    (ev == EV_VM_EXIT && in == NULL))
		return -1;
	h(m, in);
	return 0;
}
