#include "ifaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static unsigned prefix_length(const uint8_t *mask, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += (unsigned)__builtin_popcount(mask[i]);
	return n;
}

void host_if_add_address(struct host_if *i, const struct ifaddrs *a)
{
	char text[INET6_ADDRSTRLEN];
	const void *addr, *mask;
	size_t len;

	if (a->ifa_addr == NULL || a->ifa_netmask == NULL || i->naddrs == HOST_ADDRS_MAX)
		return;
	if (a->ifa_addr->sa_family == AF_INET) {
		addr = &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
		mask =
		    &((const struct sockaddr_in *)(const void *)a->ifa_netmask)->sin_addr;
		len = 4;
	} else if (a->ifa_addr->sa_family == AF_INET6) {
		addr =
		    &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
		mask = &((const struct sockaddr_in6 *)(const void *)a->ifa_netmask)
			    ->sin6_addr;
		len = 16;
	} else {
		return;
	}
	if (inet_ntop(a->ifa_addr->sa_family, addr, text, sizeof(text)) == NULL)
		return;
	snprintf(i->addrs[i->naddrs++], sizeof(i->addrs[0]), "%.43s/%u", text,
	    prefix_length(mask, len) & 0xff);
}
