/* What the guest knows of its WLAN, as both back ends tell the agent. */
#ifndef BHYFI_GUEST_STATE_H
#define BHYFI_GUEST_STATE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ssid.h"

enum wlan_phase {
	WLAN_DISCONNECTED,
	WLAN_SCANNING,
	WLAN_ASSOCIATING,
	WLAN_ASSOCIATED,
};

struct wlan_state {
	enum wlan_phase phase;
	uint8_t ssid[SSID_MAX];
	size_t ssid_len;
	uint8_t bssid[6];
	bool has_bssid;
	int freq_mhz; /* 0: unknown */
	char key_mgmt[48];
	char reason[128]; /* why it is not associated; "" */
};

struct radio {
	unsigned ifindex, wiphy;
	char ifname[IFNAMSIZ];
	char phy[32];
	uint8_t mac[6]; /* that it uses on the air */
	char driver[64];
	char bus[64]; /* PCI address, or "" */
};

/* "disconnected", "scanning" ... */
const char *wlan_phase_name(enum wlan_phase phase);

#endif
