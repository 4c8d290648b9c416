/* The host: configuration, programs, kernel modules, memory, the interface. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"
#include "cleanup.h"
#include "networks.h"
#include "vmm/bhyve-conf.h"

#define BOTH (SYSTEM_LINUX | SYSTEM_FREEBSD)

/* Whether a file is there and closed to us. */
static bool is_closed(const char *path)
{
	return access(path, R_OK) < 0 && errno == EACCES;
}

static void config_valid(struct doctor *d)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s.conf", d->etc, d->o->instance);
	if (d->configured) {
		pass(d, "%s", path);
	} else if (is_closed(path)) {
		skip_root(d, "what is in the configuration");
	} else {
		fail(d, "%s", d->config_error.msg);
		if (d->config_error.code == ERR_PRECONDITION)
			fix(d, "bhyfi setup");
		else
			fix(d, "%s",
			    d->config_error.hint[0] != '\0'
				? d->config_error.hint
				: "mend that line; bhyfi.conf(5) lists the keys");
	}
}

static void networks_file(struct doctor *d)
{
	const char *path = d->config.networks;
	struct err e = ERR_INIT;
	struct networks n;

	if (is_closed(path)) {
		skip_root(d, "what is in the networks file");
	} else if (networks_load(path, &n, &e) < 0) {
		fail(d, "%s", e.msg);
		fix(d, "%s", e.hint[0] != '\0' ? e.hint : "mend that line");
	} else {
		if (n.n == 0) {
			warn(d, "%s names no network", path);
			fix(d,
			    "add a network={...} block; wpa_passphrase SSID makes one");
		} else if (n.warning[0] != '\0') {
			warn(d, "%s", n.warning);
		} else {
			pass(d, "%s, %zu network%s, nobody else can read it", path, n.n,
			    n.n == 1 ? "" : "s");
		}
		networks_free(&n);
	}
}

static void vmm_freebsd(struct doctor *d)
{
	static const char *const programs[] = {
	    "/usr/sbin/bhyve", "/usr/sbin/bhyvectl", "/usr/sbin/devctl"};

	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		if (fact_exists(programs[i]))
			continue;
		fail(d, "%s is not there", programs[i]);
		fix(d,
		    "pkg install FreeBSD-bhyve, or install the base system's programs");
		return;
	}
	pass(d, "bhyve and bhyvectl are there");
}

static void vmm_linux(struct doctor *d)
{
	if (strcmp(d->config.vmm, "qemu") != 0) {
		skip(d, "vmm = %s", d->config.vmm);
	} else if (access(d->config.qemu, X_OK) < 0) {
		fail(d, "%s: %s", d->config.qemu, strerror(errno));
		fix(d, "apt install qemu-system-x86");
	} else {
		pass(d, "%s", d->config.qemu);
	}
}

/* The kernel's folders for modules, ';' between them. */
static bool module_file(const char *name)
{
	char folders[512], path[PATH_MAX];
	char *save = NULL;

	if (!freebsd_sysctl("kern.module_path", folders, sizeof(folders)))
		strcpy(folders, "/boot/kernel;/boot/modules");
	for (char *dir = strtok_r(folders, ";", &save); dir != NULL;
	     dir = strtok_r(NULL, ";", &save)) {
		snprintf(path, sizeof(path), "%s/%s.ko", dir, name);
		if (fact_exists(path))
			return true;
	}
	return false;
}

static void module_freebsd(struct doctor *d, const char *name)
{
	int loaded = freebsd_kldstat("-m", name, NULL);

	if (loaded == 1) {
		pass(d, "in the kernel");
	} else if (loaded < 0) {
		skip(d, "kldstat does not tell");
	} else if (module_file(name)) {
		pass(d, "not loaded yet: bhyfi up does it");
	} else {
		fail(d, "the kernel lacks %s and has no module of that name", name);
		fix(d, "kldload %s", name);
	}
}

static void module_vmm(struct doctor *d)
{
	module_freebsd(d, "vmm");
}

static void module_nmdm(struct doctor *d)
{
	module_freebsd(d, "nmdm");
}

