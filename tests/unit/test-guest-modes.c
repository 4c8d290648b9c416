/* The guest's side of the modes: the radio's address, the frames that look for an access
 * point with WDS, hostapd's configuration and replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ap-conf.h"
#include "cleanup.h"
#include "macs.h"
#include "proof.h"

static const uint8_t own[6] = {0, 1, 2, 3, 4, 5};

static struct settings settings(const char *json)
{
	struct err e = ERR_INIT;
	struct settings s;
	json_t *o = json_loads(json, 0, NULL);

	assert_non_null(o);
	if (settings_parse(o, &s, &e) < 0)
		fail_msg("%s", e.msg);
	json_decref(o);
	return s;
}

static const uint8_t *idle(struct macs *m, const struct settings *s)
{
	static uint8_t mac[6];

	macs_idle(m, s, mac);
	return mac;
}

static void network(
    struct macs *m, const struct settings *s, const char *ssid, uint8_t mac[6])
{
	macs_network(m, s, (const uint8_t *)ssid, strlen(ssid), mac);
}

static void permanent_and_fixed(void **state)
{
	struct settings s = settings("{}");
	const uint8_t fixed[6] = {2, 0, 0, 0, 0, 9};
	struct macs m = {.n = 0};
	uint8_t mac[6];

	(void)state;
	memcpy(m.permanent, own, 6);
	assert_memory_equal(idle(&m, &s), own, 6);
	network(&m, &s, "a", mac);
	assert_memory_equal(mac, own, 6);
	settings_free(&s);
	s = settings("{\"mac\":\"02:00:00:00:00:09\"}");
	assert_memory_equal(idle(&m, &s), fixed, 6);
	network(&m, &s, "a", mac);
	assert_memory_equal(mac, fixed, 6);
	settings_free(&s);
}

static void random_for_each_network(void **state)
{
	struct settings s = settings("{\"mac\":\"random\"}");
	struct macs m = {.n = 0};
	uint8_t first[6], a[6], b[6], again[6];

	(void)state;
	memcpy(m.permanent, own, 6);
	memcpy(first, idle(&m, &s), 6);
	assert_int_equal(first[0] & 3, 2);
	assert_memory_equal(idle(&m, &s), first, 6);
	/* The first one keeps what it was found with. */
	network(&m, &s, "a", a);
	assert_memory_equal(a, first, 6);
	network(&m, &s, "b", b);
	assert_memory_not_equal(a, b, 6);
	network(&m, &s, "a", again);
	assert_memory_equal(a, again, 6);
	/* Hostile or not, no number of networks is too many. */
	for (int i = 0; i < 3 * MACS_KEPT; i++) {
		char ssid[8];

		snprintf(ssid, sizeof(ssid), "n%d", i);
		network(&m, &s, ssid, b);
		assert_int_equal(b[0] & 3, 2);
	}
	settings_free(&s);
}

static void a_table_of_addresses(void **state)
{
	struct settings s =
	    settings("{\"mac\":\"random\",\"macs\":["
		     "{\"ssid\":\"61\",\"mac\":\"02:00:00:00:00:01\"},"
		     "{\"ssid\":\"62ff\",\"mac\":\"02:00:00:00:00:02\"}]}");
	const uint8_t one[6] = {2, 0, 0, 0, 0, 1}, two[6] = {2, 0, 0, 0, 0, 2};
	struct macs m = {.n = 0};
	uint8_t mac[6], other[6];

	(void)state;
	network(&m, &s, "a", mac);
	assert_memory_equal(mac, one, 6);
	network(&m, &s, "b\xff", mac);
	assert_memory_equal(mac, two, 6);
	/* Which of them it will be is not known. */
	assert_memory_not_equal(idle(&m, &s), one, 6);
	network(&m, &s, "c", other);
	assert_memory_not_equal(other, idle(&m, &s), 6);
	settings_free(&s);
	/* Of one it is. */
	s = settings("{\"mac\":\"random\",\"macs\":["
		     "{\"ssid\":\"61\",\"mac\":\"02:00:00:00:00:01\"}]}");
	assert_memory_equal(idle(&m, &s), one, 6);
	settings_free(&s);
}

static void bad_tables(void **state)
{
	static const char *const bad[] = {
	    "{\"mac\":\"01:00:00:00:00:01\"}",
	    "{\"mac\":\"00:00:00:00:00:00\"}",
	    "{\"mac\":\"stable\"}",
	    "{\"macs\":[7]}",
	    "{\"macs\":[{\"ssid\":\"6\",\"mac\":\"02:00:00:00:00:01\"}]}",
	    "{\"macs\":[{\"ssid\":\"\",\"mac\":\"02:00:00:00:00:01\"}]}",
	    "{\"macs\":[{\"ssid\":\"61\",\"mac\":\"03:00:00:00:00:01\"}]}",
	    "{\"macs\":[{\"mac\":\"02:00:00:00:00:01\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		struct settings s;
		json_t *o = json_loads(bad[i], 0, NULL);

		assert_int_equal(settings_parse(o, &s, &e), -1);
		assert_non_null(strstr(e.msg, "config: mac"));
		settings_free(&s);
		json_decref(o);
	}
}

