#include "msg.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "hex.h"

/* Objects nest no deeper than this; jansson's own bound (2,048) would let a guest
 * use much of our stack. */
#define DEPTH_MAX 8

static const struct msg_row rows[] = {
    {MSG_CONFIG, "config", MSG_TO_GUEST, true},
    {MSG_STOP, "stop", MSG_TO_GUEST, false},
    {MSG_STATUS_GET, "status-get", MSG_TO_GUEST, false},
    {MSG_WPA, "wpa", MSG_TO_GUEST, true},
    {MSG_AIR, "air", MSG_TO_GUEST, false},
    {MSG_JOIN, "join", MSG_TO_GUEST, false},
    {MSG_STAGE, "stage", MSG_TO_HOST, false},
    {MSG_RADIO, "radio", MSG_TO_HOST, false},
    {MSG_WLAN, "wlan", MSG_TO_HOST, false},
    {MSG_STATUS, "status", MSG_TO_HOST, false},
    {MSG_BEAT, "beat", MSG_TO_HOST, false},
    {MSG_LOG, "log", MSG_TO_HOST, false},
    {MSG_FAILED, "failed", MSG_TO_HOST, false},
    {MSG_RELEASED, "released", MSG_TO_HOST, false},
    {MSG_WPA_REPLY, "wpa-reply", MSG_TO_HOST, true},
    {MSG_WPA_EVENT, "wpa-event", MSG_TO_HOST, false},
    {MSG_AIR_REPLY, "air-reply", MSG_TO_HOST, false},
    {MSG_PATH, "path", MSG_TO_HOST, false},
    {MSG_JOINED, "joined", MSG_TO_HOST, false},
};

const struct msg_row *msg_row(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

/* Brackets outside strings never nest deeper than DEPTH_MAX. */
static bool depth_ok(const char *s, size_t len)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				quoted = false;
		} else if (s[i] == '"') {
			quoted = true;
		} else if (s[i] == '{' || s[i] == '[') {
			if (++depth > DEPTH_MAX)
				return false;
		} else if (s[i] == '}' || s[i] == ']') {
			depth--;
		}
	}
	return true;
}

json_t *msg_parse(const char *data, size_t len)
{
	json_t *o;

	if (len > MSG_MAX || !depth_ok(data, len))
		return NULL;
	o = json_loadb(data, len, JSON_REJECT_DUPLICATES, NULL);
	if (o != NULL && !json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

const char *msg_str(const json_t *o, const char *key, const char *def)
{
	const json_t *v = json_object_get(o, key);

	/* Without JSON_ALLOW_NUL the parser refuses \u0000. */
	return json_is_string(v) ? json_string_value(v) : def;
}

void msg_str_copy(const json_t *o, const char *key, char *dst, size_t size)
{
	snprintf(dst, size, "%s", msg_str(o, key, ""));
}

int64_t msg_int(const json_t *o, const char *key, int64_t min, int64_t max, int64_t def)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		return def;
	return json_integer_value(v) < min || json_integer_value(v) > max
		   ? def
		   : json_integer_value(v);
}

bool msg_bool(const json_t *o, const char *key, bool def)
{
	const json_t *v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : def;
}

bool msg_mac_parse(const char *s, uint8_t mac[6])
{
	if (s == NULL || strlen(s) != 17)
		return false;
	for (int i = 0; i < 6; i++) {
		int hi = hex_digit(s[3 * i]), lo = hex_digit(s[3 * i + 1]);

		if (hi < 0 || lo < 0 || (i < 5 && s[3 * i + 2] != ':'))
			return false;
		mac[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

void msg_mac_text(const uint8_t mac[6], char out[MAC_TEXT_SIZE])
{
	snprintf(out, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
	    mac[2], mac[3], mac[4], mac[5]);
}

bool msg_mac_is_station(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return (mac[0] & 1) == 0 && memcmp(mac, zero, sizeof(zero)) != 0;
}
