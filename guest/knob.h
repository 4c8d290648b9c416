/* The kernel's settings that are files: /proc/sys, /sys. */
#ifndef BHYFI_GUEST_KNOB_H
#define BHYFI_GUEST_KNOB_H

#include <stdbool.h>

/* Sets the one whose path fmt makes. What can not be set is logged, but with may_lack
 * not one that this kernel does not have. */
void knob_set(bool may_lack, int value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
