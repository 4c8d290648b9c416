/*
 * doctor/: each check on a host in which it passes, one in which it warns and one in
 * which it fails. A host is a folder: files, and for FreeBSD its programs as small
 * scripts that answer from a table and refuse what they do not know.
 */
#include <errno.h>
#include <setjmp.h>
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
#include "doctor.h"
#include "flr.h"
#include "fs.h"
#include "image.h"
#include "keyring.h"
#include "manifest.h"

static char root[] = "/tmp/bhyfi-doctor-XXXXXX";
static struct config config;
static struct card_list cards;
static struct doctor_options options;

static void put_mode(const char *path, const char *text, mode_t mode)
{
	struct err e = ERR_INIT;
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	*strrchr(full, '/') = '\0';
	assert_int_equal(fs_mkdir_p(full, 0755, &e), 0);
	full[strlen(full)] = '/';
	assert_int_equal(fs_write_atomic(full, mode, text, strlen(text), &e), 0);
}

static void put(const char *path, const char *text)
{
	put_mode(path, text, 0644);
}

static void drop(const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(fs_remove_tree(full, NULL), 0);
}

/* A script of the host; what it does is in sh. %s: the folder. */
static void program(const char *path, const char *script)
{
	char text[2048];

	snprintf(text, sizeof(text), "#!/bin/sh\nroot=%s\n%s", root, script);
	put_mode(path, text, 0755);
}

static const char sysctls[] = "hw.model=Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz\n"
			      "hw.pagesize=4096\n"
			      "hw.vmm.iommu.enable=1\n"
			      "hw.vmm.iommu.initialized=0\n"
			      "hw.vmm.svm.num_asids=0\n"
			      "hw.vmm.vmx.initialized=1\n"
			      "kern.module_path=/boot/kernel;/boot/modules\n"
			      "kern.vm_guest=none\n"
			      "vm.max_user_wired=1500000\n"
			      "vm.stats.vm.v_free_count=900000\n"
			      "vm.stats.vm.v_inactive_count=100000\n"
			      "vm.stats.vm.v_laundry_count=0\n"
			      "vm.stats.vm.v_user_wire_count=1000\n";

static const char rc_conf[] = "bhyfi_enable=\"YES\"\n"
			      "ifconfig_tap0='DHCP'\n"
			      "ifconfig_tap0_ipv6=\"inet6 accept_rtadv\"\n"
			      "devmatch_blocklist=\"if_iwlwifi\"\n";

static const char pciconf[] =
    "none0@pci0:3:0:0:\tclass=0x028000 rev=0x1a hdr=0x00 vendor=0x8086 device=0x2723 "
    "subvendor=0x8086 subdevice=0x0084\n"
    "    bar   [10] = type Memory, range 64, base 0xea230000, size 16384, enabled\n"
    "    cap 01[c8] = powerspec 3  supports D0 D3  current D0\n"
    "    cap 05[d0] = MSI supports 1 message, 64 bit\n"
    "    cap 10[40] = PCI-Express 2 endpoint max data 128(128) FLR\n";

static void freebsd_host(void)
{
	put("/sysctls", sysctls);
	put("/modules", "vmm\nnmdm\nif_tuntap\n");
	put("/tables", "DMAR\n");
	program("/sbin/sysctl", "[ $# = 2 ] && [ \"$1\" = -n ] || exit 64\n"
				"while IFS='=' read -r n v; do [ \"$n\" = \"$2\" ] && { "
				"echo \"$v\"; exit 0; }\n"
				"done < $root/sysctls\n"
				"echo \"sysctl: unknown oid '$2'\" >&2; exit 1\n");
	program("/sbin/kldstat",
	    "[ $# = 3 ] && [ \"$1 $2\" = '-q -m' ] || exit 64\n"
	    "while read -r n; do [ \"$n\" = \"$3\" ] && exit 0; done < $root/modules\n"
	    "exit 1\n");
	program("/usr/sbin/acpidump",
	    "[ $# = 3 ] && [ \"$1 $2\" = '-t -T' ] || exit 1\n"
	    "while read -r n; do [ \"$n\" = \"$3\" ] &&\n"
	    "  printf '  %s: Length=136, Revision=1, Checksum=1,\\n' $n; done "
	    "< $root/tables\n"
	    "exit 0\n");
	program("/sbin/ifconfig",
	    "[ $# = 1 ] || exit 1\n"
	    "[ -f $root/if-$1 ] && { cat $root/if-$1; exit 0; }\n"
	    "echo \"ifconfig: interface $1 does not exist\" >&2; exit 1\n");
	program("/sbin/zfs",
	    "[ \"$1 $2 $3 $4 $5\" = 'get -H -o value mountpoint' ] || exit 2\n"
	    "[ \"$6\" = zroot/vm ] && echo /zroot/vm\n");
	program("/usr/sbin/pciconf", "[ $# = 1 ] || exit 1\n"
				     "case $1 in\n"
				     "-lvb) sed '/^    cap/d' $root/pciconf ;;\n"
				     "-lvbc) cat $root/pciconf ;;\n"
				     "*) exit 1 ;;\n"
				     "esac\n");
	put("/pciconf", pciconf);
	put("/usr/sbin/bhyve", "");
	put("/usr/sbin/bhyvectl", "");
	put("/usr/sbin/devctl", "");
	put("/sbin/dhclient", "");
	put("/usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd", "");
	put("/usr/local/share/uefi-firmware/BHYVE_UEFI_VARS.fd", "");
	put("/usr/local/etc/rc.d/bhyfi", "");
	put("/etc/defaults/rc.conf", "dhclient_program=\"/sbin/dhclient\"\n");
	put("/etc/rc.conf", rc_conf);
	put("/boot/loader.conf", "vmm_load=\"YES\"\n");
	put("/var/run/dmesg.boot", "CPU: x\n  VT-x: PAT,HLT,MTF,PAUSE,EPT,UG,VPID\n");
	options.os = "freebsd";
	snprintf(config.interface, sizeof(config.interface), "tap0");
	snprintf(config.vmm, sizeof(config.vmm), "bhyve");
}

