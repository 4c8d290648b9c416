/*
 * The agent channel under an event loop: a descriptor that bytes come from and
 * go to, and the link on top.
 */
#ifndef BHYFI_GUEST_CHANNEL_H
#define BHYFI_GUEST_CHANNEL_H

#include <event2/event.h>

#include "err.h"
#include "link.h"

struct channel;

/* arg is that of channel_new. */
typedef void channel_closed_fn(void *arg, const char *why);

/* l is borrowed and outlives the channel. closed is called when the descriptor
 * fails; it is closed by then. */
struct channel *channel_new(
    struct event_base *base, struct link *l, channel_closed_fn *closed, void *arg);
void channel_free(struct channel *ch);

/*
 * Takes fd, which is set not to block. hup_waits: end of file means that nobody
 * is at the other end now, and the kernel wakes us when somebody comes (a
 * virtio port); otherwise it is the end.
 */
int channel_open(struct channel *ch, int fd, bool hup_waits, struct err *e);

/* Something was queued: write it when the loop comes round. */
void channel_kick(struct channel *ch);

#endif
