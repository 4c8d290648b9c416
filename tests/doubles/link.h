/* Linux' interfaces, by rtnetlink: what the double of ifconfig works on. */
#ifndef BHYFI_DOUBLE_LINK_H
#define BHYFI_DOUBLE_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct link {
	bool exists, tap;
	bool up;
	bool open; /* a tap: somebody has its device open */
	unsigned mtu;
	uint8_t mac[6];
};

#define LINK_ADDRS_MAX 32
struct link_addr {
	int family; /* AF_INET, AF_INET6 */
	uint8_t addr[16];
	unsigned prefix;
	bool autoconf, tentative;
};

/* errno values; 0: done. */
int link_read(const char *ifname, struct link *l);
int link_make_tap(const char *ifname);
int link_set_up(const char *ifname, bool up);
int link_set_mtu(const char *ifname, unsigned mtu);
int link_set_mac(const char *ifname, const uint8_t mac[6]);
int link_set_alias(const char *ifname, const char *alias);
int link_delete(const char *ifname);
/* Waits until nobody has the tap open any more, or it is gone. */
int link_wait_closed(const char *ifname);

int link_addr(const char *ifname, const struct link_addr *a, bool add);
/* The number of addresses, at most max; -1 with errno. */
int link_addrs(const char *ifname, struct link_addr *out, int max);

#endif