/* A configuration space with one capability. */
static void put_config(uint8_t header, uint8_t cap)
{
	uint8_t config_space[256] = {
	    [0x06] = 0x10, [0x0e] = header, [0x34] = 0x40, [0x40] = cap};
	char path[512];

	put("/sys/bus/pci/devices/0000:03:00.0/config", "");
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/0000:03:00.0/config", root);
	assert_int_equal(fs_write_atomic(path, 0644, config_space, 256, NULL), 0);
}

/* Linux's cards are read by Linux's own code, which another system does not have: the
 * rest of the test is skipped there, and said to be. */
static void linux_host(void)
{
	if (!os_is_native("linux"))
		skip();
	put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme vmx ssse3\n");
	put("/proc/meminfo", "MemTotal:  8000000 kB\nMemAvailable:  4000000 kB\n");
	put("/dev/kvm", "");
	put("/dev/net/tun", "");
	put("/sys/bus/pci/drivers/vfio-pci/bind", "");
	put("/sys/class/iommu/dmar0/x", "");
	put("/sys/kernel/iommu_groups/7/devices/0000:03:00.0/x", "");
	put("/sys/bus/pci/devices/0000:03:00.0/resource",
	    "0x00000000ea230000 0x00000000ea233fff 0x0000000000140204\n"
	    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	put_config(0x00, 0x11);
	put("/run/systemd/system/x", "");
	put("/etc/systemd/system/multi-user.target.wants/bhyfi@wlan.service", "");
	put("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\n"
				       "iface bhyfi0 inet dhcp\n");
	options.os = "linux";
	snprintf(config.interface, sizeof(config.interface), "bhyfi0");
	snprintf(config.vmm, sizeof(config.vmm), "qemu");
	snprintf(config.qemu, sizeof(config.qemu), "/bin/sh");
}

/* The system that the tests run on; for what is the same on both. */
static void native_host(void)
{
	if (os_is_native("freebsd"))
		freebsd_host();
	else
		linux_host();
}

/* A folder that image_open takes. */
static void make_image(const char *card, bool air, bool efi)
{
	const char *names[] = {"vmlinuz", "vmlinux", "initrd", air ? "air.initrd" : NULL,
	    efi ? "uki.efi" : NULL, efi ? "esp.img" : NULL};
	json_t *m = json_pack("{s:i,s:s,s:s,s:s,s:b,s:s,s:{}}", "format", MANIFEST_FORMAT,
	    "source", "dir", "kernel", "6.1.0-test", "built_by", "test", "air", (int)air,
	    "card", card, "artefacts");
	struct err e = ERR_INIT;
	AUTO_FREE char *id = NULL;
	char path[64];

	drop("/image");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i] == NULL)
			continue;
		snprintf(path, sizeof(path), "/image/%s", names[i]);
		put(path, names[i]);
		assert_int_equal(
		    json_object_set_new(json_object_get(m, "artefacts"), names[i],
			manifest_artefact(config.image, names[i], &e)),
		    0);
	}
	id = manifest_id(m, &e);
	assert_non_null(id);
	json_object_set_new(m, "id", json_string(id));
	assert_int_equal(manifest_write(config.image, m, &e), 0);
	assert_int_equal(image_sign(config.image, NULL, &e), 0);
	json_decref(m);
}

static void good_card(void)
{
	struct card *c = &cards.cards[0];

	memset(&cards, 0, sizeof(cards));
	cards.n = 1;
	assert_int_equal(card_id_parse("pci0:3:0:0", &c->id, NULL), 0);
	config.card = c->id;
	c->vendor = 0x8086;
	c->device = 0x2723;
	snprintf(c->name, sizeof(c->name), "Intel Wi-Fi 6 AX200");
	c->passable = true;
	c->iommu_group = 7;
	c->pci = (struct pci_facts){.header_known = true,
	    .caps_known = true,
	    .bars_known = true,
	    .msi = true,
	    .flr = true,
	    .bars = {{.reg = 0x10, .memory = true, .base = 0xea230000, .size = 16384}},
	    .nbars = 1};
}

