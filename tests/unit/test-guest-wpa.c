/* wpa-parse.c, wpa-conf.c: what wpa_supplicant says, what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fake-nets.h"
#include "wpa-conf.h"
#include "wpa-parse.h"

static bool feed(struct wlan_state *s, const char *line)
{
	struct wpa_event ev;

	wpa_event_parse(line, &ev);
	return wpa_event_apply(&ev, s);
}

static void a_connection_goes_through_its_states(void **state)
{
	static const uint8_t bssid[6] = {2, 0, 0, 0, 1, 0};
	struct wlan_state s = {0};

	(void)state;
	assert_true(feed(&s, "<3>CTRL-EVENT-SCAN-STARTED "));
	assert_int_equal(s.phase, WLAN_SCANNING);
	assert_false(feed(&s, "<3>CTRL-EVENT-SCAN-STARTED "));
	assert_true(feed(&s, "<3>SME: Trying to authenticate with 02:00:00:00:01:00 "
			     "(SSID='x' freq=2412)"));
	assert_int_equal(s.phase, WLAN_ASSOCIATING);
	assert_false(feed(
	    &s, "<3>Trying to associate with 02:00:00:00:01:00 (SSID='x' freq=2412)"));
	assert_true(feed(&s, "<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:00 "
			     "completed [id=0 id_str=]"));
	assert_int_equal(s.phase, WLAN_ASSOCIATED);
	assert_true(s.has_bssid);
	assert_memory_equal(s.bssid, bssid, 6);
	assert_false(feed(&s, "<3>CTRL-EVENT-SCAN-STARTED "));
	assert_true(
	    feed(&s, "<3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:00 reason=3"));
	assert_int_equal(s.phase, WLAN_DISCONNECTED);
	assert_string_equal(s.reason,
	    "disconnected by the access point: it leaves, or wants us to (reason 3)");
}

static void a_wrong_key_stays_the_reason(void **state)
{
	struct wlan_state s = {.phase = WLAN_ASSOCIATING};

	(void)state;
	assert_true(feed(&s, "<3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid=\"a \\\" "
			     "reason=NO\" auth_failures=1 duration=10 reason=WRONG_KEY"));
	assert_string_equal(s.reason, "wrong passphrase");
	assert_true(
	    feed(&s, "<3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:00 reason=15 "
		     "locally_generated=1"));
	assert_string_equal(s.reason, "wrong passphrase");
	assert_true(feed(&s, "<3>CTRL-EVENT-NETWORK-NOT-FOUND "));
	assert_string_equal(s.reason, "wrong passphrase");
	s.reason[0] = '\0';
	assert_true(feed(&s, "<3>CTRL-EVENT-AUTH-REJECT 02:00:00:00:01:00 auth_type=3 "
			     "auth_transaction=2 status_code=15"));
	assert_string_equal(s.reason, "wrong passphrase");
}

static void an_ssid_can_not_pass_for_a_reason(void **state)
{
	struct wpa_event ev;

	(void)state;
	wpa_event_parse("<3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid=\"x "
			"reason=WRONG_KEY\" auth_failures=1 duration=20 "
			"reason=CONN_FAILED",
	    &ev);
	assert_string_equal(ev.why, "CONN_FAILED");
	assert_int_equal(ev.duration_s, 20);
	wpa_event_parse("<3>Trying to associate with SSID 'CTRL-EVENT-CONNECTED '", &ev);
	assert_int_equal(ev.type, WPA_EVENT_ASSOCIATING);
	wpa_event_parse("CTRL-EVENT-CONNECTED", &ev);
	assert_int_equal(ev.type, WPA_EVENT_OTHER);
	wpa_event_parse("<", &ev);
	assert_int_equal(ev.type, WPA_EVENT_OTHER);
}

static void status_is_read(void **state)
{
	static const uint8_t ssid[] = {'a', '\n', '"', 0xff, '\\', 0};
	struct wlan_state s = {0};

	(void)state;
	assert_true(wpa_status_parse("bssid=02:00:00:00:01:00\nfreq=5180\n"
				     "ssid=a\\n\\\"\\xff\\\\\\x00\nid=0\n"
				     "key_mgmt=WPA2-PSK\nwpa_state=COMPLETED\n",
	    &s));
	assert_int_equal(s.phase, WLAN_ASSOCIATED);
	assert_int_equal(s.freq_mhz, 5180);
	assert_int_equal(s.ssid_len, sizeof(ssid));
	assert_memory_equal(s.ssid, ssid, sizeof(ssid));
	assert_string_equal(s.key_mgmt, "WPA2-PSK");
	assert_true(s.has_bssid);
	assert_false(wpa_status_parse("FAIL\n", &s));
	assert_false(wpa_status_parse("wpa_state=WHATEVER", &s));
	/* Keys are renewed while it is associated. */
	s.phase = WLAN_ASSOCIATED;
	assert_true(wpa_status_parse("wpa_state=4WAY_HANDSHAKE\nssid=x\n", &s));
	assert_int_equal(s.phase, WLAN_ASSOCIATED);
	s.phase = WLAN_SCANNING;
	assert_true(wpa_status_parse("wpa_state=4WAY_HANDSHAKE\nssid=x\n", &s));
	assert_int_equal(s.phase, WLAN_ASSOCIATING);
	assert_true(wpa_status_parse("wpa_state=SCANNING\naddress=x", &s));
	assert_int_equal(s.phase, WLAN_SCANNING);
	assert_int_equal(s.ssid_len, 0);
}

