/* As much of a wpa_supplicant.conf as the fake air needs. */
#ifndef BHYFI_GUEST_FAKE_NETS_H
#define BHYFI_GUEST_FAKE_NETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

#define FAKE_NETS_MAX 32

struct fake_net {
	uint8_t ssid[SSID_MAX];
	size_t ssid_len;  /* 0: any */
	char secret[130]; /* psk or sae_password, without quotes; "" */
	bool open;        /* key_mgmt=NONE */
	bool scan_ssid, disabled;
};

/* The network blocks of text, at most max. Returns how many. */
size_t fake_nets_parse(const char *text, struct fake_net nets[], size_t max);

#endif
