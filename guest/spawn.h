/* Child processes of the agent. */
#ifndef BHYFI_GUEST_SPAWN_H
#define BHYFI_GUEST_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

/*
 * Starts argv[0] (a path) with /dev/null as input, out_fd as standard output
 * and error (-1: /dev/null), fd3 as descriptor 3 (-1: none), default signals.
 * Returns its pid; the caller reaps it.
 */
pid_t spawn_child(const char *const argv[], int out_fd, int fd3, struct err *e);

/* How long to wait before another start, after so many in a row that came to nothing: 1,
 * 2, 4 ... 30 s. */
int spawn_backoff_s(unsigned failures);

/* "exited with status 1", "was killed by signal 9 (Killed)". */
void spawn_status_text(int status, char *dst, size_t size);

#endif
