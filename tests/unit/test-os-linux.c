/*
 * os/linux*.c. Cards: a sysfs tree in a folder with a small kernel behind it, which
 * binds and unbinds drivers when its attributes are written, as
 * drivers/base/bus.c and drivers/pci/pci-driver.c do. Taps: real ones, in a network
 * namespace of our own (root only).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fs.h"
#include "os/gateway.h"
#include "os/linux.h"
#include "os/native.h"

#define WIFI "0000:03:00.0"
#define MATE "0000:03:00.1"
#define BRIDGE "0000:00:1c.0"

static char root[] = "/tmp/bhyfi-os-XXXXXX";
static char pci[64], vfio[64], ids[64];

/* What makes the kernel of the test refuse. */
static const char *refuse_bind;
static int writes_until_error; /* 0: never */

static void put(const char *dev, const char *leaf, const char *text, size_t len)
{
	char path[256];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/devices/%s/%s", pci, dev, leaf);
	assert_int_equal(fs_write_atomic(path, 0600, text, len, &e), 0);
}

static void link_to(const char *dev, const char *leaf, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/devices/%s/%s", pci, dev, leaf);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void bind_driver(const char *dev, const char *driver)
{
	char target[200], path[256];

	snprintf(target, sizeof(target), "%s/drivers/%s", pci, driver);
	fs_mkdir_p(target, 0755, NULL);
	snprintf(path, sizeof(path), "%s/unbind", target);
	fs_write_atomic(path, 0600, "", 0, NULL);
	link_to(dev, "driver", target);
}

static void driver_of(const char *dev, char out[64])
{
	char path[256], target[256] = "";

	snprintf(path, sizeof(path), "%s/devices/%s/driver", pci, dev);
	out[0] = '\0';
	if (readlink(path, target, sizeof(target) - 1) > 0)
		snprintf(out, 64, "%.63s", strrchr(target, '/') + 1);
}

static void kernel_probe(const char *dev)
{
	AUTO_FREE char *override = NULL;
	char path[256], now[64];
	const char *driver = "iwlwifi";

	driver_of(dev, now);
	snprintf(path, sizeof(path), "%s/devices/%s/driver_override", pci, dev);
	fs_read_file(path, 64, &override, NULL, NULL);
	if (override != NULL && override[0] != '\0')
		driver = override;
	if (now[0] != '\0' || (refuse_bind != NULL && strcmp(refuse_bind, driver) == 0))
		return;
	bind_driver(dev, driver);
}

static int kernel_write(const char *path, const char *text, struct err *e)
{
	const char *leaf = strrchr(path, '/') + 1;
	char link[256], now[64];

	if (access(path, W_OK) < 0)
		return err_sys(e, errno, "%s", path);
	if (writes_until_error > 0 && --writes_until_error == 0)
		return err_sys(e, EIO, "%s", path);
	if (strcmp(leaf, "driver_override") == 0)
		return fs_write_atomic(
		    path, 0600, text, strcmp(text, "\n") == 0 ? 0 : strlen(text), e);
	if (strcmp(leaf, "unbind") == 0) {
		driver_of(text, now);
		snprintf(link, sizeof(link), "%s/devices/%s/driver", pci, text);
		return now[0] == '\0' || unlink(link) < 0 ? err_sys(e, ENODEV, "%s", path)
							  : 0;
	}
	if (strcmp(leaf, "drivers_probe") == 0) {
		kernel_probe(text);
		return 0;
	}
	return err_set(e, ERR_FAILED, "%s: no such attribute", path);
}

static void add_device(const char *dev, const char *class, const char *driver)
{
	char path[256];
	/* A type 0 header with MSI-X at 0x50. */
	uint8_t config[256] = {
	    [0x06] = 0x10, [0x34] = 0x40, [0x40] = 0x01, [0x41] = 0x50, [0x50] = 0x11};

	snprintf(path, sizeof(path), "%s/devices/%s", pci, dev);
	assert_int_equal(fs_mkdir_p(path, 0755, NULL), 0);
	put(dev, "class", class, strlen(class));
	put(dev, "vendor", "0x8086\n", 7);
	put(dev, "device", "0x2723\n", 7);
	put(dev, "config", (const char *)config, sizeof(config));
	put(dev, "driver_override", "", 0);
	link_to(dev, "iommu_group", "../../../kernel/iommu_groups/7");
	if (driver[0] != '\0')
		bind_driver(dev, driver);
}

/* A group's own folder has links to its devices. */
static void make_group(const char *const *devs)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/groups/7/devices", root);
	fs_remove_tree(path, NULL);
	assert_int_equal(fs_mkdir_p(path, 0755, NULL), 0);
	for (; *devs != NULL; devs++) {
		snprintf(path, sizeof(path), "%s/groups/7/devices/%s", root, *devs);
		assert_int_equal(symlink("x", path), 0);
		snprintf(path, sizeof(path), "%s/groups/7", root);
		link_to(*devs, "iommu_group", path);
	}
}

