/*
 * QEMU. The kernel is started uncompressed through its PVH entry on both
 * machines: microvm (virtio-mmio, which the guest finds through ACPI) where no PCI
 * card is passed through, q35 otherwise.
 *
 * All that QEMU opens comes as a descriptor: its user can neither look into the
 * image's folder nor bind a socket. How a run ended:
 *
 *     power-off (ACPI S5)      exit status 0
 *     reset, with -no-reboot   exit status 0: QMP's SHUTDOWN event would tell, but
 *                              a guest that wants to reboot has panicked (panic=1)
 *                              and says so on its console
 *     an error, or a signal    anything else
 */
#include "qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../os/native.h"
#include "cleanup.h"
#include "log.h"
#include "msg.h"
#include "qmp.h"
#include "tsc.h"

static bool is_microvm(const struct vm_spec *s)
{
	return s->config->card.kind == CARD_SIM;
}

/* KVM where the VM's user can use it. */
static bool use_kvm(const struct vm_spec *s, gid_t *group)
{
	return strcmp(s->config->accel, "tcg") != 0 &&
	       kvm_usable(s->vm_uid, s->vm_gid, group, NULL) == 0;
}

static bool qemu_device_group(const struct vm_spec *s, gid_t *group)
{
	return use_kvm(s, group) && *group != (gid_t)-1;
}

static int qemu_check(const struct vm_spec *s, struct err *e)
{
	const struct config *c = s->config;
	gid_t group;

	if (vmm_check_file(c->qemu, X_OK,
		"apt install qemu-system-x86, or set qemu to its path", e) < 0 ||
	    vmm_check_file(s->vmlinux, R_OK, "bhyfi image build", e) < 0 ||
	    vmm_check_file(s->initrd, R_OK, "bhyfi image build", e) < 0)
		return -1;
	if (strcmp(c->accel, "kvm") != 0)
		return 0;
	if (kvm_usable(s->vm_uid, s->vm_gid, &group, e) < 0)
		return err_hint(e, "set accel = auto to do without KVM");
	return 0;
}

/*
 * With ERMS the kernel copies and clears with `rep movsb` and `rep stosb`, of which TCG
 * emulates each byte: half a second of a boot. Without it, 8 bytes at a time.
 */
#define CPU_TCG "max,-erms,-fsrm"

static void add_machine(const struct vm_spec *s, struct argv *a)
{
	const struct config *c = s->config;
	gid_t group;
	bool kvm = use_kvm(s, &group);

	argv_add(a, "-machine");
	argv_add(a, is_microvm(s) ? "microvm,acpi=on,rtc=on,auto-kernel-cmdline=off"
				  : "q35,vmport=off,hpet=off,usb=off,sata=off,smbus=off");
	argv_add(a, "-accel");
	argv_add(a, kvm ? "kvm" : "tcg");
	argv_add(a, "-cpu");
	argv_add(a, kvm ? "host" : CPU_TCG);
	argv_add(a, "-m");
	argv_add(a, "%u", c->memory_mib);
	argv_add(a, "-smp");
	argv_add(a, "%u", c->cpus);
	if (!kvm)
		log_debug("qemu: emulation (TCG)");
}

static void add_kernel(const struct vm_spec *s, struct argv *a)
{
	unsigned khz;
	gid_t group;

	argv_add(a, "-kernel");
	if (s->vmlinux_fd >= 0)
		argv_add(a, "/proc/self/fd/%d", s->vmlinux_fd);
	else
		argv_add(a, "%s", s->vmlinux);
	argv_add(a, "-initrd");
	if (s->initrd_fd >= 0)
		argv_add(a, "/proc/self/fd/%d", s->initrd_fd);
	else
		argv_add(a, "%s", s->initrd);
	argv_add(a, "-append");
	/* KVM has a clock of its own for it. The emulated TSC is the host's clock; what
	 * the kernel would watch it by are ticks, of which a busy host loses some, and a
	 * clock that is made of these is worse. */
	if (!use_kvm(s, &group) && (khz = tsc_khz()) > 0)
		argv_add(a, "%s tsc_early_khz=%u tsc=nowatchdog", s->cmdline, khz);
	else
		argv_add(a, "%s", s->cmdline);
}

