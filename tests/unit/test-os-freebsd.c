/*
 * os/freebsd*.c against the doubles of FreeBSD's programs, with real taps in a network
 * namespace of our own; the parsers without either.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cmd.h"
#include "fbsd-tree.h"
#include "fs.h"
#include "os/freebsd-ifconfig.h"
#include "os/freebsd-pciconf.h"
#include "os/freebsd.h"
#include "os/native.h"

/* Calls that are expected to go well take this one. */
static struct err last, *const why = &last;
#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s (%s)", last.msg, last.hint);                        \
	} while (0)

static const uint8_t mac[6] = {0x02, 1, 2, 3, 4, 5};
static bool allowed;
static struct config config;
static const struct os_ops *os;

static int fresh(void **state)
{
	struct host_if i;

	(void)state;
	if (!allowed)
		return 0;
	/* A tap that a test left. */
	if (host_if("tap0", &i, NULL) == 0 && i.exists)
		freebsd_tap_destroy("tap0", "wlan", NULL);
	fbsd_install();
	OK(os_select("freebsd", fbsd_root, &os, why));
	OK(config_init(&config, "wlan", why));
	config_set_vmm(&config, "bhyve");
	OK(card_id_parse("pci0:3:0:0", &config.card, why));
	return 0;
}

#define NEEDS_TAPS()                                                                     \
	if (!allowed)                                                                    \
	skip()

static void expect_log(const char *want)
{
	char AUTO_FREE *log = fbsd_log();

	assert_string_equal(log, want);
}

/* Parsers */

static int count_devices(const struct pciconf_device *d, void *arg, struct err *e)
{
	(void)e;
	*(struct pciconf_device *)arg = *d;
	return 0;
}

static void pciconf_is_understood(void **state)
{
	static const char text[] =
	    "none3@pci0:0:31:3:\tclass=0x0c0500 rev=0x02 hdr=0x80 vendor=0x8086 "
	    "device=0x2930 subvendor=0x1af4 subdevice=0x1100\n"
	    "em0@pci0:1:0:0:\tclass=0x020000 rev=0x00 hdr=0x00 vendor=0x8086 "
	    "device=0x10d3 subvendor=0x8086 subdevice=0x0000\n"
	    "    vendor     = 'Intel Corporation'\n"
	    "    device     = '82574L 'quoted' Connection'\n"
	    "    class      = network\n"
	    "    bar   [10] = type Memory, range 32, base 0xfe440000, size 131072, "
	    "enabled\n"
	    "    bar   [18] = type I/O Port, range 32, base 0, size 32, disabled\n"
	    "    cap 01[c8] = powerspec 2  supports D0 D3  current D0\n"
	    "    cap 05[d0] = MSI supports 1 message, 64 bit \n"
	    "    cap 09[50] = vendor (length 16) FLR\n"
	    "    cap 10[e0] = PCI-Express 1 endpoint max data 128(128) FLR RO\n"
	    "                 max read 128\n"
	    "    cap 11[a0] = MSI-X supports 5 messages, enabled\n"
	    "                 Table in map 0x1c[0x0], PBA in map 0x1c[0x2000]\n"
	    "    ecap 0001[100] = AER 2 0 fatal 0 non-fatal 0 corrected\n";
	struct pciconf_device d;

	(void)state;
	OK(pciconf_parse(text, true, count_devices, &d, why));
	assert_string_equal(d.driver, "em");
	assert_int_equal(d.bus, 1);
	assert_string_equal(d.device_name, "82574L 'quoted' Connection");
	assert_true(d.pci.msi && d.pci.msix && d.pci.flr);
	assert_int_equal(d.pci.nbars, 2);
	assert_true(d.pci.bars[0].memory && !d.pci.bars[1].memory);
	assert_int_equal(d.pci.bars[0].base, 0xfe440000);
	assert_int_equal(d.pci.bars[0].size, 131072);
	OK(pciconf_parse("", true, count_devices, &d, why));
}

