/* Namespaces of our own: nothing that runs in them outlives us, nothing that it
 * does to networks and mounts is seen outside. */
#ifndef BHYFI_TEST_NS_H
#define BHYFI_TEST_NS_H

#include "err.h"

/*
 * Makes a PID, a mount and a network namespace and goes on in them as PID 1, in a
 * new process; the caller's own waits and exits as that one did. Whatever else is
 * still there then is killed by the kernel. An ordinary user gets a user
 * namespace first. To be called first in main().
 */
int ns_enter(struct err *e);

/* Another, empty network namespace with lo up. */
int ns_new_net(struct err *e);

/* How the instance's tap may be called. */
void ns_tap_name(const char *instance, char name[16]);

/* Whether taps can be made at all. */
int ns_check_tun(struct err *e);

#endif
