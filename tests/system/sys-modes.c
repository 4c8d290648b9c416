/* The modes wds, auto and ap on real guests, changing between modes while the guest runs,
 * and what the radio is told: address, country, MTU. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "harness.h"
#include "hosts.h"
#include "msg.h"
#include "paths.h"

#define MIB (1024u * 1024)
#define HOSTS 4
#define PART_MS 120000
#define STATION "2001:db8:9::bf:ff:fe00:2" /* the air's, of its MAC address */

static int live(struct host *h, struct err *e)
{
	struct ipv6 v6;
	struct lease l;
	double ms;

	if (hosts_join("192.0.2.", "2001:db8:1:", &l, &v6, e) || hosts_meet(h, e) ||
	    net_ping(l.gateway, 20000, &ms, e) ||
	    net_ping("2001:db8:1::1", 20000, &ms, e))
		return -1;
	return net_get(l.gateway, 2 * MIB, 60000, e) ||
		       net_put("2001:db8:1::1", 2 * MIB, 60000, e) ||
		       net_called(l.gateway, 30000, e) ||
		       net_called("2001:db8:1::1", 30000, e) ||
		       net_groups("eth0", 20000, e)
		   ? -1
		   : 0;
}

/* The interface has an address of its own, always the same. */
static void own_address(const struct inst *i, uint8_t mac[6])
{
	char text[MAC_TEXT_SIZE];
	struct err e = ERR_INIT;
	json_t *o = lab_status(i);

	ok(net_mac(i->tap, mac, &e), &e);
	msg_mac_text(mac, text);
	assert_int_equal(mac[0] & 3, 2);
	assert_string_not_equal(text_at(o, "wlan.mac"), text);
	json_decref(o);
}

/* In clone mode it is the radio's. */
static void same_address(const struct inst *i, char text[MAC_TEXT_SIZE])
{
	struct err e = ERR_INIT;
	json_t *o = lab_status(i);
	uint8_t mac[6];

	ok(net_mac(i->tap, mac, &e), &e);
	msg_mac_text(mac, text);
	assert_string_equal(text_at(o, "wlan.mac"), text);
	json_decref(o);
}

/* All that the interface itself is to be able to do as a host of the network. */
static void lan_is_whole(const struct inst *i, size_t bytes)
{
	struct err e = ERR_INIT;
	struct ipv6 v6;
	struct lease l;

	ok(net_dhcp("udhcpc", i->tap, 30000, &l, &e), &e);
	ok(net_ipv6(i->tap, 30000, &v6, &e), &e);
	ok(net_get(l.gateway, bytes, 20000, &e), &e);
	ok(net_put(l.gateway, bytes, 20000, &e), &e);
	ok(net_get("2001:db8:1::1", bytes / 4, 20000, &e), &e);
	ok(net_called(l.gateway, 10000, &e), &e);
	ok(net_called("2001:db8:1::1", 10000, &e), &e);
	ok(net_groups(i->tap, 10000, &e), &e);
}

static void wds_many_hosts(void **state)
{
	struct inst *i = lab_inst(state, "wds");
	struct err e = ERR_INIT;
	uint8_t mac[6];
	json_t *o;

	inst_set(i, "mode", "wds");
	lab_write(i);
	lab_up(i);
	own_address(i, mac);
	lan_is_whole(i, 8 * MIB);
	ok(hosts_run(HOSTS, i->tap, PART_MS, live, &e), &e);
	/* To the access point all of them are one station. */
	o = lab_air(i, "stations");
	assert_int_equal(json_array_size(json_object_get(o, "stations")), 1);
	assert_non_null(
	    strstr(json_string_value(json_object_get(
		       json_array_get(json_object_get(o, "stations"), 0), "flags")),
		"[WDS]"));
	json_decref(o);
	lab_down(i);
}

static void long_wds_100_mib(void **state)
{
	struct inst *i = lab_inst(state, "wds");

	inst_set(i, "mode", "wds");
	lab_write(i);
	lab_up(i);
	lan_is_whole(i, 100 * MIB);
	lab_down(i);
}

/* Until the daemon's log has the text. */
static void wait_log(const struct inst *i, const char *text)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_start(i, &c, &e, "log", "-f", NULL), &e);
	ok(child_wait_text(&c, text, 60000, &e), &e);
	child_free(&c);
}

/* An access point that takes no such frames: said, with what to do. */
static void long_wds_refused(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	json_t *o;

	inst_set(i, "mode", "wds");
	lab_write(i);
	lab_up(i);
	wait_log(i, "does it take WDS stations?");
	o = lab_status(i);
	assert_non_null(strstr(text_at(o, "last_error"), "mode wds: nothing comes from"));
	json_decref(o);
	lab_down(i);
}

