/* Configuration files of the programs on the AP side, from a scenario. */
#ifndef BHYFI_AIR_CONF_H
#define BHYFI_AIR_CONF_H

#include "err.h"
#include "scenario.h"

#define AIR_RUN "/run/air"
#define AIR_SCENARIOS_DIR "/air/scenarios"
#define AIR_HOSTAPD_CTRL AIR_RUN "/hostapd" /* a control socket per interface */

/* hostapd's configuration of one AP, on interface apINDEX. Fresh text, the
 * caller's to free; it holds the passphrase. NULL without memory. */
char *conf_hostapd(const struct scenario *s, unsigned ap);

/* The users of an AP with 802.1X, hostapd's eap_user_file: RUN/apINDEX.users. The same
 * holds for it. */
char *conf_eap_users(const struct scenario *s, unsigned ap);

/* dnsmasq's, for all networks: DHCPv4, router advertisements and DNS. */
char *conf_dnsmasq(const struct scenario *s);

/* wpa_supplicant.conf of a station. */
char *conf_supplicant(const struct scenario *s, unsigned station);

/* Writes one of them, with mode 0600, and frees it; NULL is an error. */
int conf_write(const char *path, char *text, struct err *e);

#endif
