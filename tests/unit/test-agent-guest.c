/* guest.c, record.c, status.c, keep.c: what a guest says, and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include <cmocka.h>

#include "console.h"
#include "guest.h"
#include "keep.h"
#include "log.h"
#include "status.h"

struct world {
	struct record record;
	struct guest guest;
	char events[256];
	uint8_t mac[6];
	char reason[128];
	const char *hint;
	unsigned statuses, lines;
	char line[512];
	int64_t air_id;
	enum msg_type wpa;
	int64_t now;
};

static void on_event(void *arg, enum machine_event ev, const struct machine_input *in)
{
	struct world *w = arg;

	snprintf(w->events + strlen(w->events), sizeof(w->events) - strlen(w->events),
	    "%s ", event_name(ev));
	if (in != NULL && in->mac != NULL)
		memcpy(w->mac, in->mac, 6);
	if (in != NULL && in->reason != NULL)
		snprintf(w->reason, sizeof(w->reason), "%s", in->reason);
	w->hint = in == NULL ? NULL : in->hint;
}

static void on_stage(void *arg, enum stage s)
{
	struct world *w = arg;

	record_stage(&w->record, s, w->now);
}

static void on_status(void *arg)
{
	((struct world *)arg)->statuses++;
}

static void on_air(void *arg, int64_t id, const json_t *o)
{
	(void)o;
	((struct world *)arg)->air_id = id;
}

static void on_wpa(void *arg, enum msg_type type, const json_t *o)
{
	struct world *w = arg;

	(void)o;
	w->wpa = type;
}

static const struct guest_ops ops = {on_event, on_stage, on_status, on_air, on_wpa};

static void sink(void *arg, enum log_level level, const char *text)
{
	struct world *w = arg;

	(void)level;
	w->lines++;
	snprintf(w->line, sizeof(w->line), "%s", text);
}

static int setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	record_clear(&w.record);
	w.record.started_ms = 1000;
	w.now = 1500;
	guest_init(&w.guest, &w.record, &ops, &w);
	log_set_sink(sink, &w);
	*state = &w;
	return 0;
}

static void say(struct world *w, enum msg_type type, const char *json)
{
	json_t *o = json_loads(json, 0, NULL);

	assert_non_null(o);
	w->events[0] = '\0';
	guest_message(&w->guest, type, o, w->now);
	json_decref(o);
}

static void test_radio(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = {"{}", "{\"mac\":5}", "{\"mac\":\"x\"}",
	    "{\"mac\":\"01:00:5e:00:00:01\"}", "{\"mac\":\"ff:ff:ff:ff:ff:ff\"}",
	    "{\"mac\":\"00:00:00:00:00:00\"}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		say(w, MSG_RADIO, bad[i]);
		assert_string_equal(w->events, "");
		assert_false(w->record.radio.known);
	}
	say(w, MSG_RADIO,
	    "{\"mac\":\"02:00:00:00:00:05\",\"driver\":\"hw\\u001b[31msim\",\"ifname\":"
	    "7}");
	assert_string_equal(w->events, "radio ");
	assert_int_equal(w->mac[5], 5);
	assert_string_equal(w->record.radio.driver, "hw\\x1b[31msim");
	assert_string_equal(w->record.radio.ifname, "");
	assert_int_equal(w->record.stage_ms[STAGE_RADIO], 500);
}

static void test_wlan(void **state)
{
	struct world *w = *state;

	say(w, MSG_WLAN,
	    "{\"state\":\"associated\",\"ssid\":\"a\\\\x0ab\",\"ssid_hex\":\"610a62\","
	    "\"bssid\":\"02:00:00:00:01:00\",\"freq_mhz\":2412,\"key_mgmt\":\"WPA2-"
	    "PSK\"}");
	assert_string_equal(w->events, "wlan-up ");
	assert_string_equal(w->record.wlan.ssid, "a\\x0ab");
	assert_string_equal(w->record.wlan.ssid_hex, "610a62");
	assert_int_equal(w->record.wlan.freq_mhz, 2412);
	say(w, MSG_STATUS,
	    "{\"wlan\":{\"signal_dbm\":-30,\"tx_mbps\":54.5,\"rx_mbps\":1e99,"
	    "\"width_mhz\":-4},\"guest\":{\"mem_total_kib\":1000,"
	    "\"mem_available_kib\":0,\"cpu_pct\":\"x\"}}");
	assert_int_equal(w->statuses, 1);
	assert_int_equal(w->record.wlan.signal_dbm, -30);
	assert_true(w->record.wlan.tx_mbps > 54 && w->record.wlan.tx_mbps < 55);
	assert_true(w->record.wlan.rx_mbps < 1);
	assert_int_equal(w->record.wlan.width_mhz, 0);
	assert_true(w->record.guest.cpu_pct < 0);
	say(w, MSG_WLAN, "{\"state\":\"disconnected\",\"reason\":\"AP gone\"}");
	assert_string_equal(w->events, "wlan-down ");
	assert_string_equal(w->record.wlan.ssid, "");
	assert_int_equal(w->record.wlan.signal_dbm, 0);
	say(w, MSG_WLAN, "{\"ssid_hex\":\"zz\",\"ssid\":\"\\u0007\\n\"}");
	assert_string_equal(w->record.wlan.ssid_hex, "");
	assert_string_equal(w->record.wlan.ssid, "??");
}

static void test_others(void **state)
{
	struct world *w = *state;

	say(w, MSG_PATH, "{\"up\":true,\"mode\":\"clone\"}");
	assert_string_equal(w->events, "path-up ");
	say(w, MSG_PATH, "{\"up\":1}");
	assert_string_equal(w->events, "path-down ");
	say(w, MSG_BEAT, "{}");
	assert_string_equal(w->events, "beat ");
	say(w, MSG_RELEASED, "{\"driver\":true}");
	assert_string_equal(w->events, "released ");
	say(w, MSG_FAILED, "{\"reason\":\"no firmware\",\"fatal\":true}");
	assert_string_equal(w->events, "fatal ");
	assert_string_equal(w->reason, "no firmware");
	assert_null(w->hint);
	/* Only words that are known lead to advice. */
	say(w, MSG_FAILED, "{\"reason\":\"x\",\"fatal\":true,\"what\":\"rm -rf\"}");
	assert_null(w->hint);
	say(w, MSG_FAILED, "{\"reason\":\"x\",\"fatal\":true,\"what\":\"no-card\"}");
	assert_non_null(strstr(w->hint, "bhyfi cards"));
	say(w, MSG_FAILED, "{\"reason\":\"wrong key\\n\"}");
	assert_string_equal(w->events, "");
	assert_string_equal(w->record.complaint, "wrong key\\x0a");
	say(w, MSG_AIR_REPLY, "{\"id\":77}");
	assert_int_equal(w->air_id, 77);
	say(w, MSG_AIR_REPLY, "{\"id\":\"x\"}");
	assert_int_equal(w->air_id, -1);
	say(w, MSG_WPA_EVENT, "{\"text\":\"x\"}");
	say(w, MSG_WPA_REPLY, "{}");
}

