/* networks.c: what people write into wpa_supplicant.conf, and what a fuzzer would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "networks.h"

static int parse(const char *text, struct networks *n, struct err *e)
{
	*e = (struct err)ERR_INIT;
	return networks_parse(text, strlen(text), "wpa.conf", n, e);
}

/* One network with this line in it. */
static int parse_in_network(const char *line, struct networks *n, struct err *e)
{
	char text[4096];

	snprintf(text, sizeof(text), "network={\n\tssid=\"x\"\n\t%s\n}\n", line);
	return parse(text, n, e);
}

static void good(const char *line)
{
	struct networks n;
	struct err e;

	if (parse_in_network(line, &n, &e) < 0)
		fail_msg("%s: %s", line, e.msg);
	assert_int_equal(n.n, 1);
	networks_free(&n);
}

static void bad(const char *line, const char *start)
{
	struct networks n;
	struct err e;

	if (parse_in_network(line, &n, &e) == 0)
		fail_msg("taken: %s", line);
	assert_int_equal(e.code, ERR_FAILED);
	if (strncmp(e.msg, start, strlen(start)) != 0)
		fail_msg("%s: says \"%s\"", line, e.msg);
}

static void ssid_is(const char *value, const void *bytes, size_t len)
{
	char text[512];
	struct networks n;
	struct err e;

	snprintf(text, sizeof(text), "network={\nssid=%s\nkey_mgmt=NONE\n}\n", value);
	if (parse(text, &n, &e) < 0)
		fail_msg("%s: %s", value, e.msg);
	assert_int_equal(n.list[0].ssid_len, len);
	assert_memory_equal(n.list[0].ssid, bytes, len);
	networks_free(&n);
}

static void ssid_bad(const char *value)
{
	char text[512];
	struct networks n;
	struct err e;

	snprintf(text, sizeof(text), "network={\nssid=%s\n}\n", value);
	assert_int_equal(parse(text, &n, &e), -1);
	assert_memory_equal(e.msg, "wpa.conf:2: ssid: expected", 26);
}

static void test_ssids(void **state)
{
	static const char hex[] =
	    "00ff0a0d2207c380010203040506070809202122232425262728292a2b2c2d2e";
	uint8_t all[32];

	(void)state;
	ssid_is("\"home\"", "home", 4);
	ssid_is("\"with \"quotes\" in it\"", "with \"quotes\" in it", 19);
	ssid_is("\"# no comment\" # a comment", "# no comment", 12);
	ssid_is("P\"two\\nlines\\t\\\"q\\\" \\\\ \\x00\\e\\r\\101\"",
	    "two\nlines\t\"q\" \\ \0\033\rA", 20);
	ssid_is("\"01234567890123456789012345678901\"",
	    "01234567890123456789012345678901", 32);
	for (int i = 0; i < 32; i++) {
		unsigned b;

		assert_int_equal(sscanf(hex + (ptrdiff_t)2 * i, "%2x", &b), 1);
		all[i] = (uint8_t)b;
	}
	ssid_is(hex, all, 32);
	ssid_bad("\"012345678901234567890123456789012\"");
	ssid_bad("home");
	ssid_bad("\"home");
	ssid_bad("\"home\"x");
	ssid_bad("\"\"");
	ssid_bad("");
	ssid_bad("abc");
	ssid_bad("P\"\\q\"");
	ssid_bad("P\"\\x\"");
	ssid_bad("P\"\\777\"");
	ssid_bad("P\"cut\\\"");
}

static void test_psk(void **state)
{
	char line[128];

	(void)state;
	good("psk=\"12345678\"");
	good("psk=\"with \"quotes\" # and hash\"");
	good("psk=00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF");
	bad("psk=\"1234567\"", "wpa.conf:3: psk: expected a passphrase of 8 to 63");
	bad("psk=0011", "wpa.conf:3: psk:");
	bad("psk=12345678", "wpa.conf:3: psk:");
	bad("psk=\"caf\xc3\xa9 caf\xc3\xa9\"", "wpa.conf:3: psk:");
	bad("psk=P\"12345678\"", "wpa.conf:3: psk:");
	snprintf(line, sizeof(line), "psk=\"%063d\"", 0);
	good(line);
	snprintf(line, sizeof(line), "psk=\"%064d\"", 0);
	bad(line, "wpa.conf:3: psk:");
	snprintf(line, sizeof(line), "psk=%065d", 0);
	bad(line, "wpa.conf:3: psk:");
}

