/* What PID 1 and the agent say to each other: one packet each. */
#ifndef BHYFI_GUEST_PROC_H
#define BHYFI_GUEST_PROC_H

#include <stdbool.h>

enum init_word {
	INIT_RELEASE = 1, /* agent: release the card and power off */
	INIT_INPUT,       /* agent: input devices are there now */
	INIT_RELEASED,    /* init: it is done, so far as the flags say */
};

struct init_packet {
	enum init_word word;
	bool supplicant_stopped, driver_unbound;
	char reason[128];
};

/* The agent, in a child of PID 1. fd: the socket to it. */
int agent_main(int fd);

#endif
