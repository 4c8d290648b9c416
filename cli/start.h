/* What up, suspend and resume share. */
#ifndef BHYFI_START_H
#define BHYFI_START_H

#include "cli.h"
#include "client.h"

/*
 * The daemon's client. Where none runs, one is started: always, or only_leftovers, where
 * one was killed and left something (a VM, or the note that it is suspended), which the
 * new one takes over; ERR_NOT_RUNNING where there is nothing. *started: it was.
 */
struct client *start_reach(
    struct cli *cli, bool only_leftovers, bool *started, struct err *e);

/*
 * All of `up` and `resume`: reaches the daemon, has it start its machine where that does
 * not run, waits as --wait says until it is online, and prints that.
 */
int start_command(struct cli *cli, bool only_leftovers, struct err *e);

#endif
