/* The host's side of the modes: addresses and their secret, the access point's file, what
 * of the configuration can change while the VM runs. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apconf.h"
#include "cleanup.h"
#include "config.h"
#include "fs.h"
#include "mac.h"

static void policies(void **state)
{
	static const char *const good[] = {
	    "permanent", "random", "stable", "02:aa:bb:cc:dd:ee"};
	static const char *const bad[] = {"", "Random", "stable ", "01:aa:bb:cc:dd:ee",
	    "00:00:00:00:00:00", "02:aa:bb:cc:dd", "02-aa-bb-cc-dd-ee"};
	char text[MAC_POLICY_TEXT];
	struct mac_policy p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(mac_policy_parse(good[i], &p), 0);
		mac_policy_text(&p, text);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(mac_policy_parse(bad[i], &p), -1);
}

static void addresses(void **state)
{
	const uint8_t one[MAC_SECRET] = {1}, two[MAC_SECRET] = {2};
	uint8_t a[6], b[6];

	(void)state;
	assert_int_equal(mac_derive(one, "station wlan", "net", 3, a, NULL), 0);
	assert_int_equal(a[0] & 3, 2);
	assert_int_equal(mac_derive(one, "station wlan", "net", 3, b, NULL), 0);
	assert_memory_equal(a, b, 6);
	/* Another network, another instance, another host. */
	assert_int_equal(mac_derive(one, "station wlan", "nat", 3, b, NULL), 0);
	assert_memory_not_equal(a, b, 6);
	assert_int_equal(mac_derive(one, "station lan2", "net", 3, b, NULL), 0);
	assert_memory_not_equal(a, b, 6);
	assert_int_equal(mac_derive(two, "station wlan", "net", 3, b, NULL), 0);
	assert_memory_not_equal(a, b, 6);
	/* The purpose ends where it ends. */
	assert_int_equal(mac_derive(one, "station wla", "nnet", 4, b, NULL), 0);
	assert_memory_not_equal(a, b, 6);
}

