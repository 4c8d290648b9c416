/* The packets between the air and the agent: descriptor 3, one JSON object each.
 * doc/air.md has the list. */
#ifndef BHYFI_AIR_CHAN_H
#define BHYFI_AIR_CHAN_H

#include <jansson.h>

#include "err.h"
#include "log.h"

#define AIR_CHANNEL_FD 3

/* Checks that fd is a sequenced-packet socket, makes it close-on-exec. */
int chan_open(int fd, struct err *e);

/*
 * Sends and drops the reference to o (NULL: no memory). Waits for room, so that
 * no event is lost; an agent that does not read stops the air, as it should.
 */
void chan_send(json_t *o);

void chan_event(const char *event, json_t *members); /* members may be NULL */

/* {"id":ID,"ok":true, members of o}; drops o, which may be NULL. */
void chan_reply(json_int_t id, json_t *o);
void chan_reply_error(json_int_t id, const struct err *e);

/* A log_sink. */
void chan_log_sink(void *arg, enum log_level level, const char *text);

#endif