/* Mode auto, online; which one it is there, and why. */
static struct inst *auto_inst(
    void **state, const char *scenario, const char *mode, const char *why)
{
	struct inst *i = lab_inst(state, scenario);
	json_t *o;

	inst_set(i, "mode", "auto");
	lab_write(i);
	lab_up(i);
	o = lab_status(i);
	assert_string_equal(text_at(o, "mode"), mode);
	assert_non_null(strstr(text_at(o, "mode_why"), why));
	json_decref(o);
	return i;
}

static void auto_is_wds(void **state)
{
	struct inst *i = auto_inst(state, "wds", "wds", "answers frames with four addr");
	uint8_t mac[6];

	own_address(i, mac);
	lan_is_whole(i, 4 * MIB);
	lab_down(i);
}

static void auto_is_clone(void **state)
{
	struct inst *i =
	    auto_inst(state, "wpa2", "clone", "no answer to frames with four");
	char mac[MAC_TEXT_SIZE];

	same_address(i, mac);
	lan_is_whole(i, 4 * MIB);
	lab_down(i);
}

/* The file that mode ap reads. */
static void write_access_point(struct inst *i, char path[PATH_MAX], const char *security)
{
	struct err e = ERR_INIT;
	char text[512];

	snprintf(path, PATH_MAX, PATH_ETC "/%s.hostapd", i->name);
	snprintf(text, sizeof(text),
	    "interface=wlan7\nssid=bhyfi-ap\nhw_mode=a\nchannel=36\n%s", security);
	ok(fs_write_atomic(path, 0600, text, strlen(text), &e), &e);
	inst_set(i, "access_point", path);
}

static const char wpa2[] = "wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\n"
			   "wpa_passphrase=" PASSPHRASE "\n";

static void command(const char *const argv[])
{
	struct err e = ERR_INIT;
	struct child c;

	ok(child_run(&c, argv, 10000, &e), &e);
	if (c.status != 0) {
		print_error("%s: %s\n", argv[0], c.err);
		fail();
	}
	child_free(&c);
}

/* The host is the network: address, DHCP, router advertisements. */
static void serve(const struct inst *i, struct child *c, const char *leases)
{
	const char *const v4[] = {
	    "ip", "addr", "add", "198.51.100.1/24", "dev", i->tap, NULL};
	const char *const v6[] = {
	    "ip", "addr", "add", "2001:db8:9::1/64", "dev", i->tap, "nodad", NULL};
	const char *const up[] = {"ip", "link", "set", i->tap, "up", NULL};
	char by[32], file[PATH_MAX + 24];
	const char *const dnsmasq[] = {"dnsmasq", "--keep-in-foreground", "--port=0",
	    "--conf-file=/dev/null", by, "--bind-interfaces", "--no-ping", "--user=root",
	    "--group=root", "--pid-file=", "--dhcp-range=198.51.100.50,198.51.100.60",
	    "--dhcp-range=2001:db8:9::,ra-only,64", "--enable-ra", file, NULL};
	struct err e = ERR_INIT;

	command(up);
	command(v4);
	command(v6);
	snprintf(by, sizeof(by), "--interface=%s", i->tap);
	snprintf(file, sizeof(file), "--dhcp-leasefile=%s", leases);
	ok(child_start(c, dnsmasq, &e), &e);
}

/* Debian's hostapd_cli, through the host's socket. */
static void hostapd_cli_says(const struct inst *i, const char *what, const char *text)
{
	struct err e = ERR_INIT;
	char dir[PATH_MAX];
	struct child c;

	snprintf(dir, sizeof(dir), "%.4000s/wpa", i->run);
	const char *const argv[] = {
	    "/usr/sbin/hostapd_cli", "-p", dir, "-i", "wlan0", what, NULL};

	ok(child_run(&c, argv, 10000, &e), &e);
	if (c.status != 0 || strstr(c.out, text) == NULL) {
		print_error("hostapd_cli %s: %s%s\n", what, c.out, c.err);
		fail();
	}
	child_free(&c);
}

