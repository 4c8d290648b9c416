/* wpa-sync.c, wpa-join.c: changes to a supplicant that runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wpa-join.h"
#include "wpa-sync.h"

#define HOME "network={\nssid=\"home\"\npsk=\"a secret of it\"\n}\n"
#define WORK "network={\nssid=\"work\"\nkey_mgmt=NONE\n}\n"

/* All commands for a change, each with a ; behind it. ids: of ADD_NETWORK. */
static char *commands(const char *old, const char *new, struct wpa_sync *s)
{
	static char all[4 * WPA_SYNC_CMD_MAX];
	static struct wpa_nets nets;
	char cmd[WPA_SYNC_CMD_MAX], id[16];
	size_t len = 0;
	int next = 10, n;

	all[0] = '\0';
	assert_true(wpa_nets_find(old, &nets));
	if (!wpa_sync_init(s, old, &nets, new))
		return NULL;
	while (wpa_sync_next(s, cmd)) {
		n = snprintf(all + len, sizeof(all) - len, "%s;", cmd);
		assert_in_range(n, 1, sizeof(all) - len - 1);
		len += (size_t)n;
		snprintf(id, sizeof(id), "%d\n", next);
		next += strcmp(cmd, "ADD_NETWORK") == 0;
		assert_true(
		    wpa_sync_reply(s, strcmp(cmd, "ADD_NETWORK") == 0 ? id : "OK\n"));
	}
	return all;
}

static void says(const char *old, const char *new, const char *expected)
{
	static struct wpa_sync s;
	const char *all = commands(old, new, &s);

	if (expected == NULL)
		assert_null(all);
	else
		assert_string_equal(all, expected);
}

static void what_stays_is_left_alone(void **state)
{
	(void)state;
	says(HOME WORK, HOME WORK, "");
	says(HOME WORK, WORK HOME, "");
	says("# a comment\n\n" HOME, HOME, "");
	says(HOME WORK, WORK, "REMOVE_NETWORK 0;");
	says(WORK, WORK HOME,
	    "ADD_NETWORK;SET_NETWORK 10 ssid \"home\";"
	    "SET_NETWORK 10 psk \"a secret of it\";ENABLE_NETWORK 10;");
	/* Twice the same are two. */
	says(WORK, WORK WORK,
	    "ADD_NETWORK;SET_NETWORK 10 ssid \"work\";SET_NETWORK 10 key_mgmt NONE;"
	    "ENABLE_NETWORK 10;");
}

static void what_can_be_adjusted_is(void **state)
{
	(void)state;
	says(WORK, "network={\nssid=\"work\"\nkey_mgmt=NONE\npriority=5\n}\n",
	    "SET_NETWORK 0 priority 5;ENABLE_NETWORK 0;");
	says(WORK, "network={\nssid=\"work\"\ndisabled=1\nkey_mgmt=NONE\n}\n",
	    "SET_NETWORK 0 priority 0;SET_NETWORK 0 disabled 1;");
	says("", "network={\nssid=\"work\"\ndisabled=1\n}\n",
	    "ADD_NETWORK;SET_NETWORK 10 ssid \"work\";SET_NETWORK 10 disabled 1;");
}

static void other_lines_need_another_process(void **state)
{
	(void)state;
	says("country=DE\n" WORK, "country=FR\n" WORK, NULL);
	says(WORK, WORK "cred={\nrealm=\"x\"\n}\n", NULL);
}

