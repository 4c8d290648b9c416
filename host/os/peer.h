/* Who sent a datagram: what the kernel says, not the sender. linux-peer.c or
 * freebsd-peer.c; one of them is linked. */
#ifndef BHYFI_OS_PEER_H
#define BHYFI_OS_PEER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "err.h"

#define PEER_CONTROL_SIZE 256 /* room for it in a message's control part */

/* Datagrams that arrive on the socket from now on carry it. */
int peer_enable(int fd, struct err *e);
/* From a received message; false where it is not in it. */
bool peer_of(struct msghdr *m, uid_t *uid, gid_t *gid);

/* How this process is shown among the others. */
void process_title(const char *name);

#endif
