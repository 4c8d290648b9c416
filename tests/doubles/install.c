/* A SYSROOT: a FreeBSD laptop as it comes, with bhyve's firmware installed. */
#include "double.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"

static const struct {
	const char *path, *text;
} files[] = {
    {"/etc/defaults/rc.conf", "rc_conf_files=\"/etc/rc.conf /etc/rc.conf.local\"\n"
			      "background_dhclient=\"NO\"\n"
			      "synchronous_dhclient=\"NO\"\n"
			      "devmatch_blocklist=\"\"\n"
			      "cloned_interfaces=\"\"\n"
			      "dhclient_program=\"/sbin/dhclient\"\n"
			      "ifconfig_lo0=\"inet 127.0.0.1/8\"\n"},
    {"/etc/rc.conf", "hostname=\"laptop\"\n"
		     "ifconfig_tap0=\"DHCP\"\n"
		     "ifconfig_tap0_ipv6=\"inet6 accept_rtadv\"\n"},
    {"/boot/loader.conf", "# none\n"},
    {"/boot/kernel/vmm.ko", ""},
    {"/boot/kernel/nmdm.ko", ""},
    {"/boot/kernel/if_tuntap.ko", ""},
    {"/boot/kernel/wlan.ko", ""},
    {"/boot/kernel/if_iwlwifi.ko", ""},
    {"/var/run/dmesg.boot",
	"FreeBSD 15.1-RELEASE-p1 GENERIC amd64\n"
	"CPU: Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz (1800.00-MHz K8-class CPU)\n"
	"  VT-x: PAT,HLT,MTF,PAUSE,EPT,UG,VPID\n"},
};

/* The package bhyve-firmware: Debian's OVMF in its place. */
static const struct {
	const char *path, *target;
} firmware[] = {{"/usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd",
		    "/usr/share/OVMF/OVMF_CODE_4M.fd"},
    {"/usr/local/share/uefi-firmware/BHYVE_UEFI_VARS.fd",
	"/usr/share/OVMF/OVMF_VARS_4M.fd"}};

static const char *const folders[] = {"/dev/vmm", "/var/run", "/var/db", "/var/double",
    "/boot/kernel", "/usr/local/etc/rc.d", "/etc/rc.d"};

