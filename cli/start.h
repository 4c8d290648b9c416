/* What up and resume share. */
#ifndef BHYFI_START_H
#define BHYFI_START_H

#include "cli.h"
#include "client.h"

/* Starts bhyfid; its client. *started: it was we who did. */
struct client *start_daemon(struct cli *cli, bool *started, struct err *e);

/* The value of --wait in seconds, or the default. */
int start_wait_option(const struct cli *cli, int64_t *wait_s, struct err *e);

/*
 * Has the daemon start its machine where that does not run, waits until it is online and
 * prints that. fresh: the daemon was started just now. began: clock_ms() from which the
 * time is counted. wait_s 0: does not wait.
 */
int start_and_wait(struct cli *cli, struct client *c, bool fresh, int64_t wait_s,
    int64_t began, struct err *e);

#endif