static void pciconf_that_is_malformed_is_refused_by_its_line(void **state)
{
#define HEAD                                                                             \
	"iwm0@pci0:3:0:0:\tclass=0x028000 rev=0x1a hdr=0x00 vendor=0x8086 "              \
	"device=0x2723 subvendor=0x8086 subdevice=0x0084"
	static const char *const wrong[] = {
	    "    vendor     = 'first'\n",
	    "iwm0@pci0:3:0:0:\tclass=0x028000\n",
	    HEAD " more\n",
	    "@pci0:3:0:0:\tclass=0x028000 rev=0x1a hdr=0x00 vendor=0x8086 "
	    "device=0x2723 subvendor=0x8086 subdevice=0x0084\n",
	    "iwm@pci0:3:0:0:\tclass=0x028000 rev=0x1a hdr=0x00 vendor=0x8086 "
	    "device=0x2723 subvendor=0x8086 subdevice=0x0084\n",
	    "iwm0@pci0:3:99:0:\tclass=0x028000 rev=0x1a hdr=0x00 vendor=0x8086 "
	    "device=0x2723 subvendor=0x8086 subdevice=0x0084\n",
	    HEAD "\n    bar   [10] = type Memory, range 64, base 0xe1000000\n",
	    HEAD
	    "\n    bar   [10] = type Memory, range 64, base x, size 16384, enabled\n",
	    HEAD "\n    bar   [10] = type Odd, range 64, base 0, size 16384, enabled\n",
	    HEAD "\n    cap zz[d0] = MSI\n",
	    HEAD "\n    vendor     = Intel\n",
	    HEAD "\n\n",
	    "pciconf: /dev/pci: gone\n",
	};
	struct pciconf_device d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err e = ERR_INIT;

		if (pciconf_parse(wrong[i], true, count_devices, &d, &e) != -1)
			fail_msg("taken: %s", wrong[i]);
		assert_non_null(strstr(e.msg, "line "));
	}
}

static void ifconfig_is_understood(void **state)
{
	static const char text[] =
	    "tap0: flags=1009843<UP,BROADCAST,RUNNING,SIMPLEX,LINK0,MULTICAST,LOWER_UP> "
	    "metric 0 mtu 1500\n"
	    "\tdescription: bhyfi wlan\n"
	    "\toptions=4080000<LINKSTATE,MEXTPG>\n"
	    "\tether 58:9c:fc:10:d2:61\n"
	    "\tinet 192.0.2.5 netmask 0xffffff00 broadcast 192.0.2.255\n"
	    "\tinet6 fe80::5a9c:fcff:fe10:d261%tap0 prefixlen 64 scopeid 0x4\n"
	    "\tinet6 2001:db8::5 prefixlen 64 autoconf\n"
	    "\tgroups: tap\n"
	    "\tdescription: bhyfi other\n";
	struct ifconfig i;

	(void)state;
	OK(ifconfig_parse(text, "tap0", &i, why));
	assert_true(i.up);
	assert_string_equal(i.description, "bhyfi wlan");
	assert_int_equal(i.naddrs, 2);
	assert_string_equal(i.addrs[0].text, "192.0.2.5");
	assert_string_equal(i.addrs[1].text, "2001:db8::5");
	assert_int_equal(ifconfig_parse(text, "tap1", &i, NULL), -1);
	assert_int_equal(ifconfig_parse("", "tap0", &i, NULL), -1);
	/* A description of several lines says nothing of ours. */
	OK(ifconfig_parse("tap0: flags=8802<BROADCAST> metric 0 mtu 1500\n"
			  "\tdescription: theirs\n\tdescription: bhyfi wlan\n",
	    "tap0", &i, why));
	assert_string_equal(i.description, "theirs");
	assert_false(i.up);
}

/* Cards */

static void set_card(const char *key, json_t *value)
{
	json_t *state = fbsd_state();

	json_object_set_new(fbsd_card(state), key, value);
	fbsd_save(state);
}

