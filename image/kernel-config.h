/*
 * The small kernel's configuration: a fragment that is kept in the tree
 * (kernel/small.config) and the symbols of the drivers that a card needs.
 */
#ifndef BHYFI_IMAGE_KERNEL_CONFIG_H
#define BHYFI_IMAGE_KERNEL_CONFIG_H

#include <stddef.h>

#include "err.h"
#include "strv.h"

#define KERNEL_CONFIG_MAX (1u << 20)

/*
 * The fragment's text with the drivers' symbols behind it, in a fresh buffer. drivers are
 * the names of modules; one that no row of the table knows is ERR_PRECONDITION.
 */
int kernel_config_make(
    const char *fragment, const struct strv *drivers, char **text, struct err *e);

/*
 * Whether each line "CONFIG_X=V" of `wanted` is so in `result`, which is what Kconfig
 * made of it: there a symbol whose dependencies are missing, or that this kernel does
 * not have, is just absent. The error names the first.
 */
int kernel_config_check(const char *wanted, const char *result, struct err *e);

/* The drivers of the table, for tests; NULL behind the last. */
const char *kernel_config_driver(size_t i);

#endif