static void test_stages(void **state)
{
	struct world *w = *state;
	char text[64];
	json_t *o;

	say(w, MSG_STAGE, "{\"name\":\"supplicant\",\"ms\":900}");
	w->now = 9000;
	say(w, MSG_STAGE, "{\"name\":\"supplicant\",\"ms\":901}");
	say(w, MSG_STAGE, "{\"name\":\"\",\"ms\":1}");
	say(w, MSG_STAGE, "{\"name\":\"late\",\"ms\":-1}");
	for (int i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "{\"name\":\"x%d\",\"ms\":1}", i);
		say(w, MSG_STAGE, text);
	}
	assert_int_equal(w->record.n_guest_stages, GUEST_STAGES_MAX);
	assert_int_equal(w->record.stage_ms[STAGE_SUPPLICANT], 500);
	assert_int_equal(w->record.guest_stages[0].ms, 900);
	o = record_stages_json(&w->record);
	assert_int_equal(json_integer_value(json_object_get(o, "supplicant")), 500);
	assert_int_equal(json_object_size(o), 1);
	json_decref(o);
}

static void test_log_flood(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 1000; i++)
		say(w, MSG_LOG, "{\"level\":\"warn\",\"text\":\"x\\ny\"}");
	assert_string_equal(w->line, "guest: x\\x0ay");
	assert_int_equal(w->lines, 20);
	w->now += 1000;
	say(w, MSG_LOG, "{\"level\":\"nonsense\",\"text\":\"later\"}");
	assert_int_equal(w->lines, 22);
	assert_string_equal(w->line, "guest: later");
}

