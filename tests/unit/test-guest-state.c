/* cmdline.c, radio-why.c, settings.c, status.c, uevent.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmdline.h"
#include "radio-why.h"
#include "settings.h"
#include "status.h"
#include "uevent.h"

static void command_line_words_are_found(void **state)
{
	char v[8];

	(void)state;
	assert_true(cmdline_find("quiet bhyfi.air=wpa2 x=1\n", "bhyfi.air", v, 8));
	assert_string_equal(v, "wpa2");
	assert_true(cmdline_find("bhyfi.air=wpa2 bhyfi.air=open", "bhyfi.air", v, 8));
	assert_string_equal(v, "open");
	assert_false(cmdline_find("xbhyfi.air=wpa2 bhyfi.air", "bhyfi.air", v, 8));
	assert_false(cmdline_find("bhyfi.air=12345678", "bhyfi.air", v, 8));
	assert_false(cmdline_find("bhyfi.air.mac=1", "bhyfi.air", v, 8));
}

static void firmware_complaints_are_found(void **state)
{
	char one[] =
	    "3,500,123,-;iwlwifi 0000:00:05.0: no suitable firmware found!\n K=V";
	char two[] = "3,1,1,-;cfg80211: failed to load regulatory.db firmware";
	char three[] = "6,1,1,-;iwlwifi: loaded firmware version 77";

	(void)state;
	assert_string_equal(
	    radio_why_firmware(one), "iwlwifi 0000:00:05.0: no suitable firmware found!");
	assert_null(radio_why_firmware(two));
	assert_null(radio_why_firmware(three));
	assert_null(radio_why_firmware((char[]){"no record"}));
}

static int parse(const char *json, struct settings *s, struct err *e)
{
	json_t *o = json_loads(json, 0, NULL);
	int ret = settings_parse(o, s, e);

	json_decref(o);
	return ret;
}

static void settings_are_checked(void **state)
{
	struct settings a, b;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(parse("{}", &a, &e), 0);
	assert_string_equal(a.mode, "clone");
	assert_int_equal(a.beat_ms, 5000);
	assert_string_equal(a.networks, "");
	assert_int_equal(parse("{\"country\":\"de\",\"mac\":\"02:00:00:00:00:01\","
			       "\"mtu\":1400,\"beat_ms\":1000,\"log\":\"debug\"}",
			     &b, &e),
	    0);
	assert_string_equal(b.country, "DE");
	assert_true(b.has_mac);
	assert_int_equal(b.mtu, 1400);
	assert_false(settings_equal(&a, &b));
	assert_true(settings_equal(&b, &b));
	settings_free(&a);
	settings_free(&b);
	assert_int_equal(parse("{\"mac\":\"01:00:00:00:00:01\"}", &a, &e), -1);
	assert_string_equal(e.msg, "config: mac is no station's address");
	assert_int_equal(parse("{\"country\":\"../x\"}", &a, &e), -1);
	assert_int_equal(parse("{\"log\":\"loud\"}", &a, &e), -1);
}

static void proc_files_are_read(void **state)
{
	struct cpu_sample s;

	(void)state;
	assert_int_equal(
	    status_meminfo("MemTotal:  1234 kB\nMemAvailable:   99 kB\n", "MemAvailable"),
	    99);
	assert_int_equal(status_meminfo("MemTotalX: 1 kB\n", "MemTotal"), -1);
	assert_true(status_cpu("cpu  10 0 20 60 10 0 0 0 0 0\ncpu0 1\n", &s));
	assert_int_equal(s.total, 100);
	assert_int_equal(s.busy, 30);
	assert_false(status_cpu("cpu  10 x", &s));
	assert_false(status_cpu("intr 1", &s));
}

static void uevents_are_taken_apart(void **state)
{
	char buf[] = "add@/devices/x\0ACTION=add\0DEVPATH=/devices/x\0SUBSYSTEM=net\0"
		     "INTERFACE=wlan0";
	char udev[] = "libudev\0ACTION=add\0DEVPATH=/x";
	struct uevent ev;

	(void)state;
	assert_true(uevent_parse(buf, sizeof(buf), &ev));
	assert_string_equal(ev.action, "add");
	assert_string_equal(ev.subsystem, "net");
	assert_string_equal(ev.interface, "wlan0");
	assert_string_equal(ev.modalias, "");
	assert_false(uevent_parse(buf, sizeof(buf) - 1, &ev));
	assert_false(uevent_parse(udev, sizeof(udev), &ev));
	assert_false(uevent_parse(buf, 0, &ev));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(command_line_words_are_found),
	    cmocka_unit_test(firmware_complaints_are_found),
	    cmocka_unit_test(settings_are_checked),
	    cmocka_unit_test(proc_files_are_read),
	    cmocka_unit_test(uevents_are_taken_apart),
	};

	return cmocka_run_group_tests_name("guest-state", tests, NULL, NULL);
}
