/* The host's gateway beyond one interface, and how to reach just that one.
 * linux-gateway.c or freebsd-gateway.c; one of them is linked. Works without any right.
 */
#ifndef BHYFI_OS_GATEWAY_H
#define BHYFI_OS_GATEWAY_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/socket.h>

/* The default route's gateway by that interface: IPv4, or where that has none IPv6.
 * False where there is none. The port is 0. */
bool host_gateway(const char *ifname, struct sockaddr_storage *sa, socklen_t *len);

/* Sends what this socket sends by that interface, where another one leads to the same
 * address, too. Best effort: FreeBSD's sockets follow the routes. */
void host_gateway_bind(int fd, const char *ifname);

#endif