static int make_tree(void **state)
{
	static const char *const group[] = {WIFI, BRIDGE, NULL};
	static const char names[] =
	    "# a comment\n1234  Other\n\t2723  Not this\n"
	    "8086  Intel Corporation\n\t2722  No\n"
	    "\t2723  Wi-Fi 6 AX200\n\t\t8086 0084  Sub\n9999  Z\n";
	char path[256];

	(void)state;
	snprintf(pci, sizeof(pci), "%s/pci", root);
	snprintf(vfio, sizeof(vfio), "%s/vfio", root);
	snprintf(ids, sizeof(ids), "%s/pci.ids", root);
	fs_remove_tree(pci, NULL);
	assert_int_equal(fs_mkdir_p(vfio, 0755, NULL), 0);
	add_device(WIFI, "0x028000\n", "iwlwifi");
	add_device(BRIDGE, "0x060400\n", "pcieport");
	make_group(group);
	snprintf(path, sizeof(path), "%s/devices/" WIFI "/net/wlp3s0", pci);
	fs_mkdir_p(path, 0755, NULL);
	snprintf(path, sizeof(path), "%s/drivers/vfio-pci", pci);
	fs_mkdir_p(path, 0755, NULL);
	snprintf(path, sizeof(path), "%s/drivers_probe", pci);
	fs_write_atomic(path, 0600, "", 0, NULL);
	snprintf(path, sizeof(path), "%s/7", vfio);
	fs_write_atomic(path, 0600, "", 0, NULL);
	fs_write_atomic(ids, 0600, names, sizeof(names) - 1, NULL);
	linux_env = (struct linux_env){.pci = pci,
	    .dev_vfio = vfio,
	    .pci_ids = ids,
	    .modprobe = "/bin/true",
	    .write = kernel_write};
	refuse_bind = NULL;
	writes_until_error = 0;
	return 0;
}

static struct card_id wifi_id(void)
{
	struct card_id id;

	assert_int_equal(card_id_parse(WIFI, &id, NULL), 0);
	return id;
}

static uid_t node_owner(void)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/7", vfio);
	assert_int_equal(stat(path, &st), 0);
	return st.st_uid;
}

static void expect_driver(const char *want)
{
	char now[64];

	driver_of(WIFI, now);
	assert_string_equal(now, want);
}

static uid_t other_user(void)
{
	return geteuid() == 0 ? 26970 : geteuid();
}

static void cards_are_listed(void **state)
{
	struct card_list l;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(linux_cards(&l, &e), 0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.cards[0].name, "Intel Corporation Wi-Fi 6 AX200");
	assert_string_equal(l.cards[0].driver, "iwlwifi");
	assert_string_equal(l.cards[0].ifname, "wlp3s0");
	assert_int_equal(l.cards[0].iommu_group, 7);
	assert_int_equal(l.cards[0].id.bus, 3);
	assert_true(l.cards[0].passable);
	/* An unknown one is shown by its numbers. */
	char name[96];
	linux_pci_name(0x8086, 0x9999, name, sizeof(name));
	assert_string_equal(name, "Intel Corporation 8086:9999");
	linux_pci_name(0x5555, 0x0001, name, sizeof(name));
	assert_string_equal(name, "5555:0001");
}

