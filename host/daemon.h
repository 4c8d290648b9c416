/*
 * bhyfid main: what its parts share. One libevent loop, one machine.
 */
#ifndef BHYFI_DAEMON_H
#define BHYFI_DAEMON_H

#include "config.h"
#include "err.h"

enum vm_state {
	STATE_STOPPED,
	STATE_PREPARING,
	STATE_BOOTING,
	STATE_AGENT,
	STATE_ASSOCIATING,
	STATE_ONLINE,
	STATE_STOPPING,
	STATE_SUSPENDED,
	STATE_FAILED,
};
const char *state_name(enum vm_state s);

#endif
