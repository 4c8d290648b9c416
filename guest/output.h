/* What a child process of the agent says, line by line. */
#ifndef BHYFI_GUEST_OUTPUT_H
#define BHYFI_GUEST_OUTPUT_H

#include <stddef.h>
#include <sys/types.h>

#include <event2/event.h>

#include "err.h"

struct output {
	struct event_base *base;
	void (*line)(void *arg, const char *text);
	void *arg;
	int fd; /* -1: none */
	struct event *readable;
	char *buf; /* the line that is being read; the owner's */
	size_t size, len;
};

/* Longer lines than fit into buf are cut into several. */
void output_init(struct output *o, struct event_base *base, char *buf, size_t size,
    void (*line)(void *arg, const char *text), void *arg);

/* Starts argv[0] with its output coming here. *pid is 0 where no process was started;
 * with an error and a process that was, it is the caller's to end. */
int output_spawn(struct output *o, const char *const argv[], pid_t *pid, struct err *e);

/* The process is gone: what it said before is still there to be read. */
void output_end(struct output *o);

void output_close(struct output *o);

#endif
