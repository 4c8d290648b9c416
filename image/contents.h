/* What is in an image: fills the trees of its two archives. */
#ifndef BHYFI_IMAGE_CONTENTS_H
#define BHYFI_IMAGE_CONTENTS_H

#include "image.h"
#include "kmod.h"
#include "source.h"
#include "tree.h"

struct contents {
	struct tree base, air;
	struct strv drivers; /* of the card */
};

/* Whether our own programs for the guest are at hand: a system other than Linux has none
 * of its own. Known before anything is downloaded. ERR_PRECONDITION with what to do. */
int contents_programs(const struct image_options *o, struct err *e);

/*
 * Opens nothing: source is open, its kernel() was called. Brings the profiles'
 * packages and takes from them. air stays empty without opts->air.
 */
int contents_fill(struct contents *c, struct source *source, struct err *e);
void contents_free(struct contents *c);

/* A card that is a real one, not "sim" or none. */
bool card_is_real(const char *card);
/* Whether a real card's driver is to be in it, or all. */
bool contents_for_card(const struct image_options *o);

#endif
