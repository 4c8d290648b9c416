/* Taking over wifibox and vm-bhyve, from trees as those programs' samples make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../image/image.h"
#include "assign.h"
#include "cleanup.h"
#include "found.h"
#include "fs.h"
#include "import.h"
#include "vm-bhyve.h"

#define WIFIBOX "/usr/local/etc/wifibox"

static char root[64], etc[80];

static int make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/bhyfi-import-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(etc, sizeof(etc), "%s/ours", root);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	return fs_remove_tree(root, NULL);
}

static void put(const char *path, const char *text)
{
	char full[256], dir[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(full, '/') - full), full);
	assert_int_equal(fs_mkdir_p(dir, 0755, NULL), 0);
	assert_int_equal(fs_write_atomic(full, 0644, text, strlen(text), NULL), 0);
}

/* The first item whose setting or file begins so; NULL: none. */
static const struct import_item *item(const struct import *im, const char *what)
{
	for (size_t i = 0; i < im->n; i++) {
		const struct import_item *it = &im->items[i];

		if ((it->setting != NULL &&
			strncmp(it->setting, what, strlen(what)) == 0) ||
		    (it->setting == NULL && strstr(it->file, what) != NULL))
			return it;
	}
	return NULL;
}

static void want(const struct import *im, const char *what, enum import_result result,
    const char *text)
{
	const struct import_item *it = item(im, what);

	if (it == NULL)
		fail_msg("nothing was said of %s", what);
	else if (it->result != result || strstr(it->text, text) == NULL)
		fail_msg("%s: %s: %s", what, import_result_name(it->result), it->text);
}

static struct import_options options(void)
{
	return (struct import_options){.instance = "wlan", .root = root, .etc = etc};
}

/* assign.c */

static void parse(struct assigns *a, const char *text)
{
	struct err e = ERR_INIT;

	if (assigns_parse(text, strlen(text), "f", a, &e) < 0)
		fail_msg("%s", e.msg);
}

static void want_value(const char *text, const char *name, const char *value)
{
	const struct assign *s;
	struct assigns a;

	parse(&a, text);
	s = assigns_last(&a, name);
	assert_non_null(s);
	assert_string_equal(s->value, value);
	assigns_free(&a);
}

static void test_assign_quotes(void **state)
{
	(void)state;
	want_value("a=1", "a", "1");
	want_value("a=", "a", "");
	want_value("  a=\"x y\"  # c\n", "a", "x y");
	want_value("a='x\"$y'", "a", "x\"$y");
	want_value("a=\"x\"'y'z", "a", "xyz");
	want_value("a=x\\ y", "a", "x y");
	want_value("a=\"x\\\"y\\z\"", "a", "x\"y\\z");
	want_value("a=1; b=2", "b", "2");
	want_value("a=1 b=2\n", "a", "1");
	want_value("a=1\na=2\n", "a", "2");
	want_value("a=\"x \\\ny\"", "a", "x y");
	want_value("a=x#y", "a", "x#y");
	want_value("a=1 # $(rm)\nb=2", "b", "2");
	want_value("a=\"line\nline\"\r\n", "a", "line\nline");
	want_value("a=5$", "a", "5$");
}

static void want_problem(const char *text, size_t index, unsigned line, const char *why)
{
	struct assigns a;

	parse(&a, text);
	assert_true(a.n > index);
	assert_non_null(a.list[index].problem);
	assert_int_equal(a.list[index].line, line);
	if (strstr(a.list[index].problem, why) == NULL)
		fail_msg("%s", a.list[index].problem);
	assert_string_equal(a.list[index].value, "");
	assigns_free(&a);
}

