/* The guest as a router: one host, several, and what others see of them. */
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "harness.h"
#include "hosts.h"
#include "msg.h"

#define MIB (1024u * 1024)
#define TRANSFER (8 * MIB) /* long_100_mib has more */
#define HOSTS 4
#define PART_MS 120000
#define OUTSIDE 2222
#define INSIDE 2022
#define CLOSED 2023

static void set_nat(struct inst *i)
{
	inst_set(i, "mode", "nat");
	inst_set(i, "forward", "tcp 2222 2022, udp 2222");
}

static bool is_of(const char *address, const char *network)
{
	return strncmp(address, network, strlen(network)) == 0;
}

static void transfer(const char *address, size_t bytes)
{
	struct err e = ERR_INIT;
	int64_t start = clock_ms(), middle;

	ok(net_get(address, bytes, 60000, &e), &e);
	middle = clock_ms();
	ok(net_put(address, bytes, 60000, &e), &e);
	print_message("# %s: %zu MiB in %d ms, and back in %d ms\n", address, bytes / MIB,
	    (int)(middle - start), (int)(clock_ms() - middle));
}

static void ipv4_works(const struct inst *i, struct lease *l)
{
	char answer[ADDRESS_MAX];
	struct err e = ERR_INIT;
	double ms;

	ok(net_dhcp("udhcpc", i->tap, 20000, l, &e), &e);
	assert_true(is_of(l->address, "192.168.215."));
	assert_string_equal(l->mask, "255.255.255.0");
	assert_string_equal(l->gateway, "192.168.215.1");
	assert_true(is_of(l->dns, "192.168.215.1"));
	ok(net_ping("192.0.2.1", 10000, &ms, &e), &e);
	ok(net_ping(l->gateway, 10000, &ms, &e), &e);
	ok(net_dns("192.168.215.1", "gw.air.example", AF_INET, answer, &e), &e);
	assert_string_equal(answer, "192.0.2.1");
	ok(net_dns("192.168.215.2", "gw.air.example", AF_INET6, answer, &e), &e);
	assert_string_equal(answer, "2001:db8:1::1");
	transfer("192.0.2.1", TRANSFER);
}

