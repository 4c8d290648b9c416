#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "found.h"
#include "vm-bhyve.h"

#define WHY_LOADER "bhyfi boots its own image by UEFI"
#define WHY_ONE "bhyfi sets bhyve up itself"
#define WHY_NO_SCREEN "the guest has no screen: bhyfi console prints what it says"
#define WHY_LIMIT "bhyfi sets no limits"

const struct vm_bhyve_key vm_bhyve_keys[] = {
    {"loader", true, WHY_LOADER, false},
    {"bhyveload_loader", true, WHY_LOADER, false},
    {"bhyveload_args", true, WHY_LOADER, false},
    {"loader_timeout", true, WHY_LOADER, false},
    {"uefi_vars", true, "bhyfi makes new ones for each start", false},
    {"cpu", true, NULL, false},
    {"cpu_sockets", true, "bhyfi counts processors only", false},
    {"cpu_cores", true, "bhyfi counts processors only", false},
    {"cpu_threads", true, "bhyfi counts processors only", false},
    {"memory", true, NULL, false},
    {"wired_memory", true, "always so with a card", false},
    {"hostbridge", true, WHY_ONE, false},
    {"ignore_bad_msr", true, "always so", false},
    {"bhyve_options", true, "bhyfi passes on no options of bhyve's", true},
    {"comports", true, "com1 is the console, com2 the agent's", false},
    {"utctime", true, "the guest's clock is in UTC", false},
    {"debug", true, "bhyfi log keeps what bhyve says; log_level = debug says more",
	false},
    {"uuid", true, "the guest needs none", false},
    {"ahci_device_limit", true, WHY_DISKLESS, false},
    {"diskN_type", true, WHY_DISKLESS, false},
    {"diskN_dev", true, WHY_DISKLESS, false},
    {"diskN_name", true, WHY_DISKLESS, false},
    {"diskN_opts", true, WHY_DISKLESS, false},
    {"diskN_size", true, WHY_DISKLESS, false},
    {"networkN_type", true, "always virtio-net", false},
    {"networkN_switch", true, NULL, false},
    {"networkN_device", true, NULL, false},
    {"networkN_name", true, "bhyve opens tapN and vmnetN only, so bhyfi renames none",
	true},
    {"networkN_mac", true,
	"the interface on the host carries the card's own address; the guest's end has "
	"one "
	"made from the instance's name",
	false},
    {"networkN_span", true, "no switch, no span port", true},
    {"passthruN", true, NULL, false},
    {"start_slot", true, WHY_ONE, false},
    {"install_slot", true, WHY_DISKLESS, false},
    {"virt_random", true, "always there", false},
    {"graphics", true, WHY_NO_SCREEN, false},
    {"graphics_port", true, WHY_NO_SCREEN, false},
    {"graphics_listen", true, WHY_NO_SCREEN, false},
    {"graphics_res", true, WHY_NO_SCREEN, false},
    {"graphics_wait", true, WHY_NO_SCREEN, false},
    {"graphics_vga", true, WHY_NO_SCREEN, false},
    {"xhci_mouse", true, WHY_NO_SCREEN, false},
    {"virt_consoleN", true, "bhyfi has its own channel to the guest", false},
    {"grub_installN", true, WHY_LOADER, false},
    {"grub_runN", true, WHY_LOADER, false},
    {"grub_run_partition", true, WHY_LOADER, false},
    {"grub_run_dir", true, WHY_LOADER, false},
    {"grub_run_file", true, WHY_LOADER, false},
    {"zfs_dataset_opts", true, WHY_DISKLESS, false},
    {"zfs_zvol_opts", true, WHY_DISKLESS, false},
    {"prestart", true, "bhyfi runs no scripts of the user's", true},
    {"priority", true, "bhyfi leaves bhyve at the system's default priority", true},
    {"limit_pcpu", true, WHY_LIMIT, true},
    {"limit_rbps", true, WHY_LIMIT, true},
    {"limit_wbps", true, WHY_LIMIT, true},
    {"limit_riops", true, WHY_LIMIT, true},
    {"limit_wiops", true, WHY_LIMIT, true},
    /* Read by its programs only. */
    {"ignore_msr", false, "always so", false},
    {"nulliso_fix", false, WHY_DISKLESS, false},
    {"vnc_password", false, WHY_NO_SCREEN, false},
    {"sound", false, "the guest makes no sound", false},
    {"sound_play", false, "the guest makes no sound", false},
    {"sound_rec", false, "the guest makes no sound", false},
    {"on_restart", false, "bhyfid restarts the guest by its own rules (key restarts)",
	false},
    {"on_fault", false, "bhyfid restarts the guest by its own rules (key restarts)",
	false},
    {NULL, false, NULL, false},
};

/* "N" stands for one or more digits. */
static bool fits(const char *pattern, const char *name)
{
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == 'N') {
			if (!isdigit((unsigned char)*name))
				return false;
			while (isdigit((unsigned char)*name))
				name++;
		} else if (*pattern != *name++) {
			return false;
		}
	}
	return *name == '\0';
}

const struct vm_bhyve_key *vm_bhyve_key(const char *name)
{
	for (const struct vm_bhyve_key *k = vm_bhyve_keys; k->name != NULL; k++)
		if (fits(k->name, name))
			return k;
	return NULL;
}
