/* Many hosts behind one station; and its programs in the guest's kernel. */
#include <archive.h>
#include <archive_entry.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "harness.h"
#include "hosts.h"
#include "msg.h"
#include "paths.h"

#define HOSTS 16
#define MIB (1024u * 1024)
#define PART_MS 120000

static uint8_t radio[6]; /* its MAC address, which no host may hear from */

static int write_initrd(const char *path, const char *program, struct err *e)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	AUTO_FREE char *data = NULL;
	size_t len;
	int rc = -1;

	if (fs_read_file(program, 16 * MIB, &data, &len, e))
		goto out;
	archive_entry_set_pathname(entry, "init");
	archive_entry_set_mode(entry, S_IFREG | 0755);
	archive_entry_set_size(entry, (la_int64_t)len);
	archive_write_set_format_cpio_newc(a);
	if (archive_write_open_filename(a, path) != ARCHIVE_OK ||
	    archive_write_header(a, entry) != ARCHIVE_OK ||
	    archive_write_data(a, data, len) != (la_ssize_t)len ||
	    archive_write_close(a) != ARCHIVE_OK)
		err_set(e, ERR_FAILED, "%s: %s", path, archive_error_string(a));
	else
		rc = 0;
out:
	archive_entry_free(entry);
	archive_write_free(a);
	return rc;
}

/* The cases of the unit test, run by BPF_PROG_TEST_RUN in the image's kernel. */
static void programs_in_the_guests_kernel(void **state)
{
	char initrd[] = "/tmp/bhyfi-macnat-XXXXXX";
	int fd = mkstemp(initrd);
	/* q35: microvm has no clock to measure the processor's by. */
	const char *const argv[] = {"qemu-system-x86_64", "-M", "q35", "-accel", "tcg",
	    "-cpu", "max", "-m", "160", "-nodefaults", "-no-user-config", "-display",
	    "none", "-no-reboot", "-serial", "stdio", "-kernel",
	    PATH_IMAGES "/current/vmlinux", "-initrd", initrd, "-append",
	    "console=ttyS0 quiet panic=-1 reboot=t", NULL};
	struct err e = ERR_INIT;
	struct child c;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	ok(write_initrd(initrd, MACNAT_KERNEL, &e), &e);
	ok(child_run(&c, argv, UP_MS, &e), &e);
	unlink(initrd);
	if (!strstr(c.out, ", 0 failed")) {
		print_error("%s%s\n", c.out, c.err);
		fail();
	}
	child_free(&c);
}

/* The kernel's own choice would be random addresses beside the one that we know. */
static void set_knobs(void)
{
	static const char *const knobs[] = {"/proc/sys/net/ipv6/conf/eth0/use_tempaddr",
	    "/proc/sys/net/ipv6/conf/eth0/addr_gen_mode"};

	for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
		AUTO_CLOSE int fd = open(knobs[i], O_WRONLY | O_CLOEXEC);

		if (fd >= 0 && write(fd, "0", 1) != 1)
			print_error("%s is not set\n", knobs[i]);
	}
}

/* All of it at the same time as all others do. */
static int use_network(struct host *h, const struct lease *l, struct err *e)
{
	double ms;

	if (net_ping(l->gateway, 20000, &ms, e) ||
	    net_ping("2001:db8:1::1", 20000, &ms, e) || hosts_meet(h, e))
		return -1;
	if (net_get(l->gateway, 2 * MIB, 60000, e) ||
	    net_put(l->gateway, 2 * MIB, 60000, e) ||
	    net_get("2001:db8:1::1", MIB, 60000, e) ||
	    net_put("2001:db8:1::1", MIB, 60000, e) || hosts_meet(h, e))
		return -1;
	/* And from the air: connections, and groups both ways. */
	return net_called(l->gateway, 30000, e) ||
		       net_called("2001:db8:1::1", 30000, e) ||
		       net_groups("eth0", 30000, e)
		   ? -1
		   : 0;
}

static int live(struct host *h, struct err *e)
{
	int foreign, echo, foreign4, foreign6;
	struct in_addr own;
	struct ipv6 v6;
	struct lease l;

	set_knobs();
	foreign = hosts_watch(WATCH_FOREIGN, NULL, e);
	echo = hosts_watch(WATCH_SOURCE, radio, e);
	if (foreign < 0 || echo < 0 || hosts_join("192.0.2.", "2001:db8:1:", &l, &v6, e))
		return -1;
	inet_pton(AF_INET, l.address, &own);
	foreign4 = hosts_watch(WATCH_FOREIGN4, &own, e);
	foreign6 = hosts_watch(WATCH_FOREIGN6, NULL, e);
	if (foreign4 < 0 || foreign6 < 0 || hosts_meet(h, e) || use_network(h, &l, e) ||
	    hosts_meet(h, e))
		return -1;
	return hosts_saw_none(foreign, "for another host", e) ||
		       hosts_saw_none(echo, "our own from the air", e) ||
		       hosts_saw_none(foreign4, "for another IPv4 address", e) ||
		       hosts_saw_none(foreign6, "for another IPv6 address", e)
		   ? -1
		   : 0;
}

static void sixteen_hosts(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;
	uint8_t mac[6];
	json_t *o;

	inst_set(i, "mode", "macnat");
	lab_write(i);
	lab_up(i);
	o = lab_status(i);
	assert_string_equal(text_at(o, "mode"), "macnat");
	assert_true(msg_mac_parse(text_at(o, "wlan.mac"), radio));
	json_decref(o);
	/* The interface has an address of its own. */
	ok(net_mac(i->tap, mac, &e), &e);
	assert_memory_not_equal(mac, radio, 6);
	assert_int_equal(mac[0] & 3, 2);
	ok(hosts_run(HOSTS, i->tap, PART_MS, live, &e), &e);
	lab_down(i);
}

/* The interface itself is a host, without any bridge. */
static void be_a_host(void **state, size_t bytes)
{
	struct inst *i = lab_inst(state, "open");
	struct err e = ERR_INIT;
	struct ipv6 v6;
	struct lease l;
	double ms;

	inst_set(i, "mode", "macnat");
	lab_write(i);
	lab_up(i);
	ok(net_dhcp("udhcpc", i->tap, 30000, &l, &e), &e);
	ok(net_ping(l.gateway, 10000, &ms, &e), &e);
	ok(net_ipv6(i->tap, 30000, &v6, &e), &e);
	ok(net_ping(v6.router, 10000, &ms, &e), &e);
	ok(net_get(l.gateway, bytes, 20000, &e), &e);
	ok(net_put(l.gateway, bytes, 20000, &e), &e);
	ok(net_called(l.gateway, 10000, &e), &e);
	lab_down(i);
}

static void the_interface_is_a_host(void **state)
{
	be_a_host(state, 8 * MIB);
}

static void long_100_mib(void **state)
{
	be_a_host(state, 100 * MIB);
}

LAB_MAIN("mn", LAB_TEST(programs_in_the_guests_kernel), LAB_TEST(sixteen_hosts),
    LAB_TEST(the_interface_is_a_host), LAB_TEST(long_100_mib))
