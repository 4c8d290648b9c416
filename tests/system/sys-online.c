/* Association, both network families, transfers. */
#include <arpa/inet.h>
#include <signal.h>
#include <string.h>

#include "harness.h"
#include "msg.h"

#define MIB (1024u * 1024)
#define TRANSFER (32 * MIB)

static void check_status(const struct inst *i, const char *ssid, const char *key_mgmt)
{
	char mac_text[MAC_TEXT_SIZE];
	struct err e = ERR_INIT;
	json_t *o = lab_status(i);
	uint8_t mac[6];

	assert_string_equal(text_at(o, "state"), "online");
	assert_string_equal(text_at(o, "instance"), i->name);
	assert_string_equal(text_at(o, "mode"), "clone");
	assert_string_equal(text_at(o, "wlan.ssid"), ssid);
	assert_string_equal(text_at(o, "wlan.key_mgmt"), key_mgmt);
	assert_string_equal(text_at(o, "host_if.name"), i->tap);
	assert_true(number_at(o, "guest.mem_total_kib") > 0);
	assert_true(number_at(o, "restarts") == 0);
	/* The tap carries the card's address. */
	ok(net_mac(i->tap, mac, &e), &e);
	msg_mac_text(mac, mac_text);
	assert_string_equal(text_at(o, "wlan.mac"), mac_text);
	assert_string_equal(text_at(o, "host_if.mac"), mac_text);
	json_decref(o);
}

static void ipv4_works(const struct inst *i)
{
	char answer[ADDRESS_MAX];
	struct err e = ERR_INIT;
	struct lease l;
	double ms;

	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	assert_int_equal(strncmp(l.address, "192.0.2.", 8), 0);
	assert_string_equal(l.gateway, "192.0.2.1");
	ok(net_ping(l.gateway, 10000, &ms, &e), &e);
	ok(net_dns(l.dns, "gw.air.example", AF_INET, answer, &e), &e);
	assert_string_equal(answer, "192.0.2.1");
}

static void ipv6_works(const struct inst *i)
{
	struct err e = ERR_INIT;
	struct ipv6 v6;
	double ms;

	ok(net_ipv6(i->tap, 30000, &v6, &e), &e);
	assert_int_equal(strncmp(v6.address[0], "2001:db8:1:", 11), 0);
	ok(net_ping("2001:db8:1::1", 10000, &ms, &e), &e);
	ok(net_ping(v6.router, 10000, &ms, &e), &e);
}

/* What the guest's driver and the host's interface count, and the gateway's latency, by
 * the way that is open to us. */
static void check_sample(json_t *o, const char *by)
{
	assert_non_null(o);
	assert_string_equal(text_at(o, "latency.by"), by);
	assert_string_equal(text_at(o, "latency.gateway"), "192.0.2.1");
	assert_true(number_at(o, "latency.ms") > 0);
	assert_true(number_at(o, "latency.ms") < 2000);
	assert_true(number_at(o, "throughput.down_mbps") >= 0);
	assert_true(number_at(o, "throughput.up_mbps") >= 0);
	assert_true(number_at(o, "host_if.rx_bytes") > 0);
	assert_true(number_at(o, "host_if.tx_bytes") > 0);
	assert_true(number_at(o, "wlan.signal_dbm") < 0);
	assert_true(number_at(o, "wlan.noise_dbm") < number_at(o, "wlan.signal_dbm"));
	assert_true(number_at(o, "wlan.tx_packets") > 0);
	assert_true(number_at(o, "wlan.tx_retries") >= 0);
	assert_true(number_at(o, "retry_pct") >= 0);
	assert_true(number_at(o, "guest.cpu_pct") >= 0);
	json_decref(o);
}

static void monitor_measures(const struct inst *i)
{
	/* Who may not send ICMP asks by TCP. */
	const char *const bare[] = {"setpriv", "--bounding-set=-net_raw",
	    "--inh-caps=-net_raw", BHYFI_TEST_BIN "/bhyfi", "-i", i->name, "monitor",
	    "--once", "--json", NULL};
	struct err e = ERR_INIT;
	struct child c;

	check_sample(
	    inst_json(i, COMMAND_MS, &e, "monitor", "--once", "-n", "2", NULL), "icmp");
	ok(child_run(&c, bare, COMMAND_MS, &e), &e);
	assert_int_equal(c.status, 0);
	check_sample(json_loads(c.out, 0, NULL), "tcp");
	child_free(&c);
}

static void wpa2_both_families(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char answer[ADDRESS_MAX];
	struct err e = ERR_INIT;

	lab_up(i);
	check_status(i, "bhyfi-wpa2", "WPA2-PSK");
	ipv4_works(i);
	monitor_measures(i);
	ipv6_works(i);
	ok(net_dns("2001:db8:1::1", "gw.air.example", AF_INET6, answer, &e), &e);
	assert_string_equal(answer, "2001:db8:1::1");
	lab_down(i);
}

static void wpa2_large_transfers(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct lease l;

	lab_up(i);
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	ok(net_get(l.gateway, TRANSFER, 20000, &e), &e);
	ok(net_put(l.gateway, TRANSFER, 20000, &e), &e);
	lab_down(i);
}

static void open_network(void **state)
{
	struct inst *i = lab_inst(state, "open");

	lab_up(i);
	check_status(i, "bhyfi-open", "NONE");
	ipv4_works(i);
	ipv6_works(i);
	lab_down(i);
}

static void wpa3_sae(void **state)
{
	struct inst *i = lab_inst(state, "wpa3");

	lab_up(i);
	check_status(i, "bhyfi-wpa3", "SAE");
	ipv4_works(i);
	ipv6_works(i);
	lab_down(i);
}

/* The other DHCP client that people have. */
static void dhclient_gets_a_lease(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct process p;
	struct lease l;

	lab_up(i);
	ok(net_dhcp("dhclient", i->tap, 30000, &l, &e), &e);
	assert_string_equal(l.gateway, "192.0.2.1");
	if (process_find("dhclient", NULL, 0, &p)) {
		kill(p.pid, SIGKILL);
		ok(process_wait_gone(p.pid, 5000, &e), &e);
	}
	lab_down(i);
}

LAB_MAIN("on", LAB_TEST(wpa2_both_families), LAB_TEST(wpa2_large_transfers),
    LAB_TEST(open_network), LAB_TEST(wpa3_sae), LAB_TEST(dhclient_gets_a_lease))