static void serve_a_station(void **state, size_t bytes)
{
	struct inst *i = lab_inst(state, "ap");
	char path[PATH_MAX], leases[PATH_MAX], address[ADDRESS_MAX];
	struct err e = ERR_INIT;
	struct child dnsmasq;
	uint8_t mac[6];
	double ms;
	json_t *o;

	inst_set(i, "mode", "ap");
	inst_set(i, "country", "DE");
	write_access_point(i, path, wpa2);
	lab_write(i);
	lab_up(i);
	o = lab_status(i);
	assert_string_equal(text_at(o, "wlan.ssid"), "bhyfi-ap");
	assert_true(number_at(o, "wlan.freq_mhz") == 5180);
	json_decref(o);
	own_address(i, mac);
	snprintf(leases, sizeof(leases), PATH_ETC "/%s.leases", i->name);
	serve(i, &dnsmasq, leases);
	/* It answers when the station has its lease. */
	o = lab_air(i, "station");
	snprintf(address, sizeof(address), "%s", text_at(o, "address"));
	json_decref(o);
	assert_int_equal(strncmp(address, "198.51.100.", 11), 0);
	hostapd_cli_says(i, "ping", "PONG");
	hostapd_cli_says(i, "status", "\nssid[0]=bhyfi-ap\n");
	hostapd_cli_says(i, "all_sta", "flags=[AUTH][ASSOC][AUTHORIZED]");
	ok(net_get(address, bytes, 20000, &e), &e);
	ok(net_put(address, bytes, 20000, &e), &e);
	ok(net_called(address, 10000, &e), &e);
	ok(net_ping(STATION, 30000, &ms, &e), &e);
	ok(net_get(STATION, 4 * MIB, 20000, &e), &e);
	ok(net_put(STATION, 4 * MIB, 20000, &e), &e);
	ok(net_called(STATION, 10000, &e), &e);
	ok(net_groups(i->tap, 10000, &e), &e);
	child_free(&dnsmasq);
	unlink(leases);
	lab_down(i);
	unlink(path);
}

static void ap_serves_a_station(void **state)
{
	serve_a_station(state, 8 * MIB);
}

static void long_ap_100_mib(void **state)
{
	serve_a_station(state, 100 * MIB);
}

/* Files that are wrong are said at once, before anything starts. */
static void ap_wrong_files(void **state)
{
	const char *const up[] = {"up", NULL};
	struct inst *i = lab_inst(state, "ap");
	char path[PATH_MAX];
	struct err e = ERR_INIT;

	inst_set(i, "mode", "ap");
	write_access_point(i, path, "wpa=2\nwpa_passphrase=short-x\n");
	lab_write(i);
	lab_refuses(i, 1, up,
	    (const char *const[]){".hostapd:6: wpa_passphrase: expected 8 to 63", NULL});
	ok(fs_write_atomic(path, 0600, "ssid=x\nchannel=1\nwpa_psk_file=/x\n", 33, &e),
	    &e);
	lab_refuses(
	    i, 1, up, (const char *const[]){".hostapd:3: wpa_psk_file: not a key", NULL});
	unlink(path);
	lab_refuses(i, 5, up, (const char *const[]){".hostapd: ", "no such file", NULL});
	lab_nothing_left(i);
}

/* Writes the configuration with these lines behind `base`, has it read, and waits until
 * the interface was unplugged and plugged in again. */
static void reload(struct inst *i, const char *base, const char *lines)
{
	struct err e = ERR_INIT;
	int watch = net_watch(&e);

	ok(watch < 0, &e);
	assert_false(lab_reload(i, base, lines));
	ok(net_watch_carrier(watch, i->tap, false, 30000, &e), &e);
	ok(net_watch_carrier(watch, i->tap, true, 60000, &e), &e);
	close(watch);
	lab_wait_online(i, 20000);
}

static void check_mode(const struct inst *i, const char *mode, pid_t vmm)
{
	json_t *o = lab_status(i);

	assert_string_equal(text_at(o, "state"), "online");
	assert_string_equal(text_at(o, "mode"), mode);
	assert_int_equal((pid_t)number_at(o, "pid"), vmm);
	assert_true(number_at(o, "restarts") == 0);
	json_decref(o);
}

static void modes_change_while_it_runs(void **state)
{
	static const char *const steps[][2] = {{"mode = wds\n", "wds"},
	    {"mode = clone\n", "clone"}, {"mode = ap\n", "ap"}, {"mode = auto\n", "wds"},
	    {"mode = macnat\n", "macnat"}, {"mode = ap\n", "ap"},
	    {"mode = clone\n", "clone"}};
	struct inst *i = lab_inst(state, "wds");
	char base[INST_EXTRA_MAX], path[PATH_MAX], mac[MAC_TEXT_SIZE];
	uint8_t own[6], again[6];
	pid_t vmm;

	write_access_point(i, path, wpa2);
	memcpy(base, i->settings, sizeof(base));
	lab_write(i);
	lab_up(i);
	vmm = lab_vmm(i);
	lab_lan_works(i);
	for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
		reload(i, base, steps[k][0]);
		check_mode(i, steps[k][1], vmm);
		if (strcmp(steps[k][1], "clone") == 0)
			same_address(i, mac);
		else
			own_address(i, k == 0 ? own : again);
		if (strcmp(steps[k][1], "ap") != 0)
			lab_lan_works(i);
	}
	assert_memory_equal(own, again, 6);
	lab_down(i);
	unlink(path);
}