static void module_tuntap(struct doctor *d)
{
	module_freebsd(d, "if_tuntap");
}

/* "kernel/drivers/vfio/pci/vfio-pci.ko[.xz]: ..." in modules.dep; modules.builtin has
 * the same paths. */
static bool module_listed(const char *name)
{
	static const char *const lists[] = {"modules.dep", "modules.builtin"};
	char path[PATH_MAX], file[64];
	struct utsname u;

	snprintf(file, sizeof(file), "/%s.ko", name);
	if (uname(&u) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		AUTO_FREE char *text = NULL;

		snprintf(path, sizeof(path), "/lib/modules/%s/%s", u.release, lists[i]);
		text = fact_file(path);
		if (text != NULL && strstr(text, file) != NULL)
			return true;
	}
	return false;
}

static void module_linux(struct doctor *d, const char *name, const char *there)
{
	if (fact_exists(there)) {
		pass(d, "in the kernel");
	} else if (module_listed(name)) {
		pass(d, "not loaded yet: bhyfi up does it");
	} else {
		fail(d, "the kernel lacks %s and has no module of that name", name);
		fix(d, "modprobe %s", name);
	}
}

static void module_vfio(struct doctor *d)
{
	if (d->simulated)
		skip(d, "the card is simulated");
	else
		module_linux(d, "vfio-pci", "/sys/bus/pci/drivers/vfio-pci");
}

static void module_tun(struct doctor *d)
{
	module_linux(d, "tun", "/dev/net/tun");
}

#define FIRMWARE "/usr/local/share/uefi-firmware/"

static void firmware_freebsd(struct doctor *d)
{
	static const char *const files[] = {
	    FIRMWARE "BHYVE_UEFI_CODE.fd", FIRMWARE "BHYVE_UEFI_VARS.fd"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (fact_exists(files[i]))
			continue;
		fail(d, "%s is not there", files[i]);
		fix(d, "pkg install bhyve-firmware");
		return;
	}
	pass(d, "bhyve-firmware is installed");
}

/* Pages that can be had without paging anything out. */
static bool freebsd_available(uint64_t *pages)
{
	static const char *const counts[] = {"vm.stats.vm.v_free_count",
	    "vm.stats.vm.v_inactive_count", "vm.stats.vm.v_laundry_count"};
	uint64_t n;

	*pages = 0;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		if (!fact_sysctl_number(counts[i], &n))
			return false;
		*pages += n;
	}
	return true;
}

/*
 * vmm wires the guest's memory as a user's (vm_map_wire, VM_MAP_WIRE_USER), so it
 * counts towards vm.max_user_wired.
 */
static void memory_freebsd(struct doctor *d)
{
	uint64_t size, max, wired, available, need;

	if (d->o->running) {
		pass(d, "the VM has it");
		return;
	}
	if (!fact_sysctl_number("hw.pagesize", &size) || size == 0 ||
	    !fact_sysctl_number("vm.max_user_wired", &max) ||
	    !fact_sysctl_number("vm.stats.vm.v_user_wire_count", &wired) ||
	    !freebsd_available(&available)) {
		skip(d, "sysctl does not tell");
		return;
	}
	need = (uint64_t)d->config.memory_mib * 1024 * 1024 / size;
	if (wired > max || need > max - wired) {
		fail(d,
		    "the guest's %u MiB are to be wired, and users may wire %llu more",
		    d->config.memory_mib,
		    (unsigned long long)(wired > max ? 0 : (max - wired) * size >> 20));
		fix(d, "sysctl vm.max_user_wired=%llu",
		    (unsigned long long)(wired + need));
	} else if (need > available) {
		warn(d, "the guest's %u MiB are more than the %llu MiB that are free now",
		    d->config.memory_mib, (unsigned long long)(available * size >> 20));
	} else {
		pass(d, "%u MiB for the guest can be wired", d->config.memory_mib);
	}
}

