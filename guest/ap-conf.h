/* hostapd's configuration file, made of the host's text; and its replies. */
#ifndef BHYFI_GUEST_AP_CONF_H
#define BHYFI_GUEST_AP_CONF_H

#include <stddef.h>

#include "err.h"
#include "state.h"

#define AP_CONF_MAX (16 * 1024)

/*
 * Makes the configuration for the interface, as a port of the bridge, with a control
 * socket in ctl_dir: lines for these, and behind them the host's text, which the host has
 * checked. *out is fresh, to be wiped and freed by the caller.
 */
int ap_conf_make(const char *text, const char *ifname, const char *bridge,
    const char *ctl_dir, const char *country, char **out, size_t *len, struct err *e);

/* Takes what a reply to STATUS says of the network (SSID, BSSID, frequency), and one to
 * GET_CONFIG of its security. Anything else in them is left alone. */
void ap_status_parse(const char *reply, struct wlan_state *s);
void ap_config_parse(const char *reply, struct wlan_state *s);

#endif
