/*
 * 802.1X on a real guest, against hostapd's own authentication server: what `connect`
 * has options for, what comes as a block, and what is said where it does not work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "nets.h"
#include "paths.h"

#define SSID "bhyfi-eap"
#define IDENTITY "user@air.example"
#define SERVER "radius.air.example"
#define CA AIR_SCENARIOS "/eap-ca.pem"
#define REFUSED_MS 20000 /* so soon a refusal is known */

static void joined(json_t *o, const char *how)
{
	assert_string_equal(text_at(o, "ssid"), SSID);
	assert_non_null(strstr(text_at(o, "wlan.key_mgmt"), "EAP"));
	printf("# %s (%s) after %.1f s\n", how, text_at(o, "wlan.key_mgmt"),
	    number_at(o, "waited_ms") / 1000);
	json_decref(o);
}

static void by_options(const struct inst *i, const char *method)
{
	struct err e = ERR_INIT;
	json_t *o = inst_json(i, 90000, &e, "connect", SSID, "--eap", method,
	    "--identity", IDENTITY, "-p", nets_secret(i, PASSPHRASE), "--ca-cert", CA,
	    "--domain", SERVER, NULL);

	nets_done(i);
	ok(o != NULL ? 0 : -1, &e);
	joined(o, method);
}

static void refused(const struct inst *i, const char *secret, const char *ca,
    const char *domain, const char *text)
{
	char AUTO_FREE *before = nets_file(i);
	char AUTO_FREE *after = NULL;
	int64_t began = clock_ms();

	lab_refuses(i, ERR_FAILED,
	    (const char *const[]){"connect", SSID, "--eap", "peap", "--identity",
		IDENTITY, "-p", nets_secret(i, secret), "--ca-cert", ca, "--domain",
		domain, NULL},
	    (const char *const[]){text, NULL});
	nets_done(i);
	printf("# %s: after %.1f s\n", text, (double)(clock_ms() - began) / 1000);
	assert_true(clock_ms() - began < REFUSED_MS);
	after = nets_file(i);
	assert_string_equal(before, after);
}

/* Nothing of it is left in the file. */
static void forget(const struct inst *i)
{
	struct err e = ERR_INIT;
	struct child c;
	char AUTO_FREE *file = NULL;

	ok(inst_run(i, &c, COMMAND_MS, &e, "forget", SSID, NULL), &e);
	assert_int_equal(c.status, 0);
	child_free(&c);
	file = nets_file(i);
	assert_null(strstr(file, "network="));
	assert_null(strstr(file, "blob"));
}

/* Passwords are in no line of the log. */
static void log_is_clean(const struct inst *i, bool keys)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_run(i, &c, COMMAND_MS, &e, "log", NULL), &e);
	assert_int_equal(c.status, 0);
	assert_true(strlen(c.out) > 0);
	assert_null(strstr(c.out, PASSPHRASE));
	assert_null(strstr(c.out, "not this one"));
	/* Certificates of authorities came and went with one supplicant, if that was
	 * built with 802.11r. */
	assert_non_null(strstr(c.out, "networks changed while it runs"));
	assert_true(keys || strstr(c.out, "started anew") == NULL ||
		    strstr(c.out, "wpa_supplicant has no FT-EAP") != NULL);
	child_free(&c);
}

/* The nth part of a PEM file: what stands between its BEGIN and its END. */
static char *pem_part(const char *path, int n)
{
	struct err e = ERR_INIT;
	char AUTO_FREE *text = NULL;
	const char *at, *end;

	ok(fs_read_file(path, 16384, &text, NULL, &e), &e);
	at = text;
	for (int k = 0; k <= n; k++) {
		at = strstr(at, "-----BEGIN ");
		assert_non_null(at);
		at = strchr(at, '\n');
		assert_non_null(at);
	}
	end = strstr(at, "-----END ");
	assert_non_null(end);
	return strndup(at + 1, (size_t)(end - at - 1));
}

static void by_block(const struct inst *i, const char *lines, const char *how)
{
	const char *client = AIR_SCENARIOS "/eap-client.pem";
	char AUTO_FREE *ca = pem_part(CA, 0);
	char AUTO_FREE *cert = pem_part(client, 0);
	char AUTO_FREE *key = pem_part(client, 1);
	char AUTO_FREE *text = NULL;
	struct err e = ERR_INIT;
	json_t *o;

	assert_true(asprintf(&text,
			"network={\n\tssid=\"" SSID "\"\n\tkey_mgmt=WPA-EAP\n%s"
			"\tca_cert=\"blob://test-ca\"\n"
			"\tdomain_suffix_match=\"" SERVER "\"\n}\n"
			"blob-base64-test-ca={\n%s}\nblob-base64-test-cert={\n%s}\n"
			"blob-base64-test-key={\n%s"
			"}\n",
			lines, ca, cert, key) > 0);
	o = inst_json(i, 90000, &e, "connect", "--block", nets_secret(i, text), NULL);
	nets_done(i);
	ok(o != NULL ? 0 : -1, &e);
	joined(o, how);
}

static void peap(void **state)
{
	struct inst *i = nets_unknown(state, "eap");

	refused(i, "not this one", CA, SERVER,
	    "the authentication server refused identity or password");
	refused(i, PASSPHRASE, AIR_SCENARIOS "/eap-other-ca.pem", SERVER,
	    "the server's certificate is not accepted");
	refused(i, PASSPHRASE, CA, "radius.other.example",
	    "the server's certificate is not accepted");
	by_options(i, "peap");
	lab_lan_works(i);
	log_is_clean(i, false);
	forget(i);
	lab_down(i);
}

static void other_methods(void **state)
{
	struct inst *i = nets_unknown(state, "eap");

	by_options(i, "ttls");
	lab_lan_works(i);
	forget(i);
	by_options(i, "ttls-pap");
	by_block(i,
	    "\teap=TLS\n\tidentity=\"guest\"\n\tclient_cert=\"blob://test-cert\"\n"
	    "\tprivate_key=\"blob://test-key\"\n",
	    "TLS, a block");
	lab_lan_works(i);
	log_is_clean(i, true);
	lab_down(i);
}

LAB_MAIN("ea", LAB_TEST(peap), LAB_TEST(other_methods))
