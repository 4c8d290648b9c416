/* A newer kernel than the source's own, for a card that that one has no driver for. */
#ifndef BHYFI_IMAGE_NEWER_H
#define BHYFI_IMAGE_NEWER_H

#include "source.h"

/* Brings the next newer kernel that the source offers beside its own and sets s->kernel
 * to its version. 1: there is none. */
int newer_kernel(struct source *s, struct err *e);

#endif
