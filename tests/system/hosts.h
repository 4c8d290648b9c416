/*
 * Many hosts behind the instance's interface: each is a process in a network namespace of
 * its own, whose eth0 is on one bridge with the others' and the tap.
 */
#ifndef BHYFI_TEST_HOSTS_H
#define BHYFI_TEST_HOSTS_H

#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "net.h"

#define HOSTS_MAX 32

struct host {
	unsigned number; /* from 0 */
	int fd;          /* to the other end */
};

/*
 * Starts n of them, and ends when all have. `body` runs in each; its return value other
 * than 0 is a failure, told with its error. timeout_ms is for each of its parts: as a
 * host gets to hosts_meet it waits there until all have.
 */
int hosts_run(unsigned n, const char *tap, int timeout_ms,
    int (*body)(struct host *h, struct err *e), struct err *e);
int hosts_meet(struct host *h, struct err *e);

/* In a host: addresses for eth0 by DHCP and by router advertisements, which have to begin
 * with these texts. */
int hosts_join(
    const char *net4, const char *net6, struct lease *l, struct ipv6 *v6, struct err *e);

/* Counts frames that get to eth0 from now on; a descriptor. */
enum hosts_watch {
	WATCH_FOREIGN,  /* to one other station */
	WATCH_FOREIGN4, /* to anybody, with somebody else's IPv4 address; a /24 */
	WATCH_FOREIGN6, /* the same with IPv6; ours are made from the MAC address */
	WATCH_SOURCE,   /* from this MAC address */
};
/* what: nothing; our IPv4 address (network order); nothing; the MAC address. */
int hosts_watch(enum hosts_watch w, const void *what, struct err *e);
/* Whether the watch saw none; the error has the first. Closes it. */
int hosts_saw_none(int watch, const char *name, struct err *e);

#endif
