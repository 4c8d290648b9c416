/*
 * Before the host sleeps, vmm.ko is unloaded; card_claim loads it again. From the
 * sources of 15.1: sys/amd64/vmm/intel/vtd.c switches Intel's IOMMU on once, when the
 * first domain is made (io/iommu.c), and has no resume method. After a sleep in which
 * the chipset lost power it is off, and nobody switches it on: a guest's card would
 * read and write the host's memory wherever the guest's own addresses point. A module
 * that is loaded anew initialises it anew. (AMD's ivhd driver has a resume method; there
 * it does no harm.)
 *
 * The kernel refuses it while any VM is there. Of several instances the last one to be
 * suspended succeeds.
 */
#include <string.h>

#include "folder.h"
#include "freebsd.h"
#include "log.h"

/* Of VMs that bhyfi makes: vmm/bhyve.c. */
#define OUR_VMS "bhyfi-"

static bool look_at_vm(const char *name, void *ours)
{
	*(bool *)ours = strncmp(name, OUR_VMS, strlen(OUR_VMS)) == 0;
	return *(bool *)ours;
}

/* Whether the VMs that are left are other instances'. */
static bool only_ours(void)
{
	bool ours = true;

	return folder_each("/dev/vmm", look_at_vm, &ours) && ours;
}

int freebsd_before_sleep(struct err *e)
{
	static const char *const unload[] = {"/sbin/kldunload", "vmm", NULL};
	int loaded = freebsd_kldstat("-n", "vmm.ko", e);

	if (loaded <= 0)
		return loaded;
	if (freebsd_run(unload, NULL, NULL, e) == 0)
		return 0;
	if (only_ours()) {
		log_info("vmm stays loaded: another instance has its VM still");
		if (e != NULL)
			*e = (struct err)ERR_INIT;
		return 0;
	}
	return err_hint(e,
	    "other VMs hold vmm: stop them before the host sleeps, or an Intel IOMMU "
	    "is off when it wakes");
}
