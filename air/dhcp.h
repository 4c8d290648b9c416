/*
 * A DHCP client for the air's own stations: one lease, no renewal (a test is over
 * before that).
 */
#ifndef BHYFI_AIR_DHCP_H
#define BHYFI_AIR_DHCP_H

#include <event2/event.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define DHCP_MESSAGE_MAX 1500

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER = 2,
	DHCP_REQUEST = 3,
	DHCP_ACK = 5,
	DHCP_NAK = 6,
};

struct dhcp_lease {
	struct in_addr address, server, gateway;
	unsigned prefix;
};

struct dhcp {
	char ifname[16];
	uint8_t mac[6];
	uint32_t xid;
	enum dhcp_type state; /* what was sent: DISCOVER or REQUEST */
	unsigned tries;
	int fd; /* -1: none is under way */
	struct event *readable, *timer;
	struct dhcp_lease lease;
	void (*done)(void *arg, const struct dhcp_lease *lease);
	void *arg;
};

/* Asks, once a second, until there is a lease; then done is called. */
int dhcp_start(struct dhcp *d, struct event_base *base, const char *ifname,
    const uint8_t mac[6], void (*done)(void *arg, const struct dhcp_lease *lease),
    void *arg, struct err *e);
void dhcp_stop(struct dhcp *d);

/* What is sent; buf has DHCP_MESSAGE_MAX. Returns the length. */
size_t dhcp_make(const struct dhcp *d, uint8_t *buf);
/* An answer with our number; its type, or -1. The lease is set for OFFER and ACK. */
int dhcp_parse(
    const struct dhcp *d, const uint8_t *msg, size_t len, struct dhcp_lease *lease);

#endif