static void test_assign_refused(void **state)
{
	static const char here[] = "cat <<EOF\na=1\nEOF\n",
			  function[] = "f ()\n{\na=1\n}\n";
	struct assigns a;

	(void)state;
	want_problem("a=$b", 0, 1, "expansion");
	want_problem("x=1\na=\"${b}\"", 1, 2, "expansion");
	want_problem("a=`id`", 0, 1, "expansion");
	want_problem("a=\"$(id)\"\nb=1", 0, 1, "expansion");
	want_problem("a=~/x", 0, 1, "folder");
	want_problem("a='x", 0, 1, "quote");
	want_problem("\n. /etc/x", 0, 2, "command");
	want_problem("a=1 cmd", 0, 1, "command");
	want_problem("echo 'a\nb=1'\nc=2", 0, 1, "command");
	want_problem("if x; then\na=1\nfi\nb=2", 0, 1, "program");
	want_problem("a=(1 2)", 0, 1, "program");
	/* What stands behind a program is not known to hold. */
	parse(&a, "if x; then\na=1\nfi\nb=2");
	assert_int_equal(a.n, 1);
	assigns_free(&a);
	parse(&a, here);
	assert_int_equal(a.n, 1);
	assigns_free(&a);
	parse(&a, function);
	assert_int_equal(a.n, 1);
	assigns_free(&a);
	/* A value that can not be known hides an earlier one. */
	parse(&a, "a=1\na=$b\n");
	assert_null(assigns_last(&a, "a"));
	assigns_free(&a);
	/* A variable of one command only is none. */
	parse(&a, "a=1 cmd\n");
	assert_null(assigns_last(&a, "a"));
	assigns_free(&a);
	assert_int_equal(assigns_parse("a\0b", 3, "f", &a, NULL), -1);
}

static void test_assign_vm(void **state)
{
	static const char text[] = "loader=\"uefi\"   \n"
				   "memory=512M # more\n"
				   "  cpu=2\n"
				   "grub_run0=\"linux a=b\"\n"
				   "memory=1G\n"
				   "name=\"with # in it\"\n"
				   "nonsense\n";
	struct assigns a;

	(void)state;
	assert_int_equal(assigns_parse_vm(text, strlen(text), "f", &a, NULL), 0);
	assert_string_equal(assigns_first(&a, "loader")->value, "uefi");
	assert_string_equal(assigns_first(&a, "memory")->value, "512M");
	assert_string_equal(assigns_first(&a, "grub_run0")->value, "linux a=b");
	assert_string_equal(assigns_first(&a, "name")->value, "with");
	assert_null(assigns_first(&a, "cpu"));
	assert_null(assigns_first(&a, "nonsense"));
	assigns_free(&a);
}

static void test_memory(void **state)
{
	(void)state;
	assert_int_equal(found_memory("128M"), 128);
	assert_int_equal(found_memory(" 1g "), 1024);
	assert_int_equal(found_memory("262144K"), 256);
	assert_int_equal(found_memory("192"), 192);
	assert_int_equal(found_memory("268435456"), 256);
	assert_int_equal(found_memory("128X"), 0);
	assert_int_equal(found_memory("-1"), 0);
	assert_int_equal(found_memory("99999999999999999999"), 0);
	assert_int_equal(found_memory(""), 0);
}

/* wifibox */

static void wifibox_tree(const char *passthru)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "# a comment\ncpus=2\nmemory=320M\nconsole=no\npassthru=%s\npriority=50\n"
	    "stop_wait_max=30\n",
	    passthru);
	put(WIFIBOX "/bhyve.conf", text);
	put(WIFIBOX "/core.conf", "loglevel=DEBUG");
	snprintf(text, sizeof(text), "%s" WIFIBOX "/app_config", root);
	assert_int_equal(symlink("wpa_supplicant", text), 0);
	put(WIFIBOX "/wpa_supplicant/wpa_supplicant.conf",
	    "ctrl_interface=/var/run/wpa_supplicant\nupdate_config=1\ncountry=DE\n"
	    "network={\n\tssid=\"home\"\n\tpsk=\"not for the eye\"\n}\n"
	    "network={\n\tssid=\"work\"\n\tkey_mgmt=WPA-EAP\n\teap=TTLS\n\tidentity="
	    "\"me\"\n"
	    "\tpassword=\"hidden too\"\n\tca_cert=\"/etc/wpa_supplicant/ca.pem\"\n}\n");
}

