/* The kernel's announcements of devices (NETLINK_KOBJECT_UEVENT). */
#ifndef BHYFI_GUEST_UEVENT_H
#define BHYFI_GUEST_UEVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

#define UEVENT_MAX 8192

struct uevent {
	const char *action; /* all into the buffer; "" where it has none */
	const char *subsystem, *devpath, *modalias, *interface, *devname;
};

/* A descriptor that does not block; -1 on error. */
int uevent_open(struct err *e);

/*
 * Reads one event into buf. 1: an event; 0: something that is none (not from
 * the kernel, malformed): read on; -1: nothing more now. *overrun is set where
 * the kernel had to drop some.
 */
int uevent_read(int fd, char *buf, size_t size, struct uevent *ev, bool *overrun);

/* Takes buf apart, len bytes of NUL-terminated strings; false where malformed. */
bool uevent_parse(char *buf, size_t len, struct uevent *ev);

#endif
