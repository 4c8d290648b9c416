/* What every system's host_if() (native.h) does the same way. */
#ifndef BHYFI_OS_IFADDR_H
#define BHYFI_OS_IFADDR_H

#include <sys/types.h>
#include <sys/socket.h>

#include <ifaddrs.h>

#include "native.h"

/* Adds an IPv4 or IPv6 address as getifaddrs(3) gives it; others, and those beyond
 * HOST_ADDRS_MAX, are left out. */
void host_if_add_address(struct host_if *i, const struct ifaddrs *a);

#endif
