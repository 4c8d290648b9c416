/* Giving the radio up, so that the next user of the card finds it quiet. */
#ifndef BHYFI_GUEST_RELEASE_H
#define BHYFI_GUEST_RELEASE_H

#include <stdbool.h>

#include "console.h"

struct release {
	struct console *console;
	bool supplicant_stopped; /* or none ran */
	bool driver_unbound;     /* every one, or there was none */
};

/*
 * Stops wpa_supplicant, takes the wireless interfaces down, unbinds their
 * drivers; says each step on the console. Each step has a deadline: what hangs is
 * said and passed over. Called by PID 1, whose children it may reap.
 */
void release_radio(struct release *r);

/* Waits until the console's bytes are out, for a bounded time. */
void release_drain_console(void);

/* Waits for the end of a process, child or not. False: it lives on. */
bool release_wait_pid(int pid, int timeout_ms);

#endif