/* An interface that FreeBSD would have and Linux has not. */
static void add_pseudo(const char *ifname, const char *flags, const char *parent)
{
	json_t *state = fbsd_state();
	char text[128];

	snprintf(text, sizeof(text),
	    "flags=%s metric 0 mtu 1500\n\tether 02:00:00:00:00:01\n", flags);
	json_object_set_new(json_object_get(state, "pseudo"), ifname,
	    json_pack("{s:s,s:s}", "text", text, "parent", parent));
	fbsd_save(state);
}

static const struct card *only_card(struct card_list *l)
{
	OK(os->cards(l, why));
	assert_int_equal(l->n, 1);
	return &l->cards[0];
}

static void cards_are_listed_with_what_they_can(void **state)
{
	const struct card *c;
	struct card_list l;
	struct err e = ERR_INIT;

	(void)state;
	NEEDS_TAPS();
	c = only_card(&l);
	assert_memory_equal(&c->id, &config.card, sizeof(c->id));
	assert_int_equal(c->vendor, 0x8086);
	assert_int_equal(c->device, 0x2723);
	assert_string_equal(c->name, "Intel Corporation Wi-Fi 6 AX200");
	assert_string_equal(c->driver, "iwlwifi");
	assert_true(c->passable);
	assert_string_equal(c->why, "");
	assert_true(c->pci.msi && c->pci.msix && c->pci.flr && c->pci.bars_known);
	assert_int_equal(c->pci.bars[0].size, 16384);
	add_pseudo("wlan0", "8843<UP,BROADCAST,RUNNING>", "iwlwifi0");
	c = only_card(&l);
	assert_string_equal(c->ifname, "wlan0");
	assert_non_null(strstr(c->why, "ifconfig wlan0 destroy"));
	set_card("caps", json_array());
	c = only_card(&l);
	assert_false(c->passable);
	assert_non_null(strstr(c->why, "neither MSI nor MSI-X"));
	set_card("bars", json_pack("[s]", "    bar   [10] = type Memory, range 32, base "
					  "0xe1000400, size 1024, enabled"));
	c = only_card(&l);
	assert_non_null(strstr(c->why, "BAR 10 (0xe1000400, 1024 bytes)"));
	set_card("hdr", json_integer(1));
	assert_non_null(strstr(only_card(&l)->why, "bridge"));
	/* Whatever pciconf says that it does not say is not guessed at. */
	set_card("bars", json_pack("[s]", "    bar   [10] = surprise"));
	assert_int_equal(os->cards(&l, &e), -1);
	assert_non_null(strstr(e.msg, "    bar   [10] = surprise"));
}

static void a_card_without_a_driver_is_one_too(void **state)
{
	struct card_list l;

	(void)state;
	NEEDS_TAPS();
	set_card("native", json_string(""));
	set_card("driver", json_string(""));
	set_card("attached", json_false());
	set_card("vendor_name", json_string("Evil\033[2J"));
	assert_string_equal(only_card(&l)->driver, "");
	assert_string_equal(l.cards[0].name, "Evil\\x1b[2J Wi-Fi 6 AX200");
}

static int take(struct card_claim *claim, struct err *e)
{
	return os->card_examine(&config.card, claim, e) < 0
		   ? -1
		   : os->card_claim(&config.card, 0, claim, e);
}

static void a_card_is_claimed_and_put_back(void **state)
{
	struct card_claim claim;

	(void)state;
	NEEDS_TAPS();
	OK(take(&claim, why));
	assert_true(claim.claimed);
	assert_string_equal(claim.former_driver, "iwlwifi");
	assert_string_equal(fbsd_driver(), "ppt");
	expect_log("pciconf -lbc pci0:3:0:0\n"
		   "sysctl -i net.wlan\n"
		   "ifconfig iwlwifi0\n"
		   "kldstat -q -m vmm\n"
		   "kldload -n vmm\n"
		   "devctl set driver -f pci0:3:0:0 ppt\n"
		   "pciconf -lbc pci0:3:0:0\n");
	OK(os->card_release(&config.card, &claim, why));
	assert_string_equal(fbsd_driver(), "iwlwifi");
	expect_log("pciconf -lbc pci0:3:0:0\n"
		   "devctl clear driver -f pci0:3:0:0\n"
		   "pciconf -lbc pci0:3:0:0\n");
	/* Once more is no error and changes nothing. */
	OK(os->card_release(&config.card, &claim, why));
	expect_log("pciconf -lbc pci0:3:0:0\n");
}