static void wifibox_network(void)
{
	put(WIFIBOX "/appliance/interfaces.conf",
	    "iface eth0 inet static\n  address 10.0.0.1\n  netmask 255.255.255.0\n\n"
	    "iface wlan0 inet static\n  address 192.0.2.7/24\n  gateway 192.0.2.1\n");
	put(WIFIBOX "/appliance/iptables",
	    "*filter\n:INPUT DROP [0:0]\n[0:0] -A INPUT -p tcp --dport 22 -j "
	    "ACCEPT\nCOMMIT\n"
	    "*nat\n:POSTROUTING ACCEPT [0:0]\n[0:0] -A POSTROUTING -o wlan0 -j "
	    "MASQUERADE\n"
	    "[0:0] -A PREROUTING -i wlan0 -p tcp --dport 80 -j DNAT --to 10.0.0.2:8080\n"
	    "COMMIT\n");
	put(WIFIBOX "/appliance/udhcpd.conf", "start 10.0.0.2\n");
	put(WIFIBOX "/appliance/uds_passthru.conf",
	    "sockets=\"path=${_sockdir}/wlan0\"\n");
	put(WIFIBOX "/appliance/udhcpd.conf.sample", "start 10.0.0.2\n");
	put(WIFIBOX "/appliance/odd.conf", "x\n");
	put("/usr/local/etc/devd/wifibox.conf", "notify 11 {};\n");
	put("/boot/loader.conf", "vmm_load=\"YES\"\npptdevs=\"3/0/0\"\n");
	put("/etc/pf.conf", "pass on wifibox0\n# wifibox0\n");
	put("/etc/rc.conf",
	    "hostname=\"laptop\"\nwifibox_enable=\"YES\"\nifconfig_wifibox0="
	    "\"SYNCDHCP\"\n"
	    "background_dhclient_wifibox0='YES'\ndefaultrouter=10.0.0.1\n"
	    "devmatch_blocklist=\"if_iwm\"\npf_rules_for=\"em0 wifibox0\"\n"
	    "ifconfig_wifibox0_ipv6=\"$X\"\n. /etc/more\n");
}

static void test_wifibox(void **state)
{
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;

	(void)state;
	wifibox_tree("3/0/0");
	wifibox_network();
	if (import_wifibox(&o, &im, &e) < 0)
		fail_msg("%s", e.msg);
	want(&im, "passthru=3/0/0", IMPORT_TAKEN, "card = pci0:3:0:0");
	want(&im, "cpus=2", IMPORT_TAKEN, "cpus = 2");
	want(&im, "memory=320M", IMPORT_TAKEN, "memory = 320");
	want(&im, "console=no", IMPORT_NEEDLESS, "bhyfi console");
	want(&im, "priority=50", IMPORT_CANNOT, "priority");
	want(&im, "stop_wait_max=30", IMPORT_TAKEN, "stop_timeout = 30");
	want(&im, "loglevel=DEBUG", IMPORT_TAKEN, "log_level = debug");
	want(&im, "country=DE", IMPORT_TAKEN, "country = DE");
	want(&im, "ctrl_interface=", IMPORT_NEEDLESS, "own");
	want(&im, "ca_cert=", IMPORT_CANNOT, "blob");
	want(&im, ":INPUT DROP", IMPORT_CANNOT, "firewall");
	want(&im, "[0:0] -A INPUT", IMPORT_CANNOT, "firewall");
	want(&im, "[0:0] -A POSTROUTING", IMPORT_NEEDLESS, "translation");
	want(&im, "[0:0] -A PREROUTING", IMPORT_NEEDLESS, "rdr");
	want(&im, "address 192.0.2.7/24", IMPORT_TODO, "ifconfig_");
	want(&im, "odd.conf", IMPORT_CANNOT, "not know");
	want(&im, "wifibox_enable=YES", IMPORT_TODO, "sysrc -x wifibox_enable");
	want(&im, "ifconfig_wifibox0=SYNCDHCP", IMPORT_TODO, "=SYNCDHCP; sysrc -x");
	want(&im, "defaultrouter=10.0.0.1", IMPORT_TODO, "gone");
	want(&im, "devmatch_blocklist=", IMPORT_NEEDLESS, "keep");
	want(&im, "pf_rules_for=", IMPORT_TODO, "wifibox0");
	want(&im, "ifconfig_wifibox0_ipv6=...", IMPORT_CANNOT, "expansion");
	want(&im, "pass on wifibox0", IMPORT_TODO, "instead of wifibox0");
	want(&im, "pptdevs=3/0/0", IMPORT_NEEDLESS, "reserved");
	want(&im, "devd/wifibox.conf", IMPORT_TODO, "rm ");
	assert_null(item(&im, "hostname="));
	assert_null(item(&im, "udhcpd.conf.sample"));
	assert_non_null(strstr(im.config.text, "\ncard = pci0:3:0:0\n"));
	assert_int_equal(im.networks_n, 2);
	for (size_t i = 0; i < im.n; i++) {
		assert_null(strstr(im.items[i].text, "not for the eye"));
		assert_true(im.items[i].setting == NULL ||
			    strstr(im.items[i].setting, "hidden too") == NULL);
	}
	assert_int_equal(im.config.state, IMPORT_FILE_NEW);
	assert_int_not_equal(access(etc, F_OK), 0);
	import_free(&im);
}