static int setup(void **state)
{
	static char image[80], networks[80], etc[80], flr[80], keys[80], secret[80];

	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	assert_int_equal(config_init(&config, "wlan", NULL), 0);
	snprintf(image, sizeof(image), "%s/image", root);
	snprintf(networks, sizeof(networks), "%s/networks", root);
	snprintf(etc, sizeof(etc), "%s/etc-bhyfi", root);
	snprintf(flr, sizeof(flr), "%s/flr-broken", root);
	snprintf(keys, sizeof(keys), "%s/keys", root);
	snprintf(secret, sizeof(secret), "%s/secret", root);
	keyring_paths = (struct keyring_paths){keys, secret};
	config.memory_mib = 160;
	snprintf(config.image, sizeof(config.image), "%s", image);
	snprintf(config.networks, sizeof(config.networks), "%s", networks);
	good_card();
	put("/flr-broken",
	    "# none\n14c3:0616 flr https://example.org/a MediaTek MT7922\n");
	put_mode("/networks", "network={\n\tssid=\"x\"\n\tkey_mgmt=NONE\n}\n", 0600);
	put("/etc-bhyfi/wlan.conf", "card = pci0:3:0:0\n");
	options = (struct doctor_options){.instance = "wlan",
	    .root = root,
	    .flr_path = flr,
	    .etc = etc,
	    .config = &config,
	    .cards = &cards};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return fs_remove_tree(root, NULL);
}

struct seen {
	struct check_result result;
	unsigned n, by[CHECK_STATUSES];
};

static void see(void *arg, const struct check_result *r)
{
	struct seen *s = arg;

	assert_true(r->why[0] != '\0');
	s->result = *r;
	s->n++;
	s->by[r->status]++;
}

/* Runs the one check; what is said has to have `why` in it, and the fix `mend`. */
static void expect(
    const char *id, enum check_status status, const char *why, const char *mend)
{
	struct seen s = {.n = 0};
	struct err e = ERR_INIT;

	options.only = id;
	assert_int_equal(doctor_run(&options, see, &s, &e), 0);
	assert_int_equal(s.n, 1);
	if (s.result.status != status || strstr(s.result.why, why) == NULL ||
	    strstr(s.result.fix, mend) == NULL)
		fail_msg("%s: %s, \"%s\", fix \"%s\"", id,
		    check_status_name(s.result.status), s.result.why, s.result.fix);
	/* What failed or is to be heeded says how it is mended, but for facts. */
	if (mend[0] == '\0')
		assert_string_equal(s.result.fix, "");
}

#define PASS(id, why) expect(id, CHECK_PASS, why, "")
#define WARN(id, why, mend) expect(id, CHECK_WARN, why, mend)
#define FAIL(id, why, mend) expect(id, CHECK_FAIL, why, mend)
#define SKIP(id, why, mend) expect(id, CHECK_SKIP, why, mend)

static void all_pass(const char *card)
{
	struct seen s = {.n = 0};
	struct err e = ERR_INIT;

	make_image(card, false, true);
	options.only = NULL;
	assert_int_equal(doctor_run(&options, see, &s, &e), 0);
	assert_true(s.n > 15);
	assert_int_equal(s.by[CHECK_WARN], 0);
	assert_int_equal(s.by[CHECK_FAIL], 0);
}

static void freebsd_healthy(void **state)
{
	(void)state;
	freebsd_host();
	all_pass("8086:2723");
}

static void linux_healthy(void **state)
{
	(void)state;
	linux_host();
	all_pass("8086:2723");
}

static void sysctl_is(const char *name, const char *value)
{
	char text[4096], line[256];
	AUTO_FREE char *now = NULL;
	char path[128], *save = NULL;

	snprintf(path, sizeof(path), "%s/sysctls", root);
	assert_int_equal(fs_read_file(path, sizeof(text), &now, NULL, NULL), 0);
	text[0] = '\0';
	for (char *l = strtok_r(now, "\n", &save); l != NULL;
	     l = strtok_r(NULL, "\n", &save))
		if (strncmp(l, name, strlen(name)) != 0 || l[strlen(name)] != '=') {
			snprintf(line, sizeof(line), "%s\n", l);
			strcat(text, line);
		}
	if (value != NULL) {
		snprintf(line, sizeof(line), "%s=%s\n", name, value);
		strcat(text, line);
	}
	put("/sysctls", text);
}

