/*
 * Loading kernel modules: by name, by modalias, and everything that the devices
 * which are there ask for.
 */
#ifndef BHYFI_GUEST_MODULES_H
#define BHYFI_GUEST_MODULES_H

#include <stdbool.h>

#include "err.h"
#include "modlist.h"

struct modules {
	struct modlist list;
	char dir[300];      /* /lib/modules/VERSION/ */
	bool unlink_loaded; /* the root is RAM: a loaded module's file is waste */
	unsigned loaded;    /* how many so far */
};

/* Reads MODLIST_PATH and the overlays'. A list that is not there is empty. */
int modules_open(struct modules *m, struct err *e);
void modules_close(struct modules *m);

/* Loads by name, dependencies first; no error where it is loaded already.
 * params: "NAME=VALUE ...", or "". */
int modules_load(struct modules *m, const char *name, const char *params, struct err *e);

/* Loads all modules that claim the modalias. Returns how many matched; what
 * fails is logged. */
int modules_load_alias(struct modules *m, const char *alias, const char *params);

/* Loads the modules marked `boot`, in the list's order; logs what fails. */
void modules_load_boot(struct modules *m);

/* Loads what the devices under /sys/bus ask for; logs what fails. */
void modules_coldplug(struct modules *m);

/*
 * The program as /sbin/modprobe, called by the kernel:
 * modprobe [-q] [-b] [-a] [--] NAME|ALIAS [PARAM=VALUE...]. Exit status.
 */
int modules_modprobe(int argc, char *argv[]);

#endif
