/*
 * The radio's address, and that of the host's interface.
 *
 * What is derived comes from a secret of this host's, so that an address tells nobody
 * else which network or which machine it is for. The secret is made once, in
 * DB/secret, 0600.
 */
#ifndef BHYFI_MAC_H
#define BHYFI_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum mac_kind {
	MAC_PERMANENT, /* the card's own */
	MAC_RANDOM,    /* another one at each start, and for each network */
	MAC_STABLE,    /* for each network always the same */
	MAC_FIXED,
};

struct mac_policy {
	enum mac_kind kind;
	uint8_t fixed[6]; /* MAC_FIXED */
};

/* "permanent", "random", "stable", or a station's address. */
int mac_policy_parse(const char *text, struct mac_policy *p);
#define MAC_POLICY_TEXT 20
void mac_policy_text(const struct mac_policy *p, char out[MAC_POLICY_TEXT]);

#define MAC_SECRET 32

/* A descriptor of the secret, read-only; it is made where there is none. One that is not
 * whole, or that others can read, is an error. */
int mac_secret_open(const char *path, struct err *e);
int mac_secret_read(int fd, uint8_t secret[MAC_SECRET], struct err *e);

/* Locally administered, unicast: HMAC-SHA256 of the purpose and the bytes. */
int mac_derive(const uint8_t secret[MAC_SECRET], const char *purpose, const void *data,
    size_t len, uint8_t mac[6], struct err *e);

#endif