static void cpu_freebsd(void **state)
{
	const char *id = "cpu.virtualisation";

	(void)state;
	freebsd_host();
	PASS(id, "VT-x");
	sysctl_is("hw.vmm.vmx.initialized", "0");
	sysctl_is("hw.vmm.svm.num_asids", "32768");
	PASS(id, "AMD-V");
	sysctl_is("hw.vmm.svm.num_asids", NULL);
	PASS(id, "EPT");
	put("/var/run/dmesg.boot", "  VT-x: PAT,HLT,MTF,PAUSE,EPT,VPID\n");
	FAIL(id, "lacks UG, which", "");
	put("/var/run/dmesg.boot", "  VT-x: (disabled in BIOS) PAT,EPT,UG\n");
	FAIL(id, "firmware has it off", "switch on");
	put("/var/run/dmesg.boot", "  SVM: NP,NRIP,VClean,AFlush,DAssist,NAsids=32768\n");
	PASS(id, "AMD-V");
	put("/var/run/dmesg.boot", "  SVM: NP,NAsids=64\n");
	FAIL(id, "NRIP", "");
	put("/var/run/dmesg.boot", "CPU: an old one\n");
	FAIL(id, "neither VT-x nor SVM", "switch on");
	sysctl_is("kern.vm_guest", "vbox");
	FAIL(id, "itself a guest (vbox)", "nested");
	sysctl_is("kern.vm_guest", "none");
	drop("/var/run/dmesg.boot");
	SKIP(id, "can not be read", "kldload vmm");
}

static void cpu_linux(void **state)
{
	(void)state;
	linux_host();
	PASS("cpu.virtualisation", "VT-x");
	PASS("cpu.kvm", "/dev/kvm");
	put("/proc/cpuinfo", "flags\t\t: fpu svm\n");
	PASS("cpu.virtualisation", "AMD-V");
	drop("/dev/kvm");
	WARN("cpu.kvm", "not there", "kvm_amd");
	strcpy(config.accel, "kvm");
	FAIL("cpu.kvm", "not there", "modprobe");
	strcpy(config.accel, "auto");
	put("/proc/cpuinfo", "flags\t\t: fpu nosvm vmxx\n");
	WARN("cpu.virtualisation", "slow", "switch on");
	strcpy(config.accel, "kvm");
	FAIL("cpu.virtualisation", "accel = kvm", "switch on");
	SKIP("cpu.kvm", "no virtualisation", "");
	strcpy(config.accel, "tcg");
	PASS("cpu.virtualisation", "tcg");
	SKIP("cpu.kvm", "does without", "");
}

static void iommu_intel(void **state)
{
	(void)state;
	freebsd_host();
	if (geteuid() == 0) {
		PASS("iommu.present", "VT-d");
		put("/tables", "APIC\n");
		FAIL("iommu.present", "DMAR", "VT-d");
		SKIP("iommu.on", "there is none", "");
		put("/tables", "DMAR\n");
		PASS("iommu.on", "with the first VM");
	} else {
		SKIP("iommu.present", "only root", "su root");
		SKIP("iommu.on", "once a VM has run", "");
	}
	put("/dev/vmm/other", "");
	FAIL("iommu.on", "a VM runs", "VT-d");
	sysctl_is("hw.vmm.iommu.initialized", "1");
	PASS("iommu.on", "in use");
	PASS("iommu.present", "VT-d");
	sysctl_is("hw.vmm.iommu.enable", "0");
	FAIL("iommu.on", "is 0", "loader.conf");
	drop("/sbin/sysctl");
	SKIP("iommu.present", "does not tell", "");
	SKIP("iommu.on", "does not tell", "");
}

static void iommu_amd(void **state)
{
	const char *setting = "vmm_load=YES\n  hw.vmm.amdvi.enable = \"1\" # for ppt\n";

	(void)state;
	freebsd_host();
	sysctl_is("hw.model", "AMD Ryzen 5 5600G");
	sysctl_is("hw.vmm.amdvi.count", "1");
	sysctl_is("hw.vmm.amdvi.enable", "0");
	PASS("iommu.present", "AMD-Vi");
	FAIL("iommu.on", "stays off", "bhyfi setup");
	put("/boot/loader.conf", setting);
	FAIL("iommu.on", "loaded before", "kenv hw.vmm.amdvi.enable=1");
	sysctl_is("hw.vmm.amdvi.enable", "1");
	PASS("iommu.on", "first VM");
	put("/boot/loader.conf", "#hw.vmm.amdvi.enable=1\n");
	WARN("iommu.on", "not at the next boot", "bhyfi setup");
	sysctl_is("hw.vmm.amdvi.enable", NULL);
	put("/boot/loader.conf.local", setting);
	PASS("iommu.on", "first VM");
	sysctl_is("hw.vmm.amdvi.count", "0");
	FAIL("iommu.present", "IVRS", "AMD-Vi");
	SKIP("iommu.on", "there is none", "");
}

static void iommu_linux(void **state)
{
	const char *mate = "/sys/kernel/iommu_groups/7/devices/0000:03:00.1/x";

	(void)state;
	linux_host();
	PASS("iommu.present", "kernel has it");
	PASS("iommu.on", "group 7");
	PASS("iommu.group", "alone");
	put(mate, "");
	PASS("iommu.group", "nobody uses");
	put("/sys/bus/pci/devices/0000:03:00.1/driver/bind", "");
	put("/sys/bus/pci/devices/0000:03:00.1/class", "0x010802\n");
	FAIL("iommu.group", "0000:03:00.1", "slot");
	put("/sys/bus/pci/devices/0000:03:00.1/class", "0x060400\n");
	PASS("iommu.group", "nobody uses");
	cards.cards[0].iommu_group = -1;
	FAIL("iommu.on", "in no group", "slot");
	SKIP("iommu.group", "in no IOMMU group", "");
	drop("/sys/class/iommu");
	put("/sys/firmware/acpi/tables/DMAR", "");
	PASS("iommu.present", "announces one");
	FAIL("iommu.on", "does not use it", "intel_iommu=on");
	drop("/sys/firmware/acpi/tables/DMAR");
	FAIL("iommu.present", "announces none", "switch on");
	FAIL("iommu.on", "none", "switch on");
}

