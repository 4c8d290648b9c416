/* What child.c shares with the part of it that is the system's. */
#ifndef BHYFI_TEST_CHILD_OS_H
#define BHYFI_TEST_CHILD_OS_H

#include <stdint.h>

#include "child.h"

/* A descriptor that is readable once a child has ended, until it is cleared. */
int child_signal(void);
void child_signal_clear(void);

/* Waits for those that have ended. */
void child_reap(void);
/* Waits for output of c (NULL: none) or the end of any child. */
void child_step(struct child *c, int timeout_ms);
/* Milliseconds, 0 when it has passed. */
int child_left(int64_t deadline);
/* A test that failed left its children's entries on a stack that is gone. */
void child_forget(void);

#endif
