/*
 * bhyfid main: the states that users see, and what its parts share.
 */
#ifndef BHYFI_DAEMON_H
#define BHYFI_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "err.h"

/* In the order of a start; the names are in `bhyfi status`. */
enum vm_state {
	STATE_STOPPED,
	STATE_PREPARING, /* claims and makes what the VM needs, or waits to try again */
	STATE_BOOTING,   /* the VMM runs, the agent has not answered yet */
	STATE_AGENT,     /* the agent has its configuration and looks for the radio */
	STATE_ASSOCIATING,
	STATE_ONLINE,
	STATE_STOPPING,
	STATE_SUSPENDED,
	STATE_FAILED,
};
#define STATE_COUNT (STATE_FAILED + 1)

const char *state_name(enum vm_state s);
/* -1 where no state has that name. */
int state_parse(const char *name, enum vm_state *s);

/* What bhyfid main tells the privileged part of the image that was started (PRIV_IMAGE).
 */
enum image_word {
	IMAGE_TELL,   /* nothing: it asks */
	IMAGE_PROVED, /* the guest ran as it should */
	/* It did not, by what the image is to blame for. */
	IMAGE_NO_WORD,
	IMAGE_NO_RADIO,
	IMAGE_DIED,
	IMAGE_FATAL,
	IMAGE_BROKEN,
	IMAGE_SILENT,
	IMAGE_ACQUIT, /* the image that was fallen back to fared no better */
};
#define IMAGE_WORDS (IMAGE_ACQUIT + 1)

struct keep;

/* What main.c has ready, as root, before bhyfid splits and gives up its rights. All
 * borrowed. */
struct daemon_setup {
	const struct config *config;
	const char *image_id, *kernel; /* "" : no image (vmm = fake) */
	const char *card_name;
	int control_fd; /* listening; the daemon's to close; -1: none (clear) */
	int wpa_fd;     /* main's end of the door for wpa_cli (wpa-door.h); -1: none */
	int ready_fd; /* gets one byte once the daemon serves, is closed then; -1: none */
	struct keep *log, *console;
	bool clear; /* stop what a former bhyfid left, then end */
};

/*
 * Splits off the privileged part and runs until it is told to stop. Returns only in the
 * unprivileged process: 0, when nothing is left behind; -1 with e filled.
 */
int daemon_run(const struct daemon_setup *setup, struct err *e);

#endif