static void card_found(void **state)
{
	(void)state;
	freebsd_host();
	PASS("card.found", "pci0:3:0:0 8086:2723 Intel");
	config.card.bus = 4;
	FAIL("card.found", "pci0:4:0:0", "bhyfi cards");
	options.config = NULL;
	options.instance = "doctor-none";
	PASS("card.found", "none is configured");
	cards.n = 0;
	FAIL("card.found", "no wireless", "sim:wpa2");
	SKIP("card.reset", "no card", "");
	SKIP("iommu.on", "no card", "");
}

static void card_simulated(void **state)
{
	(void)state;
	native_host();
	assert_int_equal(card_id_parse("sim:wpa2", &config.card, NULL), 0);
	PASS("card.found", "sim:wpa2");
	SKIP("card.driver", "simulated", "");
	SKIP("iommu.present", "simulated", "");
	if (os_is_native("linux"))
		SKIP("host.module.vfio-pci", "simulated", "");
}

static void card_driver(void **state)
{
	struct card *c = &cards.cards[0];

	(void)state;
	freebsd_host();
	PASS("card.driver", "no driver");
	strcpy(c->driver, "ppt");
	PASS("card.driver", "ppt");
	strcpy(c->driver, "iwlwifi");
	PASS("card.driver", "not at the next boot");
	put("/etc/rc.conf", "bhyfi_enable=YES\n");
	WARN("card.driver", "iwlwifi takes it", "bhyfi setup");
	linux_host();
	strcpy(c->driver, "iwlwifi");
	PASS("card.driver", "iwlwifi has it");
	strcpy(c->why, "wlan0 has the default route now");
	WARN("card.driver", "default route", "");
	strcpy(c->driver, "vfio-pci");
	PASS("card.driver", "vfio-pci");
}

static void card_pci_freebsd(void **state)
{
	(void)state;
	freebsd_host();
	options.cards = NULL;
	PASS("card.found", "pci0:3:0:0 8086:2723");
	PASS("card.header", "type 0");
	PASS("card.bars", "whole pages");
	if (geteuid() == 0)
		PASS("card.msi", "MSI");
	else
		SKIP("card.msi", "only root", "su root");
	put("/pciconf",
	    "none0@pci0:3:0:0:\tclass=0x028000 rev=0x1a hdr=0x81 vendor=0x8086 "
	    "device=0x2723 subvendor=0x8086 subdevice=0x0084\n"
	    "    bar   [10] = type I/O Port, range 32, base 0xc000, size 32, enabled\n"
	    "    bar   [14] = type Memory, range 32, base 0xea230800, size 2048, "
	    "enabled\n"
	    "    cap 01[c8] = powerspec 3\n");
	FAIL("card.header", "header type 1", "");
	FAIL("card.bars", "BAR 14, 2048 bytes at 0xea230800", "");
	if (geteuid() == 0)
		FAIL("card.msi", "neither MSI nor MSI-X", "");
	put("/pciconf", "pciconf: what\n\n    bar [\n    cap\n");
	SKIP("card.found", "pciconf: line 1 is not as it prints them", "");
	SKIP("card.header", "no card to look at", "");
	drop("/usr/sbin/pciconf");
	SKIP("card.found", "pciconf", "install the program");
	SKIP("card.bars", "no card to look at", "");
	options.cards = &cards;
	cards.cards[0].pci = (struct pci_facts){.header_known = true, .bars_known = true};
	SKIP("card.bars", "can not be read", "");
	SKIP("card.msi", geteuid() == 0 ? "can not be read" : "only root",
	    geteuid() == 0 ? "" : "su root");
}

static void card_pci_linux(void **state)
{
	const char *resource = "/sys/bus/pci/devices/0000:03:00.0/resource";

	(void)state;
	linux_host();
	options.cards = NULL;
	put("/sys/bus/pci/devices/0000:03:00.0/class", "0x028000\n");
	put("/sys/bus/pci/devices/0000:03:00.0/vendor", "0x8086\n");
	put("/sys/bus/pci/devices/0000:03:00.0/device", "0x2723\n");
	PASS("card.found", "pci0:3:0:0 8086:2723");
	PASS("card.header", "type 0");
	PASS("card.msi", "MSI-X");
	PASS("card.bars", "whole pages");
	put_config(0x81, 0x01);
	FAIL("card.header", "header type 1", "");
	FAIL("card.msi", "neither", "");
	put(resource, "0x00000000ea230000 0x00000000ea2307ff 0x0000000000040200\n");
	WARN("card.bars", "2048 bytes", "");
	put(resource, "what\n");
	SKIP("card.bars", "can not be read", "");
	drop("/sys/bus/pci/devices/0000:03:00.0/config");
	SKIP("card.header", "can not be read", "");
	drop("/sys/bus/pci/devices");
	FAIL("card.found", "no wireless PCI card", "bhyfi cards");
	SKIP("card.header", "no card to look at", "");
}

