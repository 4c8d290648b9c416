/*
 * Taking over a set-up that bhyfi replaces: wifibox, or a vm-bhyve guest made by hand.
 *
 * The other program's files are read and never run or changed. What comes out is what
 * bhyfi's own configuration would be, and a list of all that was found: what was taken,
 * what needs no counterpart, what can not be taken and why, and what is left to do by
 * hand afterwards. Nothing is written before import_write.
 */
#ifndef BHYFI_IMPORT_H
#define BHYFI_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct import_options {
	const char *instance; /* a valid name */
	const char *root;     /* where the set-up's system is; "": this one */
	const char *etc;      /* where ours is written; NULL: PATH_ETC */
	const char *card;     /* which of several devices; NULL: the only one */
	const char *networks; /* this wpa_supplicant.conf; NULL: the set-up's */
	const char *guest;    /* vm-bhyve: which guest; NULL: the one with a device */
	const char *vm_dir;   /* vm-bhyve: NULL: as rc.conf says */
	bool freebsd;         /* say vmm and interface as FreeBSD has them */
	bool force;           /* replace files of ours, keeping a copy */
};

enum import_result {
	IMPORT_TAKEN,
	IMPORT_NEEDLESS, /* has no counterpart because nothing is lost without it */
	IMPORT_CANNOT,
	IMPORT_TODO, /* by hand, when bhyfi runs */
};

struct import_item {
	enum import_result result;
	char *file;    /* in the set-up's system */
	unsigned line; /* 0: the file as a whole */
	char *setting; /* as found; secrets are left out. Hostile text. */
	char *text;    /* TAKEN: ours; TODO: a command, or what to do; else: why */
};

enum import_file_state {
	IMPORT_FILE_NONE,  /* not of this set-up */
	IMPORT_FILE_NEW,   /* does not exist yet */
	IMPORT_FILE_SAME,  /* is there with this content */
	IMPORT_FILE_MERGE, /* is there, and lacks only what is new: that is added */
	IMPORT_FILE_OTHER, /* is there with another one */
};

struct import_file {
	char *path;
	char *text; /* wiped when freed */
	size_t len;
	enum import_file_state state;
	char *backup;        /* the copy that import_write made; NULL: none */
	struct err conflict; /* why it is OTHER; no code where there is nothing to say */
};

struct import {
	struct import_item *items;
	size_t n;
	struct import_file config;   /* INSTANCE.conf */
	struct import_file networks; /* wpa_supplicant.conf; path NULL: none found */
	size_t networks_n;           /* in it */
	bool no_memory;              /* an item was lost */
};

/* The names in reports: "taken", "needless", "cannot", "todo". */
const char *import_result_name(enum import_result r);

/*
 * Read a set-up. Without one, or where there is nothing that bhyfi could run with (no
 * card, several cards and no choice, an access point), ERR_PRECONDITION; the items tell
 * what was found until then. The caller ends it with import_free in any case.
 */
int import_wifibox(const struct import_options *o, struct import *im, struct err *e);
int import_vm_bhyve(const struct import_options *o, struct import *im, struct err *e);

/*
 * Writes what is new, and adds to what setup made; a file that is there with other
 * content is an error before anything is written, or with force kept as FILE.bak (an
 * older copy is replaced). The networks come first: a configuration that is there is
 * whole.
 */
int import_write(const struct import_options *o, struct import *im, struct err *e);

void import_free(struct import *im);

#endif
