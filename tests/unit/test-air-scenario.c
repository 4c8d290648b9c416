/* air/scenario.c */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cmd.h"
#include "scenario.h"

#define NET                                                                              \
	"[network lan]\n"                                                                \
	"subnet4 = 192.0.2.0/24\n"                                                       \
	"subnet6 = 2001:db8:1::/64\n"                                                    \
	"dhcp = 192.0.2.50 192.0.2.150\n"
#define AP                                                                               \
	"[ap main]\n"                                                                    \
	"network = lan\n"                                                                \
	"security = open\n"                                                              \
	"channel = 1\n"

static void parse_ok(const char *text, struct scenario *s)
{
	struct err e = ERR_INIT;

	if (scenario_parse(text, strlen(text), s, &e) < 0)
		fail_msg("%s", e.msg);
}

static void parse_bad(const char *text, const char *want)
{
	struct err e = ERR_INIT;
	struct scenario s;

	assert_int_equal(scenario_parse(text, strlen(text), &s, &e), -1);
	if (strcmp(e.msg, want) != 0)
		fail_msg("\"%s\", not \"%s\"", e.msg, want);
	assert_int_equal(scenario_parse(text, strlen(text), &s, NULL), -1);
}

static void reads_all_keys(void **state)
{
	struct scenario s;
	char name[16];

	(void)state;
	parse_ok("# comment\n" NET "lease = 600\ndns = no\ndomain = a.example\n"
		 "[ap one]\nnetwork = lan\nssid = x y\nsecurity = wpa2\n"
		 "passphrase = 12345678\nchannel = 6\nhidden = yes\nwds = no\n"
		 "bssid = 02:00:00:00:0a:Ff\n",
	    &s);
	assert_int_equal(s.n_networks, 1);
	assert_int_equal(s.n_aps, 1);
	assert_int_equal(s.networks[0].lease_s, 600);
	assert_int_equal(s.networks[0].prefix4, 24);
	assert_false(s.networks[0].dns);
	assert_string_equal(s.networks[0].domain, "a.example");
	assert_int_equal(
	    air_network_addr4(&s.networks[0], 1).s_addr, inet_addr("192.0.2.1"));
	assert_int_equal(s.aps[0].ssid_len, 3);
	assert_int_equal(s.aps[0].security, AIR_WPA2);
	assert_true(s.aps[0].hidden);
	assert_memory_equal(s.aps[0].bssid, "\x02\0\0\0\x0a\xff", 6);
	scenario_ifname(&s, 0, name, sizeof(name));
	assert_string_equal(name, "ap0");
}

static void reads_ssids(void **state)
{
	static const struct {
		const char *text, *bytes;
		size_t len;
	} cases[] = {
	    {"plain", "plain", 5},
	    {"with \"quotes\"", "with \"quotes\"", 13},
	    {"P\"a\\nb\\\"\\\\\\x00\\xfF\\0\\e\"", "a\nb\"\\\0\xff\0\033", 9},
	    {"hex:00ff0A", "\0\xff\n", 3},
	    {"01234567890123456789012345678901", "01234567890123456789012345678901", 32},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[512];
		struct scenario s;

		snprintf(text, sizeof(text), NET AP "ssid = %s\n", cases[i].text);
		parse_ok(text, &s);
		assert_int_equal(s.aps[0].ssid_len, cases[i].len);
		assert_memory_equal(s.aps[0].ssid, cases[i].bytes, cases[i].len);
	}
}

static void refuses_bad_ssids(void **state)
{
	static const char *const cases[][2] = {
	    {"", "9: ssid: empty"},
	    {"hex:", "9: ssid: expected up to 32 bytes in hex"},
	    {"hex:0", "9: ssid: expected up to 32 bytes in hex"},
	    {"hex:0g", "9: ssid: expected up to 32 bytes in hex"},
	    {"P\"", "9: ssid: bad escape, no end of P\"...\" or more than 32 bytes"},
	    {"P\"a", "9: ssid: bad escape, no end of P\"...\" or more than 32 bytes"},
	    {"P\"\\xg\"",
		"9: ssid: bad escape, no end of P\"...\" or more than 32 bytes"},
	    {"P\"\\q\"", "9: ssid: bad escape, no end of P\"...\" or more than 32 bytes"},
	    {"P\"\\", "9: ssid: bad escape, no end of P\"...\" or more than 32 bytes"},
	    {"P\"a\"b", "9: ssid: bad escape, no end of P\"...\" or more than 32 bytes"},
	    {"012345678901234567890123456789012", "9: ssid: more than 32 bytes"},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), NET AP "ssid = %s\n", cases[i][0]);
		parse_bad(text, cases[i][1]);
	}
}