static void card_reset(void **state)
{
	struct card *c = &cards.cards[0];

	(void)state;
	freebsd_host();
	PASS("card.reset", "nothing is known");
	c->vendor = 0x14c3;
	c->device = 0x0616;
	WARN("card.reset",
	    "MediaTek MT7922: its function level reset fails "
	    "(https://example.org/a)",
	    "bhyfi down");
	put("/flr-broken", "# x\n14c3:0616 maybe https://example.org MT\n");
	FAIL("card.reset", "flr-broken:2: expected flr, bus or power", "again");
	drop("/flr-broken");
	SKIP("card.reset", "not installed", "again");
}

static void image_there(void **state)
{
	(void)state;
	native_host();
	FAIL("image.present", "no image", "bhyfi image build --card 8086:2723");
	SKIP("image.verified", "no image", "");
	SKIP("image.fits", "no image", "");
	make_image("8086:2723", false, true);
	PASS("image.present", "6.1.0-test");
	PASS("image.verified", "every file");
	drop("/keys");
	FAIL("image.verified", "not trusted", "/keys");
	drop("/image/manifest.json.sig");
	FAIL("image.verified", "not signed", "bhyfi image build");
	make_image("8086:2723", false, true);
	PASS("image.fits", "for this card");
	put("/image/initrd", "INITRD");
	PASS("image.present", "6.1.0-test");
	FAIL("image.verified", "hash", "bhyfi image build");
	drop("/image/initrd");
	FAIL("image.present", "initrd", "bhyfi image build");
}

static void image_fits(void **state)
{
	(void)state;
	native_host();
	make_image("14c3:0616", false, true);
	WARN("image.fits", "14c3:0616", "--card 8086:2723");
	make_image("all", false, true);
	PASS("image.fits", "all cards");
	make_image("sim", true, true);
	WARN("image.fits", "test image", "bhyfi image build");
	assert_int_equal(card_id_parse("sim:wpa2", &config.card, NULL), 0);
	PASS("image.fits", "boots here");
	make_image("8086:2723", false, true);
	FAIL("image.fits", "no simulated WLAN", "--air");
	good_card();
	freebsd_host();
	make_image("8086:2723", false, false);
	FAIL("image.fits", "no EFI part", "on Linux");
	native_host();
	strcpy(config.vmm, "fake");
	SKIP("image.present", "needs none", "");
}

static void host_config(void **state)
{
	(void)state;
	native_host();
	PASS("host.config", "wlan.conf");
	options.config = NULL;
	options.instance = "doctor-none";
	FAIL("host.config", "no such file", "bhyfi setup");
}

static void host_networks(void **state)
{
	(void)state;
	native_host();
	PASS("host.networks", "1 network,");
	put_mode("/networks", "country=DE\n", 0600);
	WARN("host.networks", "no network", "network=");
	put_mode("/networks", "network={\n\tssid=\"x\"\n}\n", 0644);
	FAIL("host.networks", "mode 0644", "chmod 600");
	put_mode("/networks", "network={\n\tssid=x\n}\n", 0600);
	FAIL("host.networks", "networks:2:", "mend");
	drop("/networks");
	FAIL("host.networks", "no networks file", "0600");
}

static void host_programs(void **state)
{
	(void)state;
	freebsd_host();
	PASS("host.vmm", "bhyve");
	drop("/usr/sbin/bhyvectl");
	FAIL("host.vmm", "/usr/sbin/bhyvectl", "install");
	PASS("host.firmware", "installed");
	drop("/usr/local/share/uefi-firmware/BHYVE_UEFI_VARS.fd");
	FAIL("host.firmware", "VARS", "pkg install bhyve-firmware");
	linux_host();
	PASS("host.vmm", "/bin/sh");
	strcpy(config.qemu, "/nowhere/qemu");
	FAIL("host.vmm", "/nowhere/qemu", "apt install");
}

static void host_modules(void **state)
{
	(void)state;
	freebsd_host();
	PASS("host.module.vmm", "in the kernel");
	put("/modules", "if_tuntap\n");
	put("/boot/modules/vmm.ko", "");
	PASS("host.module.vmm", "not loaded yet");
	PASS("host.module.if_tuntap", "in the kernel");
	FAIL("host.module.nmdm", "no module", "kldload nmdm");
	drop("/sbin/kldstat");
	SKIP("host.module.vmm", "does not tell", "");
	linux_host();
	PASS("host.module.vfio-pci", "in the kernel");
	PASS("host.module.tun", "in the kernel");
	drop("/dev/net/tun");
	FAIL("host.module.tun", "no module", "modprobe tun");
}

