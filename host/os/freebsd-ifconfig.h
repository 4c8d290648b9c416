/* What `ifconfig IF` prints (FreeBSD's sbin/ifconfig). */
#ifndef BHYFI_OS_FREEBSD_IFCONFIG_H
#define BHYFI_OS_FREEBSD_IFCONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define IFCONFIG_ADDRS 32

struct ifconfig {
	bool up;
	char description[64];
	/* Of IPv4 all, of IPv6 those that a router announced ("autoconf"). */
	struct {
		bool inet6;
		char text[48]; /* no prefix, no scope */
	} addrs[IFCONFIG_ADDRS];
	size_t naddrs;
};

/* -1 where text is not about the interface. Addresses beyond IFCONFIG_ADDRS are left
 * out. */
int ifconfig_parse(
    const char *text, const char *ifname, struct ifconfig *i, struct err *e);

#endif
