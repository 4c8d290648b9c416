/*
 * `--kernel small`: a kernel of the distribution's own source package with little more
 * in it than a guest needs, built once for each configuration and kept in the cache.
 */
#ifndef BHYFI_IMAGE_KERNEL_SMALL_H
#define BHYFI_IMAGE_KERNEL_SMALL_H

#include <stdbool.h>

#include "source.h"

/* Whether opts->kernel asks for it. An unknown kind is a usage error. */
int kernel_is_small(const struct image_options *opts, bool *small, struct err *e);

/*
 * Brings the source package, builds the kernel with these drivers (names of modules)
 * built in unless the cache has it, adds kernel and modules to the index and sets
 * source->kernel to its version. What the build needs and this machine lacks is
 * ERR_PRECONDITION with the packages that have it.
 */
int kernel_small(struct source *s, const struct strv *drivers, struct err *e);

#endif
