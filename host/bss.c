#include "bss.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "escape.h"
#include "msg.h"

/* An access point as far as its lines were read. */
struct reader {
	struct bss b;
	bool has_id, has_bssid;
	char flags[256];
};

static long number(const char *v, long min, long max, long def)
{
	char *end;
	long n = strtol(v, &end, 10);

	return end == v || n < min || n > max ? def : n;
}

static void take_id(struct reader *r, const char *v)
{
	long n = number(v, 0, INT_MAX - 1, -1);

	r->has_id = n >= 0;
	r->b.id = n >= 0 ? (unsigned)n : 0;
}

static void take_bssid(struct reader *r, const char *v)
{
	r->has_bssid = msg_mac_parse(v, r->b.bssid);
}

static void take_freq(struct reader *r, const char *v)
{
	r->b.freq_mhz = (int)number(v, 1, 100000, 0);
}

static void take_level(struct reader *r, const char *v)
{
	r->b.level_dbm = (int)number(v, -200, 100, 0);
}

static void take_flags(struct reader *r, const char *v)
{
	size_t len = strlen(v);

	len = len < sizeof(r->flags) ? len : sizeof(r->flags) - 1;
	memcpy(r->flags, v, len);
	r->flags[len] = '\0';
}

static void take_ssid(struct reader *r, const char *v)
{
	r->b.ssid_len = ssid_unescape_loose(v, strlen(v), r->b.ssid, sizeof(r->b.ssid));
	/* What is not announced: no name at all. */
	if (ssid_is_hidden(r->b.ssid, r->b.ssid_len))
		r->b.ssid_len = 0;
}

static const struct {
	const char *key;
	void (*take)(struct reader *r, const char *v);
} rows[] = {
    {"id", take_id},
    {"bssid", take_bssid},
    {"freq", take_freq},
    {"level", take_level},
    {"flags", take_flags},
    {"ssid", take_ssid},
};

const char *bss_security(const char *flags)
{
	bool sae = strstr(flags, "SAE") != NULL, psk = strstr(flags, "PSK") != NULL;

	if (sae)
		return psk ? "wpa2+wpa3" : "wpa3";
	if (strstr(flags, "EAP") != NULL || strstr(flags, "FILS") != NULL)
		return "eap";
	if (psk)
		return strstr(flags, "[WPA2-") != NULL || strstr(flags, "[RSN-") != NULL
			   ? "wpa2"
			   : "wpa";
	/* Also of an open network that leads to one with OWE. */
	if (strstr(flags, "OWE") != NULL)
		return "owe";
	if (strstr(flags, "WEP") != NULL)
		return "wep";
	return strstr(flags, "WPA") != NULL || strstr(flags, "RSN") != NULL ? "unknown"
									    : "open";
}

static bool finish(struct bss_list *l, struct reader *r)
{
	bool good = r->has_id && r->has_bssid && l->n < BSS_MAX && r->b.id >= l->next;

	if (good) {
		r->b.security = bss_security(r->flags);
		l->next = r->b.id + 1;
		l->list[l->n++] = r->b;
	}
	memset(r, 0, sizeof(*r));
	return good;
}

static void take_line(struct reader *r, const char *line, size_t len)
{
	char text[512];
	char *eq;

	if (len >= sizeof(text))
		return;
	memcpy(text, line, len);
	text[len] = '\0';
	eq = strchr(text, '=');
	if (eq == NULL)
		return;
	*eq = '\0';
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].key, text) == 0)
			rows[i].take(r, eq + 1);
}

size_t bss_parse(struct bss_list *l, const char *reply)
{
	struct reader r = {.has_id = false};
	size_t added = 0;

	while (*reply != '\0') {
		size_t len = strcspn(reply, "\n");

		/* Behind each, and behind the last of the table. */
		if (len == 4 &&
		    (memcmp(reply, "====", 4) == 0 || memcmp(reply, "####", 4) == 0))
			added += finish(l, &r);
		else
			take_line(&r, reply, len);
		reply += len + (reply[len] == '\n');
	}
	return added;
}

json_t *bss_json(
    const struct bss_list *l, const struct networks *known, const char *joined)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		const struct bss *b = &l->list[i];
		char ssid[ESCAPE_SIZE(SSID_MAX)], hex[SSID_HEX_SIZE];
		char mac[MAC_TEXT_SIZE];
		bool is_known = known != NULL && b->ssid_len > 0 &&
				networks_find(known, b->ssid, b->ssid_len) != NULL;
		bool is_joined;

		escape_text((const char *)b->ssid, b->ssid_len, ssid, sizeof(ssid));
		ssid_hex(b->ssid, b->ssid_len, hex);
		is_joined = joined[0] != '\0' && strcmp(joined, hex) == 0;
		msg_mac_text(b->bssid, mac);
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:b, s:b}", "ssid", ssid,
			"ssid_hex", hex, "bssid", mac, "freq_mhz", b->freq_mhz,
			"signal_dbm", b->level_dbm, "security", b->security, "known",
			(int)is_known, "connected", (int)is_joined));
	}
	return list;
}
