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

/*
 * Opens nothing: source is open, its kernel() was called. Brings the profiles'
 * packages and takes from them. air stays empty without opts->air.
 */
int contents_fill(struct contents *c, struct source *source, struct err *e);
void contents_free(struct contents *c);

/* A card that is a real one, not "sim" or none. */
bool card_is_real(const char *card);

#endif