static void secret(void **state)
{
	char dir[] = "/tmp/test-modes-XXXXXX", path[64];
	uint8_t one[MAC_SECRET], two[MAC_SECRET];
	struct err e = ERR_INIT;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/secret", dir);
	fd = mac_secret_open(path, &e);
	assert_true(fd >= 0);
	assert_int_equal(mac_secret_read(fd, one, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
	/* It is made once. */
	fd = mac_secret_open(path, &e);
	assert_true(fd >= 0);
	assert_int_equal(mac_secret_read(fd, two, &e), 0);
	close(fd);
	assert_memory_equal(one, two, MAC_SECRET);
	/* One that others can read, or that is cut off, is none. */
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(mac_secret_open(path, &e), -1);
	assert_non_null(strstr(e.msg, "only its owner"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 31), 0);
	assert_int_equal(mac_secret_open(path, &e), -1);
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

static void takes_an_access_point(void **state)
{
	static const char text[] = "# ours\ninterface=wlan7\nbridge=lan\r\n\n"
				   "ssid=a b\nhw_mode=a\n channel=36\nwpa=2\n"
				   "wpa_passphrase=secret secret\nht_capab=[HT40+]";
	struct err e = ERR_INIT;
	struct apconf a;

	(void)state;
	assert_int_equal(apconf_parse(text, strlen(text), "x", &a, &e), 0);
	/* What is left out leaves its line. */
	assert_string_equal(a.text, "\n\n\n\nssid=a b\nhw_mode=a\nchannel=36\nwpa=2\n"
				    "wpa_passphrase=secret secret\nht_capab=[HT40+]\n");
	assert_int_equal(a.ssid_len, 3);
	assert_memory_equal(a.ssid, "a b", 3);
	assert_string_equal(a.warning, "");
	apconf_free(&a);
	assert_int_equal(apconf_parse("ssid2=\"x\"\nchannel=1\n", 20, "x", &a, &e), 0);
	assert_non_null(strstr(a.warning, "open"));
	apconf_free(&a);
}

static void refuses_an_access_point(void **state)
{
	static const char *const cases[][2] = {
	    {"", "x: no ssid"},
	    {"ssid=a\n", "x: no channel"},
	    {"ssid=a\nssid2=62\n", "x:2: ssid2: expected \"text\""},
	    {"ssid=\n", "x:1: ssid: expected 1 to 32"},
	    {"ssid=012345678901234567890123456789012\n", "x:1: ssid: expected"},
	    {"channel\n", "x:1: expected KEY=VALUE"},
	    {"channel=1x\n", "x:1: channel: expected a number from 0 to 233"},
	    {"channel=-1\n", "x:1: channel: expected"},
	    {"hw_mode=z\n", "x:1: hw_mode: expected g"},
	    {"\n\nwpa_passphrase=topsecr\n", "x:3: wpa_passphrase: expected 8 to 63"},
	    {"wpa_psk=00\n", "x:1: wpa_psk: expected 64 hex digits"},
	    {"sae_password=\x1b[1m\n", "x:1: sae_password: expected a password"},
	    {"ssid=a\nchannel=1\nwpa_passphrase=topsecret\n", "x: a passphrase, but no"},
	    {"wpa_psk_file=/etc/passwd\n", "x:1: wpa_psk_file: not a key that"},
	    {"vlan_file=x\n", "x:1: vlan_file: not a key"},
	    {"bss=wlan1\n", "x:1: bss: not a key"},
	    {"own_ip_addr=1.2.3.4\n", "x:1: own_ip_addr: not a key"},
	    {"\x1b]0;x=1\n", "x:1: \\x1b]0;x: not a key"},
	};
	struct err e = ERR_INIT;
	struct apconf a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
		    apconf_parse(cases[i][0], strlen(cases[i][0]), "x", &a, &e), -1);
		if (strncmp(e.msg, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("\"%s\" is not \"%s...\"", e.msg, cases[i][1]);
		assert_null(strstr(e.msg, "topsecr"));
		assert_null(strchr(e.msg, '\x1b'));
	}
	assert_int_equal(apconf_parse("ssid=a\0b\n", 9, "x", &a, &e), -1);
	assert_int_equal(apconf_parse("hw_mod=a\n", 9, "x", &a, &e), -1);
	assert_string_equal(e.hint, "did you mean hw_mode?");
}

static struct config parse(const char *text)
{
	struct err e = ERR_INIT;
	struct config c;
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(f);
	assert_int_equal(config_init(&c, "wlan", &e), 0);
	if (config_parse(&c, f, "x", &e) < 0)
		fail_msg("%s", e.msg);
	fclose(f);
	return c;
}

static void what_can_change(void **state)
{
	struct config now = parse("card = sim:wpa2\n"), other;

	(void)state;
	other = parse("card = sim:wpa2\nmode = wds\nmac = 02:00:00:00:00:05\n"
		      "country = DE\nlog_level = debug\nnetworks = /n\n"
		      "access_point = /a\n");
	/* A VM that runs can be had for each of them. */
	assert_int_equal(config_hash(&now), config_hash(&other));
	assert_true(config_take(&now, &other));
	assert_int_equal(now.mode, MODE_WDS);
	assert_int_equal(now.mac.kind, MAC_FIXED);
	assert_int_equal(now.mac.fixed[5], 5);
	assert_string_equal(now.country, "DE");
	assert_string_equal(now.networks, "/n");
	assert_string_equal(now.access_point, "/a");
	other = parse("card = sim:wpa2\nmtu = 1400\n");
	assert_int_not_equal(config_hash(&now), config_hash(&other));
	assert_false(config_take(&now, &other));
	assert_int_equal(now.mtu, 1500);
	assert_int_equal(now.mode, MODE_CLONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policies),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(secret),
	    cmocka_unit_test(takes_an_access_point),
	    cmocka_unit_test(refuses_an_access_point),
	    cmocka_unit_test(what_can_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
