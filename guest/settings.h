/* What the host wants of the guest: the `config` message, checked. */
#ifndef BHYFI_GUEST_SETTINGS_H
#define BHYFI_GUEST_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "err.h"
#include "log.h"
#include "ssid.h"

/* The address to use with a network. */
struct settings_mac {
	uint8_t ssid[SSID_MAX];
	size_t ssid_len;
	uint8_t mac[6];
};
#define SETTINGS_MACS_MAX 256

/* A port of ours on the WLAN that is one of the host's; mode nat. */
struct settings_forward {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t port, to;
};
#define SETTINGS_FORWARDS_MAX 32

struct settings {
	char mode[16];
	char *networks;  /* secret; ours */
	char *ap;        /* a hostapd.conf for mode ap; secret; ours */
	char country[3]; /* "" : the driver's */
	uint8_t mac[6];
	bool has_mac;              /* the radio is to use mac */
	bool mac_random;           /* or one that nobody can foresee, for each network */
	struct settings_mac *macs; /* or these, and that for other networks; ours */
	size_t n_macs;
	int mtu; /* 0: as it is */
	int beat_ms;
	struct settings_forward forward[SETTINGS_FORWARDS_MAX];
	unsigned n_forward;
	uint32_t subnet; /* a /24 for mode nat, in host byte order; 0: ours to choose */
	uint8_t host_mac[6]; /* of the host's interface in mode nat */
	bool has_host_mac;
	enum log_level log;
};

/* An error names the member that is wrong. */
int settings_parse(const json_t *o, struct settings *s, struct err *e);
/* Wipes what is secret. */
void settings_free(struct settings *s);
bool settings_equal(const struct settings *a, const struct settings *b);

#endif