/* bhyfid lifts RLIMIT_MEMLOCK itself (vmm_confine). */
static void memory_linux(struct doctor *d)
{
	uint64_t available;

	if (d->o->running)
		pass(d, "the VM has it");
	else if (!fact_meminfo("MemAvailable", &available))
		skip(d, "/proc/meminfo does not tell");
	else if (available / 1024 < d->config.memory_mib)
		warn(d, "the guest's %u MiB are more than the %llu MiB available now",
		    d->config.memory_mib, (unsigned long long)available / 1024);
	else
		pass(d, "%u MiB for the guest of %llu available", d->config.memory_mib,
		    (unsigned long long)available / 1024);
}

/* The alias, or description, that marks a tap as an instance's. */
static void tap_mark(const struct doctor *d, char *out, size_t size)
{
	snprintf(out, size, "bhyfi %s", d->o->instance);
}

static void tap_taken(struct doctor *d)
{
	fail(d, "an interface %s exists, and it is not this instance's",
	    d->config.interface);
	fix(d, "set interface in %s/%s.conf to a name that is free", d->etc,
	    d->o->instance);
}

static void tap_freebsd(struct doctor *d)
{
	const char *const argv[] = {"/sbin/ifconfig", d->config.interface, NULL};
	AUTO_FREE char *text = NULL;
	char mark[40], line[64];
	int status;

	if (!bhyve_is_tap(d->config.interface)) {
		fail(d, "interface = %s: bhyve needs a tap called tapN or vmnetN",
		    d->config.interface);
		fix(d, "set interface = tap0 in %s/%s.conf", d->etc, d->o->instance);
		return;
	}
	tap_mark(d, mark, sizeof(mark));
	status = freebsd_ask(argv, &text, NULL);
	if (status < 0)
		skip(d, "ifconfig does not tell");
	else if (status == 1)
		pass(d, "%s is free", d->config.interface);
	else if (fact_line(text, "\tdescription: ", line, sizeof(line)) &&
		 strcmp(line, mark) == 0)
		pass(d, "%s is this instance's", d->config.interface);
	else
		tap_taken(d);
}

static void tap_linux(struct doctor *d)
{
	AUTO_FREE char *alias = NULL;
	char path[128], mark[40];

	snprintf(path, sizeof(path), "/sys/class/net/%s", d->config.interface);
	if (!fact_exists(path)) {
		pass(d, "%s is free", d->config.interface);
		return;
	}
	tap_mark(d, mark, sizeof(mark));
	snprintf(path, sizeof(path), "/sys/class/net/%s/ifalias", d->config.interface);
	alias = fact_file(path);
	if (alias != NULL)
		alias[strcspn(alias, "\n")] = '\0';
	if (alias != NULL && strcmp(alias, mark) == 0)
		pass(d, "%s is this instance's", d->config.interface);
	else
		tap_taken(d);
}

const struct check host_checks[] = {
    {"host.config", "configuration", BOTH, config_valid},
    {"host.networks", "networks file", BOTH, networks_file},
    {"host.vmm", "bhyve", SYSTEM_FREEBSD, vmm_freebsd},
    {"host.vmm", "QEMU", SYSTEM_LINUX, vmm_linux},
    {"host.firmware", "UEFI firmware", SYSTEM_FREEBSD, firmware_freebsd},
    {"host.module.vmm", "module vmm", SYSTEM_FREEBSD, module_vmm},
    {"host.module.nmdm", "module nmdm", SYSTEM_FREEBSD, module_nmdm},
    {"host.module.if_tuntap", "module if_tuntap", SYSTEM_FREEBSD, module_tuntap},
    {"host.module.vfio-pci", "module vfio-pci", SYSTEM_LINUX, module_vfio},
    {"host.module.tun", "module tun", SYSTEM_LINUX, module_tun},
    {"host.memory", "memory", SYSTEM_FREEBSD, memory_freebsd},
    {"host.memory", "memory", SYSTEM_LINUX, memory_linux},
    {"host.tap", "interface", SYSTEM_FREEBSD, tap_freebsd},
    {"host.tap", "interface", SYSTEM_LINUX, tap_linux},
    {.id = NULL},
};
