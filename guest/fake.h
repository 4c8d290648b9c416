/* The back end without a radio: for tests of the host without a hypervisor. */
#ifndef BHYFI_GUEST_FAKE_H
#define BHYFI_GUEST_FAKE_H

#include <stdbool.h>

#include "agent.h"

struct fake_options {
	int agent_fd, console_fd; /* listening sockets */
	const char *scenario;
	int console; /* where the agent's log lines go; the fake dups clients to it */
};

extern const struct guest_ops guest_fake;

bool fake_scenario_known(const char *name);

#endif
