/*
 * The peer: a guest like wifibox', with an emulated e1000 and iptables' MASQUERADE, on
 * the kernel, the simulated WLAN and the supplicant of our own guests. Only tests have
 * it.
 */
#ifndef BHYFI_PEER_H
#define BHYFI_PEER_H

#include <limits.h>
#include <stddef.h>

#include "child.h"
#include "err.h"

#define PEER_TAP "peer0"

struct peer {
	char initrd[PATH_MAX], kernel[PATH_MAX];
	struct child vmm;
};

/*
 * Makes its initrd in /tmp of the current test image, with packages of the kind of which
 * that is (it needs the network where they are not in the cache). init is the path of
 * peer-init. peer_remove removes the file.
 */
int peer_make(struct peer *p, const char *init, struct err *e);
void peer_remove(struct peer *p);

/*
 * Starts it with what makes the machine in args, the argument vector of a VMM that bhyfi
 * has started, NUL between, and waits until it is on the WLAN and serves the host at
 * PEER_TAP. peer_stop ends it.
 */
int peer_start(struct peer *p, const char *args, size_t len, struct err *e);
void peer_stop(struct peer *p);

/* The value behind an option in such a vector; NULL without it. */
const char *peer_option(const char *args, size_t len, const char *option);

#endif
