/* bss.c, wpa-relay.c, nets.c: what a guest says of the air, hostile or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bss.h"
#include "cleanup.h"
#include "nets.h"

#define AP(id, mac, rest) "id=" id "\nbssid=02:00:00:00:00:" mac "\nfreq=2412\n" rest

static void tables(void **state)
{
	static struct bss_list l;

	(void)state;
	memset(&l, 0, sizeof(l));
	assert_int_equal(
	    bss_parse(&l,
		AP("3", "01",
		    "level=-40\nflags=[WPA2-PSK+SAE-CCMP][ESS]\nssid=a\\\\b\n====\n")
		    AP("7", "02", "level=-90\nflags=[ESS]\nssid=\\x00\\x00\n####\n")),
	    2);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.next, 8);
	assert_string_equal(l.list[0].security, "wpa2+wpa3");
	assert_int_equal(l.list[0].ssid_len, 3);
	assert_int_equal(l.list[0].level_dbm, -40);
	assert_int_equal(l.list[1].ssid_len, 0);
	/* The same page for ever, one that is cut, one without an address, numbers out of
	 * bounds. */
	assert_int_equal(bss_parse(&l, AP("7", "02", "====\n")), 0);
	assert_int_equal(bss_parse(&l, AP("9", "02", "level=-90\n")), 0);
	assert_int_equal(bss_parse(&l, "id=9\n====\n"), 0);
	assert_int_equal(bss_parse(&l, AP("9", "03", "level=99999\n====\n")), 1);
	assert_int_equal(l.list[2].level_dbm, 0);
	assert_int_equal(bss_parse(&l, AP("4294967295", "03", "====\n")), 0);
}

