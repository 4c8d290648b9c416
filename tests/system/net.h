/* The host's side of the network, as its own programs see it. */
#ifndef BHYFI_TEST_NET_H
#define BHYFI_TEST_NET_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define ADDRESS_MAX 64 /* text, with a scope or a prefix length */

struct lease {
	char address[ADDRESS_MAX], mask[ADDRESS_MAX], gateway[ADDRESS_MAX];
	char dns[ADDRESS_MAX], server[ADDRESS_MAX];
	unsigned seconds;
};

/* Gets a lease with the DHCP client named ("udhcpc", "dhclient") and sets address
 * and default route, by way of lease-script. */
int net_dhcp(const char *client, const char *ifname, int timeout_ms, struct lease *l,
    struct err *e);

#define ADDRESSES_MAX 8
struct ipv6 {
	char address[ADDRESSES_MAX][ADDRESS_MAX]; /* global, without prefix length */
	size_t n;
	char router[ADDRESS_MAX]; /* link-local, with scope */
};

/* Until the kernel has a usable global address and a default router from router
 * advertisements. */
int net_ipv6(const char *ifname, int timeout_ms, struct ipv6 *v6, struct err *e);

/* One echo, repeated each second until it is answered; *ms its time. */
int net_ping(const char *address, int timeout_ms, double *ms, struct err *e);

/* Asks for an A (AF_INET) or AAAA (AF_INET6) record; the first, as text. */
int net_dns(const char *server, const char *name, int family, char answer[ADDRESS_MAX],
    struct err *e);

/* Transfers with the air's transfer service (air/blob.h), checked byte by byte. */
int net_get(const char *address, size_t bytes, int timeout_ms, struct err *e);
/* The same; *gap_ms: the longest time in which nothing came. */
int net_get_gap(
    const char *address, size_t bytes, int timeout_ms, int64_t *gap_ms, struct err *e);
int net_put(const char *address, size_t bytes, int timeout_ms, struct err *e);
/* Asks the transfer service to connect to us: a connection from the air. */
int net_called(const char *address, int timeout_ms, struct err *e);
/* The same by way of a forwarded port: a connection to `port` of the address that the
 * service sees of us comes to our port `to`. */
int net_forwarded(
    const char *address, unsigned port, unsigned to, int timeout_ms, struct err *e);
/* Asks in mDNS's group and hears the air's answer to the group (air/group.h). */
int net_group(const char *ifname, int family, int timeout_ms, struct err *e);
/* The same with both families. */
int net_groups(const char *ifname, int timeout_ms, struct err *e);

/* Changes of interfaces from now on; a descriptor, the caller's to close. */
int net_watch(struct err *e);
/* Until the watch has seen the interface with carrier (on) or without, down or gone
 * (off). What came before is consumed. */
int net_watch_carrier(
    int watch, const char *ifname, bool on, int timeout_ms, struct err *e);

bool net_exists(const char *ifname);
bool net_has_carrier(const char *ifname);
int net_mac(const char *ifname, uint8_t mac[6], struct err *e);
int net_delete(const char *ifname, struct err *e);
/* Names of all interfaces but lo, with spaces between; "" none. */
void net_others(char *out, size_t size);

#endif
