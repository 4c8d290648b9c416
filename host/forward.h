/* What mode nat is told: ports that are the host's, and which subnet the hosts get. */
#ifndef BHYFI_FORWARD_H
#define BHYFI_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define FORWARDS_MAX 16
#define SUBNET_TEXT 16

/* A port of the guest's on the WLAN, and the host's that it stands for. */
struct forward {
	bool udp; /* else TCP */
	uint16_t port, to;
};

struct forwards {
	struct forward list[FORWARDS_MAX];
	unsigned n;
};

/* "tcp 2222 22, udp 5000". -1 for anything else, and for a port that is given twice. */
int forwards_parse(const char *text, struct forwards *f);
/* As the guest is told; a new reference. NULL without memory. */
json_t *forwards_json(const struct forwards *f);
/* "192.168.100.0/24": a private subnet of this size, written without it. */
int forwards_subnet(const char *text, char out[SUBNET_TEXT]);

#endif