static void a_long_ssid_is_cut(void **state)
{
	char text[200];
	uint8_t out[SSID_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(
	    ssid_unescape_loose(text, sizeof(text), out, sizeof(out)), SSID_MAX);
	assert_int_equal(ssid_unescape_loose("\\", 1, out, sizeof(out)), 1);
	assert_int_equal(ssid_unescape_loose("\\x4", 3, out, sizeof(out)), 1);
	assert_int_equal(out[0], 4);
	assert_int_equal(ssid_unescape_loose("\\xg", 3, out, sizeof(out)), 2);
	assert_int_equal(ssid_unescape_loose("\\e", 2, out, sizeof(out)), 1);
	assert_int_equal(out[0], 033);
}

static void output_shows_no_secret(void **state)
{
	static const struct {
		const char *line, *clean;
	} rows[] = {
	    {"Line 3: Invalid passphrase length 5 (expected: 8..63) '\"abcde\"'.",
		"Line 3: Invalid passphrase length 5 (expected: 8..63)"},
	    {"Line 4: failed to parse psk '\"geheim\"'.", "Line 4: failed to parse psk"},
	    {"Line 4: failed to parse sae_password geheim",
		"Line 4: failed to parse sae_password"},
	    {"nl80211: Could not set interface up",
		"nl80211: Could not set interface up"},
	    {"Successfully initialized wpa_supplicant", NULL},
	    {"'geheim'", NULL},
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool ok = wpa_output_clean(rows[i].line, out, sizeof(out));

		assert_int_equal(ok, rows[i].clean != NULL);
		if (ok)
			assert_string_equal(out, rows[i].clean);
	}
}

static void own_settings_are_not_taken(void **state)
{
	struct err e = ERR_INIT;
	char *out;
	size_t len;

	(void)state;
	assert_int_equal(
	    wpa_conf_make("ctrl_interface=DIR=/tmp GROUP=wheel\n"
			  " ctrl_interface_group=0\nload_dynamic_eap=/x.so\n"
			  "update_config=1\ncountry=DE\nnetwork={\n\tssid=\"a\"\n}",
		"/run/wpa/ctl", &out, &len, &e),
	    0);
	assert_string_equal(out, "\n\n\n\ncountry=DE\nnetwork={\n\tssid=\"a\"\n}\n"
				 "bgscan=\"simple:30:-70:86400\"\nsae_pwe=2\n"
				 "ctrl_interface=/run/wpa/ctl\n");
	assert_int_equal(len, strlen(out));
	free(out);
	/* What the user says stands, but not what is said of one network. */
	assert_int_equal(
	    wpa_conf_make("sae_pwe=0\nnetwork={\nbgscan=\"\"\n}\n", "/x", &out, &len, &e),
	    0);
	assert_string_equal(out, "sae_pwe=0\nnetwork={\nbgscan=\"\"\n}\n"
				 "bgscan=\"simple:30:-70:86400\"\nctrl_interface=/x\n");
	free(out);
	out = malloc(WPA_CONF_MAX + 2);
	assert_non_null(out);
	memset(out, 'x', WPA_CONF_MAX + 1);
	out[WPA_CONF_MAX + 1] = '\0';
	assert_int_equal(wpa_conf_make(out, "/run", &(char *){NULL}, &len, &e), -1);
	free(out);
}

/* Of a supplicant without 802.11r: it refuses the file for the name. */
static void what_the_supplicant_lacks_is_left_out(void **state)
{
	static const char *const others[] = {"", "Line 1: invalid key_mgmt ''",
	    "Line 1: invalid key_mgmt 'ft'", "Line 1: invalid key_mgmt 'FT-PSK",
	    "line 1: invalid key_mgmt 'FT-PSK'", "Line 1: invalid group 'TKIP'",
	    "Line 1: invalid key_mgmt 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'"};
	char conf[] = "network={\n\tssid=\"FT-PSK\"\n\tpsk=\"key_mgmt=FT-PSK\"\n"
		      "\tkey_mgmt=WPA-PSK  FT-PSK\tSAE FT-SAE\n}\n"
		      "network={\nkey_mgmt=FT-PSK\nkey_mgmt=FT-PSK # NONE\n"
		      "KEY_MGMT=FT-EAP WPA-EAP # or\n}\nkey_mgmt=FT-PSK OWE";
	struct wpa_lacks l = {.n = 0};
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(wpa_lacks_learn(&l, others[i]));
	assert_false(wpa_lacks_apply(&l, conf, &len));
	assert_true(wpa_lacks_learn(&l, "Line 4: invalid key_mgmt 'FT-PSK'"));
	assert_false(wpa_lacks_learn(&l, "Line 9: invalid key_mgmt 'FT-PSK'"));
	assert_true(wpa_lacks_learn(&l, "Line 0: invalid key_mgmt 'FT-EAP'"));
	assert_true(wpa_lacks_apply(&l, conf, &len));
	/* Where there is no other way it stays, to be complained of; so do the lines. */
	assert_string_equal(conf,
	    "network={\n\tssid=\"FT-PSK\"\n\tpsk=\"key_mgmt=FT-PSK\"\n"
	    "\tkey_mgmt=WPA-PSK SAE FT-SAE\n}\n"
	    "network={\nkey_mgmt=FT-PSK\nkey_mgmt=FT-PSK # NONE\n"
	    "KEY_MGMT=WPA-EAP\n}\nkey_mgmt=OWE");
	assert_int_equal(len, strlen(conf));
	assert_false(wpa_lacks_apply(&l, conf, &len));
	for (char c = 'A'; l.n < WPA_LACKS_MAX; c++) {
		char line[] = "Line 1: invalid key_mgmt '?'";

		line[sizeof(line) - 3] = c;
		assert_true(wpa_lacks_learn(&l, line));
	}
	assert_false(wpa_lacks_learn(&l, "Line 1: invalid key_mgmt 'Z'"));
}

static void fake_reads_networks(void **state)
{
	struct fake_net n[2];

	(void)state;
	assert_int_equal(
	    fake_nets_parse("ctrl_interface=/x\nnetwork={\n  ssid=\"a=b\"\n"
			    "  psk=\"correct horse\"\n  scan_ssid=1\n}\n"
			    "network={\n#ssid=\"no\"\nssid=6162\nkey_mgmt=NONE\n}\n"
			    "network={\n}\n",
		n, 2),
	    2);
	assert_int_equal(n[0].ssid_len, 3);
	assert_memory_equal(n[0].ssid, "a=b", 3);
	assert_string_equal(n[0].secret, "correct horse");
	assert_true(n[0].scan_ssid);
	assert_true(n[1].open);
	assert_memory_equal(n[1].ssid, "ab", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_connection_goes_through_its_states),
	    cmocka_unit_test(a_wrong_key_stays_the_reason),
	    cmocka_unit_test(an_ssid_can_not_pass_for_a_reason),
	    cmocka_unit_test(status_is_read),
	    cmocka_unit_test(a_long_ssid_is_cut),
	    cmocka_unit_test(output_shows_no_secret),
	    cmocka_unit_test(own_settings_are_not_taken),
	    cmocka_unit_test(what_the_supplicant_lacks_is_left_out),
	    cmocka_unit_test(fake_reads_networks),
	};

	return cmocka_run_group_tests_name("guest-wpa", tests, NULL, NULL);
}
