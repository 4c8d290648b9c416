#include "record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static const char *const stage_names[] = {
    [STAGE_PREPARED] = "prepared",
    [STAGE_VMM] = "vmm",
    [STAGE_LINK] = "link",
    [STAGE_CONFIG] = "config",
    [STAGE_RADIO] = "radio",
    [STAGE_SUPPLICANT] = "supplicant",
    [STAGE_ASSOCIATED] = "associated",
    [STAGE_PATH] = "path",
    [STAGE_CARRIER] = "carrier",
};
static_assert(ARRAY_LEN(stage_names) == STAGE_COUNT, "a name for each stage");

const char *stage_name(enum stage s)
{
	return (unsigned)s < STAGE_COUNT ? stage_names[s] : "?";
}

static void clear_wlan(struct wlan_record *w)
{
	memset(w, 0, sizeof(*w));
	w->tx_packets = w->tx_retries = w->tx_failed = -1;
}

void record_clear(struct record *r)
{
	memset(r, 0, sizeof(*r));
	clear_wlan(&r->wlan);
	r->guest.cpu_pct = -1;
}

void record_ended(struct record *r)
{
	clear_wlan(&r->wlan);
	memset(&r->guest, 0, sizeof(r->guest));
	r->guest.cpu_pct = -1;
	r->path_up = false;
}

bool record_stage(struct record *r, enum stage s, int64_t now_ms)
{
	if (r->reached[s])
		return false;
	r->reached[s] = true;
	r->stage_ms[s] = now_ms - r->started_ms;
	return true;
}

/* A number in bounds, or def. */
static double number(const json_t *o, const char *key, double min, double max, double def)
{
	const json_t *v = json_object_get(o, key);
	double d = json_number_value(v);

	return json_is_number(v) && d >= min && d <= max ? d : def;
}

/* A string as one printable line. */
static void text(const json_t *o, const char *key, char *dst, size_t size)
{
	const char *s = msg_str(o, key, "");

	escape_text(s, strlen(s), dst, size);
}

/* The guest escapes an SSID itself; what is left of it that is not printable goes, but
 * its backslashes are not doubled. */
static void escaped_text(const json_t *o, const char *key, char *dst, size_t size)
{
	msg_str_copy(o, key, dst, size);
	for (char *s = dst; *s != '\0'; s++)
		if ((unsigned char)*s < 32 || *s == 127)
			*s = '?';
}

static int64_t count(const json_t *o, const char *key)
{
	return msg_int(o, key, 0, UINT32_MAX, -1);
}

static void hex_text(const json_t *o, const char *key, char *dst, size_t size)
{
	msg_str_copy(o, key, dst, size);
	if (strspn(dst, "0123456789abcdefABCDEF") != strlen(dst))
		dst[0] = '\0';
}

static void mac_text(const json_t *o, const char *key, char dst[MAC_TEXT_SIZE])
{
	uint8_t mac[6];

	if (msg_mac_parse(msg_str(o, key, ""), mac))
		msg_mac_text(mac, dst);
	else
		dst[0] = '\0';
}

/* What both `wlan` and `status` say. */
static void wlan_common(struct wlan_record *w, const json_t *o)
{
	if (json_object_get(o, "ssid") != NULL)
		escaped_text(o, "ssid", w->ssid, sizeof(w->ssid));
	if (json_object_get(o, "ssid_hex") != NULL)
		hex_text(o, "ssid_hex", w->ssid_hex, sizeof(w->ssid_hex));
	if (json_object_get(o, "bssid") != NULL)
		mac_text(o, "bssid", w->bssid);
	if (json_object_get(o, "key_mgmt") != NULL)
		text(o, "key_mgmt", w->key_mgmt, sizeof(w->key_mgmt));
	if (json_object_get(o, "freq_mhz") != NULL)
		w->freq_mhz = (int)msg_int(o, "freq_mhz", 1, 100000, 0);
}

void record_wlan(struct record *r, const json_t *o)
{
	struct wlan_record *w = &r->wlan;
	const char *state = msg_str(o, "state", "");
	bool associated = strcmp(state, "associated") == 0;

	/* Figures of a former association say nothing about this one. */
	if (!associated || !w->associated)
		clear_wlan(w);
	w->associated = associated;
	text(o, "state", w->state, sizeof(w->state));
	text(o, "reason", w->reason, sizeof(w->reason));
	wlan_common(w, o);
}

void record_status(struct record *r, const json_t *o)
{
	const json_t *w = json_object_get(o, "wlan"), *g = json_object_get(o, "guest");
	struct guest_record *gr = &r->guest;

	if (json_is_object(w) && r->wlan.associated) {
		wlan_common(&r->wlan, w);
		r->wlan.signal_dbm = (int)msg_int(w, "signal_dbm", -200, 100, 0);
		r->wlan.noise_dbm = (int)msg_int(w, "noise_dbm", -200, -1, 0);
		r->wlan.width_mhz = (int)msg_int(w, "width_mhz", 1, 1000, 0);
		r->wlan.tx_packets = count(w, "tx_packets");
		r->wlan.tx_retries = count(w, "tx_retries");
		r->wlan.tx_failed = count(w, "tx_failed");
		text(w, "country", r->wlan.country, sizeof(r->wlan.country));
		r->wlan.tx_mbps = number(w, "tx_mbps", 0, 1e6, 0);
		r->wlan.rx_mbps = number(w, "rx_mbps", 0, 1e6, 0);
	}
	if (!json_is_object(g))
		return;
	gr->mem_total_kib = msg_int(g, "mem_total_kib", 1, INT32_MAX, 0);
	gr->mem_available_kib = msg_int(g, "mem_available_kib", 0, INT32_MAX, 0);
	gr->cpu_pct = number(g, "cpu_pct", 0, 100 * 1024, -1);
	gr->uptime_s = msg_int(g, "uptime_s", 0, INT32_MAX, 0);
	text(g, "kernel", gr->kernel, sizeof(gr->kernel));
}