/* clang-format off */
static const char initial_state[] =
"{ \"loaded\": [\"kernel\", \"wlan.ko\", \"if_iwlwifi.ko\"],\n"
"  \"files\": {\n"
"    \"kernel\": [\"if_tuntap\", \"if_tun\", \"if_tap\", \"pci/em\", \"pci/hostb\", \"pci/pcib\"],\n"
"    \"wlan.ko\": [\"wlan\"],\n"
"    \"if_iwlwifi.ko\": [\"if_iwlwifi\", \"pci/iwlwifi\"],\n"
"    \"vmm.ko\": [\"vmm\", \"pci/ppt\", \"pci/amdviiommu\", \"acpi/ivhd\"],\n"
"    \"nmdm.ko\": [\"nmdm\"],\n"
"    \"if_tuntap.ko\": [\"if_tuntap\", \"if_tun\", \"if_tap\"] },\n"
"  \"depends\": { \"if_iwlwifi.ko\": [\"wlan.ko\"] },\n"
"  \"hints\": [ { \"module\": \"if_iwlwifi.ko\", \"vendor\": 32902, \"device\": 10019 } ],\n"
"  \"acpi\": [\"FACP\", \"APIC\", \"DMAR\"],\n"
"  \"mounts\": [ { \"from\": \"devfs\", \"on\": \"/dev\", \"type\": \"devfs\", \"opts\": \"rw\" } ],\n"
"  \"zfs\": {\n"
"    \"zroot\": { \"mountpoint\": \"/zroot\", \"mounted\": true },\n"
"    \"zroot/ROOT\": { \"mountpoint\": \"none\" },\n"
"    \"zroot/ROOT/default\": { \"mountpoint\": \"/\", \"mounted\": true },\n"
"    \"zroot/home\": { \"mountpoint\": \"/home\", \"mounted\": true } },\n"
"  \"kenv\": {},\n"
"  \"sysctl\": {\n"
"    \"hw.model\": \"Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz\",\n"
"    \"hw.physmem\": \"8589934592\", \"hw.pagesize\": \"4096\",\n"
"    \"kern.module_path\": \"/boot/kernel;/boot/modules\", \"kern.vm_guest\": \"none\",\n"
"    \"vm.max_user_wired\": \"1500000\", \"vm.stats.vm.v_user_wire_count\": \"1000\",\n"
"    \"vm.stats.vm.v_free_count\": \"900000\", \"vm.stats.vm.v_inactive_count\": \"100000\",\n"
"    \"vm.stats.vm.v_laundry_count\": \"0\", \"hw.vmm.svm.num_asids\": \"0\",\n"
"    \"hw.vmm.iommu.enable\": \"1\", \"hw.vmm.iommu.initialized\": \"0\",\n"
"    \"hw.vmm.amdvi.enable\": \"0\", \"hw.vmm.amdvi.count\": \"0\",\n"
"    \"hw.vmm.vmx.initialized\": \"1\", \"hw.vmm.ppt.devices\": \"0\",\n"
"    \"net.link.tap.up_on_open\": \"0\", \"net.link.tap.user_open\": \"0\",\n"
"    \"net.link.tap.devfs_cloning\": \"1\", \"net.link.tap.debug\": \"0\" },\n"
"  \"ifs\": {},\n"
"  \"pseudo\": {},\n"
"  \"pci\": [\n"
"   { \"domain\": 0, \"bus\": 0, \"slot\": 0, \"function\": 0, \"class\": 393216,\n"
"     \"rev\": 0, \"hdr\": 0, \"vendor\": 32902, \"device\": 39760, \"subvendor\": 6058,\n"
"     \"subdevice\": 1, \"vendor_name\": \"Intel Corporation\", \"device_name\": \"\",\n"
"     \"native\": \"hostb\", \"driver\": \"hostb\", \"unit\": 0, \"attached\": true,\n"
"     \"bars\": [], \"caps\": [] },\n"
"   { \"domain\": 0, \"bus\": 0, \"slot\": 28, \"function\": 0, \"class\": 394240,\n"
"     \"rev\": 16, \"hdr\": 1, \"vendor\": 32902, \"device\": 40216, \"subvendor\": 6058,\n"
"     \"subdevice\": 1, \"vendor_name\": \"Intel Corporation\",\n"
"     \"device_name\": \"Sunrise Point-LP PCI Express Root Port\",\n"
"     \"native\": \"pcib\", \"driver\": \"pcib\", \"unit\": 1, \"attached\": true,\n"
"     \"bars\": [], \"caps\": [\"    cap 05[80] = MSI supports 1 message enabled with 1 message\"] },\n"
"   { \"domain\": 0, \"bus\": 3, \"slot\": 0, \"function\": 0, \"class\": 163840,\n"
"     \"rev\": 26, \"hdr\": 0, \"vendor\": 32902, \"device\": 10019, \"subvendor\": 32902,\n"
"     \"subdevice\": 132, \"vendor_name\": \"Intel Corporation\",\n"
"     \"device_name\": \"Wi-Fi 6 AX200\",\n"
"     \"native\": \"iwlwifi\", \"driver\": \"iwlwifi\", \"unit\": 0, \"attached\": true,\n"
"     \"bars\": [\"    bar   [10] = type Memory, range 64, base 0xe1000000, size 16384, enabled\"],\n"
"     \"caps\": [\"    cap 01[c8] = powerspec 3  supports D0 D3  current D0\",\n"
"       \"    cap 05[d0] = MSI supports 1 message, 64 bit \",\n"
"       \"    cap 10[40] = PCI-Express 2 endpoint max data 128(128) FLR NS\",\n"
"       \"                 max read 128\",\n"
"       \"                 link x1(x1) speed 5.0(5.0) ASPM L1(L1)\",\n"
"       \"    cap 11[80] = MSI-X supports 16 messages, enabled\",\n"
"       \"                 Table in map 0x10[0x2000], PBA in map 0x10[0x3000]\",\n"
"       \"    ecap 0001[100] = AER 1 0 fatal 0 non-fatal 0 corrected\"] } ] }\n";
/* clang-format on */

static void put(const char *path, const char *text)
{
	char folder[2 * PATH_MAX];
	struct err e = ERR_INIT;

	snprintf(folder, sizeof(folder), "%s", double_path(path));
	*strrchr(folder, '/') = '\0';
	if (fs_mkdir_p(folder, 0755, &e) < 0 ||
	    fs_write_atomic(double_path(path), 0644, text, strlen(text), &e) < 0)
		double_errx(1, "%s", e.msg);
}

static void link_program(const char *self, const char *path)
{
	char folder[2 * PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", double_path(path));
	*strrchr(folder, '/') = '\0';
	fs_mkdir_p(folder, 0755, NULL);
	unlink(double_path(path));
	if (symlink(self, double_path(path)) < 0)
		double_err(1, errno, "%s", double_path(path));
}

int double_install(const char *program, const char *sysroot)
{
	char self[PATH_MAX], root[PATH_MAX];

	if (fs_mkdir_p(sysroot, 0755, NULL) < 0 || realpath(sysroot, root) == NULL ||
	    realpath(program, self) == NULL)
		double_err(1, errno, "%s", sysroot);
	snprintf(double_root, sizeof(double_root), "%s", root);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (fs_mkdir_p(double_path(folders[i]), 0755, NULL) < 0)
			double_err(1, errno, "%s", double_path(folders[i]));
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		put(files[i].path, files[i].text);
	for (const struct double_program *p = double_programs; p->path != NULL; p++)
		link_program(self, p->path);
	for (size_t i = 0; i < ARRAY_LEN(firmware); i++)
		link_program(firmware[i].target, firmware[i].path);
	put("/var/double/state.json", initial_state);
	put("/var/double/log", "");
	return 0;
}