static void test_wifibox_write(void **state)
{
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;
	char path[128];
	struct stat st;
	char *text;

	(void)state;
	wifibox_tree("\"3/0/0\"");
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_int_equal(import_write(&o, &im, &e), 0);
	import_free(&im);
	snprintf(path, sizeof(path), "%s/wpa_supplicant.conf", etc);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s/wlan.conf", etc);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);

	/* Twice is once. */
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_int_equal(im.config.state, IMPORT_FILE_SAME);
	assert_int_equal(im.networks.state, IMPORT_FILE_SAME);
	assert_int_equal(import_write(&o, &im, &e), 0);
	import_free(&im);

	/* What the user has written since then stays. */
	put("/ours/wlan.conf", "card = sim:wpa2\n");
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_int_equal(im.config.state, IMPORT_FILE_OTHER);
	assert_int_equal(import_write(&o, &im, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.hint, "--force"));
	import_free(&im);
	assert_int_equal(fs_read_file(path, 1000, &text, NULL, NULL), 0);
	assert_string_equal(text, "card = sim:wpa2\n");
	free(text);

	o.force = true;
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_int_equal(import_write(&o, &im, &e), 0);
	assert_non_null(im.config.backup);
	assert_int_equal(fs_read_file(im.config.backup, 1000, &text, NULL, NULL), 0);
	assert_string_equal(text, "card = sim:wpa2\n");
	free(text);
	import_free(&im);
}

/* What setup has written is no reason to refuse: it is completed. */
static void test_after_setup(void **state)
{
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;
	char path[128], *text;

	(void)state;
	wifibox_tree("\"3/0/0\"");
	put("/ours/wlan.conf", "# bhyfi.conf(5) has all keys.\ncard = pci0:3:0:0 ; mine\n"
			       "interface = tap7");
	put("/ours/wpa_supplicant.conf",
	    "# The networks that bhyfi joins: wpa_supplicant.conf(5)\n");
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_int_equal(im.config.state, IMPORT_FILE_MERGE);
	assert_int_equal(im.networks.state, IMPORT_FILE_MERGE);
	assert_int_equal(import_write(&o, &im, &e), 0);
	assert_null(im.config.backup);
	import_free(&im);
	snprintf(path, sizeof(path), "%s/wlan.conf", etc);
	assert_int_equal(fs_read_file(path, 1000, &text, NULL, NULL), 0);
	assert_ptr_equal(
	    strstr(text, "# bhyfi.conf(5) has all keys.\ncard = pci0:3:0:0 ; "
			 "mine\ninterface = tap7\n"),
	    text);
	assert_non_null(strstr(text, "\nstop_timeout = "));
	free(text);
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_int_equal(im.config.state, IMPORT_FILE_SAME);
	assert_int_equal(im.networks.state, IMPORT_FILE_SAME);
	import_free(&im);
	/* Another card, and networks of the user's own. */
	put("/ours/wlan.conf", "card = pci0:4:0:0\n");
	put("/ours/wpa_supplicant.conf", "country=DE\n");
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_int_equal(im.networks.state, IMPORT_FILE_OTHER);
	assert_int_equal(import_write(&o, &im, &e), -1);
	assert_non_null(
	    strstr(e.msg, "card is \"pci0:4:0:0\" there, and \"pci0:3:0:0\""));
	import_free(&im);
	/* Networks elsewhere would not be those that are taken over. */
	put("/ours/wlan.conf", "card = pci0:3:0:0\nnetworks = /etc/x.conf\n");
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_int_equal(im.config.state, IMPORT_FILE_OTHER);
	assert_non_null(strstr(im.config.conflict.msg, "networks is \"/etc/x.conf\""));
	import_free(&im);
}

