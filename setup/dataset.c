#include "dataset.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "io.h"
#include "os/folder.h"
#include "os/freebsd.h"
#include "run.h"

#define ZFS "/sbin/zfs"
#define MOUNT "/sbin/mount"
#define MADE_BY "setup"

static int copy_name(char out[DATASET_MAX], const char *name, size_t len, struct err *e)
{
	if (len == 0 || len >= DATASET_MAX)
		return err_set(e, ERR_FAILED, "zfs: a dataset's name of %zu bytes", len);
	memcpy(out, name, len);
	out[len] = '\0';
	return 1;
}

int dataset_ours(const char *mountpoint, char name[DATASET_MAX], struct err *e)
{
	static const char *const argv[] = {ZFS, "list", "-H", "-t", "filesystem", "-o",
	    "name,mountpoint," DATASET_PROPERTY, NULL};
	AUTO_FREE char *out = NULL;
	char *save = NULL;

	name[0] = '\0';
	if (!run_have(ZFS))
		return 0;
	if (freebsd_run(argv, &out, NULL, e) < 0)
		return -1;
	for (char *line = strtok_r(out, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *mount = strchr(line, '\t');
		char *made = mount != NULL ? strchr(mount + 1, '\t') : NULL;

		if (made == NULL)
			continue;
		*made = '\0';
		if (strcmp(mount + 1, mountpoint) == 0 && strcmp(made + 1, MADE_BY) == 0)
			return copy_name(name, line, (size_t)(mount - line), e);
	}
	return 0;
}

int dataset_pool(char pool[DATASET_MAX], struct err *e)
{
	static const char *const argv[] = {MOUNT, "-p", NULL};
	AUTO_FREE char *out = NULL;
	char *save = NULL;

	pool[0] = '\0';
	if (!run_have(MOUNT) || !run_have(ZFS))
		return 0;
	if (freebsd_run(argv, &out, NULL, e) < 0)
		return -1;
	for (char *line = strtok_r(out, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *at = NULL, *device = strtok_r(line, " \t", &at);
		char *mount = strtok_r(NULL, " \t", &at);
		char *type = strtok_r(NULL, " \t", &at);

		if (type != NULL && strcmp(mount, "/") == 0)
			return strcmp(type, "zfs") == 0
				   ? copy_name(pool, device, strcspn(device, "/"), e)
				   : 0;
	}
	return 0;
}

int dataset_exists(const char *name, struct err *e)
{
	const char *const argv[] = {ZFS, "list", "-H", "-o", "name", name, NULL};
	AUTO_FREE char *out = NULL;
	int status = freebsd_ask(argv, &out, e);

	return status < 0 ? -1 : status == 0;
}

int dataset_create(const char *name, const char *mountpoint, struct err *e)
{
	AUTO_FREE char *option = NULL;

	if (asprintf(&option, "mountpoint=%s", mountpoint) < 0) {
		option = NULL;
		return err_sys(e, ENOMEM, "zfs");
	}
	const char *const argv[] = {
	    ZFS, "create", "-o", option, "-o", DATASET_PROPERTY "=" MADE_BY, name, NULL};
	if (io_allowed("zfs", name, e) < 0)
		return -1;
	return freebsd_run(argv, NULL, NULL, e);
}

int dataset_destroy(const char *name, const char *mountpoint, struct err *e)
{
	/* Without -r: one with snapshots or children is refused. */
	const char *const argv[] = {ZFS, "destroy", name, NULL};

	if (folder_filled(mountpoint))
		return err_set(
		    e, ERR_FAILED, "dataset %s: there are files in %s", name, mountpoint);
	if (io_allowed("zfs", name, e) < 0)
		return -1;
	return freebsd_run(argv, NULL, NULL, e);
}