static void names_line_and_key(void **state)
{
	(void)state;
	parse_bad("", "0: no [ap NAME]");
	parse_bad(NET, "4: no [ap NAME]");
	parse_bad("colour = red\n", "1: a key before the first section");
	parse_bad("\n[radio x]\na = b\n",
	    "2: expected [network NAME], [ap NAME] or [station NAME] of up to 12 bytes");
	parse_bad("[ap]\nssid = x\n",
	    "1: expected [network NAME], [ap NAME] or [station NAME] of up to 12 bytes");
	parse_bad("[ap a b]\nssid = x\n", "1: bad character in a name");
	parse_bad("[network lan]\n[ap x]\nssid = x\n", "1: a section without keys");
	parse_bad(NET AP "ssid = x\n[ap y]\n", "10: a section without keys");
	parse_bad(NET "colour = red\n", "5: unknown key: colour");
	parse_bad(NET "lease = 1000\nlease = 1000\n", "6: lease: given twice");
	parse_bad(NET "junk\n", "5: expected KEY = VALUE");
	parse_bad(NET AP, "8: [ap main]: no ssid");
	parse_bad(NET NET, "5: network lan is there already");
	parse_bad("[ap a]\nnetwork = lan\n", "2: network: no such network above");
}

static void checks_values(void **state)
{
	(void)state;
	parse_bad("[network n]\nsubnet4 = 192.0.2.1/24\n",
	    "2: subnet4: bits are set behind the prefix");
	parse_bad(
	    "[network n]\nsubnet4 = 192.0.2.0\n", "2: subnet4: expected ADDRESS/PREFIX");
	parse_bad("[network n]\nsubnet4 = 0.0.0.0/0\n",
	    "2: subnet4: expected a prefix of 8 to 29");
	parse_bad(
	    "[network n]\nsubnet6 = 2001:db8::/48\n", "2: subnet6: expected PREFIX::/64");
	parse_bad("[network n]\nlease = 5\n", "2: lease: expected at least 120");
	parse_bad(
	    "[network n]\nlease = -1\n", "2: lease: expected a number up to 604800");
	parse_bad("[network n]\ndomain = a..b\n", "2: domain: not a domain name");
	parse_bad(
	    "[network n]\ndns = no\n", "2: [network n]: neither subnet4 nor subnet6");
	parse_bad("[network n]\nsubnet4 = 192.0.2.0/24\ndhcp = 192.0.2.1 192.0.2.9\n",
	    "3: [network n]: dhcp range not in the subnet's free part");
	parse_bad("[network n]\nsubnet4 = 192.0.2.0/24\ndhcp = 192.0.2.9 192.0.2.254\n",
	    "3: [network n]: dhcp range not in the subnet's free part");
	parse_bad(NET AP "ssid = x\npassphrase = 12345678\n",
	    "10: [ap main]: passphrase with security = open");
	parse_bad(NET "[ap a]\nnetwork = lan\nssid = x\nsecurity = wpa3\nchannel = 1\n",
	    "9: [ap a]: no passphrase");
	parse_bad(NET "[ap a]\npassphrase = 1234567\n",
	    "6: passphrase: expected 8 to 63 characters");
	parse_bad(NET "[ap a]\npassphrase = 1234567|vlanid=2\n",
	    "6: passphrase: expected printable ASCII without a bar");
	parse_bad(
	    NET "[ap a]\nchannel = 52\n", "6: channel: expected 1-11, 36-48 or 149-165");
	parse_bad(NET "[ap a]\nbssid = 03:00:00:00:00:00\n", "6: bssid: a group address");
	parse_bad(NET "[ap a]\nbssid = 02-00:00:00:00:00\n",
	    "6: bssid: expected a MAC address");
}

#define EAP                                                                              \
	"[ap a]\nnetwork = lan\nssid = x\nchannel = 1\nsecurity = eap\n"                 \
	"identity = user@air.example\npassword = pass word\n"

