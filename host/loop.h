/* Small things about libevent that several parts of bhyfid need. */
#ifndef BHYFI_LOOP_H
#define BHYFI_LOOP_H

#include <stdint.h>

#include <event2/event.h>

/* Starts ev's timer anew, in ms milliseconds (at least one). */
static inline int loop_add_ms(struct event *ev, int64_t ms)
{
	struct timeval tv = {.tv_sec = 0, .tv_usec = 1000};

	if (ms > 1)
		tv = (struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
	return event_add(ev, &tv);
}

#endif