static void test_no_secret_in_errors(void **state)
{
	static const char *const lines[] = {"psk=\"geheim\"", "psk=geheim-geheim",
	    "psk=\"geheim-geheim-geheim", "sae_password=P\"geheim\\q\"",
	    "password=\"geheim\"x", " psk = \"geheim-geheim\""};
	struct networks n;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse_in_network(lines[i], &n, &e), -1);
		assert_null(strstr(e.msg, "geheim"));
		assert_null(strstr(e.hint, "geheim"));
	}
}

static void test_fields(void **state)
{
	(void)state;
	good("key_mgmt=WPA-PSK SAE");
	good("key_mgmt=NONE");
	bad("key_mgmt=WPA2", "wpa.conf:3: key_mgmt: expected some of: NONE WPA-PSK");
	bad("key_mgmt=", "wpa.conf:3: key_mgmt:");
	good("proto=RSN WPA");
	bad("proto=WPA3", "wpa.conf:3: proto:");
	good("pairwise=CCMP TKIP");
	bad("pairwise=AES", "wpa.conf:3: pairwise:");
	good("group=CCMP");
	bad("group=AES", "wpa.conf:3: group:");
	good("scan_ssid=1");
	bad("scan_ssid=yes", "wpa.conf:3: scan_ssid: expected 0 or 1");
	good("disabled=1");
	bad("disabled=3", "wpa.conf:3: disabled:");
	good("mode=0");
	bad("mode=2", "wpa.conf:3: mode: expected 0, a station");
	good("ieee80211w=2");
	bad("ieee80211w=4", "wpa.conf:3: ieee80211w:");
	good("priority=-5");
	bad("priority=high", "wpa.conf:3: priority:");
	good("bssid=02:00:00:00:00:01");
	bad("bssid=02-00-00-00-00-01", "wpa.conf:3: bssid:");
	good("sae_password=\"x\"");
	bad("sae_password=", "wpa.conf:3: sae_password:");
	good("some_new_key=whatever");
	bad("two words", "wpa.conf:3: expected KEY=VALUE");
	bad("key =value", "wpa.conf:3: expected KEY=VALUE");
	bad("=value", "wpa.conf:3: expected KEY=VALUE");
}

static void structure(const char *text, const char *msg)
{
	struct networks n;
	struct err e;

	assert_int_equal(parse(text, &n, &e), -1);
	assert_string_equal(e.msg, msg);
}

static void test_structure(void **state)
{
	(void)state;
	structure("network={\n", "wpa.conf:1: the block is not closed with a }");
	structure("\n}\n", "wpa.conf:2: a } without a block");
	structure("network={\nnetwork={\n}\n",
	    "wpa.conf:2: a block within the block of line 1 (a } is missing)");
	structure("net={\n}\n",
	    "wpa.conf:1: unknown block: expected network={, cred={ or "
	    "blob-base64-NAME={");
	structure(
	    "hello\n", "wpa.conf:1: expected KEY=VALUE without blanks around the =");
}

static void test_bounds(void **state)
{
	static char big[NETWORKS_FILE_MAX + 16];
	char line[2100];
	struct networks n;
	struct err e;
	size_t at = 0;

	(void)state;
	e = (struct err)ERR_INIT;
	assert_int_equal(networks_parse("a=1\nb=\0002\n", 9, "wpa.conf", &n, &e), -1);
	assert_string_equal(e.msg, "wpa.conf:2: a NUL byte");
	memset(big, '#', sizeof(big));
	assert_int_equal(networks_parse(big, sizeof(big), "wpa.conf", &n, &e), -1);
	memset(line, 'a', sizeof(line));
	memcpy(line, "k=", 2);
	line[600] = '\0';
	assert_int_equal(parse(line, &n, &e), -1);
	assert_string_equal(e.msg, "wpa.conf:1: line longer than 511 bytes");
	good(line);
	line[600] = 'a';
	line[2000] = '\0';
	bad(line, "wpa.conf:3: line longer than 1999 bytes");
	for (int i = 0; i < NETWORKS_MAX + 1; i++)
		at += (size_t)snprintf(big + at, sizeof(big) - at, "network={\n}\n");
	assert_int_equal(networks_parse(big, at, "wpa.conf", &n, &e), -1);
	assert_non_null(strstr(e.msg, "more than 256 networks"));
}

