/* Which packages of an image there are newer versions of. */
#ifndef BHYFI_IMAGE_OUTDATED_H
#define BHYFI_IMAGE_OUTDATED_H

#include "image.h"

struct source;

/*
 * Looks the packages of an image (dir NULL: the current one) up in the source that it was
 * built from; opts as for a build (mirror, cache ...), its source where opts names none.
 * *out: {id, source, packages, lists (how old, for people), stale, security (number),
 * outdated: [{name, installed, newest, security}]}, a new reference. Needs no privileges.
 */
int image_outdated(
    const char *dir, const struct image_options *opts, json_t **out, struct err *e);

/* The same with a source that is open and can say (newest), and image_info's object. */
json_t *outdated_in(struct source *s, const json_t *info, struct err *e);

#endif
