/*
 * Whether the processor virtualises.
 *
 * FreeBSD tells it in two places. Once vmm(4) is loaded, hw.vmm.vmx.initialized and
 * hw.vmm.svm.num_asids (set by svm_modinit) are the truth. Before that, the boot
 * messages: identcpu.c prints "  VT-x: PAT,HLT,MTF,PAUSE,EPT,UG,VPID" or "  SVM:
 * NP,NRIP,...", with "(disabled in BIOS)" in front where the firmware locked it. bhyve
 * needs EPT and UG (its firmware starts in real mode), or NP and NRIP.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cleanup.h"
#include "os/native.h"

#define DMESG_BOOT "/var/run/dmesg.boot"
#define SWITCH_ON "switch on Intel VT-x or AMD SVM in the firmware's set-up (BIOS)"

struct virt {
	const char *line, *name; /* of the boot messages */
	const char *needs[2];    /* features without which bhyve does not work */
};

static const struct virt virts[] = {
    {"  VT-x: ", "VT-x", {"EPT", "UG"}},
    {"  SVM: ", "AMD-V", {"NP", "NRIP"}},
};

static bool vmm_initialised(struct doctor *d)
{
	uint64_t n;

	if (fact_sysctl_number("hw.vmm.vmx.initialized", &n) && n == 1)
		pass(d, "VT-x, in use by vmm");
	else if (fact_sysctl_number("hw.vmm.svm.num_asids", &n) && n > 0)
		pass(d, "AMD-V, in use by vmm");
	else
		return false;
	return true;
}

static bool boot_messages(struct doctor *d, const char *dmesg)
{
	char features[256];

	for (size_t i = 0; i < ARRAY_LEN(virts); i++) {
		const struct virt *v = &virts[i];

		if (!fact_line(dmesg, v->line, features, sizeof(features)))
			continue;
		bool first = words_have(features, v->needs[0], " ,");
		bool second = words_have(features, v->needs[1], " ,");

		if (strncmp(features, "(disabled in BIOS)", 18) == 0) {
			fail(d, "%s is there, but the firmware has it off", v->name);
			fix(d, SWITCH_ON);
		} else if (!first || !second) {
			fail(d, "%s lacks %s%s%s, which bhyve needs", v->name,
			    first ? "" : v->needs[0], first || second ? "" : " and ",
			    second ? "" : v->needs[1]);
		} else {
			pass(d, "%s with %s and %s", v->name, v->needs[0], v->needs[1]);
		}
		return true;
	}
	return false;
}

static void cpu_freebsd(struct doctor *d)
{
	AUTO_FREE char *dmesg = NULL;
	char guest[32];

	if (vmm_initialised(d))
		return;
	dmesg = fact_file(DMESG_BOOT);
	if (dmesg != NULL && boot_messages(d, dmesg))
		return;
	if (freebsd_sysctl("kern.vm_guest", guest, sizeof(guest)) &&
	    strcmp(guest, "none") != 0) {
		fail(d,
		    "this FreeBSD is itself a guest (%s) without nested virtualisation",
		    guest);
		fix(d, "switch on nested virtualisation in its host");
	} else if (dmesg == NULL) {
		skip(d, DMESG_BOOT " can not be read and vmm is not loaded");
		fix(d, "kldload vmm");
	} else {
		fail(d, "the boot messages name neither VT-x nor SVM");
		fix(d, SWITCH_ON);
	}
}

static bool has_flag(const char *name)
{
	AUTO_FREE char *text = fact_file("/proc/cpuinfo");
	char flags[8192];

	return text != NULL && fact_line(text, "flags", flags, sizeof(flags)) &&
	       words_have(flags, name, " \t:");
}

static void cpu_linux(struct doctor *d)
{
	bool needed = strcmp(d->config.accel, "kvm") == 0;

	if (!fact_exists("/proc/cpuinfo"))
		skip(d, "/proc/cpuinfo can not be read");
	else if (has_flag("vmx") || has_flag("svm"))
		pass(d, "%s", has_flag("vmx") ? "VT-x" : "AMD-V");
	else if (strcmp(d->config.accel, "tcg") == 0)
		pass(d, "none, and accel = tcg asks for none");
	else {
		(needed ? fail : warn)(d, "no VT-x and no AMD-V: QEMU emulates%s",
		    needed ? ", but accel = kvm" : ", which is slow");
		fix(d, SWITCH_ON);
	}
}

static void kvm_linux(struct doctor *d)
{
	struct err e = ERR_INIT;
	uid_t uid;
	gid_t gid, group;

	if (strcmp(d->config.accel, "tcg") == 0) {
		skip(d, "accel = tcg does without");
	} else if (!has_flag("vmx") && !has_flag("svm")) {
		skip(d, "the processor has no virtualisation to use");
	} else if (!fact_exists("/dev/kvm")) {
		bool needed = strcmp(d->config.accel, "kvm") == 0;

		(needed ? fail : warn)(d, "/dev/kvm is not there");
		fix(d, "modprobe %s", has_flag("svm") ? "kvm_amd" : "kvm_intel");
	} else if (os_root()[0] != '\0') {
		pass(d, "/dev/kvm is there");
	} else if (config_resolve_user(d->config.vm_user, &uid, &gid, &e) < 0) {
		fail(d, "vm_user: %s", e.msg);
		fix(d, "%s", e.hint);
	} else if (!d->root) {
		skip_root(d, "whether the VM's user can open it");
	} else if (kvm_usable(uid, gid, &group, &e) < 0) {
		(strcmp(d->config.accel, "kvm") == 0 ? fail : warn)(d, "%s", e.msg);
		fix(d, "%s", e.hint);
	} else {
		pass(d, "the VM's user can use it");
	}
}

const struct check cpu_checks[] = {
    {"cpu.virtualisation", "CPU virtualisation", SYSTEM_FREEBSD, cpu_freebsd},
    {"cpu.virtualisation", "CPU virtualisation", SYSTEM_LINUX, cpu_linux},
    {"cpu.kvm", "KVM", SYSTEM_LINUX, kvm_linux},
    {.id = NULL},
};