/* The flags of our address (IFA_F_*); -1: there is none. */
static int address_flags(const char *ifname, const struct in6_addr *address)
{
	char name[64], hex[33];
	unsigned flags;
	int found = -1;
	FILE *f = fopen("/proc/net/if_inet6", "re");

	while (
	    f != NULL && fscanf(f, "%32s %*x %*x %*x %x %63s", hex, &flags, name) == 3) {
		char want[33];

		for (size_t i = 0; i < 16; i++)
			snprintf(want + 2 * i, 3, "%02x", address->s6_addr[i]);
		if (strcmp(name, ifname) == 0 && strcmp(hex, want) == 0)
			found = (int)flags;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* Takes an address and waits until the kernel has seen whether it is free. */
static void take_address(const char *ifname, const char *text, bool is_free)
{
	struct {
		struct in6_addr address;
		uint32_t prefix;
		int index;
	} r = {.prefix = 128, .index = (int)if_nametoindex(ifname)};
	struct sockaddr_nl nl = {
	    .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV6_IFADDR};
	int AUTO_CLOSE watch = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int AUTO_CLOSE fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {20, 0};
	char buf[8192];
	int flags;

	inet_pton(AF_INET6, text, &r.address);
	assert_int_equal(bind(watch, (struct sockaddr *)&nl, sizeof(nl)), 0);
	setsockopt(watch, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &r), 0);
	while ((flags = address_flags(ifname, &r.address)) >= 0 &&
	       (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == IFA_F_TENTATIVE)
		assert_true(recv(watch, buf, sizeof(buf), 0) > 0);
	assert_true(flags >= 0);
	assert_int_equal((flags & IFA_F_DADFAILED) == 0, is_free);
	/* It came with a route that is in the way. */
	if (!is_free)
		assert_int_equal(ioctl(fd, SIOCDIFADDR, &r), 0);
}

/* With an address of the uplink's prefix, which others can connect to. */
static void ipv6_works(const struct inst *i)
{
	struct err e = ERR_INIT;
	struct ipv6 v6;
	double ms;

	ok(net_ipv6(i->tap, 30000, &v6, &e), &e);
	assert_true(is_of(v6.address[0], "2001:db8:1:"));
	/* What somebody on the uplink has can not be taken. */
	take_address(i->tap, "2001:db8:1::1", false);
	take_address(i->tap, "2001:db8:1::77", true);
	ok(net_ping(v6.router, 10000, &ms, &e), &e);
	ok(net_ping("2001:db8:1::1", 10000, &ms, &e), &e);
	transfer("2001:db8:1::1", TRANSFER);
}

/* Only by the ports that the configuration names. */
static void others_can_call(void)
{
	static const char *const addresses[] = {"192.0.2.1", "2001:db8:1::1"};
	struct err e = ERR_INIT;

	ok(net_forwarded("192.0.2.1", OUTSIDE, INSIDE, 10000, &e), &e);
	ok(net_forwarded("2001:db8:1::1", INSIDE, INSIDE, 10000, &e), &e);
	for (size_t k = 0; k < 2; k++)
		assert_int_not_equal(
		    net_forwarded(addresses[k], CLOSED, CLOSED, 2000, &e), 0);
}

static void one_host(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	uint8_t mac[6], radio[6];
	struct lease l;
	json_t *o;

	set_nat(i);
	lab_write(i);
	lab_up(i);
	o = lab_status(i);
	assert_string_equal(text_at(o, "mode"), "nat");
	assert_true(msg_mac_parse(text_at(o, "wlan.mac"), radio));
	json_decref(o);
	ok(net_mac(i->tap, mac, &e), &e);
	assert_memory_not_equal(mac, radio, 6);
	ipv4_works(i, &l);
	/* The address that is kept for it. */
	assert_string_equal(l.address, "192.168.215.10");
	ipv6_works(i);
	others_can_call();
	ok(net_groups(i->tap, 10000, &e), &e);
	lab_down(i);
}

static void long_100_mib(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	struct ipv6 v6;
	struct lease l;

	set_nat(i);
	lab_write(i);
	lab_up(i);
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	ok(net_ipv6(i->tap, 30000, &v6, &e), &e);
	transfer("192.0.2.1", 100 * MIB);
	transfer("2001:db8:1::1", 100 * MIB);
	lab_down(i);
}

static int live(struct host *h, struct err *e)
{
	struct ipv6 v6;
	struct lease l;
	double ms;

	if (hosts_join("192.168.215.", "2001:db8:1:", &l, &v6, e) ||
	    net_ping("192.0.2.1", 20000, &ms, e) ||
	    net_ping("2001:db8:1::1", 20000, &ms, e) || hosts_meet(h, e))
		return -1;
	return net_get("192.0.2.1", 4 * MIB, 60000, e) ||
		       net_put("192.0.2.1", 4 * MIB, 60000, e) ||
		       net_get("2001:db8:1::1", 4 * MIB, 60000, e) ||
		       net_put("2001:db8:1::1", 4 * MIB, 60000, e) ||
		       net_group("eth0", AF_INET, 30000, e) || hosts_meet(h, e)
		   ? -1
		   : 0;
}

static void several_hosts(void **state)
{
	struct inst *i = lab_inst(state, "open");
	struct err e = ERR_INIT;

	set_nat(i);
	lab_write(i);
	lab_up(i);
	ok(hosts_run(HOSTS, i->tap, PART_MS, live, &e), &e);
	lab_down(i);
}

/* With these lines behind `base`, of which the host's interface takes notice. */
static void reload(struct inst *i, const char *base, const char *lines)
{
	struct err e = ERR_INIT;
	int watch = net_watch(&e);

	ok(watch < 0, &e);
	lab_reload(i, base, lines);
	ok(net_watch_carrier(watch, i->tap, false, 30000, &e), &e);
	ok(net_watch_carrier(watch, i->tap, true, 30000, &e), &e);
	close(watch);
}

/* What the host was given is the next network's own: it is given another. */
static void the_subnet_moves(void **state)
{
	static const char lines[] = "mode = nat\nsubnet = 192.0.2.0/24\n";
	struct inst *i = lab_inst(state, "two");
	char base[sizeof(i->settings)];
	struct err e = ERR_INIT;
	struct lease l;
	int64_t start;
	double ms;

	memcpy(base, i->settings, sizeof(base));
	inst_set(i, "mode", "nat");
	inst_set(i, "subnet", "192.0.2.0/24");
	lab_write(i);
	lab_up(i);
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	assert_true(is_of(l.address, "192.0.2."));
	ok(net_ping("198.51.100.1", 10000, &ms, &e), &e);
	i->network_text[0] = '\0';
	inst_network(i, "\tssid=\"bhyfi-one\"\n\tpsk=\"" PASSPHRASE "\"\n");
	reload(i, base, lines);
	start = clock_ms();
	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	print_message(
	    "# a lease of the new network in %d ms\n", (int)(clock_ms() - start));
	assert_true(is_of(l.address, "192.168.215."));
	ok(net_ping("192.0.2.1", 10000, &ms, &e), &e);
	lab_down(i);
}

/* Of a guest that runs on: nothing of the other mode is left in its way. */
static void the_mode_is_changed(void **state)
{
	static const struct {
		const char *lines, *network;
	} steps[] = {{"mode = nat\n", "192.168.215."}, {"mode = clone\n", "192.0.2."},
	    {"mode = nat\n", "192.168.215."},
	    {"mode = nat\nsubnet = 10.77.0.0/24\nforward = tcp 2222 2022\n", "10.77.0."}};
	struct inst *i = lab_inst(state, "wpa2");
	char base[sizeof(i->settings)];
	struct err e = ERR_INIT;
	struct lease l;
	double ms;

	memcpy(base, i->settings, sizeof(base));
	lab_up(i);
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		reload(i, base, steps[k].lines);
		ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
		assert_true(is_of(l.address, steps[k].network));
		ok(net_ping("192.0.2.1", 10000, &ms, &e), &e);
	}
	ok(net_forwarded("192.0.2.1", OUTSIDE, INSIDE, 10000, &e), &e);
	lab_down(i);
}

LAB_MAIN("nat", LAB_TEST(one_host), LAB_TEST(long_100_mib), LAB_TEST(several_hosts),
    LAB_TEST(the_subnet_moves), LAB_TEST(the_mode_is_changed))