static void wifibox_fails(enum err_code code, const char *text)
{
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;

	assert_int_equal(import_wifibox(&o, &im, &e), -1);
	assert_int_equal(e.code, code);
	if (strstr(e.msg, text) == NULL)
		fail_msg("%s", e.msg);
	assert_int_equal(im.config.state, IMPORT_FILE_NONE);
	import_free(&im);
}

static void test_wifibox_refused(void **state)
{
	(void)state;
	wifibox_fails(ERR_PRECONDITION, "no wifibox here");
	put(WIFIBOX "/bhyve.conf", "cpus=1\n");
	wifibox_fails(ERR_PRECONDITION, "passthru is missing");
	put(WIFIBOX "/bhyve.conf", "passthru=\n");
	wifibox_fails(ERR_PRECONDITION, "names no card");
	put(WIFIBOX "/bhyve.conf", "x=1\npassthru=$(first_card)\n");
	wifibox_fails(ERR_FAILED, "bhyve.conf:2: passthru: an expansion");
	put(WIFIBOX "/bhyve.conf", "passthru=3/0/0\n. /etc/evil\n");
	wifibox_fails(ERR_FAILED, "bhyve.conf:2: a command");
	put(WIFIBOX "/bhyve.conf", "passthru=3-0-0\n");
	wifibox_fails(ERR_FAILED, "expected");
	put(WIFIBOX "/bhyve.conf", "passthru=999/0/0\n");
	wifibox_fails(ERR_FAILED, "expected");
}

static void test_wifibox_two_devices(void **state)
{
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;

	(void)state;
	wifibox_tree("\"3/0/0 0/20/0\"");
	wifibox_fails(ERR_PRECONDITION, "2 devices");
	o.card = "pci0:0:20:0";
	assert_int_equal(import_wifibox(&o, &im, &e), 0);
	assert_non_null(strstr(im.config.text, "card = pci0:0:20:0\n"));
	import_free(&im);
	o.card = "pci0:4:0:0";
	assert_int_equal(import_wifibox(&o, &im, &e), -1);
	import_free(&im);
}