static void a_driver_in_use_is_refused(void **state)
{
	struct card_claim claim;
	struct err e = ERR_INIT;

	(void)state;
	NEEDS_TAPS();
	add_pseudo("wlan0", "8802<BROADCAST>", "iwlwifi0");
	assert_int_equal(take(&claim, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "iwlwifi0 is in use by wlan0"));
	assert_non_null(strstr(e.hint, "ifconfig wlan0 destroy"));
	/* Somebody else's child. */
	fresh(NULL);
	add_pseudo("wlan1", "8843<UP,BROADCAST>", "ath0");
	OK(take(&claim, why));
	/* A driver with an interface of its own: in use while that is up. */
	fresh(NULL);
	add_pseudo("iwlwifi0", "8843<UP,BROADCAST>", "");
	assert_int_equal(take(&claim, &e), -1);
	assert_non_null(strstr(e.hint, "ifconfig iwlwifi0 down"));
	assert_string_equal(fbsd_driver(), "iwlwifi");
	add_pseudo("iwlwifi0", "8802<BROADCAST>", "");
	OK(take(&claim, why));
}

static void a_card_that_the_loader_gave_to_ppt_stays_there(void **state)
{
	struct card_claim claim;
	json_t *s;

	(void)state;
	NEEDS_TAPS();
	s = fbsd_state();
	json_object_set_new(
	    json_object_get(s, "kenv"), "pptdevs", json_string("2/0/0 3/0/0"));
	json_array_append_new(json_object_get(s, "loaded"), json_string("vmm.ko"));
	json_object_set_new(fbsd_card(s), "driver", json_string("ppt"));
	fbsd_save(s);
	OK(take(&claim, why));
	OK(os->card_release(&config.card, &claim, why));
	assert_string_equal(fbsd_driver(), "ppt");
	char AUTO_FREE *log = fbsd_log();
	assert_null(strstr(log, "devctl"));
}

static void a_claim_that_fails_leaves_the_card_as_it_was(void **state)
{
	struct card_claim claim;
	int steps = 0;

	(void)state;
	NEEDS_TAPS();
	for (;; steps++) {
		struct err e = ERR_INIT;

		fresh(NULL);
		fbsd_fault("", steps, "fail", "it broke");
		if (take(&claim, &e) == 0)
			break;
		assert_string_equal(fbsd_driver(), "iwlwifi");
		assert_non_null(strstr(e.msg, "card pci0:3:0:0: "));
	}
	/* What a program answers with 1 is an answer: no module, no interface, no wlan.
	 */
	assert_true(fbsd_fault_waits() || steps > 0);
	/* The driver does not let go. */
	fresh(NULL);
	set_card("detach_busy", json_true());
	struct err e = ERR_INIT;
	assert_int_equal(take(&claim, &e), -1);
	assert_non_null(strstr(e.msg, "Device busy"));
	assert_string_equal(fbsd_driver(), "iwlwifi");
	/* No vmm in this kernel. */
	fresh(NULL);
	json_t *s = fbsd_state();
	json_object_del(json_object_get(s, "files"), "vmm.ko");
	fbsd_save(s);
	assert_int_equal(take(&claim, &e), -1);
	assert_non_null(strstr(e.msg, "can't load vmm"));
	assert_string_equal(fbsd_driver(), "iwlwifi");
	/* No such card. */
	config.card.bus = 9;
	assert_int_equal(take(&claim, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.hint, "bhyfi cards"));
}

