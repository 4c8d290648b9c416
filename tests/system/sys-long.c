/* What takes longer: the other scenarios, roaming, many boots, large transfers. */
#include <unistd.h>

#include "cleanup.h"
#include "harness.h"

#define MIB (1024u * 1024)

static void joins(void **state, const char *scenario, const char *ssid)
{
	struct inst *i = lab_inst(state, scenario);
	json_t *o;

	lab_up(i);
	o = lab_status(i);
	assert_string_equal(text_at(o, "wlan.ssid"), ssid);
	json_decref(o);
	lab_lan_works(i);
	lab_down(i);
}

static void hidden_ssid(void **state)
{
	joins(state, "hidden", "bhyfi-hidden");
}

static void ap_with_wds(void **state)
{
	joins(state, "wds", "bhyfi-wds");
}

static void one_of_two_networks(void **state)
{
	joins(state, "two", "bhyfi-two");
}

/* The AP that it is on goes: it moves to the other one of the same network. */
static void roams_when_its_ap_goes(void **state)
{
	struct inst *i = lab_inst(state, "ess");
	struct err e = ERR_INIT;
	char bssid[32], off[32];
	unsigned ap;
	json_t *o;
	int watch;

	lab_up(i);
	lab_lan_works(i);
	o = lab_status(i);
	snprintf(bssid, sizeof(bssid), "%s", text_at(o, "wlan.bssid"));
	json_decref(o);
	watch = net_watch(&e);
	ok(watch < 0, &e);
	/* Its number is in the address. */
	assert_int_equal(sscanf(bssid, "02:bf:00:00:%2x:01", &ap), 1);
	snprintf(off, sizeof(off), "ap-off ap=%u", ap);
	json_decref(lab_air(i, off));
	ok(net_watch_carrier(watch, i->tap, false, 60000, &e), &e);
	ok(net_watch_carrier(watch, i->tap, true, 120000, &e), &e);
	close(watch);
	o = lab_status(i);
	assert_string_equal(text_at(o, "wlan.ssid"), "bhyfi-ess");
	assert_string_not_equal(text_at(o, "wlan.bssid"), bssid);
	json_decref(o);
	lab_lan_works(i);
	lab_down(i);
}

/* 100 MB each way, checked byte by byte; macnat and nat: sys-macnat.c, sys-nat.c. */
static void hundred_megabytes_in_each_mode(void **state)
{
	static const char *const modes[] = {"clone", "wds"};

	for (size_t k = 0; k < ARRAY_LEN(modes); k++) {
		struct inst *i = lab_inst(state, "wds");
		struct err e = ERR_INIT;
		struct lease l;

		inst_set(i, "mode", modes[k]);
		lab_write(i);
		lab_up(i);
		ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
		ok(net_get(l.gateway, 100000000, 30000, &e), &e);
		ok(net_put(l.gateway, 100000000, 30000, &e), &e);
		lab_down(i);
	}
}

static void twenty_boots(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	for (int k = 0; k < 20; k++) {
		lab_up(i);
		lab_lan_works(i);
		lab_down(i);
	}
}

static void half_a_gigabyte(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct lease l;

	lab_up(i);
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	ok(net_get(l.gateway, 256 * MIB, 20000, &e), &e);
	ok(net_put(l.gateway, 256 * MIB, 20000, &e), &e);
	lab_down(i);
}

LAB_MAIN("long", LAB_TEST(hidden_ssid), LAB_TEST(ap_with_wds),
    LAB_TEST(one_of_two_networks), LAB_TEST(roams_when_its_ap_goes),
    LAB_TEST(hundred_megabytes_in_each_mode), LAB_TEST(twenty_boots),
    LAB_TEST(half_a_gigabyte))