static void host_memory(void **state)
{
	(void)state;
	freebsd_host();
	PASS("host.memory", "160 MiB");
	sysctl_is("vm.stats.vm.v_free_count", "100");
	sysctl_is("vm.stats.vm.v_inactive_count", "100");
	WARN("host.memory", "free now", "");
	sysctl_is("vm.max_user_wired", "30000");
	FAIL("host.memory", "113 more", "sysctl vm.max_user_wired=41960");
	options.running = true;
	PASS("host.memory", "the VM has it");
	options.running = false;
	sysctl_is("vm.max_user_wired", NULL);
	SKIP("host.memory", "does not tell", "");
	linux_host();
	PASS("host.memory", "160 MiB");
	put("/proc/meminfo", "MemAvailable:  100000 kB\n");
	WARN("host.memory", "97 MiB", "");
}

static void host_tap(void **state)
{
	(void)state;
	freebsd_host();
	PASS("host.tap", "tap0 is free");
	put("/if-tap0", "tap0: flags=8802<BROADCAST,SIMPLEX,MULTICAST>\n"
			"\tdescription: bhyfi wlan\n");
	PASS("host.tap", "this instance's");
	put("/if-tap0", "tap0: flags=8802<BROADCAST,SIMPLEX,MULTICAST>\n");
	FAIL("host.tap", "not this instance's", "set interface");
	strcpy(config.interface, "wifi0");
	FAIL("host.tap", "tapN", "tap0");
	linux_host();
	PASS("host.tap", "bhyfi0 is free");
	put("/sys/class/net/bhyfi0/ifalias", "bhyfi wlan\n");
	PASS("host.tap", "this instance's");
	put("/sys/class/net/bhyfi0/ifalias", "bhyfi home\n");
	FAIL("host.tap", "not this instance's", "set interface");
}

static void boot_freebsd(void **state)
{
	(void)state;
	freebsd_host();
	PASS("boot.start", "enables it");
	PASS("boot.order", "no interface");
	put("/etc/rc.conf", "bhyfi_enable=NO\ncloned_interfaces=\"lo1 tap0\"\n");
	WARN("boot.start", "does not start at boot", "sysrc bhyfi_enable=YES");
	FAIL("boot.order", "cloned_interfaces makes tap0",
	    "sysrc cloned_interfaces-=tap0");
	put("/etc/rc.conf",
	    "bhyfi_enable=yes\nbhyfi_instances=\"home\"\nwlans_iwlwifi0=wlan0\n");
	WARN("boot.start", "does not name wlan", "bhyfi_instances+=");
	strcpy(cards.cards[0].driver, "iwlwifi");
	WARN("boot.order", "wlans_iwlwifi0", "sysrc -x wlans_iwlwifi0");
	put("/etc/rc.conf", "bhyfi_enable=$(echo YES)\n");
	SKIP("boot.start", "only a shell", "sysrc bhyfi_enable");
	put("/etc/rc.conf.local", "bhyfi_enable='on'\n");
	PASS("boot.start", "enables it");
	drop("/usr/local/etc/rc.d/bhyfi");
	WARN("boot.start", "not installed", "pkg install");
}

static void dhcp_freebsd(void **state)
{
	(void)state;
	freebsd_host();
	PASS("boot.dhcp", "/sbin/dhclient");
	PASS("boot.ipv6", "accept_rtadv");
	put("/etc/rc.conf", "ifconfig_tap0=\"inet 192.0.2.7/24\"\n");
	PASS("boot.dhcp", "inet 192.0.2.7/24");
	WARN("boot.ipv6", "IPv4 only", "sysrc ifconfig_tap0_ipv6");
	put("/etc/rc.conf",
	    "ifconfig_DEFAULT=SYNCDHCP\ndhclient_program=/usr/local/sbin/none\n");
	FAIL("boot.dhcp", "/usr/local/sbin/none", "dhclient_program");
	put("/etc/rc.conf", "\n");
	WARN("boot.dhcp", "no address", "sysrc ifconfig_tap0=DHCP");
}

static void boot_linux(void **state)
{
	(void)state;
	linux_host();
	PASS("boot.start", "enabled");
	PASS("boot.dhcp", "ifupdown");
	put("/etc/systemd/network/20-all.network", "[Match]\nName=eth* bhyfi*\n");
	WARN("boot.dhcp", "ifupdown and systemd-networkd", "one of them");
	drop("/etc/network/interfaces");
	PASS("boot.dhcp", "systemd-networkd");
	drop("/etc/systemd/network");
	put("/sbin/dhclient", "");
	WARN("boot.dhcp", "nobody is told", "/sbin/dhclient bhyfi0");
	drop("/sbin/dhclient");
	WARN("boot.dhcp", "no DHCP client", "apt install");
	drop("/etc/systemd/system");
	WARN("boot.start", "not enabled", "systemctl enable bhyfi@wlan");
	drop("/run/systemd");
	SKIP("boot.start", "systemd does not run", "");
}

static void conflict_instance(void **state)
{
	(void)state;
	native_host();
	PASS("conflict.instance", "no other");
	put("/etc-bhyfi/home.conf", "card = pci0:3:0:0\n");
	FAIL("conflict.instance", "home has the same card", "home.conf");
	put("/etc-bhyfi/home.conf", "card = sim:wpa2\ninterface = tap5\n");
	strcpy(config.interface, "tap5");
	FAIL("conflict.instance", "same interface, tap5", "home.conf");
	put("/etc-bhyfi/home.conf", "card = what\n");
	PASS("conflict.instance", "no other");
	options.config = NULL;
	options.instance = "doctor-none";
	SKIP("conflict.instance", "no configuration", "");
}

