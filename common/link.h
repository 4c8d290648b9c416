/*
 * A reliable, ordered stream of messages over the agent channel; no I/O and no
 * clock of its own. The owner feeds it the bytes that arrive, writes out what
 * it wants sent, and calls link_tick when it asks to be woken.
 *
 *     bytes read   -> link_input()
 *     link_output() -> bytes to write; link_output_done(n)
 *     link_timer_ms() -> when to call link_tick() at the latest; -1: never
 *
 * Call link_output and link_timer_ms again after every other call. The ops may
 * call link_send, but not link_restart or link_free.
 */
#ifndef BHYFI_LINK_H
#define BHYFI_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "msg.h"

struct link;

struct link_ops {
	/* The other end (a new one, if it was up before) said hello. peer is what it
	 * said, borrowed. All that was queued for the former one is gone. */
	void (*up)(void *arg, const json_t *peer);
	/* A whole, parsed message of the right direction; o is borrowed. */
	void (*message)(void *arg, enum msg_type type, const json_t *o);
	/* Something that is no message came; count is the sum so far. */
	void (*bad)(void *arg, unsigned count);
};

/*
 * side: which messages we take (MSG_TO_HOST on the host). window: bytes sent
 * but not acknowledged. hello: what we say of ourselves; its reference is
 * taken. NULL without memory or randomness.
 */
struct link *link_new(enum msg_dir side, size_t window, json_t *hello,
    const struct link_ops *ops, void *arg);
void link_free(struct link *l);

/* Another window than link_new was told, for what comes. */
void link_set_window(struct link *l, size_t window);

/*
 * From now on this end speaks only once the other one has: nothing is sent until a
 * valid frame came. For a serial port behind which firmware may still be, which
 * takes what arrives for keys.
 */
void link_listen(struct link *l);

/* The channel was opened anew: half frames are dropped, hello starts over with a
 * new session. Queued messages are kept only while no peer was ever up. */
void link_restart(struct link *l, int64_t now_ms);

/* Queues a message. Takes the reference to o even when it fails (queue full:
 * 256 KiB, message too large, wrong direction). */
int link_send(struct link *l, enum msg_type type, json_t *o, struct err *e);

void link_input(struct link *l, const void *data, size_t len, int64_t now_ms);

/* Bytes to be written now; borrowed until the next call. *len 0: none. */
const uint8_t *link_output(struct link *l, int64_t now_ms, size_t *len);
void link_output_done(struct link *l, size_t len);

/* Milliseconds until link_tick is due; -1: nothing to wait for. */
int link_timer_ms(const struct link *l, int64_t now_ms);
void link_tick(struct link *l, int64_t now_ms);

bool link_is_up(const struct link *l);
/* Everything that was queued is acknowledged. */
bool link_is_idle(const struct link *l);

#endif