static void blobs_are_set(void **state)
{
	static char large[6000];

	(void)state;
	says(WORK, WORK "blob-base64-ca-x={\nAAEC\n+/8=\n}\n",
	    "SET blob ca-x 000102fbff;");
	says("blob-base64-ca-x={\nAAAA\n}\n" WORK,
	    "blob-base64-ca-x={\nAAAA\n}\n" HOME WORK,
	    "ADD_NETWORK;SET_NETWORK 10 ssid \"home\";"
	    "SET_NETWORK 10 psk \"a secret of it\";ENABLE_NETWORK 10;");
	says("blob-base64-ca-x={\nAAAA\n}\n" WORK,
	    "blob-base64-ca-y={\nAA==\n}\nblob-base64-ca-x={\nAAAB\n}\n",
	    "SET blob ca-y 00;SET blob ca-x 000001;REMOVE_NETWORK 0;");
	/* One that is gone is no reason to leave a network. */
	says(HOME WORK "blob-base64-ca-x={\nAAAA\n}\n", WORK, "REMOVE_NETWORK 0;");
	/* Of two with one name the last counts. */
	says(WORK "blob-base64-ca-x={\nAAAA\n}\nblob-base64-ca-x={\nAAAB\n}\n",
	    WORK "blob-base64-ca-x={\nAAAA\n}\n", "SET blob ca-x 000000;");
	says(WORK "blob-base64-ca-x={\nAAAB\n}\n",
	    WORK "blob-base64-ca-x={\nAAAA\n}\nblob-base64-ca-x={\nAAAB\n}\n", "");
	/* It may be a key. */
	says(WORK, WORK "blob-base64-key={\nAAAA\n}\n", NULL);
	/* Neither base64 nor small enough: the supplicant reads it itself. */
	says(WORK, WORK "blob-base64-ca-x={\nAAA\n}\n", NULL);
	says(WORK, WORK "blob-base64-ca-x={\nA===\n}\n", NULL);
	says(WORK, WORK "blob-base64-ca-x={\nAA=A\n}\n", NULL);
	says(WORK, WORK "blob-base64-ca-x={\n-----BEGIN\n}\n", NULL);
	says(WORK, WORK "blob-base64-ca-x={\n}\n", NULL);
	says(WORK, WORK "blob-base64-ca-x y={\nAAAA\n}\n", NULL);
	snprintf(large, sizeof(large), "blob-base64-ca-x={\n%0*d\n}\n", 4000, 0);
	says(WORK, large, NULL);
}

static void numbers_are_kept(void **state)
{
	static struct wpa_sync s;
	const struct wpa_net *net;

	(void)state;
	assert_non_null(commands(HOME WORK, WORK HOME "network={\nssid=6e6577\n}\n", &s));
	net = wpa_nets_named(&s.now, (const uint8_t *)"new", 3);
	assert_non_null(net);
	assert_int_equal(net->id, 10);
	assert_int_equal(wpa_nets_named(&s.now, (const uint8_t *)"home", 4)->id, 0);
	assert_int_equal(wpa_nets_named(&s.now, (const uint8_t *)"work", 4)->id, 1);
	assert_null(wpa_nets_named(&s.now, (const uint8_t *)"no", 2));
}

static void a_refusal_ends_it(void **state)
{
	static struct wpa_nets nets;
	static struct wpa_sync s;
	char cmd[WPA_SYNC_CMD_MAX];

	(void)state;
	assert_true(wpa_nets_find("", &nets));
	assert_true(wpa_sync_init(&s, "", &nets, WORK));
	assert_true(wpa_sync_next(&s, cmd));
	assert_false(wpa_sync_reply(&s, "FAIL\n"));
	assert_true(wpa_sync_init(&s, "", &nets, WORK));
	assert_true(wpa_sync_next(&s, cmd));
	assert_true(wpa_sync_reply(&s, "3"));
	assert_true(wpa_sync_next(&s, cmd));
	assert_false(wpa_sync_reply(&s, "FAIL\n"));
}

static enum wpa_join_result hears(struct wpa_join *j, const char *const lines[])
{
	struct wpa_event ev;

	wpa_join_init(j, 1);
	for (; *lines != NULL; lines++) {
		wpa_event_parse(*lines, &ev);
		wpa_join_event(j, &ev);
	}
	return j->result;
}
#define HEARS(j, ...) hears(j, (const char *const[]){__VA_ARGS__, NULL})