static void a_release_says_what_is_in_its_way(void **state)
{
	struct card_claim claim;
	struct err e = ERR_INIT;
	json_t *s;

	(void)state;
	NEEDS_TAPS();
	OK(take(&claim, why));
	set_card("vm", json_string("bhyfi-wlan"));
	assert_int_equal(os->card_release(&config.card, &claim, &e), -1);
	assert_non_null(strstr(e.msg, "Device busy"));
	assert_non_null(strstr(e.hint, "bhyvectl --vm=NAME --destroy"));
	assert_string_equal(fbsd_driver(), "ppt");
	set_card("vm", json_string(""));
	/* Its driver's module has gone meanwhile: that is told, once. */
	s = fbsd_state();
	json_object_set_new(s, "loaded", json_pack("[s,s]", "kernel", "vmm.ko"));
	fbsd_save(s);
	assert_int_equal(os->card_release(&config.card, &claim, &e), -1);
	assert_non_null(strstr(e.msg, "iwlwifi did not take it back"));
	OK(os->card_release(&config.card, &claim, why));
	/* Gone altogether. */
	s = fbsd_state();
	json_array_remove(json_object_get(s, "pci"), 2);
	fbsd_save(s);
	OK(os->card_release(&config.card, &claim, why));
}

/* Taps */

static bool tap_exists(void)
{
	struct host_if i;

	OK(host_if("tap0", &i, why));
	return i.exists;
}

/* As bhyve does. */
static int open_tap(void)
{
	struct ifreq r = {.ifr_name = "tap0", .ifr_flags = (short)(IFF_TAP | IFF_NO_PI)};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_int_equal(ioctl(fd, TUNSETIFF, &r), 0);
	return fd;
}

static void run_double(const char *program, const char *const args[])
{
	const char *argv[12] = {fbsd_at(program)};

	for (int i = 0; args[i] != NULL; i++)
		argv[i + 1] = args[i];
	OK(cmd_run(argv, NULL, NULL, NULL, why));
}

#define RUN(program, ...) run_double(program, (const char *const[]){__VA_ARGS__, NULL})

static void a_tap_is_made_and_removed(void **state)
{
	struct host_if i;
	int fd;

	(void)state;
	NEEDS_TAPS();
	config.mtu = 1400;
	OK(os->tap_create(&config, &fd, why));
	assert_int_equal(fd, -1);
	expect_log("kldstat -q -m vmm\nkldstat -q -m nmdm\nkldstat -q -m if_tuntap\n"
		   "kldload -n vmm nmdm\n"
		   "ifconfig tap0\n"
		   "ifconfig tap0 create description 'bhyfi wlan' mtu 1400 link0\n");
	OK(host_if("tap0", &i, why));
	assert_true(i.exists && !i.up && !i.carrier);
	OK(os->tap_set_mac("tap0", mac, why));
	OK(host_if("tap0", &i, why));
	assert_memory_equal(i.mac, mac, sizeof(mac));
	/* A left-over of ours is replaced. */
	OK(os->tap_create(&config, &fd, why));
	OK(host_if("tap0", &i, why));
	assert_memory_not_equal(i.mac, mac, sizeof(mac));
	OK(os->tap_destroy("tap0", "wlan", why));
	assert_false(tap_exists());
	OK(os->tap_destroy("tap0", "wlan", why));
}