static void test_wifibox_hostapd(void **state)
{
	char path[128];
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;

	(void)state;
	wifibox_tree("3/0/0");
	snprintf(path, sizeof(path), "%s" WIFIBOX "/app_config", root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("hostapd", path), 0);
	put(WIFIBOX "/hostapd/hostapd.conf",
	    "ssid=cafe\nwpa_passphrase=not for the eye\nwpa_psk=1\n");
	assert_int_equal(import_wifibox(&o, &im, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	want(&im, "ssid=cafe", IMPORT_CANNOT, "access point");
	want(&im, "wpa_passphrase=...", IMPORT_CANNOT, "access point");
	want(&im, "wpa_psk=...", IMPORT_CANNOT, "access point");
	import_free(&im);
}

static void test_instance(void **state)
{
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;

	(void)state;
	o.instance = "second";
	wifibox_tree("3/0/0");
	if (import_wifibox(&o, &im, &e) < 0)
		fail_msg("%s", e.msg);
	assert_non_null(strstr(im.config.path, "/second.conf"));
	assert_non_null(strstr(im.networks.path, "/second.wpa_supplicant.conf"));
	assert_non_null(strstr(im.config.text, "/second.wpa_supplicant.conf\n"));
	import_free(&im);
}

/* vm-bhyve */

static void vm_tree(void)
{
	put("/vm/.templates/alpine.conf", "loader=grub\n");
	put("/vm/wifi/wifi.conf",
	    "loader=\"grub\"\ncpu=1\nmemory=512M\nnetwork0_type=\"virtio-net\"\n"
	    "network0_switch=\"public\"\nnetwork0_device=\"tap0\"\n"
	    "disk0_type=\"virtio-blk\"\ndisk0_name=\"disk0.img\"\n"
	    "grub_run0=\"linux /boot/vmlinuz-virt root=/dev/vda3 modules=ext4\"\n"
	    "passthru0=\"3/0/0=2:0\"\nbhyve_options=\"-p 1:1\"\nodd_thing=1\n"
	    "uuid=\"a-b\"\nnetwork0_mac=\"58:9c:fc:00:00:01\"\n");
	put("/vm/other/other.conf", "loader=\"grub\"\ncpu=1\nmemory=512M\n");
	put("/etc/wpa_supplicant.conf",
	    "network={\n ssid=\"home\"\n psk=\"not for the eye\"\n}\n");
	put("/etc/rc.conf", "vm_enable=\"YES\"\nvm_dir=\"/vm\"\nvm_list=\"other wifi\"\n"
			    "cloned_interfaces=\"bridge0 tap0\"\nifconfig_bridge0=\"addm "
			    "em0 addm tap0\"\n"
			    "ifconfig_tap0=\"DHCP\"\nautobridge_bridge0=\"tap*\"\n");
	put("/etc/rc.local", "dhclient tap0\n");
	put("/boot/loader.conf", "pptdevs=\"3/0/0\"\n");
}

static void test_vm_bhyve(void **state)
{
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;

	(void)state;
	vm_tree();
	if (import_vm_bhyve(&o, &im, &e) < 0)
		fail_msg("%s", e.msg);
	want(&im, "passthru0=3/0/0=2:0", IMPORT_TAKEN, "card = pci0:3:0:0");
	want(&im, "network0_device=tap0", IMPORT_TAKEN, "interface = tap0");
	want(&im, "network0_switch=public", IMPORT_CANNOT, "clone");
	want(&im, "cpu=1", IMPORT_TAKEN, "cpus = 1");
	want(&im, "memory=512M", IMPORT_TAKEN, "memory = 512");
	want(&im, "loader=grub", IMPORT_NEEDLESS, "UEFI");
	want(&im, "grub_run0=", IMPORT_NEEDLESS, "UEFI");
	want(&im, "bhyve_options=", IMPORT_CANNOT, "options");
	want(&im, "odd_thing=1", IMPORT_CANNOT, "not a setting");
	want(&im, "vm_list=other wifi", IMPORT_TODO, "sysrc vm_list-=wifi");
	want(&im, "vm_enable=YES", IMPORT_NEEDLESS, "other guests");
	want(&im, "cloned_interfaces=", IMPORT_TODO, "sysrc cloned_interfaces-=tap0");
	want(&im, "ifconfig_bridge0=", IMPORT_TODO, "addm tap0");
	want(&im, "ifconfig_tap0=DHCP", IMPORT_NEEDLESS, "keep");
	want(&im, "autobridge_bridge0=", IMPORT_TODO, "member");
	want(&im, "dhclient tap0", IMPORT_TODO, "joins");
	want(&im, "/etc/wpa_supplicant.conf", IMPORT_TAKEN, "1 network");
	assert_non_null(strstr(im.config.text, "interface = tap0\n"));
	import_free(&im);
}

static void vm_fails(const struct import_options *o, const char *text, const char *hint)
{
	struct err e = ERR_INIT;
	struct import im;

	if (import_vm_bhyve(o, &im, &e) == 0)
		fail_msg("taken, not %s: %s", text, im.config.text);
	if (strstr(e.msg, text) == NULL || strstr(e.hint, hint) == NULL)
		fail_msg("%s: %s (%s)", text, e.msg, e.hint);
	import_free(&im);
}

static void test_vm_bhyve_refused(void **state)
{
	struct import_options o = options();
	struct err e = ERR_INIT;
	struct import im;

	(void)state;
	vm_fails(&o, "no vm-bhyve here", "--vm-dir");
	vm_tree();
	put("/vm/second/second.conf", "passthru0=\"4/0/0\"\n");
	vm_fails(&o, "several guests", "GUEST");
	o.guest = "../wifi";
	vm_fails(&o, "not the name", "");
	o.guest = "nobody";
	vm_fails(&o, "no such guest", "");
	o.guest = "other";
	vm_fails(&o, "no passthru0", "");
	o.guest = "second";
	if (import_vm_bhyve(&o, &im, &e) < 0)
		fail_msg("%s", e.msg);
	assert_non_null(strstr(im.config.text, "card = pci0:4:0:0\n"));
	import_free(&im);
	/* Where the dataset is mounted can only be tried. */
	o.guest = NULL;
	put("/etc/rc.conf", "vm_dir=\"zfs:zroot/vm\"\n");
	vm_fails(&o, "several guests", "");
	put("/etc/rc.conf", "vm_dir=\"zfs:zroot/machines\"\n");
	vm_fails(&o, "not mounted", "--vm-dir");
}

/* What is written for vm-bhyve */

/* Reads a template as vm-bhyve does, and as its documentation says that it may be. */
static void check_template(const char *text, const char *card)
{
	static const char *const required[] = {"loader", "cpu", "memory", "disk0_type",
	    "disk0_name", "network0_type", "network0_switch"};
	const struct assign *s;
	struct assigns a;

	assert_int_equal(assigns_parse_vm(text, strlen(text), "template", &a, NULL), 0);
	for (size_t i = 0; i < a.n; i++) {
		const struct vm_bhyve_key *k = vm_bhyve_key(a.list[i].name);

		if (a.list[i].problem != NULL || k == NULL || !k->documented)
			fail_msg("%s is no setting of vm-bhyve's", a.list[i].name);
		assert_ptr_equal(assigns_first(&a, a.list[i].name), &a.list[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(required); i++)
		if (assigns_first(&a, required[i]) == NULL)
			fail_msg("%s is missing", required[i]);
	s = assigns_first(&a, "passthru0");
	assert_string_equal(s != NULL ? s->value : "", card);
	assert_string_equal(assigns_first(&a, "loader")->value, "uefi-custom");
	assigns_free(&a);
}

static void test_template(void **state)
{
	char AUTO_FREE *plan = NULL, *text = NULL;
	char esp[128];
	struct image img = {.id = (char[]){"id"}, .dir = root, .esp = esp};
	struct err e = ERR_INIT;
	struct config c;
	size_t len;
	FILE *f;

	(void)state;
	put("/esp.img", "0123456789");
	snprintf(esp, sizeof(esp), "%s/esp.img", root);
	assert_int_equal(config_init(&c, "wlan", &e), 0);
	assert_int_equal(card_id_parse("pci0:3:0:0", &c.card, &e), 0);
	f = open_memstream(&text, &len);
	assert_int_equal(vm_bhyve_template(&c, &img, f, &e), 0);
	fclose(f);
	check_template(text, "3/0/0");
	assert_non_null(strstr(text, "disk0_size=\"1K\"\n"));
	f = open_memstream(&plan, &len);
	assert_int_equal(vm_bhyve_plan(&c, &img, NULL, f, &e), 0);
	fclose(f);
	assert_non_null(strstr(plan, text));
	assert_non_null(strstr(plan, "\nvm create -t bhyfi bhyfi-wlan\n"));
	assert_non_null(strstr(plan, "\ndevctl set driver -f pci0:3:0:0 ppt\n"));
	assert_non_null(strstr(plan, "\nvm start bhyfi-wlan\n"));
	assert_non_null(strstr(plan, "\nvm stop bhyfi-wlan\n"));
	img.esp = NULL;
	f = fopen("/dev/null", "w");
	assert_int_equal(vm_bhyve_plan(&c, &img, NULL, f, &e), -1);
	fclose(f);
	assert_int_equal(e.code, ERR_PRECONDITION);
}

static void test_keys(void **state)
{
	(void)state;
	assert_non_null(vm_bhyve_key("network12_device"));
	assert_null(vm_bhyve_key("network_device"));
	assert_null(vm_bhyve_key("passthru"));
	assert_null(vm_bhyve_key("passthru0x"));
	assert_null(vm_bhyve_key(""));
}

#define ROOTED(t) cmocka_unit_test_setup_teardown(t, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_assign_quotes),
	    cmocka_unit_test(test_assign_refused),
	    cmocka_unit_test(test_assign_vm),
	    cmocka_unit_test(test_memory),
	    ROOTED(test_wifibox),
	    ROOTED(test_wifibox_write),
	    ROOTED(test_after_setup),
	    ROOTED(test_wifibox_refused),
	    ROOTED(test_wifibox_two_devices),
	    ROOTED(test_wifibox_hostapd),
	    ROOTED(test_instance),
	    ROOTED(test_vm_bhyve),
	    ROOTED(test_vm_bhyve_refused),
	    ROOTED(test_template),
	    cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