int record_radio(struct record *r, const json_t *o)
{
	uint8_t mac[6];

	/* It becomes the address of an interface of the host. */
	if (!msg_mac_parse(msg_str(o, "mac", ""), mac) || !msg_mac_is_station(mac))
		return -1;
	memcpy(r->radio.mac, mac, sizeof(mac));
	text(o, "ifname", r->radio.ifname, sizeof(r->radio.ifname));
	text(o, "phy", r->radio.phy, sizeof(r->radio.phy));
	text(o, "driver", r->radio.driver, sizeof(r->radio.driver));
	text(o, "bus", r->radio.bus, sizeof(r->radio.bus));
	r->radio.known = true;
	return 0;
}

void record_path(struct record *r, const json_t *o)
{
	r->path_up = msg_bool(o, "up", false);
	text(o, "mode", r->path_mode, sizeof(r->path_mode));
	text(o, "why", r->path_why, sizeof(r->path_why));
}

int record_guest_stage(struct record *r, const json_t *o)
{
	struct guest_stage *g = &r->guest_stages[r->n_guest_stages];
	char name[sizeof(g->name)];
	int64_t ms = msg_int(o, "ms", 0, INT32_MAX, -1);

	text(o, "name", name, sizeof(name));
	for (size_t i = 0; i < r->n_guest_stages; i++)
		if (strcmp(r->guest_stages[i].name, name) == 0)
			ms = -1;
	if (ms >= 0 && name[0] != '\0' && r->n_guest_stages < GUEST_STAGES_MAX) {
		memcpy(g->name, name, sizeof(name));
		g->ms = ms;
		r->n_guest_stages++;
	}
	/* The others have messages or moments of their own. */
	return strcmp(name, "supplicant") == 0 ? STAGE_SUPPLICANT : -1;
}

static void set_text(json_t *o, const char *key, const char *s)
{
	json_t *v = s[0] != '\0' ? json_string(s) : NULL;

	json_object_set_new(o, key, v != NULL ? v : json_null());
}

static void set_int(json_t *o, const char *key, bool known, int64_t n)
{
	json_object_set_new(o, key, known ? json_integer(n) : json_null());
}

static void set_real(json_t *o, const char *key, bool known, double d)
{
	json_object_set_new(o, key, known ? json_real(d) : json_null());
}

json_t *record_wlan_json(const struct record *r)
{
	const struct wlan_record *w = &r->wlan;
	char mac[MAC_TEXT_SIZE] = "";
	json_t *o = json_object();

	if (r->radio.known)
		msg_mac_text(r->radio.mac, mac);
	set_text(o, "state", w->state);
	set_text(o, "ssid", w->ssid);
	set_text(o, "ssid_hex", w->ssid_hex);
	set_text(o, "bssid", w->bssid);
	set_int(o, "freq_mhz", w->freq_mhz != 0, w->freq_mhz);
	set_int(o, "width_mhz", w->width_mhz != 0, w->width_mhz);
	set_int(o, "signal_dbm", w->signal_dbm != 0, w->signal_dbm);
	set_text(o, "country", w->country);
	set_int(o, "noise_dbm", w->noise_dbm != 0, w->noise_dbm);
	set_int(o, "tx_packets", w->tx_packets >= 0, w->tx_packets);
	set_int(o, "tx_retries", w->tx_retries >= 0, w->tx_retries);
	set_int(o, "tx_failed", w->tx_failed >= 0, w->tx_failed);
	set_real(o, "tx_mbps", w->tx_mbps > 0, w->tx_mbps);
	set_real(o, "rx_mbps", w->rx_mbps > 0, w->rx_mbps);
	set_text(o, "key_mgmt", w->key_mgmt);
	set_text(o, "mac", mac);
	set_text(o, "reason", w->reason);
	return o;
}

json_t *record_guest_json(const struct record *r)
{
	const struct guest_record *g = &r->guest;
	json_t *o = json_object();

	set_int(o, "mem_total_kib", g->mem_total_kib != 0, g->mem_total_kib);
	set_int(o, "mem_available_kib", g->mem_total_kib != 0, g->mem_available_kib);
	set_real(o, "cpu_pct", g->cpu_pct >= 0, g->cpu_pct);
	set_int(o, "uptime_s", g->mem_total_kib != 0, g->uptime_s);
	set_text(o, "kernel", g->kernel);
	return o;
}

json_t *record_stages_json(const struct record *r)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < STAGE_COUNT; i++)
		if (r->reached[i])
			json_object_set_new(
			    o, stage_names[i], json_integer(r->stage_ms[i]));
	return o;
}

json_t *record_guest_stages_json(const struct record *r)
{
	json_t *o = json_object();

	for (size_t i = 0; i < r->n_guest_stages; i++)
		json_object_set_new(
		    o, r->guest_stages[i].name, json_integer(r->guest_stages[i].ms));
	return o;
}
