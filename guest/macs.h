/* Which address the radio uses with which network. */
#ifndef BHYFI_GUEST_MACS_H
#define BHYFI_GUEST_MACS_H

#include "settings.h"
#include "state.h"

#define MACS_KEPT 32

/* The random ones that were handed out: a network gets the same again as long as the
 * guest runs. */
struct macs {
	struct settings_mac kept[MACS_KEPT];
	unsigned n; /* all that there were; the oldest is forgotten */
	uint8_t idle[6];
	bool has_idle;
	uint8_t permanent[6]; /* the radio's own; set by the owner */
};

/* The address to have before it is known which network is joined. */
void macs_idle(struct macs *m, const struct settings *s, uint8_t mac[6]);
/* The address to have with this network. */
void macs_network(struct macs *m, const struct settings *s, const uint8_t *ssid,
    size_t len, uint8_t mac[6]);

/* The SSID in an event of the supplicant's that says which network it tries to join
 * ("... (SSID='...' freq=... MHz)"); false in any other. */
bool macs_event_ssid(const char *event, uint8_t ssid[SSID_MAX], size_t *len);

#endif
