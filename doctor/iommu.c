/*
 * Whether there is an IOMMU, and whether it is on.
 *
 * FreeBSD: hw.vmm.iommu.enable is 1 even without one. What the firmware announces is an
 * ACPI table, DMAR (Intel) or IVRS (AMD), which only root can read; AMD's also shows as
 * hw.vmm.amdvi.count once vmm(4) is loaded. hw.vmm.iommu.initialized becomes 1 with the
 * first VM that has a device, so 0 says nothing while none runs. On AMD the
 * IOMMU stays off without hw.vmm.amdvi.enable=1 (amdvi_hw.c), which is read when vmm is
 * loaded.
 */
#include <string.h>

#include "check.h"
#include "cleanup.h"

#define SWITCH_ON "switch on %s in the firmware's set-up (BIOS)"

/* False where the check's result is set already. */
static bool processor(struct doctor *d, bool *amd)
{
	char model[128];

	if (skip_card(d))
		return false;
	if (!freebsd_sysctl("hw.model", model, sizeof(model))) {
		skip(d, "sysctl does not tell");
		return false;
	}
	*amd = strncmp(model, "AMD", 3) == 0 || strncmp(model, "Hygon", 5) == 0;
	return true;
}

enum presence {
	PRESENT,
	ABSENT,
	UNKNOWN, /* to root it would tell */
};

static enum presence acpi_table(struct doctor *d, const char *signature)
{
	const char *const argv[] = {"/usr/sbin/acpidump", "-t", "-T", signature, NULL};
	AUTO_FREE char *text = NULL;
	char head[24];

	if (!d->root || freebsd_ask(argv, &text, NULL) != 0)
		return UNKNOWN;
	/* "  DMAR: Length=..." at the head of its description. */
	snprintf(head, sizeof(head), "%s: Length=", signature);
	return strstr(text, head) != NULL ? PRESENT : ABSENT;
}

static enum presence presence(struct doctor *d, bool amd)
{
	uint64_t n;

	if (fact_sysctl_number("hw.vmm.iommu.initialized", &n) && n == 1)
		return PRESENT;
	/* vmm's own count of the units in the table. */
	if (amd && fact_sysctl_number("hw.vmm.amdvi.count", &n))
		return n > 0 ? PRESENT : ABSENT;
	return acpi_table(d, amd ? "IVRS" : "DMAR");
}

static void present_freebsd(struct doctor *d)
{
	const char *signature, *name;
	bool amd;

	if (!processor(d, &amd))
		return;
	signature = amd ? "IVRS" : "DMAR";
	name = amd ? "AMD-Vi" : "VT-d";
	switch (presence(d, amd)) {
	case PRESENT:
		pass(d, "%s", name);
		return;
	case ABSENT:
		fail(d, "the firmware has no ACPI table %s: no pass-through without",
		    signature);
		fix(d, SWITCH_ON, name);
		return;
	case UNKNOWN:
		if (d->root)
			skip(d, "acpidump does not tell");
		else
			skip_root(d, "what the ACPI tables are");
		return;
	}
}

static bool vm_runs(void)
{
	return folder_filled("/dev/vmm");
}

static bool amdvi_off(struct doctor *d)
{
	char now[16] = "", next[16] = "";
	bool loaded = freebsd_sysctl("hw.vmm.amdvi.enable", now, sizeof(now));
	bool set = fact_loader(d, "hw.vmm.amdvi.enable", next, sizeof(next)) &&
		   strcmp(next, "1") == 0;

	if (loaded && strcmp(now, "1") == 0) {
		if (set)
			return false;
		warn(d, "AMD-Vi is on, but not at the next boot: loader.conf lacks "
			"hw.vmm.amdvi.enable=1");
		fix(d, "bhyfi setup");
		return true;
	}
	if (set && !loaded)
		return false;
	fail(d, "AMD-Vi stays off without hw.vmm.amdvi.enable=1%s",
	    set ? ": set in loader.conf, but vmm was loaded before" : "");
	fix(d, set ? "kldunload vmm && kenv hw.vmm.amdvi.enable=1 && kldload vmm"
		   : "bhyfi setup");
	return true;
}

/* Nothing is in its way; whether vmm takes it shows only with the first VM. */
static void on_later(struct doctor *d, bool amd)
{
	switch (presence(d, amd)) {
	case PRESENT:
		pass(d, "vmm starts it with the first VM");
		return;
	case ABSENT:
		skip(d, "there is none");
		return;
	case UNKNOWN:
		skip(d, "vmm tells it in hw.vmm.iommu.initialized once a VM has run");
		return;
	}
}

