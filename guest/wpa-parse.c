#include "wpa-parse.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "msg.h"
#include "wpa-words.h"

/* IEEE 802.11 reason 4: what mac80211 gives when the beacons stop. */
#define REASON_INACTIVITY 4
#define AUTH_SAE 3

static const char *const phase_names[] = {
    [WLAN_DISCONNECTED] = "disconnected",
    [WLAN_SCANNING] = "scanning",
    [WLAN_ASSOCIATING] = "associating",
    [WLAN_ASSOCIATED] = "associated",
};
static_assert(ARRAY_LEN(phase_names) == WLAN_ASSOCIATED + 1, "a name for each phase");

const char *wlan_phase_name(enum wlan_phase phase)
{
	return phase_names[phase];
}

static const struct {
	const char *start;
	enum wpa_event_type type;
} event_rows[] = {
    {"CTRL-EVENT-CONNECTED ", WPA_EVENT_CONNECTED},
    {"CTRL-EVENT-DISCONNECTED ", WPA_EVENT_DISCONNECTED},
    {"CTRL-EVENT-SCAN-STARTED", WPA_EVENT_SCAN_STARTED},
    {"CTRL-EVENT-SCAN-RESULTS", WPA_EVENT_SCAN_RESULTS},
    {"CTRL-EVENT-SCAN-FAILED", WPA_EVENT_SCAN_FAILED},
    {"CTRL-EVENT-ASSOC-REJECT", WPA_EVENT_ASSOC_REJECT},
    {"CTRL-EVENT-AUTH-REJECT", WPA_EVENT_AUTH_REJECT},
    {"CTRL-EVENT-SSID-TEMP-DISABLED", WPA_EVENT_TEMP_DISABLED},
    {"CTRL-EVENT-NETWORK-NOT-FOUND", WPA_EVENT_NOT_FOUND},
    {"CTRL-EVENT-TERMINATING", WPA_EVENT_TERMINATING},
    {"CTRL-EVENT-EAP-FAILURE", WPA_EVENT_EAP_FAILURE},
    {"CTRL-EVENT-EAP-TLS-CERT-ERROR", WPA_EVENT_EAP_CERT},
    {"Trying to associate with ", WPA_EVENT_ASSOCIATING},
    {"SME: Trying to authenticate with ", WPA_EVENT_ASSOCIATING},
};

/*
 * The value of " key=" outside of quotes: an SSID in an event can contain any
 * text, `reason=WRONG_KEY` too. NULL where there is none.
 */
static const char *find_value(const char *text, const char *key)
{
	size_t n = strlen(key);
	char quote = '\0';

	for (const char *p = text; *p != '\0'; p++) {
		if (quote != '\0') {
			if (*p == '\\' && p[1] != '\0')
				p++;
			else if (*p == quote)
				quote = '\0';
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		} else if ((p == text || p[-1] == ' ' || p[-1] == '[') &&
			   strncmp(p, key, n) == 0 && p[n] == '=') {
			return p + n + 1;
		}
	}
	return NULL;
}

static int int_value(const char *text, const char *key)
{
	const char *v = find_value(text, key);
	long n;

	if (v == NULL)
		return 0;
	n = strtol(v, NULL, 10);
	return n < 0 || n > 65535 ? 0 : (int)n;
}

static int id_value(const char *text)
{
	const char *v = find_value(text, "id");
	char *end;
	long n = v != NULL ? strtol(v, &end, 10) : -1;

	return v == NULL || end == v || n < 0 || n > 65535 ? -1 : (int)n;
}

/* What stands in quotes: key='TEXT'. */
static void quoted_value(const char *text, const char *key, char *dst, size_t size)
{
	const char *v = find_value(text, key);

	dst[0] = '\0';
	if (v != NULL && *v == '\'')
		snprintf(dst, size, "%.*s", (int)strcspn(v + 1, "'\n"), v + 1);
}

static bool mac_at(const char *p, uint8_t mac[6])
{
	char word[MAC_TEXT_SIZE];

	if (p == NULL || strlen(p) < 17)
		return false;
	memcpy(word, p, 17);
	word[17] = '\0';
	return msg_mac_parse(word, mac);
}

/* "bssid=MAC", or the first MAC address as a word of its own. */
static void find_bssid(struct wpa_event *ev)
{
	const char *p = find_value(ev->text, "bssid");

	if (p != NULL) {
		ev->has_bssid = mac_at(p, ev->bssid);
		return;
	}
	for (p = ev->text; (p = strchr(p, ' ')) != NULL && !ev->has_bssid;) {
		p++;
		if (*p == '(' || *p == '[')
			return;
		ev->has_bssid = mac_at(p, ev->bssid);
	}
}

