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
#include <dirent.h>
#include <string.h>

#include "cleanup.h"
#include "freebsd.h"
#include "log.h"

/* Of VMs that bhyfi makes: vmm/bhyve.c. */
#define OUR_VMS "bhyfi-"

/* Whether the VMs that are left are other instances'. */
static bool only_ours(void)
{
	char path[PATH_MAX];
	struct dirent *d;
	bool ours = true;
	DIR *dir;

	if (os_path(path, sizeof(path), "/dev/vmm", NULL) < 0)
		return false;
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' &&
		    strncmp(d->d_name, OUR_VMS, strlen(OUR_VMS)) != 0)
			ours = false;
	if (dir != NULL)
		closedir(dir);
	return ours && dir != NULL;
}

int freebsd_before_sleep(struct err *e)
{
	static const char *const loaded[] = {"/sbin/kldstat", "-q", "-n", "vmm.ko", NULL};
	static const char *const unload[] = {"/sbin/kldunload", "vmm", NULL};
	char AUTO_FREE *out = NULL;
	int status = freebsd_ask(loaded, &out, e);

	if (status != 0)
		return status < 0 ? -1 : 0;
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
