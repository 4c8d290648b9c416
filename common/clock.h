/* Monotonic time. */
#ifndef BHYFI_CLOCK_H
#define BHYFI_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC; never goes back. */
int64_t clock_ms(void);

#endif
