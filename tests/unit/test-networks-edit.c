/* networks-edit.c: what is not meant stays, byte for byte. */
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

#include "cleanup.h"
#include "networks-edit.h"
#include "networks.h"

static const char file[] = "# My networks.\nctrl_interface=/run/wpa # GROUP=x\n\n"
			   "network={ \n  # at home\n  ssid=\"home\"  # it is\n"
			   "  psk=\"a secret # this\"\n  key_mgmt=WPA-PSK\n}\n\n"
			   "# work\nnetwork={\n\tssid=776f726b\n\tkey_mgmt=NONE\n}\n"
			   "blob-base64-x={\nAAAA\n}";

static struct networks_text text_of(const char *s)
{
	return (struct networks_text){strdup(s), strlen(s)};
}

static void set_gives(const char *before, const char *ssid,
    const struct network_key *keys, size_t n, const char *after)
{
	struct networks_text in = text_of(before), out;
	struct err e = ERR_INIT;

	if (networks_set(
		&in, "f", (const uint8_t *)ssid, strlen(ssid), keys, n, &out, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(out.text, after);
	assert_int_equal(out.len, strlen(after));
	networks_text_free(&in);
	networks_text_free(&out);
}

static void sets_keys_in_their_place(void **state)
{
	const struct network_key keys[] = {
	    {"psk", "\"new one\"\"\""}, {"priority", "5"}, {"key_mgmt", NULL}};

	(void)state;
	set_gives(file, "home", keys, 3,
	    "# My networks.\nctrl_interface=/run/wpa # GROUP=x\n\n"
	    "network={ \n  # at home\n  ssid=\"home\"  # it is\n"
	    "  psk=\"new one\"\"\"\n  priority=5\n}\n\n"
	    "# work\nnetwork={\n\tssid=776f726b\n\tkey_mgmt=NONE\n}\n"
	    "blob-base64-x={\nAAAA\n}");
}

static void nothing_is_the_same(void **state)
{
	(void)state;
	set_gives(file, "work", NULL, 0, file);
}

static void adds_a_block(void **state)
{
	const struct network_key keys[] = {{"psk", "\"a passphrase\""}, {"none", NULL}};

	(void)state;
	set_gives(
	    "", "x", keys, 2, "network={\n\tssid=\"x\"\n\tpsk=\"a passphrase\"\n}\n");
	set_gives("# no newline", "\033\n", keys, 0,
	    "# no newline\n\nnetwork={\n\t# \\x1b\\x0a\n\tssid=1b0a\n}\n");
}

static void refuses_what_is_no_file(void **state)
{
	static const struct network_key bad[] = {
	    {"psk", "\"short\""}, {"psk", "\"a\nnetwork={\""}, {"mode", "2"}};
	struct networks_text in = text_of(file), out;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(networks_set(&in, "f", (const uint8_t *)"home", 4,
				     &bad[i], 1, &out, &e),
		    -1);
	networks_text_free(&in);
	in = text_of("network={\n");
	assert_int_equal(
	    networks_set(&in, "f", (const uint8_t *)"x", 1, NULL, 0, &out, &e), -1);
	networks_text_free(&in);
}

static void removes_all_of_a_name(void **state)
{
	struct networks_text in = text_of(
				 "a=1\n\nnetwork={\nssid=\"x\"\n}\n# stays\n"
				 "network={\nssid=\"y\"\n}\nnetwork={\nssid=78\n}"),
			     out;
	struct err e = ERR_INIT;
	size_t removed;

	(void)state;
	assert_int_equal(
	    networks_remove(&in, "f", (const uint8_t *)"x", 1, &out, &removed, &e), 0);
	assert_int_equal(removed, 2);
	assert_string_equal(out.text, "a=1\n# stays\nnetwork={\nssid=\"y\"\n}\n");
	networks_text_free(&out);
	assert_int_equal(
	    networks_remove(&in, "f", (const uint8_t *)"z", 1, &out, &removed, &e), 0);
	assert_int_equal(removed, 0);
	assert_string_equal(out.text, in.text);
	networks_text_free(&out);
	networks_text_free(&in);
}

#define EAP(name, ca) "network={\nssid=\"" name "\"\nca_cert=\"blob://" ca "\"\n}\n"
#define BLOB(name) "blob-base64-" name "={\nAAAA\nBBBB\n}\n"

static void removed(const char *text, const char *ssid, const char *expected)
{
	struct networks_text in = text_of(text), out;
	struct err e = ERR_INIT;
	size_t n;

	assert_int_equal(
	    networks_remove(&in, "f", (const uint8_t *)ssid, strlen(ssid), &out, &n, &e),
	    0);
	assert_string_equal(out.text, expected);
	assert_int_equal(out.len, strlen(expected));
	networks_text_free(&in);
	networks_text_free(&out);
}

/* What `connect` wrote for it, and nothing that another needs. */
static void removes_the_certificate(void **state)
{
	(void)state;
	removed("a=1\n\n" EAP("x", "ca-78") BLOB("ca-78"), "x", "a=1\n");
	removed(EAP("x", "ca-78") "\n" EAP("y", "ca-79") "\n" BLOB("ca-79") "\n" BLOB(
		    "ca-78") "b=1\n",
	    "x", "\n" EAP("y", "ca-79") "\n" BLOB("ca-79") "b=1\n");
	removed(EAP("x", "ca-78") EAP("y", "ca-78") BLOB("ca-78"), "x",
	    EAP("y", "ca-78") BLOB("ca-78"));
	removed(EAP("x", "mine") BLOB("mine") BLOB("ca-7878"), "x",
	    BLOB("mine") BLOB("ca-7878"));
	/* One that is not kept takes nothing with it. */
	removed(BLOB("ca-78"), "x", BLOB("ca-78"));
}

/* Again with another certificate: there is one of that name. */
static void replaces_the_certificate(void **state)
{
	struct networks_text in = text_of(EAP("x", "ca-78") BLOB("ca-78")), out,
			     b = text_of(
				 EAP("x", "ca-78") "blob-base64-ca-78={\nCCCC\n}\n");
	struct err e = ERR_INIT;
	uint8_t got[SSID_MAX];
	size_t len;

	(void)state;
	assert_int_equal(
	    networks_put_block(&in, "f", &b, "b", NULL, 0, &out, got, &len, &e), 0);
	assert_string_equal(out.text, b.text);
	networks_text_free(&in);
	networks_text_free(&b);
	networks_text_free(&out);
}

static int put(const char *block, const char *ssid, struct networks_text *out,
    uint8_t got[SSID_MAX], size_t *len, struct err *e)
{
	struct networks_text in = text_of(file), b = text_of(block);
	int ret = networks_put_block(&in, "f", &b, "b", (const uint8_t *)ssid,
	    ssid != NULL ? strlen(ssid) : 0, out, got, len, e);

	networks_text_free(&in);
	networks_text_free(&b);
	return ret;
}

static void puts_blocks(void **state)
{
	struct networks_text out;
	struct err e = ERR_INIT;
	uint8_t got[SSID_MAX];
	struct networks n;
	size_t len;

	(void)state;
	assert_int_equal(put("network={\nssid=\"work\"\neap=PEAP\nkey_mgmt=WPA-EAP\n}\n"
			     "blob-base64-ca={\nAAAA\n}",
			     NULL, &out, got, &len, &e),
	    0);
	assert_int_equal(len, 4);
	assert_memory_equal(got, "work", 4);
	assert_int_equal(networks_parse(out.text, out.len, "out", &n, &e), 0);
	assert_int_equal(n.n, 2);
	assert_string_equal(
	    network_security(networks_find(&n, (const uint8_t *)"work", 4)), "eap");
	networks_free(&n);
	networks_text_free(&out);
	assert_int_equal(put("network={\nssid=\"a\"\n}\nnetwork={\nssid=\"b\"\n}\n", NULL,
			     &out, got, &len, &e),
	    -1);
	assert_non_null(strstr(e.msg, "expected one network={ block, not 2"));
	assert_int_equal(
	    put("network={\nssid=\"a\"\n}\n", "other", &out, got, &len, &e), -1);
	assert_non_null(strstr(e.msg, "another ssid"));
}

static void files(void **state)
{
	char dir[] = "/tmp/bhyfi-edit-XXXXXX", path[64], link[64];
	struct networks_text t;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/conf", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(networks_text_load(path, &t, &e), 0);
	assert_int_equal(t.len, 0);
	networks_text_free(&t);
	t = text_of(file);
	assert_int_equal(networks_text_save(path, &t, &e), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(networks_text_save(link, &t, &e), 0);
	networks_text_free(&t);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(networks_text_load(link, &t, &e), 0);
	assert_string_equal(t.text, file);
	networks_text_free(&t);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(networks_text_load(path, &t, &e), -1);
	unlink(link);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sets_keys_in_their_place),
	    cmocka_unit_test(nothing_is_the_same), cmocka_unit_test(adds_a_block),
	    cmocka_unit_test(refuses_what_is_no_file),
	    cmocka_unit_test(removes_all_of_a_name),
	    cmocka_unit_test(removes_the_certificate),
	    cmocka_unit_test(replaces_the_certificate), cmocka_unit_test(puts_blocks),
	    cmocka_unit_test(files)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