static void securities(void **state)
{
	static const char *const cases[][2] = {{"[ESS]", "open"},
	    {"[WPA-PSK-TKIP][ESS]", "wpa"},
	    {"[WPA-PSK-TKIP][WPA2-PSK-CCMP][ESS]", "wpa2"},
	    {"[WPA2-FT/PSK-CCMP][ESS]", "wpa2"},
	    {"[WPA2-SAE-CCMP][SAE-H2E][ESS]", "wpa3"},
	    {"[WPA2-PSK+SAE-CCMP][ESS]", "wpa2+wpa3"}, {"[WPA2-OWE-CCMP][ESS]", "owe"},
	    {"[OWE-TRANS-OPEN][ESS]", "owe"}, {"[WPA2-EAP-CCMP][ESS]", "eap"},
	    {"[WEP][ESS]", "wep"}, {"[WPA2--CCMP][ESS]", "unknown"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(bss_security(cases[i][0]), cases[i][1]);
}

static void lines_are_made_harmless(void **state)
{
	char out[64], small[4];

	(void)state;
	wpa_relay_clean("a\tb\n\033[2J\r\x9b\\n", out, sizeof(out));
	assert_string_equal(out, "a\tb\n\\x1b[2J\\x0d\\x9b\\n");
	assert_int_equal(wpa_relay_clean("\n\n\n\n\n\n", small, sizeof(small)), 3);
}

struct world {
	struct event_base *base;
	struct wpa_relay *relay;
	struct nets *nets;
	bool ready, dead;
	char sent[8][256]; /* commands */
	int64_t ids[8];
	size_t n_sent;
	char configured[4][512]; /* networks that the guest got; NULL: the file's */
	size_t n_configured;
	int64_t join_id;
	int64_t answered;
	json_t *answer;
	char error[ERR_MSG_MAX];
	enum err_code code;
};

static int send_wpa(void *arg, json_t *o, struct err *e)
{
	struct world *w = arg;

	if (w->dead) {
		json_decref(o);
		return err_set(e, ERR_FAILED, "no guest");
	}
	w->ids[w->n_sent] = json_integer_value(json_object_get(o, "id"));
	snprintf(w->sent[w->n_sent++], 256, "%s", msg_str(o, "cmd", ""));
	json_decref(o);
	return 0;
}

static bool ready(void *arg)
{
	return ((struct world *)arg)->ready;
}

static int send_msg(void *arg, enum msg_type type, json_t *o, struct err *e)
{
	struct world *w = arg;

	(void)e;
	assert_int_equal(type, MSG_JOIN);
	w->join_id = json_integer_value(json_object_get(o, "id"));
	json_decref(o);
	return 0;
}

static int configure(void *arg, const struct networks *networks, struct err *e)
{
	struct world *w = arg;

	(void)e;
	snprintf(w->configured[w->n_configured++], 512, "%s", networks->text);
	return 0;
}

static int load(void *arg, struct networks *n, struct err *e)
{
	static const char text[] = "network={\nssid=\"known\"\nkey_mgmt=NONE\n}\n";

	(void)arg;
	return networks_parse(text, strlen(text), "file", n, e);
}

static const char *joined(void *arg)
{
	(void)arg;
	return "6b6e6f776e";
}

static void answer(void *arg, int64_t call, json_t *o, const struct err *e)
{
	struct world *w = arg;

	w->answered = call;
	json_decref(w->answer);
	w->answer = o;
	if (o == NULL) {
		snprintf(w->error, sizeof(w->error), "%s", e->msg);
		w->code = e->code;
	}
}

static const struct nets_ops ops = {ready, send_msg, configure, load, joined, answer};

static int setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.ready = true;
	w.base = event_base_new();
	w.relay = wpa_relay_new(w.base, send_wpa, &w);
	w.nets = nets_new(w.base, w.relay, &ops, &w);
	*state = &w;
	return w.nets == NULL;
}

static int teardown(void **state)
{
	struct world *w = *state;

	json_decref(w->answer);
	nets_free(w->nets);
	wpa_relay_free(w->relay);
	event_base_free(w->base);
	return 0;
}

static void reply(struct world *w, size_t i, const char *text)
{
	json_t *o = json_pack("{s:I, s:s}", "id", (json_int_t)w->ids[i], "reply", text);

	wpa_relay_reply(w->relay, o);
	json_decref(o);
}

static void call(struct world *w, int64_t id, const char *name, const char *request)
{
	json_t *o = json_loads(request, 0, NULL);

	assert_non_null(o);
	nets_call(w->nets, id, name, o);
	json_decref(o);
}

static void scans(void **state)
{
	struct world *w = *state;
	const json_t *ap;

	call(w, 1, "scan", "{}");
	call(w, 2, "scan", "{}");
	assert_int_equal(w->n_sent, 1);
	assert_string_equal(w->sent[0], "SCAN TYPE=ONLY");
	reply(w, 0, "OK\n");
	nets_event(w->nets, "<3>CTRL-EVENT-SCAN-RESULTS ");
	assert_int_equal(w->n_sent, 2);
	reply(w, 1, AP("0", "01", "flags=[ESS]\nssid=known\n====\n"));
	assert_string_equal(w->sent[2], "BSS RANGE=1-2147483646 MASK=" BSS_MASK);
	reply(w, 2, AP("4", "02", "flags=[WPA2-PSK-CCMP]\nssid=\\e[2J\n####\n"));
	reply(w, 3, "");
	assert_int_equal(w->answered, 2);
	assert_int_equal(json_array_size(json_object_get(w->answer, "aps")), 2);
	ap = json_array_get(json_object_get(w->answer, "aps"), 0);
	assert_true(json_is_true(json_object_get(ap, "known")));
	assert_true(json_is_true(json_object_get(ap, "connected")));
	ap = json_array_get(json_object_get(w->answer, "aps"), 1);
	assert_string_equal(json_string_value(json_object_get(ap, "ssid")), "\\x1b[2J");
}

static void scans_fail(void **state)
{
	struct world *w = *state;

	w->ready = false;
	call(w, 1, "scan", "{}");
	assert_int_equal(w->answered, 1);
	w->ready = true;
	call(w, 2, "scan", "{}");
	reply(w, 0, "UNKNOWN COMMAND\n");
	assert_int_equal(w->answered, 2);
	call(w, 3, "scan", "{}");
	wpa_relay_gone(w->relay);
	assert_int_equal(w->answered, 3);
	assert_non_null(strstr(w->error, "gone"));
	w->dead = true;
	call(w, 4, "scan", "{}");
	assert_int_equal(w->answered, 4);
	/* An answer to nobody. */
	reply(w, 0, "late");
}

#define TRIED "network={\\nssid=\\\"new\\\"\\nkey_mgmt=NONE\\n}\\n"
#define JOIN "{\"ssid_hex\":\"6e6577\",\"text\":\"" TRIED "\"}"

static void say_joined(struct world *w, int64_t id, const char *result)
{
	json_t *o = json_pack("{s:I, s:s, s:s}", "id", (json_int_t)id, "result", result,
	    "reason", strcmp(result, "joined") == 0 ? "" : "because");

	nets_joined(w->nets, o);
	json_decref(o);
}

static void a_try_that_fails_is_taken_back(void **state)
{
	struct world *w = *state;

	call(w, 1, "join", JOIN);
	assert_int_equal(w->n_configured, 1);
	assert_non_null(strstr(w->configured[0], "\"new\""));
	assert_int_equal(w->join_id, 1);
	say_joined(w, 99, "joined"); /* of another try */
	assert_int_equal(w->answered, 0);
	say_joined(w, 1, "wrong-passphrase");
	assert_int_equal(w->answered, 1);
	assert_string_equal(w->error, "because");
	assert_int_equal(w->n_configured, 2);
	assert_non_null(strstr(w->configured[1], "\"known\""));
}

static void a_try_that_is_left_is_taken_back(void **state)
{
	struct world *w = *state;

	call(w, 1, "join", JOIN);
	say_joined(w, 1, "joined");
	assert_non_null(w->answer);
	nets_call_gone(w->nets, 1);
	assert_int_equal(w->n_configured, 2);
	/* One that was kept is not. */
	call(w, 2, "join", JOIN);
	say_joined(w, 2, "joined");
	call(w, 2, "networks", "{\"reload\":true}");
	assert_int_equal(w->n_configured, 4);
	nets_call_gone(w->nets, 2);
	assert_int_equal(w->n_configured, 4);
	/* One that is replaced. */
	call(w, 3, "join", "{\"ssid_hex\":\"6b6e6f776e\"}");
	call(w, 4, "join", "{\"ssid_hex\":\"6b6e6f776e\"}");
	assert_int_equal(w->answered, 3);
	assert_non_null(strstr(w->error, "another network"));
	nets_guest_gone(w->nets);
	assert_int_equal(w->answered, 4);
}

static void wrong_requests(void **state)
{
	struct world *w = *state;

	call(w, 1, "join", "{}");
	assert_int_equal(w->code, ERR_USAGE);
	call(w, 2, "join", "{\"ssid_hex\":\"6e6577\",\"text\":\"network={\"}");
	assert_int_equal(w->answered, 2);
	assert_non_null(strstr(w->error, "not closed"));
	/* And the guest has the file's again. */
	assert_int_equal(w->n_configured, 1);
	call(w, 3, "networks", "{}");
	assert_int_equal(json_array_size(json_object_get(w->answer, "networks")), 1);
	assert_int_equal(w->n_configured, 1);
}

static void too_many(void **state)
{
	struct world *w = *state;

	w->dead = true;
	for (int i = 0; i < 100; i++)
		wpa_relay_forget(w->relay, w);
	for (int64_t i = 1; i <= NETS_CALLS + 4; i++) {
		call(w, i, "scan", "{}");
		assert_int_equal(w->answered, i);
	}
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tables),
	    cmocka_unit_test(securities), cmocka_unit_test(lines_are_made_harmless),
	    WITH_WORLD(scans), WITH_WORLD(scans_fail),
	    WITH_WORLD(a_try_that_fails_is_taken_back),
	    WITH_WORLD(a_try_that_is_left_is_taken_back), WITH_WORLD(wrong_requests),
	    WITH_WORLD(too_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