static void test_text(void **state)
{
	static const char in[] =
	    "# comment\nctrl_interface=DIR=/var/run/wpa GROUP=wheel\n"
	    "ctrl_interface_group=0\nupdate_config=1\r\ncountry=DE\n"
	    "\n  network={ \n\tssid=\"a\" # home\n  psk=\"12345678\"\r\n"
	    "}\nblob-base64-x={\nAAAA\n}";
	struct networks n;
	struct err e;

	(void)state;
	assert_int_equal(parse(in, &n, &e), 0);
	assert_string_equal(n.text,
	    "country=DE\nnetwork={\nssid=\"a\"\npsk=\"12345678\"\n}\n"
	    "blob-base64-x={\nAAAA\n}\n");
	assert_int_equal(n.text_len, strlen(n.text));
	assert_int_equal(n.n, 1);
	assert_true(n.list[0].has_secret);
	assert_int_equal(n.list[0].line, 7);
	assert_string_equal(n.warning, "");
	networks_free(&n);
	assert_null(n.text);
	assert_null(n.list);
}

/* JSON is UTF-8; an SSID need not be. */
static void test_latin1(void **state)
{
	struct networks n;
	struct err e;

	(void)state;
	assert_int_equal(
	    parse("network={\nssid=\"caf\xe9\"\nkey_mgmt=NONE\n}\n", &n, &e), 0);
	assert_int_equal(n.list[0].ssid_len, 4);
	assert_string_equal(n.text, "network={\nssid=636166e9\nkey_mgmt=NONE\n}\n");
	networks_free(&n);
	assert_int_equal(parse("device_name=caf\xe9\n", &n, &e), -1);
	assert_string_equal(e.msg, "wpa.conf:1: neither UTF-8 nor a value in quotes");
}

static void warns(const char *text, const char *warning)
{
	struct networks n;
	struct err e;

	assert_int_equal(parse(text, &n, &e), 0);
	assert_string_equal(n.warning, warning);
	networks_free(&n);
}

static void test_warnings(void **state)
{
	(void)state;
	warns("", "wpa.conf: no network in it");
	warns("network={\nssid=\"x\"\n}\n",
	    "wpa.conf:1: a network without a passphrase; for an open one say "
	    "key_mgmt=NONE");
	warns("network={\nssid=\"x\"\ndisabled=1\n}\n", "");
	warns("network={\nkey_mgmt=NONE\n}\n",
	    "wpa.conf:1: a network without an ssid: joins any");
	warns("network={\nssid=\"x\"\nkey_mgmt=WPA-EAP\nca_cert=\"/etc/ca.pem\"\n}\n",
	    "wpa.conf:4: a file that the guest does not have; put it in a blob "
	    "(blob://NAME)");
	warns("network={\nssid=\"x\"\nkey_mgmt=WPA-EAP\nca_cert=\"blob://ca\"\n}\n", "");
}

static void test_file(void **state)
{
	char path[] = "/tmp/test-networks.XXXXXX";
	struct networks n;
	struct err e = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "country=DE\n", 11), 11);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(networks_load(path, &n, &e), -1);
	assert_non_null(strstr(e.msg, "mode 0640"));
	assert_non_null(strstr(e.hint, "chmod 600"));
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(networks_load(path, &n, &e), 0);
	networks_free(&n);
	close(fd);
	unlink(path);
	assert_int_equal(networks_load(path, &n, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_int_equal(networks_load("/tmp", &n, &e), -1);
	assert_non_null(strstr(e.msg, "not a regular file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ssids),
	    cmocka_unit_test(test_psk),
	    cmocka_unit_test(test_no_secret_in_errors),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_structure),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_latin1),
	    cmocka_unit_test(test_warnings),
	    cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
