/* The chosen modules of an archive: their files, their list, their firmware. */
#ifndef BHYFI_IMAGE_MODSET_H
#define BHYFI_IMAGE_MODSET_H

#include "kmod.h"
#include "profile.h"
#include "source.h"
#include "tree.h"

struct modset {
	struct kmods *kmods;
	const char *version;
	bool keep_signatures;
	struct strv order;   /* all, each behind what it depends on */
	struct strv why;     /* each one is there */
	struct strv builtin; /* what was asked for and is the kernel's own */
	const char *reason;  /* of what is added next; NULL: every guest has it */
	/* Of modset_add_card. */
	struct strv drivers;
	unsigned vendor, device;
	bool all;
	struct strv boot;
};

int modset_add(
    struct modset *s, const char *name, bool boot, bool optional, struct err *e);
int modset_add_profile(struct modset *s, const struct profile *p, struct err *e);

/*
 * Adds the drivers for a card ("VENDOR:DEVICE" in hex; NULL: for all wireless PCI cards)
 * and what they ask for at run time. The names of the drivers themselves go to `drivers`.
 */
int modset_add_card(
    struct modset *s, const char *card, struct strv *drivers, struct err *e);

/* "VENDOR:DEVICE", each one to four hex digits. */
int card_parse(const char *card, unsigned *vendor, unsigned *device, struct err *e);

/*
 * Puts the modules and their list at `list` ("lib/bhyfi/modules.list") into the tree.
 * What is in `below` (NULL: none) is left out.
 */
int modset_write(struct modset *s, const struct modset *below, struct tree *t,
    const char *list, struct err *e);

/*
 * Whether the kernel has a driver for a card. What modset_add_card would say if not is in
 * the error.
 */
bool modset_has_card(struct modset *s, const char *card, struct err *e);

/*
 * Adds the firmware that the modules ask for (firmware.h), for the card of
 * modset_add_card. A driver whose firmware can not be had is an error, but for
 * all cards a warning.
 */
int modset_firmware(
    struct modset *s, struct source *source, struct tree *t, struct err *e);

void modset_free(struct modset *s);

#endif