/* Of a system in a folder its sysfs is looked at, not ours. */
static void a_folder_has_cards_of_its_own(void **state)
{
	const struct os_ops *os;
	struct card_list l;

	(void)state;
	linux_env.pci = "/pci";
	assert_int_equal(os_select("linux", root, &os, NULL), 0);
	assert_int_equal(os->cards(&l, NULL), 0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.cards[0].driver, "iwlwifi");
	assert_true(l.cards[0].pci.header_known && l.cards[0].pci.msix);
	assert_int_equal(os_select("linux", vfio, &os, NULL), 0);
	assert_int_equal(os->cards(&l, NULL), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(os_select("linux", "", &os, NULL), 0);
}

/* As the privileged process does, which writes a record in between. */
static int take(
    const struct card_id *id, uid_t vm_uid, struct card_claim *claim, struct err *e)
{
	return linux_card_examine(id, claim, e) < 0
		   ? -1
		   : linux_card_claim(id, vm_uid, claim, e);
}

static void a_card_is_claimed_and_put_back(void **state)
{
	struct card_id id = wifi_id();
	struct card_claim claim;
	struct err e = ERR_INIT;

	(void)state;
	if (take(&id, other_user(), &claim, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(claim.claimed);
	assert_string_equal(claim.former_driver, "iwlwifi");
	expect_driver("vfio-pci");
	assert_int_equal(node_owner(), other_user());
	if (geteuid() != 0)
		return; /* the node can not go back to root */
	if (linux_card_release(&id, &claim, &e) < 0)
		fail_msg("%s", e.msg);
	expect_driver("iwlwifi");
	assert_int_equal(node_owner(), 0);
	/* Once more is no error, and its driver is not disturbed. */
	writes_until_error = 2;
	assert_int_equal(linux_card_release(&id, &claim, &e), 0);
	writes_until_error = 0;
	expect_driver("iwlwifi");
}

static void a_claim_that_fails_leaves_the_card_as_it_was(void **state)
{
	struct card_id id = wifi_id();
	struct card_claim claim;
	struct err e = ERR_INIT;

	for (int step = 1; step <= 3; step++) {
		make_tree(state);
		writes_until_error = step;
		assert_int_equal(take(&id, other_user(), &claim, &e), -1);
		assert_non_null(strstr(e.msg, "card " WIFI ": "));
		expect_driver("iwlwifi");
	}
	make_tree(state);
	refuse_bind = "vfio-pci";
	assert_int_equal(take(&id, other_user(), &claim, &e), -1);
	expect_driver("iwlwifi");
	/* The node of the group is missing: the last step. */
	make_tree(state);
	fs_remove_tree(vfio, NULL);
	assert_int_equal(take(&id, other_user(), &claim, &e), -1);
	expect_driver("iwlwifi");
}

static void a_group_shared_with_the_host_is_refused(void **state)
{
	static const char *const group[] = {WIFI, BRIDGE, MATE, NULL};
	struct card_id id = wifi_id();
	struct card_claim claim;
	struct card_list l;
	struct err e = ERR_INIT;

	(void)state;
	add_device(MATE, "0x0c0330\n", "xhci_hcd");
	make_group(group);
	assert_int_equal(take(&id, other_user(), &claim, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, MATE ", which xhci_hcd drives"));
	expect_driver("iwlwifi");
	assert_int_equal(linux_cards(&l, &e), 0);
	assert_false(l.cards[0].passable);
	/* With a driver that is made for it, it may go along. */
	bind_driver(MATE, "vfio-pci");
	if (take(&id, other_user(), &claim, &e) < 0)
		fail_msg("%s", e.msg);
}

static void what_can_not_be_passed_is_said(void **state)
{
	uint8_t config[256] = {0};
	struct card_id id = wifi_id();
	struct card_claim claim;
	struct err e = ERR_INIT;
	char path[256];

	(void)state;
	put(WIFI, "config", (const char *)config, sizeof(config));
	assert_int_equal(take(&id, 1, &claim, &e), -1);
	assert_non_null(strstr(e.msg, "neither MSI nor MSI-X"));
	/* A list of capabilities that goes round in circles ends all the same. */
	config[0x06] = 0x10;
	config[0x34] = config[0x41] = 0x40;
	put(WIFI, "config", (const char *)config, sizeof(config));
	assert_int_equal(take(&id, 1, &claim, &e), -1);
	config[0x0e] = 0x81;
	put(WIFI, "config", (const char *)config, sizeof(config));
	assert_int_equal(take(&id, 1, &claim, &e), -1);
	assert_non_null(strstr(e.msg, "bridge"));
	put(WIFI, "config", "short", 5);
	assert_int_equal(take(&id, 1, &claim, &e), -1);
	make_tree(NULL);
	snprintf(path, sizeof(path), "%s/devices/" WIFI "/iommu_group", pci);
	unlink(path);
	assert_int_equal(take(&id, 1, &claim, &e), -1);
	assert_non_null(strstr(e.msg, "no IOMMU"));
	assert_non_null(strstr(e.hint, "VT-d"));
	id.bus = 9;
	assert_int_equal(take(&id, 1, &claim, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.hint, "bhyfi cards"));
	/* A card that is gone is released without a word. */
	claim.claimed = true;
	assert_int_equal(linux_card_release(&id, &claim, &e), 0);
}

/* A child in a network namespace of its own; false: not allowed. */
static bool own_network(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNET) == 0 &&
	       access("/dev/net/tun", R_OK | W_OK) == 0;
}

static void need_network(void)
{
	static int have = -1;

	if (have < 0)
		have = own_network();
	if (!have) {
		print_message("# needs root and /dev/net/tun\n");
		skip();
	}
}

static void a_tap_lives_as_long_as_its_descriptor(void **state)
{
	static const uint8_t mac[6] = {0x02, 1, 2, 3, 4, 5};
	struct config c;
	struct host_if i;
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	need_network();
	assert_int_equal(config_init(&c, "unit", &e), 0);
	c.mtu = 1400;
	if (linux_tap_create(&c, &fd, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(host_if(c.interface, &i, &e), 0);
	assert_true(i.exists && !i.up && !i.carrier);
	assert_int_equal(linux_tap_set_mac(c.interface, mac, &e), 0);
	assert_int_equal(linux_tap_carrier(c.interface, true, &e), 0);
	assert_int_equal(host_if(c.interface, &i, &e), 0);
	assert_true(i.up && i.carrier);
	assert_memory_equal(i.mac, mac, 6);
	assert_true(i.naddrs >= 1); /* its link-local one, made of the MAC */
	/* While it is up, too. */
	uint8_t other[6] = {0x02, 9, 9, 9, 9, 9};
	assert_int_equal(linux_tap_set_mac(c.interface, other, &e), 0);
	assert_int_equal(linux_tap_carrier(c.interface, false, &e), 0);
	assert_int_equal(host_if(c.interface, &i, &e), 0);
	assert_true(i.up && !i.carrier);
	assert_memory_equal(i.mac, other, 6);
	close(fd);
	assert_int_equal(host_if(c.interface, &i, &e), 0);
	assert_false(i.exists);
	assert_int_equal(linux_tap_carrier(c.interface, true, &e), -1);
	assert_int_equal(e.code, ERR_NOT_RUNNING);
	assert_int_equal(linux_tap_destroy(c.interface, "unit", &e), 0);
}

static void only_our_own_left_over_is_replaced(void **state)
{
	struct config ours, theirs;
	struct err e = ERR_INIT;
	int old, fd, none;

	(void)state;
	need_network();
	assert_int_equal(config_init(&ours, "unit", &e), 0);
	assert_int_equal(config_init(&theirs, "other", &e), 0);
	memcpy(theirs.interface, ours.interface, sizeof(theirs.interface));
	assert_int_equal(linux_tap_create(&ours, &old, &e), 0);
	/* The alias tells: same name, another instance's. */
	assert_int_equal(linux_tap_create(&theirs, &none, &e), -1);
	assert_non_null(strstr(e.msg, "not ours"));
	assert_int_equal(linux_tap_destroy(ours.interface, "other", &e), -1);
	if (linux_tap_create(&ours, &fd, &e) < 0)
		fail_msg("%s", e.msg);
	close(old);
	close(fd);
	/* The loopback interface is nobody's tap. */
	snprintf(ours.interface, sizeof(ours.interface), "lo");
	assert_int_equal(linux_tap_create(&ours, &fd, &e), -1);
	assert_int_equal(linux_tap_destroy("lo", "unit", &e), -1);
}

static void a_tap_that_is_deleted_is_noticed(void **state)
{
	struct config c;
	struct err e = ERR_INIT;
	int fd, watch;

	(void)state;
	need_network();
	assert_int_equal(config_init(&c, "unit", &e), 0);
	assert_int_equal(linux_tap_create(&c, &fd, &e), 0);
	assert_int_equal(if_watch(&watch, &e), 0);
	assert_int_equal(linux_tap_carrier(c.interface, true, &e), 0);
	struct pollfd p = {.fd = watch, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_false(if_watch_gone(watch, c.interface));
	assert_int_equal(linux_tap_destroy(c.interface, "unit", &e), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_true(if_watch_gone(watch, c.interface));
	assert_int_equal(poll(&p, 1, 0), 0);
	close(watch);
	close(fd);
}

static void processes_are_watched_and_told_apart(void **state)
{
	struct pollfd p = {.events = POLLIN};
	struct err e = ERR_INIT;
	uint64_t start, mine;
	pid_t pid = fork();
	int fd, st;

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(proc_start(getpid(), &mine, &e), 0);
	assert_int_equal(proc_start(pid, &start, &e), 0);
	assert_true(start >= mine && mine > 0);
	assert_int_equal(proc_watch(pid, &fd, &e), 0);
	p.fd = fd;
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(proc_signal(fd, pid, SIGKILL, &e), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(proc_signal(fd, pid, SIGKILL, &e), -1);
	assert_int_equal(e.code, ERR_NOT_RUNNING);
	close(fd);
	assert_int_equal(proc_watch(pid, &fd, &e), -1);
	assert_int_equal(e.code, ERR_NOT_RUNNING);
	assert_int_equal(proc_start(pid, &start, &e), -1);
	assert_int_equal(e.code, ERR_NOT_RUNNING);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return fs_remove_tree(root, NULL);
}

/* Lines as the kernel prints them (Linux 6.1, a little-endian machine). */
static void gateways_are_found(void **state)
{
	static const char four[] =
	    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\t"
	    "Window\tIRTT\n"
	    "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	    "bhyfi0\t00000000\t0200A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
	    "bhyfi0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
	    "bhyfi0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
	    "bhyfi0\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
	    "torn\t000";
	static const char six[] =
	    "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 "
	    "00000000000000000000000000000000 00000100 00000001 00000000 00000001   "
	    "bhyfi0\n"
	    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
	    "fe80000000000000000000fffe000001 00000400 00000003 00000000 00450003   "
	    "bhyfi0\n"
	    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
	    "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       "
	    "lo\n";
	struct sockaddr_storage sa;
	struct sockaddr_in s4;
	struct sockaddr_in6 s6;
	char text[INET6_ADDRSTRLEN];
	socklen_t len;

	(void)state;
	assert_true(linux_route4(four, "bhyfi0", &s4));
	assert_string_equal(inet_ntop(AF_INET, &s4.sin_addr, text, sizeof(text)),
	    htonl(1) == 1 ? "1.0.168.192" : "192.168.0.1");
	assert_false(linux_route4(four, "bhyfi", &s4));
	assert_false(linux_route4("", "bhyfi0", &s4));
	assert_true(linux_route6(six, "bhyfi0", &s6));
	assert_string_equal(
	    inet_ntop(AF_INET6, &s6.sin6_addr, text, sizeof(text)), "fe80::ff:fe00:1");
	assert_false(linux_route6(six, "lo", &s6));
	assert_false(host_gateway("nosuchif0", &sa, &len));
}

#define CARD_TEST(t) cmocka_unit_test_setup(t, make_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CARD_TEST(cards_are_listed),
	    CARD_TEST(a_folder_has_cards_of_its_own),
	    CARD_TEST(a_card_is_claimed_and_put_back),
	    CARD_TEST(a_claim_that_fails_leaves_the_card_as_it_was),
	    CARD_TEST(a_group_shared_with_the_host_is_refused),
	    CARD_TEST(what_can_not_be_passed_is_said),
	    cmocka_unit_test(gateways_are_found),
	    cmocka_unit_test(a_tap_lives_as_long_as_its_descriptor),
	    cmocka_unit_test(only_our_own_left_over_is_replaced),
	    cmocka_unit_test(a_tap_that_is_deleted_is_noticed),
	    cmocka_unit_test(processes_are_watched_and_told_apart),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
