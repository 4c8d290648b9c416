#include "ap-conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "ssid.h"

int ap_conf_make(const char *text, const char *ifname, const char *bridge,
    const char *ctl_dir, const char *country, char **out, size_t *len, struct err *e)
{
	size_t room = strlen(text) + strlen(ctl_dir) + 256;
	int n;

	if (strlen(text) > AP_CONF_MAX)
		return err_set(e, ERR_FAILED,
		    "access point: the configuration is larger than %d bytes",
		    AP_CONF_MAX);
	*out = malloc(room);
	if (*out == NULL)
		return err_sys(e, ENOMEM, "access point");
	/* In front, and without touching the host's lines, so that what hostapd says of
	 * a line can be put right; a country there wins. */
	n = snprintf(*out, room,
	    "interface=%s\nbridge=%s\ndriver=nl80211\nctrl_interface=%s\n%s%s%s%s\n",
	    ifname, bridge, ctl_dir, country[0] != '\0' ? "country_code=" : "", country,
	    country[0] != '\0' ? "\n" : "", text);
	*len = (size_t)n;
	return 0;
}

/* The value of a line "key=value"; its length, or -1. */
static int value_of(const char *reply, const char *key, const char **value)
{
	size_t n = strlen(key);

	while (*reply != '\0') {
		size_t len = strcspn(reply, "\n");

		if (len > n && strncmp(reply, key, n) == 0 && reply[n] == '=') {
			*value = reply + n + 1;
			return (int)(len - n - 1);
		}
		reply += len + (reply[len] == '\n');
	}
	return -1;
}

void ap_status_parse(const char *reply, struct wlan_state *s)
{
	char mac[MAC_TEXT_SIZE];
	const char *v;
	int len;

	len = value_of(reply, "ssid[0]", &v);
	if (len >= 0)
		s->ssid_len =
		    ssid_unescape_loose(v, (size_t)len, s->ssid, sizeof(s->ssid));
	if (value_of(reply, "freq", &v) > 0)
		s->freq_mhz = (int)strtol(v, NULL, 10);
	if (value_of(reply, "bssid[0]", &v) == MAC_TEXT_SIZE - 1) {
		snprintf(mac, sizeof(mac), "%.17s", v);
		s->has_bssid = msg_mac_parse(mac, s->bssid);
	}
}

void ap_config_parse(const char *reply, struct wlan_state *s)
{
	const char *v;
	int len = value_of(reply, "key_mgmt", &v);

	if (len < 0) {
		len = 4;
		v = "NONE";
	}
	snprintf(s->key_mgmt, sizeof(s->key_mgmt), "%.*s", len, v);
}