#define TRY "<3>Trying to associate with 02:00:00:00:00:01 (SSID='x' freq=1 MHz)"
#define SCAN "<3>CTRL-EVENT-SCAN-STARTED ", "<3>CTRL-EVENT-SCAN-RESULTS "
#define NONE "<3>CTRL-EVENT-NETWORK-NOT-FOUND "
#define LEFT(r) "<3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:00:01 reason=" r

static void joining(void **state)
{
	struct wpa_join j;

	(void)state;
	assert_int_equal(HEARS(&j, TRY,
			     "<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:01 "
			     "completed [id=1 id_str=]"),
	    WPA_JOIN_DONE);
	/* Another network's. */
	assert_int_equal(HEARS(&j, TRY,
			     "<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:01 "
			     "completed [id=10 id_str=]"),
	    WPA_JOIN_GOING);
	/* What is told before a scan of our own says nothing. */
	assert_int_equal(HEARS(&j, NONE, NONE, NONE, SCAN, NONE, NONE), WPA_JOIN_GOING);
	assert_int_equal(HEARS(&j, SCAN, NONE, SCAN, NONE), WPA_JOIN_NOT_FOUND);
	assert_int_equal(
	    HEARS(&j, TRY,
		"<3>CTRL-EVENT-SSID-TEMP-DISABLED id=1 ssid=\"x id=2 reason=Y\" "
		"auth_failures=1 duration=10 reason=WRONG_KEY"),
	    WPA_JOIN_PASSPHRASE);
	assert_int_equal(
	    HEARS(&j, "<3>CTRL-EVENT-AUTH-REJECT 02:00:00:00:00:01 auth_type=3 "
		      "auth_transaction=2 status_code=15"),
	    WPA_JOIN_PASSPHRASE);
	assert_int_equal(
	    HEARS(&j, TRY,
		"<3>CTRL-EVENT-ASSOC-REJECT bssid=02:00:00:00:00:01 status_code=17",
		"<3>CTRL-EVENT-ASSOC-REJECT bssid=02:00:00:00:00:01 status_code=17"),
	    WPA_JOIN_REFUSED);
	assert_string_equal(j.reason, "the access point refused association: it has no "
				      "room for another station (status 17)");
	/* Leaving the former network is no end. */
	assert_int_equal(
	    HEARS(&j, LEFT("3 locally_generated=1"), LEFT("3"), LEFT("3"), LEFT("3")),
	    WPA_JOIN_GOING);
	assert_int_equal(
	    HEARS(&j, TRY, LEFT("5"), LEFT("5"), LEFT("5")), WPA_JOIN_REFUSED);
	assert_int_equal(HEARS(&j, TRY,
			     "<3>CTRL-EVENT-EAP-TLS-CERT-ERROR reason=1 depth=0 "
			     "subject='/CN=x' err='self-signed certificate'",
			     "<3>CTRL-EVENT-EAP-FAILURE EAP authentication failed"),
	    WPA_JOIN_EAP);
	assert_non_null(strstr(j.reason, "self-signed certificate"));
	assert_int_equal(HEARS(&j, "<3>CTRL-EVENT-TERMINATING "), WPA_JOIN_FAILED);
	HEARS(&j, TRY);
	wpa_join_timeout(&j);
	assert_int_equal(j.result, WPA_JOIN_TIMEOUT);
	HEARS(&j, SCAN);
	wpa_join_timeout(&j);
	assert_int_equal(j.result, WPA_JOIN_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_stays_is_left_alone),
	    cmocka_unit_test(what_can_be_adjusted_is),
	    cmocka_unit_test(other_lines_need_another_process),
	    cmocka_unit_test(blobs_are_set), cmocka_unit_test(numbers_are_kept),
	    cmocka_unit_test(a_refusal_ends_it), cmocka_unit_test(joining)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