static void on_freebsd(struct doctor *d)
{
	uint64_t n;
	bool amd;

	if (!processor(d, &amd))
		return;
	if (fact_sysctl_number("hw.vmm.iommu.enable", &n) && n == 0) {
		fail(d, "hw.vmm.iommu.enable is 0: vmm does not use it");
		fix(d, "take hw.vmm.iommu.enable out of /boot/loader.conf and reboot");
	} else if (amd && amdvi_off(d)) {
		return;
	} else if (fact_sysctl_number("hw.vmm.iommu.initialized", &n) && n == 1) {
		pass(d, "in use by vmm");
	} else if (freebsd_kldstat("-m", "vmm", NULL) == 1 && vm_runs()) {
		fail(d, "a VM runs, but vmm could not start the IOMMU");
		fix(d, SWITCH_ON, amd ? "AMD-Vi" : "VT-d");
	} else {
		on_later(d, amd);
	}
}

static const char *linux_table(void)
{
	if (fact_exists("/sys/firmware/acpi/tables/DMAR"))
		return "intel_iommu=on";
	return fact_exists("/sys/firmware/acpi/tables/IVRS") ? "amd_iommu=on" : NULL;
}

static void present_linux(struct doctor *d)
{
	if (skip_card(d))
		return;
	if (folder_filled("/sys/class/iommu")) {
		pass(d, "the kernel has it");
	} else if (linux_table() != NULL) {
		pass(d, "the firmware announces one");
	} else if (!fact_exists("/sys/firmware/acpi/tables")) {
		fail(d, "the kernel has none");
		fix(d, SWITCH_ON, "VT-d or AMD-Vi");
	} else {
		fail(d, "the firmware announces none");
		fix(d, SWITCH_ON, "VT-d or AMD-Vi");
	}
}

static void on_linux(struct doctor *d)
{
	if (skip_card(d))
		return;
	if (d->card->iommu_group >= 0) {
		pass(d, "the card is in group %d", d->card->iommu_group);
	} else if (folder_filled("/sys/class/iommu")) {
		fail(d, "it is on, but the card is in no group");
		fix(d, "try the card in another slot");
	} else if (linux_table() != NULL) {
		fail(d, "the kernel does not use it");
		fix(d,
		    "add %s to the kernel's command line (GRUB_CMDLINE_LINUX in "
		    "/etc/default/grub), then update-grub and reboot",
		    linux_table());
	} else {
		fail(d, "there is none");
		fix(d, SWITCH_ON, "VT-d or AMD-Vi");
	}
}

struct mates {
	const char *self;
	char list[160];
	unsigned n, held; /* in the group; with a driver of the host */
};

/* The class of a PCI bridge: 0x0604xx, 0x0600xx. They may share a group. */
static bool is_bridge(const char *dev)
{
	AUTO_FREE char *text = NULL;
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.32s/class", dev);
	text = fact_file(path);
	return text != NULL && strncmp(text, "0x06", 4) == 0;
}

static bool add_mate(const char *name, void *arg)
{
	struct mates *m = arg;
	char path[128];
	size_t len = strlen(m->list);

	if (strcmp(name, m->self) == 0)
		return true;
	m->n++;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.32s/driver/bind", name);
	if (is_bridge(name) || !fact_exists(path))
		return true;
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/vfio-pci/%.32s", name);
	if (fact_exists(path))
		return true;
	m->held++;
	snprintf(
	    m->list + len, sizeof(m->list) - len, "%s%.32s", len > 0 ? ", " : "", name);
	return true;
}

static void group_linux(struct doctor *d)
{
	const struct card_id *id;
	struct mates m = {.list = ""};
	char self[32], path[64];

	if (skip_card(d))
		return;
	id = &d->card->id;
	if (d->card->iommu_group < 0) {
		skip(d, "the card is in no IOMMU group");
		return;
	}
	snprintf(self, sizeof(self), "%04x:%02x:%02x.%x", id->domain, id->bus, id->slot,
	    id->function);
	m.self = self;
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices",
	    d->card->iommu_group);
	if (!folder_each(path, add_mate, &m)) {
		skip(d, "%s can not be read", path);
	} else if (m.held > 0) {
		fail(d, "group %d has devices that the host uses: %s",
		    d->card->iommu_group, m.list);
		fix(d, "try the card in another slot");
	} else {
		pass(d,
		    m.n == 0 ? "the card is alone in group %d"
			     : "nobody uses the others of group %d",
		    d->card->iommu_group);
	}
}

const struct check iommu_checks[] = {
    {"iommu.present", "IOMMU present", SYSTEM_FREEBSD, present_freebsd},
    {"iommu.on", "IOMMU on", SYSTEM_FREEBSD, on_freebsd},
    {"iommu.present", "IOMMU present", SYSTEM_LINUX, present_linux},
    {"iommu.on", "IOMMU on", SYSTEM_LINUX, on_linux},
    {"iommu.group", "IOMMU group", SYSTEM_LINUX, group_linux},
    {.id = NULL},
};