static void add_chardev(const struct vm_spec *s, enum vmm_sock sock, struct argv *a)
{
	const char *id = vmm_sock_names[sock];

	argv_add(a, "-chardev");
	if (s->sock_fd[sock] >= 0)
		argv_add(
		    a, "socket,id=%s,fd=%d,server=on,wait=off", id, s->sock_fd[sock]);
	else
		argv_add(
		    a, "socket,id=%s,path=%s/%s,server=on,wait=off", id, s->run_dir, id);
}

static void add_devices(const struct vm_spec *s, struct argv *a)
{
	const struct card_id *card = &s->config->card;
	const char *bus = is_microvm(s) ? "device" : "pci";
	/* No option ROM: the guest never boots from the network. */
	const char *norom = is_microvm(s) ? "" : ",romfile=";
	char mac[MAC_TEXT_SIZE];

	for (int i = 0; i < VMM_SOCKS; i++)
		add_chardev(s, (enum vmm_sock)i, a);
	argv_add(a, "-serial");
	argv_add(a, "chardev:console");
	argv_add(a, "-mon");
	argv_add(a, "chardev=qmp,mode=control");
	argv_add(a, "-device");
	argv_add(a, "virtio-serial-%s,max_ports=2", bus);
	argv_add(a, "-device");
	argv_add(a, "virtserialport,chardev=agent,name=" AGENT_PORT_NAME);
	argv_add(a, "-netdev");
	if (s->tap_fd >= 0)
		argv_add(a, "tap,id=lan,fd=%d,vhost=off", s->tap_fd);
	else
		argv_add(a, "tap,id=lan,ifname=%s,script=no,downscript=no,vhost=off",
		    s->config->interface);
	msg_mac_text(s->vm_mac, mac);
	argv_add(a, "-device");
	argv_add(a, "virtio-net-%s,netdev=lan,mac=%s%s", bus, mac, norom);
	argv_add(a, "-object");
	argv_add(a, "rng-random,id=rng,filename=/dev/urandom");
	argv_add(a, "-device");
	argv_add(a, "virtio-rng-%s,rng=rng", bus);
	if (card->kind == CARD_PCI) {
		argv_add(a, "-device");
		argv_add(a, "vfio-pci,host=%04x:%02x:%02x.%x", card->domain, card->bus,
		    card->slot, card->function);
	}
}

static int qemu_command(const struct vm_spec *s, struct argv *a, struct err *e)
{
	argv_add(a, "%s", s->config->qemu);
	argv_add(a, "-name");
	argv_add(a, "bhyfi-%s", s->config->instance);
	argv_add(a, "-nodefaults");
	argv_add(a, "-no-user-config");
	argv_add(a, "-display");
	argv_add(a, "none");
	argv_add(a, "-no-reboot");
	argv_add(a, "-sandbox");
	argv_add(
	    a, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	add_machine(s, a);
	add_kernel(s, a);
	add_devices(s, a);
	return argv_done(a, e);
}

static enum vm_exit qemu_exit_reason(int st)
{
	return WIFEXITED(st) && WEXITSTATUS(st) == 0 ? VM_EXIT_POWEROFF : VM_EXIT_CRASH;
}

const struct vmm_ops vmm_qemu = {
    .name = "qemu",
    .check = qemu_check,
    .command = qemu_command,
    .device_group = qemu_device_group,
    .exit_reason = qemu_exit_reason,
    .needs_image = true,
    .socks = 1u << VMM_SOCK_AGENT | 1u << VMM_SOCK_CONSOLE | 1u << VMM_SOCK_MONITOR,
    .powerdown = qmp_powerdown,
};
