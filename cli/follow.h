/* Requests that take their time: progress on the terminal, an end, an interrupt. */
#ifndef BHYFI_FOLLOW_H
#define BHYFI_FOLLOW_H

#include "client.h"
#include "out.h"

/*
 * Reads answers until one has "ok", which goes to *done (the caller's reference;
 * done may be NULL). {"progress":...} lines are shown. ERR_TIMEOUT after timeout_ms.
 * Call client_catch_signals before.
 */
int follow_wait(struct client *c, struct progress *p, int64_t timeout_ms, json_t **done,
    struct err *e);

/* PATH_SBIN/bhyfid; tests put another one in its place. */
extern const char *follow_daemon;

/* Runs bhyfid with arguments (NULL-terminated) behind -i INSTANCE; its own error and
 * exit status become ours. */
int follow_bhyfid(const char *instance, const char *arg, int timeout_ms, struct err *e);

/* A killed daemon's record of what it left: RUN/INSTANCE/vm.json is there. */
bool follow_leftovers(const char *instance);

#endif