static void reads_eap(void **state)
{
	struct scenario s;

	(void)state;
	parse_ok(NET EAP "certificate = eap-server.pem\nclient-ca = ca.pem\n", &s);
	assert_int_equal(s.aps[0].security, AIR_EAP);
	assert_string_equal(s.aps[0].identity, "user@air.example");
	assert_string_equal(s.aps[0].password, "pass word");
	assert_string_equal(s.aps[0].certificate, "eap-server.pem");
	assert_string_equal(s.aps[0].client_ca, "ca.pem");
	parse_bad(NET EAP,
	    "11: [ap a]: security = eap wants identity, password and certificate");
	parse_bad(NET EAP "certificate = a.pem\npassphrase = 12345678\n",
	    "13: [ap a]: passphrase with security = eap");
	parse_bad(NET AP "ssid = x\nidentity = x\n",
	    "10: [ap main]: identity, password, certificate and client-ca go with "
	    "security = eap");
	parse_bad(NET "[ap a]\nidentity = a\"b\n",
	    "6: identity: expected printable ASCII without quotation marks and "
	    "backslashes");
	parse_bad(
	    NET "[ap a]\npassword = \n", "6: password: expected 1 to 63 characters");
	parse_bad(NET "[ap a]\ncertificate = ../a\n",
	    "6: certificate: expected a file name of 1 to 31 bytes");
	parse_bad(NET "[ap a]\ncertificate = a/b\n",
	    "6: certificate: bad character in a file name");
	parse_bad("[station s]\nssid = x\nsecurity = eap\nchannel = 1\n",
	    "4: [station s]: a station of the air has no 802.1X");
}

static void bounds_everything(void **state)
{
	static char big[AIR_SCENARIO_MAX + 2];
	struct err e = ERR_INIT;
	struct scenario s;
	char text[2048] = NET;

	(void)state;
	memset(big, '\n', sizeof(big));
	assert_int_equal(scenario_parse(big, AIR_SCENARIO_MAX + 1, &s, &e), -1);
	memset(big, 'x', 300);
	assert_int_equal(scenario_parse(big, 300, &s, &e), -1);
	assert_string_equal(e.msg, "1: line too long");
	assert_int_equal(scenario_parse("\0\n", 2, &s, &e), -1);
	assert_string_equal(e.msg, "1: NUL byte");
	for (int i = 0; i <= AIR_MAX_APS; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len,
		    "[ap a%d]\nnetwork = lan\nssid = x\nsecurity = open\nchannel = 1\n",
		    i);
	}
	parse_bad(text, "45: more than 8 APs");
}

static void several_aps_share_a_bridge(void **state)
{
	struct scenario s;
	char name[16];

	(void)state;
	parse_ok(NET AP "ssid = x\n[ap b]\nnetwork = lan\nssid = x\nsecurity = open\n"
			"channel = 6\n",
	    &s);
	assert_true(scenario_bridged(&s, 0));
	scenario_ifname(&s, 0, name, sizeof(name));
	assert_string_equal(name, "br0");
	parse_ok(NET AP "ssid = x\nwds = yes\n", &s);
	assert_true(scenario_bridged(&s, 0));
	parse_ok(NET AP "ssid = x\n", &s);
	assert_false(scenario_bridged(&s, 0));
}

/* The psk keys, by the program that everybody uses for it. */
static void check_psk(const struct air_ap *ap)
{
	char ssid[AIR_SSID_MAX + 1];
	const char *const argv[] = {"wpa_passphrase", ssid, ap->passphrase, NULL};
	char *out = NULL, want[80];
	struct err e = ERR_INIT;

	if (ap->psk[0] == '\0')
		return;
	snprintf(ssid, sizeof(ssid), "%.*s", (int)ap->ssid_len, (const char *)ap->ssid);
	if (cmd_run(argv, NULL, &out, NULL, &e) < 0) {
		if (e.code == ERR_PRECONDITION)
			return; /* not installed */
		fail_msg("%s", e.msg);
	}
	snprintf(want, sizeof(want), "\tpsk=%s\n", ap->psk);
	assert_non_null(strstr(out, want));
	free(out);
}

/* Those that are installed. */
static void own_scenarios_are_good(void **state)
{
	static const char *const names[] = {"open", "wpa2", "wpa3", "hidden", "ess",
	    "two", "wds", "wds-open", "kinds", "ap", "eap", "mobility"};
	struct err e = ERR_INIT;
	struct scenario s;
	char path[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s.conf", AIR_SCENARIOS, names[i]);
		if (scenario_load(path, &s, &e) < 0)
			fail_msg("%s", e.msg);
		for (unsigned ap = 0; ap < s.n_aps; ap++)
			check_psk(&s.aps[ap]);
	}
	snprintf(path, sizeof(path), "%s/missing.conf", AIR_SCENARIOS);
	assert_int_equal(scenario_load(path, &s, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_all_keys),
	    cmocka_unit_test(reads_ssids),
	    cmocka_unit_test(refuses_bad_ssids),
	    cmocka_unit_test(names_line_and_key),
	    cmocka_unit_test(checks_values),
	    cmocka_unit_test(reads_eap),
	    cmocka_unit_test(bounds_everything),
	    cmocka_unit_test(several_aps_share_a_bridge),
	    cmocka_unit_test(own_scenarios_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
