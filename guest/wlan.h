/* The radio by nl80211: what there is, how the link does. */
#ifndef BHYFI_GUEST_WLAN_H
#define BHYFI_GUEST_WLAN_H

#include <stdbool.h>

#include <jansson.h>
#include <netlink/netlink.h>

#include "err.h"
#include "state.h"

struct wlan {
	struct nl_sock *sk;
	int family;
};

/* Needs cfg80211. */
int wlan_open(struct wlan *w, struct err *e);
void wlan_close(struct wlan *w);

/* The first station interface, or the one that is named. 1: found, 0: none,
 * -1: error. */
int wlan_find(struct wlan *w, const char *ifname, struct radio *r, struct err *e);

/* Two letters, as wpa_supplicant's country=. */
int wlan_set_country(struct wlan *w, const char *country, struct err *e);

/* The country whose rules hold, "" for the world's. Some time after wlan_set_country. */
int wlan_country(struct wlan *w, char country[3], struct err *e);

/* Frames with four addresses, which other hosts' frames can pass the radio in: of the
 * station, associated or not. Not while it is a bridge's port. */
int wlan_set_4addr(struct wlan *w, unsigned ifindex, bool on, struct err *e);

/* Puts signal_dbm, noise_dbm, width_mhz, tx_mbps, rx_mbps of the present link into o,
 * tx_packets, tx_retries and tx_failed since the association, and the country whose
 * rules hold, as far as they are known. */
void wlan_link_info(struct wlan *w, const struct radio *r, json_t *o);

#endif
