/* The names of states and events, as logs, answers and people have them. */
#include <assert.h>
#include <string.h>

#include "cleanup.h"
#include "machine.h"

static const char *const state_names[] = {
    [STATE_STOPPED] = "stopped",
    [STATE_PREPARING] = "preparing",
    [STATE_BOOTING] = "booting",
    [STATE_AGENT] = "agent",
    [STATE_ASSOCIATING] = "associating",
    [STATE_ONLINE] = "online",
    [STATE_STOPPING] = "stopping",
    [STATE_SUSPENDED] = "suspended",
    [STATE_FAILED] = "failed",
};
static_assert(ARRAY_LEN(state_names) == STATE_COUNT, "a name for each state");

static const char *const event_names[] = {
    [EV_START] = "start",
    [EV_STOP] = "stop",
    [EV_SUSPEND] = "suspend",
    [EV_ADOPT] = "adopt",
    [EV_ADOPT_SUSPENDED] = "adopt-suspended",
    [EV_VM_EXIT] = "vm-exit",
    [EV_LINK_UP] = "link-up",
    [EV_RADIO] = "radio",
    [EV_WLAN_UP] = "wlan-up",
    [EV_WLAN_DOWN] = "wlan-down",
    [EV_PATH_UP] = "path-up",
    [EV_PATH_DOWN] = "path-down",
    [EV_BEAT] = "beat",
    [EV_RELEASED] = "released",
    [EV_FATAL] = "fatal",
    [EV_BROKEN] = "broken",
    [EV_TAP_GONE] = "tap-gone",
    [EV_DEADLINE] = "deadline",
    [EV_BEAT_LOST] = "beat-lost",
    [EV_RETRY] = "retry",
};
static_assert(ARRAY_LEN(event_names) == EVENT_COUNT, "a name for each event");

static const enum machine_event timer_events[] = {
    [TIMER_DEADLINE] = EV_DEADLINE,
    [TIMER_BEAT] = EV_BEAT_LOST,
    [TIMER_RETRY] = EV_RETRY,
};
static_assert(ARRAY_LEN(timer_events) == TIMER_COUNT, "an event for each timer");

const char *state_name(enum vm_state s)
{
	return (unsigned)s < STATE_COUNT ? state_names[s] : "?";
}

int state_parse(const char *name, enum vm_state *s)
{
	for (unsigned i = 0; i < STATE_COUNT; i++)
		if (strcmp(name, state_names[i]) == 0) {
			*s = (enum vm_state)i;
			return 0;
		}
	return -1;
}

const char *event_name(enum machine_event ev)
{
	return (unsigned)ev < EVENT_COUNT ? event_names[ev] : "?";
}

enum machine_event timer_event(enum machine_timer t)
{
	return timer_events[t];
}