void wpa_event_parse(const char *line, struct wpa_event *ev)
{
	const char *why;

	memset(ev, 0, sizeof(*ev));
	ev->level = 3;
	ev->id = -1;
	if (line[0] == '<' && line[1] >= '0' && line[1] <= '9' && line[2] == '>') {
		ev->level = line[1] - '0';
		line += 3;
	}
	ev->text = line;
	for (size_t i = 0; i < ARRAY_LEN(event_rows); i++)
		if (strncmp(line, event_rows[i].start, strlen(event_rows[i].start)) == 0)
			ev->type = event_rows[i].type;
	if (ev->type == WPA_EVENT_OTHER)
		return;
	find_bssid(ev);
	ev->id = id_value(line);
	quoted_value(line, "err", ev->err, sizeof(ev->err));
	ev->reason = int_value(line, "reason");
	ev->status = int_value(line, "status_code");
	ev->auth_type = int_value(line, "auth_type");
	ev->duration_s = int_value(line, "duration");
	ev->locally_generated = int_value(line, "locally_generated") == 1;
	why = find_value(line, "reason");
	if (why != NULL)
		snprintf(ev->why, sizeof(ev->why), "%.*s", (int)strcspn(why, " \n"), why);
}

bool wpa_event_wrong_key(const struct wpa_event *ev)
{
	/* IEEE 802.11 status 15 in SAE: the confirm did not match. */
	if (ev->type == WPA_EVENT_AUTH_REJECT)
		return ev->auth_type == AUTH_SAE && (ev->status == 15 || ev->status == 1);
	return ev->type == WPA_EVENT_TEMP_DISABLED && strcmp(ev->why, "WRONG_KEY") == 0;
}

static void lost(struct wlan_state *s, enum wlan_phase phase)
{
	s->phase = phase;
	s->has_bssid = false;
	s->freq_mhz = 0;
	s->key_mgmt[0] = '\0';
}

static bool apply_disconnected(const struct wpa_event *ev, struct wlan_state *s)
{
	/* The reason that was said before is the better one: a refused key ends in
	 * an ordinary disconnection. */
	if (s->phase != WLAN_ASSOCIATED && s->reason[0] != '\0')
		;
	else if (ev->locally_generated && ev->reason == REASON_INACTIVITY)
		snprintf(
		    s->reason, sizeof(s->reason), "the access point is out of reach");
	else
		snprintf(s->reason, sizeof(s->reason),
		    "disconnected by %s: %s (reason %d)",
		    ev->locally_generated ? "this side" : "the access point",
		    wpa_reason_text(ev->reason), ev->reason);
	lost(s, WLAN_DISCONNECTED);
	return true;
}

static bool apply_auth_reject(const struct wpa_event *ev, struct wlan_state *s)
{
	if (wpa_event_wrong_key(ev))
		snprintf(s->reason, sizeof(s->reason), "wrong passphrase");
	else
		snprintf(s->reason, sizeof(s->reason),
		    "authentication refused: %s (status %d)", wpa_status_text(ev->status),
		    ev->status);
	lost(s, WLAN_DISCONNECTED);
	return true;
}

static bool apply_disabled(const struct wpa_event *ev, struct wlan_state *s)
{
	if (wpa_event_wrong_key(ev))
		snprintf(s->reason, sizeof(s->reason), "wrong passphrase");
	else if (strcmp(s->reason, "wrong passphrase") != 0)
		snprintf(s->reason, sizeof(s->reason), "%s, next try in %d s",
		    strcmp(ev->why, "AUTH_FAILED") == 0 ? "authentication failed"
							: "connection failed",
		    ev->duration_s);
	lost(s, WLAN_DISCONNECTED);
	return true;
}

static bool apply_scanning(struct wlan_state *s)
{
	/* A scan while associated (for roaming) is no news. */
	if (s->phase == WLAN_ASSOCIATED || s->phase == WLAN_SCANNING)
		return false;
	lost(s, WLAN_SCANNING);
	return true;
}

bool wpa_event_apply(const struct wpa_event *ev, struct wlan_state *s)
{
	switch (ev->type) {
	case WPA_EVENT_CONNECTED:
		s->phase = WLAN_ASSOCIATED;
		s->reason[0] = '\0';
		s->has_bssid = ev->has_bssid;
		memcpy(s->bssid, ev->bssid, 6);
		return true;
	case WPA_EVENT_DISCONNECTED:
		return apply_disconnected(ev, s);
	case WPA_EVENT_SCAN_STARTED:
		return apply_scanning(s);
	case WPA_EVENT_ASSOCIATING:
		/* While associated this is a roam: CONNECTED or DISCONNECTED follows. */
		if (s->phase == WLAN_ASSOCIATED || s->phase == WLAN_ASSOCIATING)
			return false;
		s->phase = WLAN_ASSOCIATING;
		return true;
	case WPA_EVENT_ASSOC_REJECT:
		snprintf(s->reason, sizeof(s->reason),
		    "association refused: %s (status %d)", wpa_status_text(ev->status),
		    ev->status);
		lost(s, WLAN_DISCONNECTED);
		return true;
	case WPA_EVENT_AUTH_REJECT:
		return apply_auth_reject(ev, s);
	case WPA_EVENT_TEMP_DISABLED:
		return apply_disabled(ev, s);
	case WPA_EVENT_NOT_FOUND:
		if (strcmp(s->reason, "wrong passphrase") != 0)
			snprintf(s->reason, sizeof(s->reason), "network not found");
		if (s->phase != WLAN_ASSOCIATED)
			lost(s, WLAN_DISCONNECTED);
		return true;
	case WPA_EVENT_TERMINATING:
		snprintf(s->reason, sizeof(s->reason), "wpa_supplicant ends");
		lost(s, WLAN_DISCONNECTED);
		return true;
	case WPA_EVENT_EAP_FAILURE:
		/* What was said of the certificate is the better reason. */
		if (strncmp(s->reason, "certificate", 11) != 0)
			snprintf(s->reason, sizeof(s->reason),
			    "refused by the authentication server");
		return false; /* the disconnection follows */
	case WPA_EVENT_EAP_CERT:
		snprintf(
		    s->reason, sizeof(s->reason), "certificate refused: %s", ev->err);
		return false;
	case WPA_EVENT_SCAN_RESULTS:
	case WPA_EVENT_SCAN_FAILED:
	case WPA_EVENT_OTHER:
		return false;
	}
	return false;
}

