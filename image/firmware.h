/*
 * Which firmware a driver asks for, for one card or for all that it knows.
 *
 * A chooser (firmware-choose.c, firmware-iwl.c) turns what the module says of itself and
 * what is known of the driver into wishes; firmware.c fulfils them from packages and from
 * the user's own folder. What is known is facts of Linux 6.1 and 6.12, each with the file
 * they were read from; another version may know more devices, and a device that is in no
 * table gets every file that the module names.
 */
#ifndef BHYFI_IMAGE_FIRMWARE_H
#define BHYFI_IMAGE_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "source.h"
#include "strv.h"
#include "tree.h"

enum wish_kind {
	WISH_NAME,   /* this file */
	WISH_GLOB,   /* all that fit */
	WISH_NEWEST, /* of NAME followed by a number and `suffix`, the highest number from
			min to max; NAME may hold '*', then one for each that fits */
};

enum wish_need {
	WISH_SOME, /* at least one of a driver's wishes of this kind has to come true */
	WISH_MUST,
	WISH_MAY, /* asked for, and done without where there is none */
};

struct wish {
	enum wish_kind kind;
	enum wish_need need;
	char *name; /* below the firmware folder */
	unsigned min, max;
	const char *suffix;
	const char *beside; /* the same name with this instead of number and suffix; NULL:
			       nothing */
	unsigned group;     /* of wishes with one number only the first that comes true;
			       0: each for itself */
};

struct wishes {
	struct wish *v;
	size_t n;
};

struct firmware_ask {
	const char *driver;       /* the module's name */
	const struct strv *names; /* what it names in .modinfo */
	const char *kernel;       /* its version */
	bool all;                 /* for any card; else for: */
	unsigned vendor, device;
};

/* Appends a wish; name is copied. NULL without memory. */
struct wish *wish_add(struct wishes *w, enum wish_kind kind, enum wish_need need,
    const char *name, struct err *e);
void wishes_free(struct wishes *w);

/* The driver's chooser, or the general one. wishes_free in any case. */
int firmware_wishes(const struct firmware_ask *ask, struct wishes *w, struct err *e);

/* iwlwifi's, of firmware-iwl.c. */
int firmware_iwl(const struct firmware_ask *ask, struct wishes *w, struct err *e);

/* Whether iwlwifi will load that module (iwldvm, iwlmvm, iwlmld) for an Intel device. */
bool iwl_wants(unsigned device, const char *module);

/* Where firmware comes from, and what is asked of whom. */
struct firmware {
	struct source *source;
	struct tree *tree;
	struct fileset own; /* of the user's folder */
	struct strv asked;  /* packages */
};

/* dir: the user's folder, or NULL. firmware_close in any case. */
int firmware_open(struct firmware *f, struct source *source, struct tree *tree,
    const char *dir, struct err *e);
void firmware_close(struct firmware *f);

/* Puts into the tree what a driver asks for. An error where it could not work without,
 * but with ask->all only a warning. */
int firmware_put(struct firmware *f, const struct firmware_ask *ask, struct err *e);

#endif