static void write_network(struct inst *i, const char *ssid)
{
	char lines[128];

	i->network_text[0] = '\0';
	snprintf(lines, sizeof(lines), "\tssid=\"%s\"\n\tpsk=\"" PASSPHRASE "\"\n", ssid);
	inst_network(i, lines);
}

/* An address for each network, the same again at the next start; and none of it in a
 * log. */
static void long_stable_addresses(void **state)
{
	struct inst *i = lab_inst(state, "two");
	char one[MAC_TEXT_SIZE], two[MAC_TEXT_SIZE], again[MAC_TEXT_SIZE];
	char base[INST_EXTRA_MAX];

	inst_set(i, "mac", "stable");
	memcpy(base, i->settings, sizeof(base));
	write_network(i, "bhyfi-one");
	lab_write(i);
	lab_up(i);
	same_address(i, one);
	lab_lan_works(i);
	write_network(i, "bhyfi-two");
	reload(i, base, "");
	same_address(i, two);
	assert_string_not_equal(one, two);
	lab_down(i);
	/* Both at once: which it joins is seen only then. */
	inst_network(i, "\tssid=\"bhyfi-one\"\n\tpriority=5\n\tpsk=\"" PASSPHRASE "\"\n");
	lab_write(i);
	lab_up(i);
	same_address(i, again);
	assert_string_equal(one, again);
	lab_lan_works(i);
	lab_down(i);
}

static void addresses_as_configured(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char base[INST_EXTRA_MAX], own[MAC_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	char random[MAC_TEXT_SIZE];

	memcpy(base, i->settings, sizeof(base));
	inst_set(i, "mac", "02:aa:bb:cc:dd:01");
	lab_write(i);
	lab_up(i);
	same_address(i, mac);
	assert_string_equal(mac, "02:aa:bb:cc:dd:01");
	lab_lan_works(i);
	reload(i, base, "mac = random\n");
	same_address(i, random);
	assert_string_not_equal(random, mac);
	lab_lan_works(i);
	reload(i, base, "mac = permanent\n");
	same_address(i, own);
	assert_string_not_equal(own, random);
	assert_string_not_equal(own, mac);
	lab_lan_works(i);
	lab_down(i);
}

static int mtu_of(const char *ifname)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.15s", ifname);
	return fd >= 0 && ioctl(fd, SIOCGIFMTU, &r) == 0 ? r.ifr_mtu : -1;
}

static void country_and_mtu(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char base[INST_EXTRA_MAX];
	json_t *o;

	inst_set(i, "mtu", "1400");
	memcpy(base, i->settings, sizeof(base));
	inst_set(i, "country", "DE");
	lab_write(i);
	lab_up(i);
	assert_int_equal(mtu_of(i->tap), 1400);
	o = lab_status(i);
	assert_string_equal(text_at(o, "wlan.country"), "DE");
	json_decref(o);
	lan_is_whole(i, 4 * MIB);
	/* Which does not unplug anything. */
	lab_reload(i, base, "country = US\n");
	assert_true(net_has_carrier(i->tap));
	o = lab_status(i);
	assert_string_equal(text_at(o, "wlan.country"), "US");
	json_decref(o);
	/* No country of that name: the guest finds that out. */
	lab_reload(i, base, "country = QX\n");
	wait_log(i, "country QX: the rules of ");
	/* What waits for the next start is said; what is wrong changes nothing. */
	assert_true(lab_reload(i, base, "memory = 192\n"));
	snprintf(i->settings, sizeof(i->settings), "%smode = bridge\n", base);
	lab_write(i);
	lab_refuses(i, 1, (const char *const[]){"reload", NULL},
	    (const char *const[]){"mode: expected clone, wds", NULL});
	assert_true(net_has_carrier(i->tap));
	lab_down(i);
}

LAB_MAIN("mo", LAB_TEST(wds_many_hosts), LAB_TEST(long_wds_100_mib),
    LAB_TEST(long_ap_100_mib), LAB_TEST(long_wds_refused), LAB_TEST(auto_is_wds),
    LAB_TEST(auto_is_clone), LAB_TEST(ap_serves_a_station), LAB_TEST(ap_wrong_files),
    LAB_TEST(modes_change_while_it_runs), LAB_TEST(long_stable_addresses),
    LAB_TEST(addresses_as_configured), LAB_TEST(country_and_mtu))
