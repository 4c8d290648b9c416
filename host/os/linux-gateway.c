#include "gateway.h"

#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "fs.h"
#include "linux.h"

#define ROUTES_MAX (1024 * 1024) /* of one file; beyond it nothing is looked for */

bool linux_route4(const char *text, const char *ifname, struct sockaddr_in *sa)
{
	unsigned best = UINT32_MAX;
	bool found = false;

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
		unsigned to, gateway, flags, metric, mask;
		char name[IFNAMSIZ + 1];

		if (sscanf(text, "%16s %8x %8x %4x %*s %*s %u %8x", name, &to, &gateway,
			&flags, &metric, &mask) != 6 ||
		    strcmp(name, ifname) != 0 || to != 0 || mask != 0 ||
		    (flags & RTF_GATEWAY) == 0 || (found && metric >= best))
			continue;
		found = true;
		best = metric;
		*sa = (struct sockaddr_in){.sin_family = AF_INET};
		memcpy(&sa->sin_addr, &gateway, 4); /* as it lies in memory */
	}
	return found;
}

static bool hex_address(const char *hex, struct in6_addr *a)
{
	for (size_t i = 0; i < 16; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		a->s6_addr[i] = (uint8_t)byte;
	}
	return true;
}

bool linux_route6(const char *text, const char *ifname, struct sockaddr_in6 *sa)
{
	unsigned best = UINT32_MAX;
	bool found = false;

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
		char to[33], gateway[33], name[IFNAMSIZ + 1];
		unsigned prefix, metric, flags;
		struct in6_addr a;

		if (sscanf(text, "%32s %2x %*s %*s %32s %8x %*s %*s %8x %16s", to,
			&prefix, gateway, &metric, &flags, name) != 6 ||
		    strcmp(name, ifname) != 0 || prefix != 0 ||
		    (flags & RTF_GATEWAY) == 0 || strlen(gateway) != 32 ||
		    !hex_address(gateway, &a) || (found && metric >= best))
			continue;
		found = true;
		best = metric;
		*sa = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = a};
	}
	return found;
}

bool host_gateway(const char *ifname, struct sockaddr_storage *sa, socklen_t *len)
{
	AUTO_FREE char *four = NULL;
	AUTO_FREE char *six = NULL;
	struct sockaddr_in6 s6;
	struct sockaddr_in s4;

	memset(sa, 0, sizeof(*sa));
	if (fs_read_file("/proc/net/route", ROUTES_MAX, &four, NULL, NULL) == 0 &&
	    linux_route4(four, ifname, &s4)) {
		memcpy(sa, &s4, *len = sizeof(s4));
		return true;
	}
	if (fs_read_file("/proc/net/ipv6_route", ROUTES_MAX, &six, NULL, NULL) < 0 ||
	    !linux_route6(six, ifname, &s6))
		return false;
	if (IN6_IS_ADDR_LINKLOCAL(&s6.sin6_addr))
		s6.sin6_scope_id = if_nametoindex(ifname);
	memcpy(sa, &s6, *len = sizeof(s6));
	return true;
}

void host_gateway_bind(int fd, const char *ifname)
{
	/* Nobody's right since Linux 5.7; before, the routes decide. */
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname) + 1);
}