static void test_status(void **state)
{
	struct world *w = *state;
	static const char *const members[] = {"instance", "state", "vmm", "pid",
	    "uptime_s", "card", "image", "mode", "wlan", "host_if", "guest", "restarts",
	    "last_error", "stages", "guest_stages", "online_ms"};
	struct config c;
	struct machine m = {.state = STATE_ONLINE};
	struct host_if i = {.exists = true, .carrier = true, .naddrs = 1};
	struct image_report image = {.id = "one",
	    .candidate = "two",
	    .refused = "three",
	    .why = "no word from the guest"};
	struct status_input in = {.config = &c,
	    .image = &image,
	    .machine = &m,
	    .record = &w->record,
	    .host_if = &i,
	    .vm_pid = 4711,
	    .now_ms = 61000};
	json_t *o;

	assert_int_equal(config_init(&c, "wlan", NULL), 0);
	snprintf(i.addrs[0], sizeof(i.addrs[0]), "192.0.2.1/24");
	o = status_json(&in);
	for (size_t n = 0; n < sizeof(members) / sizeof(members[0]); n++)
		assert_non_null(json_object_get(o, members[n]));
	assert_int_equal(json_integer_value(json_object_get(o, "uptime_s")), 60);
	assert_string_equal(
	    json_string_value(json_object_get(
		json_object_get(json_object_get(o, "image"), "refused"), "why")),
	    "no word from the guest");
	assert_true(json_is_null(json_object_get(o, "last_error")));
	assert_string_equal(
	    json_string_value(json_array_get(
		json_object_get(json_object_get(o, "host_if"), "addresses"), 0)),
	    "192.0.2.1/24");
	json_decref(o);
}

static void test_keep(void **state)
{
	char path[] = "/tmp/test-keep.XXXXXX", out[16], line[1024];
	struct keep k;
	struct stat st;
	uint64_t at = 0;
	int dir;

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(keep_open(&k, dir, "log", 0640, NULL), 0);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 3000; i++)
		keep_add(&k, line, sizeof(line));
	assert_int_equal(fstatat(dir, "log", &st, 0), 0);
	assert_true(st.st_size <= KEEP_FILE_MAX + 1024);
	assert_int_equal(fstatat(dir, "log.old", &st, 0), 0);
	assert_true(st.st_size >= KEEP_FILE_MAX && st.st_size <= KEEP_FILE_MAX + 1024);
	assert_int_equal(keep_first(&k), (uint64_t)3000 * 1024 - KEEP_RING);
	assert_int_equal(keep_read(&k, &at, out, 5), 5);
	assert_int_equal(at, keep_first(&k) + 5);
	/* A file that can not be written loses lines, nothing else. */
	close(k.fd);
	k.fd = open("/dev/full", O_WRONLY);
	keep_add(&k, line, sizeof(line));
	assert_int_equal(k.lost, 1);
	close(k.fd);
	k.fd = openat(dir, "log", O_RDWR | O_APPEND);
	keep_add(&k, "back\n", 5);
	assert_int_equal(k.lost, 0);
	keep_close(&k);
	unlinkat(dir, "log", 0);
	unlinkat(dir, "log.old", 0);
	close(dir);
	rmdir(path);
}

/* The same text in pieces of every length. */
static void test_console_escape(void **state)
{
	static const char in[] =
	    "a\tb\r\n\x1b[1m \xe2\x82\xac \xc3 \xf0\x9f\x98\x80 \xff\\\x07";
	static const char want[] =
	    "a\tb\n\\x1b[1m \xe2\x82\xac \\xc3 \xf0\x9f\x98\x80 \\xff\\\\\\x07";
	size_t len = sizeof(in) - 1;

	(void)state;
	for (size_t step = 1; step <= len; step++) {
		char out[ESCAPE_SIZE(sizeof(in))], part[ESCAPE_SIZE(sizeof(in) + 3)],
		    pending[4];
		size_t have = 0, npending = 0;

		for (size_t at = 0; at < len; at += step) {
			size_t n = step < len - at ? step : len - at;
			size_t got = console_escape(in + at, n, part, pending, &npending);

			memcpy(out + have, part, got);
			have += got;
		}
		assert_int_equal(npending, 0);
		out[have] = '\0';
		assert_string_equal(out, want);
	}
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_radio),
	    TEST(test_wlan),
	    TEST(test_others),
	    TEST(test_stages),
	    TEST(test_log_flood),
	    TEST(test_status),
	    TEST(test_keep),
	    TEST(test_console_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