static void conflict_wifibox(void **state)
{
	const char *conf = "/usr/local/etc/wifibox/bhyve.conf";

	(void)state;
	freebsd_host();
	PASS("conflict.wifibox", "does not run");
	put(conf, "cpus=1\npassthru=\"4/0/0\"\n");
	PASS("conflict.wifibox", "not configured for this card");
	put(conf, "passthru=\"0/20/0 3/0/0\"\n");
	WARN("conflict.wifibox", "configured for this card", "");
	put("/etc/rc.conf", "wifibox_enable=\"YES\"\n");
	FAIL("conflict.wifibox", "at boot", "sysrc wifibox_enable=NO");
	put("/dev/vmm/wifibox", "");
	FAIL("conflict.wifibox", "runs now", "service wifibox stop");
}

static void conflict_vm_bhyve(void **state)
{
	(void)state;
	freebsd_host();
	PASS("conflict.vm-bhyve", "not set up");
	put("/etc/rc.conf", "vm_enable=YES\nvm_dir=\"zfs:zroot/vm\"\n");
	SKIP("conflict.vm-bhyve", "/zroot/vm can not be read", "");
	put("/zroot/vm/other/other.conf", "loader=\"uefi\"\npassthru0=\"4/0/0\"\n");
	PASS("conflict.vm-bhyve", "no guest");
	put("/zroot/vm/wifi/wifi.conf", "cpu=1\npassthru0=\"3/0/0=6:0\"\n");
	WARN("conflict.vm-bhyve", "wifi is configured", "vm configure wifi");
	put("/etc/rc.conf", "vm_enable=YES\nvm_dir=/zroot/vm\nvm_list=\"a wifi\"\n");
	FAIL("conflict.vm-bhyve", "at boot", "sysrc vm_list-=wifi");
	put("/dev/vmm/wifi", "");
	FAIL("conflict.vm-bhyve", "runs", "vm stop wifi");
	put("/etc/rc.conf", "vm_dir=zfs:none\n");
	SKIP("conflict.vm-bhyve", "does not tell", "sysrc vm_dir");
}

static void conflict_pptdevs(void **state)
{
	(void)state;
	freebsd_host();
	PASS("conflict.pptdevs", "does not reserve");
	put("/boot/loader.conf", "pptdevs=\"4/0/0 3/0/0\"\n");
	PASS("conflict.pptdevs", "pptdevs keeps the card");
}

static void flr_file(void **state)
{
	struct err e = ERR_INIT;
	struct flr_list l;
	static const struct {
		const char *text, *error;
	} bad[] = {
	    {"14c3 flr https://x y\n", "f:1: expected VENDOR:DEVICE"},
	    {"# x\n\n14c3:06160 flr https://x y\n", "f:3: expected VENDOR:DEVICE"},
	    {"14c3:061g flr https://x y\n", "f:1: expected VENDOR:DEVICE"},
	    {"14c3:0616\n", "f:1: expected flr, bus or power"},
	    {"14c3:0616 bus http://x y\n", "f:1: expected a source"},
	    {"14c3:0616 bus https://x\n", "f:1: expected a name"},
	    {"14c3:0616 bus https://x \x1b[31m\n", "f:1: expected at most"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(
		    flr_parse(&l, bad[i].text, strlen(bad[i].text), "f", &e), -1);
		assert_ptr_equal(strstr(e.msg, bad[i].error), e.msg);
	}
	assert_int_equal(flr_parse(&l, "", 0, "f", &e), 0);
	assert_int_equal(l.n, 0);
	/* The one that is installed. */
	assert_int_equal(flr_load(&l, FLR_FILE, &e), 0);
	assert_true(l.n >= 10);
	assert_non_null(flr_find(&l, 0x168c, 0x003e));
	assert_null(flr_find(&l, 0x8086, 0x2723));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(freebsd_healthy),
	    TEST(linux_healthy),
	    TEST(cpu_freebsd),
	    TEST(cpu_linux),
	    TEST(iommu_intel),
	    TEST(iommu_amd),
	    TEST(iommu_linux),
	    TEST(card_found),
	    TEST(card_simulated),
	    TEST(card_driver),
	    TEST(card_pci_freebsd),
	    TEST(card_pci_linux),
	    TEST(card_reset),
	    TEST(image_there),
	    TEST(image_fits),
	    TEST(host_config),
	    TEST(host_networks),
	    TEST(host_programs),
	    TEST(host_modules),
	    TEST(host_memory),
	    TEST(host_tap),
	    TEST(boot_freebsd),
	    TEST(dhcp_freebsd),
	    TEST(boot_linux),
	    TEST(conflict_instance),
	    TEST(conflict_wifibox),
	    TEST(conflict_vm_bhyve),
	    TEST(conflict_pptdevs),
	    TEST(flr_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
