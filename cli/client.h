/*
 * The command's end of the control socket (doc/control.md): requests and answers as
 * lines of JSON, bounded in size and time.
 */
#ifndef BHYFI_CLIENT_H
#define BHYFI_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "err.h"

#define CLIENT_LINE_MAX (1024 * 1024)
#define CLIENT_CALL_MS 10000 /* for an answer that needs no waiting */

/* PATH_RUN; tests put another one in its place. */
extern const char *client_run_dir;

struct client;

/*
 * Connects to the daemon of an instance. ERR_NOT_RUNNING where nobody listens,
 * ERR_FAILED without permission. The caller's, to client_close.
 */
struct client *client_open(const char *instance, struct err *e);
/* The same for a socket anywhere; its path may be longer than a socket address. */
struct client *client_open_path(const char *path, const char *instance, struct err *e);
void client_close(struct client *c);

/* For a poll(2) of one's own; a line that was read ahead does not show there, so
 * client_wait with time 0 until there is none. */
int client_fd(const struct client *c);

/* Sends {"cmd":cmd} with the members of args (may be NULL; its reference is taken). */
int client_send(struct client *c, const char *cmd, json_t *args, struct err *e);

/* 1: client_recv has a line for us, 0: time is up (-1: none); -1 with e. */
int client_wait(struct client *c, int64_t timeout_ms, struct err *e);

/*
 * The next line, an object; the caller's reference. timeout_ms -1: none.
 * ERR_TIMEOUT leaves the connection usable: call again. An {"error":...} becomes
 * the error. ERR_NOT_RUNNING where the daemon closed the connection.
 */
json_t *client_recv(struct client *c, int64_t timeout_ms, struct err *e);

/* client_send and client_recv within CLIENT_CALL_MS. */
json_t *client_call(struct client *c, const char *cmd, json_t *args, struct err *e);

/* Waits until the daemon closes the connection. */
int client_wait_end(struct client *c, int64_t timeout_ms, struct err *e);

/*
 * From now on SIGINT and SIGTERM do not kill us, but end a client_recv as
 * ERR_FAILED with client_interrupted() true. At no other time are they let in.
 */
void client_catch_signals(void);
bool client_interrupted(void);

/* A string member that is one; def otherwise. Borrowed. */
const char *client_str(const json_t *o, const char *key, const char *def);
/* A number that is there and within what makes sense. */
bool client_number(const json_t *o, const char *key, double *n);

#endif