static const struct {
	const char *name;
	enum wlan_phase phase;
} wpa_states[] = {
    {"DISCONNECTED", WLAN_DISCONNECTED},
    {"INTERFACE_DISABLED", WLAN_DISCONNECTED},
    {"INACTIVE", WLAN_DISCONNECTED},
    {"SCANNING", WLAN_SCANNING},
    {"AUTHENTICATING", WLAN_ASSOCIATING},
    {"ASSOCIATING", WLAN_ASSOCIATING},
    {"ASSOCIATED", WLAN_ASSOCIATING},
    {"4WAY_HANDSHAKE", WLAN_ASSOCIATING},
    {"GROUP_HANDSHAKE", WLAN_ASSOCIATING},
    {"COMPLETED", WLAN_ASSOCIATED},
};

/* Who is associated stays so while keys are renewed or another access point of the
 * network is tried: events say how that ends. (The supplicant says 4WAY_HANDSHAKE for
 * good, where the first message of a handshake came once more behind the last.) */
static bool status_line(
    const char *key, const char *val, size_t len, struct wlan_state *s)
{
	if (strcmp(key, "bssid") == 0)
		s->has_bssid = len == 17 && mac_at(val, s->bssid);
	else if (strcmp(key, "freq") == 0)
		s->freq_mhz = (int)(strtol(val, NULL, 10) & 0x1ffff);
	else if (strcmp(key, "ssid") == 0)
		s->ssid_len = ssid_unescape_loose(val, len, s->ssid, sizeof(s->ssid));
	else if (strcmp(key, "key_mgmt") == 0)
		snprintf(s->key_mgmt, sizeof(s->key_mgmt), "%.*s", (int)len, val);
	if (strcmp(key, "wpa_state") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(wpa_states); i++)
		if (strlen(wpa_states[i].name) == len &&
		    memcmp(wpa_states[i].name, val, len) == 0) {
			if (s->phase != WLAN_ASSOCIATED ||
			    wpa_states[i].phase != WLAN_ASSOCIATING)
				s->phase = wpa_states[i].phase;
			return true;
		}
	return false;
}

bool wpa_status_parse(const char *reply, struct wlan_state *s)
{
	bool found = false;
	char key[32];

	s->ssid_len = 0;
	s->has_bssid = false;
	s->freq_mhz = 0;
	s->key_mgmt[0] = '\0';
	while (*reply != '\0') {
		size_t line = strcspn(reply, "\n"), k = strcspn(reply, "=\n");

		if (k < line && k < sizeof(key)) {
			memcpy(key, reply, k);
			key[k] = '\0';
			/* The supplicant escapes newlines: a line is a pair. */
			if (status_line(key, reply + k + 1, line - k - 1, s))
				found = true;
		}
		reply += line + (reply[line] == '\n');
	}
	if (s->phase == WLAN_ASSOCIATED)
		s->reason[0] = '\0';
	return found;
}

bool wpa_output_clean(const char *line, char *dst, size_t size)
{
	static const char *const drop[] = {"Successfully initialized", "psk", "password",
	    "passphrase", "wep_key", "private_key_passwd", "pin"};
	size_t len = strcspn(line, "'\"=\n");

	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == ':'))
		len--;
	snprintf(dst, size, "%.*s", (int)(len < size ? len : size - 1), line);
	if (dst[0] == '\0')
		return false;
	if (strncmp(dst, drop[0], strlen(drop[0])) == 0)
		return false;
	/* "Line 3: Invalid passphrase length 5 (expected: 8..63)" has no value in it;
	 * other lines that name a secret's key end there. */
	if (strstr(dst, "nvalid passphrase length") != NULL)
		return true;
	for (size_t i = 1; i < ARRAY_LEN(drop); i++) {
		char *p = strcasestr(dst, drop[i]);

		if (p != NULL)
			p[strlen(drop[i])] = '\0';
	}
	return true;
}