static void another_ones_tap_is_left_alone(void **state)
{
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	NEEDS_TAPS();
	RUN("/sbin/ifconfig", "tap0", "create", "description", "vmnet-work-0-public");
	assert_int_equal(os->tap_create(&config, &fd, &e), -1);
	assert_non_null(strstr(e.msg, "not ours"));
	assert_int_equal(os->tap_destroy("tap0", "wlan", &e), -1);
	RUN("/sbin/ifconfig", "tap0", "description", "bhyfi wlan2");
	assert_int_equal(os->tap_destroy("tap0", "wlan", &e), -1);
	assert_true(tap_exists());
	RUN("/sbin/ifconfig", "tap0", "destroy");
	snprintf(config.interface, sizeof(config.interface), "bhyfi0");
	assert_int_equal(os->tap_create(&config, &fd, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
}

static void a_tap_that_fails_is_not_left(void **state)
{
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	NEEDS_TAPS();
	config.mtu = 70000;
	assert_int_equal(os->tap_create(&config, &fd, &e), -1);
	assert_non_null(strstr(e.msg, "SIOCSIFMTU"));
	assert_false(tap_exists());
}

/* As priv does it. */
static void plug(void)
{
	OK(os->tap_carrier("tap0", true, why));
	OK(os->tap_renew("tap0", why));
}

static void an_association_starts_dhcp_and_solicits(void **state)
{
	struct host_if i;
	int fd, tap;

	(void)state;
	NEEDS_TAPS();
	OK(os->tap_create(&config, &fd, why));
	tap = open_tap();
	/* An address from the network before, and one of the user's. */
	RUN("/sbin/ifconfig", "tap0", "inet", "192.0.2.5/24");
	RUN("/sbin/ifconfig", "tap0", "inet", "198.51.100.5/24", "alias");
	fbsd_write("/var/db/dhclient.leases.tap0",
	    "lease {\n  interface \"tap0\";\n  fixed-address 192.0.2.5;\n}\n");
	free(fbsd_log());
	plug();
	expect_log("ifconfig tap0 link0 up\n"
		   "sysrc -q ifconfig_tap0 ifconfig_DEFAULT ifconfig_tap0_ipv6\n"
		   "ifconfig tap0\n"
		   "ifconfig tap0 inet 192.0.2.5 delete\n"
		   "service -E background_dhclient_tap0=YES dhclient quietrestart tap0\n"
		   "rtsold -1 -i -p /var/run/rtsold.tap0.pid tap0\n");
	OK(host_if("tap0", &i, why));
	assert_true(i.up && i.carrier);
	RUN("/usr/sbin/service", "dhclient", "status", "tap0");
	/* Lost: the client ends with the link. */
	OK(os->tap_carrier("tap0", false, why));
	OK(host_if("tap0", &i, why));
	assert_false(i.up);
	free(fbsd_log());
	/* And again; the solicitor of the network before is in the way. */
	plug();
	char AUTO_FREE *log = fbsd_log();
	assert_non_null(strstr(log, "pkill -L -F /var/run/rtsold.tap0.pid\nrtsold "));
	RUN("/usr/sbin/service", "dhclient", "status", "tap0");
	RUN("/bin/pkill", "-L", "-F", "/var/run/rtsold.tap0.pid");
	close(tap);
	OK(os->tap_destroy("tap0", "wlan", why));
}

static void an_interface_without_dhcp_only_goes_up(void **state)
{
	int fd;

	(void)state;
	NEEDS_TAPS();
	fbsd_write("/etc/rc.conf", "ifconfig_tap0=\"inet 192.0.2.5/24\"\n");
	OK(os->tap_create(&config, &fd, why));
	free(fbsd_log());
	plug();
	expect_log("ifconfig tap0 link0 up\n"
		   "sysrc -q ifconfig_tap0 ifconfig_DEFAULT ifconfig_tap0_ipv6\n");
	/* Where all interfaces have it. */
	fbsd_write("/etc/rc.conf", "ifconfig_DEFAULT=\"up SyncDHCP\"\n");
	plug();
	char AUTO_FREE *log = fbsd_log();
	assert_non_null(strstr(log, "quietrestart tap0\n"));
	assert_null(strstr(log, "rtsold"));
	OK(os->tap_destroy("tap0", "wlan", why));
}

static void a_network_is_not_given_up_for_a_program(void **state)
{
	static const char *const programs[] = {"sysrc", "service", "rtsold"};
	struct host_if i;
	int fd, tap;

	(void)state;
	NEEDS_TAPS();
	OK(os->tap_create(&config, &fd, why));
	tap = open_tap();
	for (size_t n = 0; n < ARRAY_LEN(programs); n++) {
		fbsd_fault(programs[n], 0, "fail", "it broke");
		OK(os->tap_carrier("tap0", true, why));
		assert_int_equal(os->tap_renew("tap0", NULL), n == 0 ? -1 : 0);
		assert_false(fbsd_fault_waits());
		OK(host_if("tap0", &i, why));
		assert_true(i.up);
	}
	close(tap);
	OK(os->tap_destroy("tap0", "wlan", why));
}

/* The plan */

/* The lines of up and down in a plan, without comments, as the doubles log them. */
static char *plan_text(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	os->plan(&config, OS_STEP_PREPARE, 0, f);
	os->plan(&config, OS_STEP_ONLINE, 0, f);
	os->plan(&config, OS_STEP_RELEASE, 0, f);
	fclose(f);
	return text;
}

/*
 * Each command of the plan does what it says when a shell runs it, in that order, with
 * what a shell gives: the doubles refuse what FreeBSD would.
 */
static void a_plan_runs_as_it_stands(void **state)
{
	char AUTO_FREE *plan = plan_text();
	char command[8192], *save = NULL;
	struct host_if i;
	int tap = -1;

	(void)state;
	NEEDS_TAPS();
	free(fbsd_log());
	for (char *line = strtok_r(plan, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *const argv[] = {"/bin/sh", "-c", command, NULL};

		if (line[0] == '#')
			continue;
		snprintf(command, sizeof(command), "MAC=02:01:02:03:04:05; %s%s",
		    fbsd_root, line);
		if (strstr(line, "destroy") != NULL)
			close(tap);
		OK(cmd_run(argv, NULL, NULL, NULL, why));
		if (strstr(line, "create") != NULL)
			tap = open_tap();
		if (strstr(line, "rtsold") != NULL) {
			OK(host_if("tap0", &i, why));
			assert_true(i.up && i.mac[5] == 5);
			assert_string_equal(fbsd_driver(), "ppt");
			RUN("/bin/pkill", "-L", "-F", "/var/run/rtsold.tap0.pid");
		}
	}
	assert_false(tap_exists());
	assert_string_equal(fbsd_driver(), "iwlwifi");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pciconf_is_understood),
	    cmocka_unit_test(pciconf_that_is_malformed_is_refused_by_its_line),
	    cmocka_unit_test(ifconfig_is_understood),
	    cmocka_unit_test_setup(cards_are_listed_with_what_they_can, fresh),
	    cmocka_unit_test_setup(a_card_without_a_driver_is_one_too, fresh),
	    cmocka_unit_test_setup(a_card_is_claimed_and_put_back, fresh),
	    cmocka_unit_test_setup(a_driver_in_use_is_refused, fresh),
	    cmocka_unit_test_setup(a_card_that_the_loader_gave_to_ppt_stays_there, fresh),
	    cmocka_unit_test_setup(a_claim_that_fails_leaves_the_card_as_it_was, fresh),
	    cmocka_unit_test_setup(a_release_says_what_is_in_its_way, fresh),
	    cmocka_unit_test_setup(a_tap_is_made_and_removed, fresh),
	    cmocka_unit_test_setup(another_ones_tap_is_left_alone, fresh),
	    cmocka_unit_test_setup(a_tap_that_fails_is_not_left, fresh),
	    cmocka_unit_test_setup(an_association_starts_dhcp_and_solicits, fresh),
	    cmocka_unit_test_setup(an_interface_without_dhcp_only_goes_up, fresh),
	    cmocka_unit_test_setup(a_network_is_not_given_up_for_a_program, fresh),
	    cmocka_unit_test_setup(a_plan_runs_as_it_stands, fresh),
	};
	int ret;

	allowed = fbsd_enter();
	if (!allowed)
		print_message("# no namespaces, or no taps here: only the parsers\n");
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	if (allowed)
		fbsd_leave();
	return ret;
}
