/* The kernel's command line. */
#ifndef BHYFI_GUEST_CMDLINE_H
#define BHYFI_GUEST_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

/* The value of the last word KEY=VALUE of text; false where there is none or it
 * does not fit. */
bool cmdline_find(const char *text, const char *key, char *dst, size_t size);

/* The same from /proc/cmdline. */
bool cmdline_get(const char *key, char *dst, size_t size);

#endif
