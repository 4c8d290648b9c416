/*
 * What is in the air: the supplicant's table of access points, as the guest hands it on.
 * All of it is hostile twice over: the guest says what strangers send.
 */
#ifndef BHYFI_BSS_H
#define BHYFI_BSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "networks.h"
#include "ssid.h"

#define BSS_MAX 256 /* more than that is no place to live */
/* BSS RANGE=... MASK=: id, bssid, freq, level, flags, ssid, a line between them. */
#define BSS_MASK "0x21887"

struct bss {
	unsigned id;
	uint8_t bssid[6];
	int freq_mhz, level_dbm;
	const char *security; /* as network_security() says it; "wep", "unknown" */
	uint8_t ssid[SSID_MAX];
	size_t ssid_len;
};

struct bss_list {
	struct bss list[BSS_MAX];
	size_t n;
	unsigned next; /* the lowest id that was not seen yet */
};

/* Adds what a reply to BSS RANGE= holds; how many it were. What is no access point, or
 * too much, is left out. */
size_t bss_parse(struct bss_list *l, const char *reply);

/* "[WPA2-PSK-CCMP][ESS]" to "wpa2". */
const char *bss_security(const char *flags);

/* A list of objects: ssid (escaped), ssid_hex, bssid, freq_mhz, signal_dbm, security,
 * known, connected. known: networks of the file, NULL where there are none. joined: SSID
 * in hex, or "". A new reference. */
json_t *bss_json(
    const struct bss_list *l, const struct networks *known, const char *joined);

#endif