static void events_name_their_network(void **state)
{
	static const struct {
		const char *event, *ssid;
	} cases[] = {
	    {"<3>SME: Trying to authenticate with 02:bf:00:00:00:01 (SSID='a b' "
	     "freq=5825 MHz)",
		"a b"},
	    {"<3>Trying to associate with 02:bf:00:00:00:01 (SSID='x\\x01\\'' "
	     "freq=2412 MHz)",
		"x\x01'"},
	    {"<3>Trying to associate with SSID 'bhyfi'", NULL},
	    {"<3>CTRL-EVENT-BSS-ADDED 0 (SSID='a' freq=1 MHz)", NULL},
	    /* An SSID that looks like the end of one. */
	    {"<3>Trying to associate with 02:bf:00:00:00:01 (SSID='' freq=' "
	     "freq=2412 MHz)",
		"' freq="},
	    {"", NULL},
	};
	uint8_t ssid[SSID_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool got = macs_event_ssid(cases[i].event, ssid, &len);

		assert_int_equal(got, cases[i].ssid != NULL);
		if (!got)
			continue;
		assert_int_equal(len, strlen(cases[i].ssid));
		assert_memory_equal(ssid, cases[i].ssid, len);
	}
}

static unsigned sum(const uint8_t *p, size_t len, uint32_t s)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (s > 0xffff)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void frames_are_sound(void **state)
{
	static const uint8_t eui64[8] = {2, 1, 2, 0xff, 0xfe, 3, 4, 5};
	uint8_t f[PROOF_FRAME_MAX];
	size_t len = proof_discover(f, own, 0x01020304);

	(void)state;
	assert_int_equal(len, 14 + 20 + 8 + 300);
	assert_memory_equal(f + 6, own, 6);
	/* With its checksum the sum of a header is all ones. */
	assert_int_equal(sum(f + 14, 20, 0), 0xffff);
	assert_int_equal(f[16] << 8 | f[17], len - 14);
	assert_int_equal(f[38] << 8 | f[39], len - 34);
	assert_memory_equal(f + 42 + 28, own, 6);
	assert_memory_equal(f + 42 + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
	len = proof_echo(f, own, 0x01020304);
	assert_int_equal(len, 14 + 40 + 8);
	assert_memory_equal(f + 14 + 16, eui64, 8);
	assert_int_equal(sum(f + 14 + 8, 40, 8 + 58), 0xffff);
	assert_int_equal(f[54], 128);
}

static void hostapds_replies(void **state)
{
	static const char status[] =
	    "state=ENABLED\nphy=phy0\nfreq=5180\nchannel=36\nbss[0]=wlan0\n"
	    "bssid[0]=02:00:00:00:00:07\nssid[0]=a\\x09b\nnum_sta[0]=0\n";
	struct wlan_state s = {.freq_mhz = 0};

	(void)state;
	ap_status_parse(status, &s);
	assert_int_equal(s.freq_mhz, 5180);
	assert_int_equal(s.ssid_len, 3);
	assert_memory_equal(s.ssid, "a\tb", 3);
	assert_true(s.has_bssid);
	assert_int_equal(s.bssid[5], 7);
	ap_config_parse("bssid=x\nkey_mgmt=WPA-PSK SAE \ngroup_cipher=CCMP\n", &s);
	assert_string_equal(s.key_mgmt, "WPA-PSK SAE ");
	ap_config_parse("FAIL\n", &s);
	assert_string_equal(s.key_mgmt, "NONE");
	ap_status_parse("bssid[0]=zz\nfreq=\n", &s);
	assert_int_equal(s.freq_mhz, 5180);
}

static void hostapds_file(void **state)
{
	struct err e = ERR_INIT;
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(ap_conf_make("ssid=x\nchannel=1\n", "wlan0", "br0", "/run/ap",
			     "DE", &text, &len, &e),
	    0);
	assert_string_equal(text, "interface=wlan0\nbridge=br0\ndriver=nl80211\n"
				  "ctrl_interface=/run/ap\ncountry_code=DE\n"
				  "ssid=x\nchannel=1\n\n");
	assert_int_equal(len, strlen(text));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(permanent_and_fixed),
	    cmocka_unit_test(random_for_each_network),
	    cmocka_unit_test(a_table_of_addresses),
	    cmocka_unit_test(bad_tables),
	    cmocka_unit_test(events_name_their_network),
	    cmocka_unit_test(frames_are_sound),
	    cmocka_unit_test(hostapds_replies),
	    cmocka_unit_test(hostapds_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
