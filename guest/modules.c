/*
 * Order matters in one place: dependencies come in load order in the list, so
 * loading is a walk, not a search. The kernel itself serialises two processes
 * that load the same module (the agent, and modprobe on the kernel's behalf).
 *
 * Loading with MODULE_INIT_IGNORE_MODVERSIONS makes the kernel skip the
 * signature, where there is one, whose check costs more than all else of loading
 * a module, and the comparison of each symbol's version. Nothing is lost: modules, kernel
 * and this program come from one archive that was verified when the image was built.
 * Where the kernel insists on signatures (lockdown) it refuses, and the module is loaded
 * the ordinary way.
 */
#include "modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "log.h"

#define LIST_PATH "/lib/bhyfi/modules.list"
#define LIST_DIR "/lib/bhyfi/modules.d"
#define RAMFS_FS_MAGIC 0x858458f6
#define TMPFS_FS_MAGIC 0x01021994
#define MODALIAS_MAX 4096

static int read_list(struct modules *m, const char *path, struct err *e)
{
	char *text = NULL;
	size_t len = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (fs_read_file(path, MODLIST_TEXT_MAX, &text, &len, e) < 0)
		return -1;
	if (modlist_add(&m->list, text, len, e) < 0)
		return err_prefix(e, "%s", path);
	return 0;
}

static int read_overlays(struct modules *m, struct err *e)
{
	DIR *dir = opendir(LIST_DIR);
	struct dirent *de;
	int ret = 0;

	if (dir == NULL)
		return errno == ENOENT ? 0 : err_sys(e, errno, LIST_DIR);
	while (ret == 0 && (de = readdir(dir)) != NULL) {
		AUTO_FREE char *path = NULL;
		size_t n = strlen(de->d_name);

		if (n < 5 || strcmp(de->d_name + n - 5, ".list") != 0)
			continue;
		if (asprintf(&path, "%s/%s", LIST_DIR, de->d_name) < 0) {
			path = NULL;
			ret = err_sys(e, ENOMEM, LIST_DIR);
			break;
		}
		ret = read_list(m, path, e);
	}
	closedir(dir);
	return ret;
}

int modules_open(struct modules *m, struct err *e)
{
	struct utsname u;
	struct statfs fs;

	memset(m, 0, sizeof(*m));
	if (uname(&u) < 0)
		return err_sys(e, errno, "uname");
	snprintf(m->dir, sizeof(m->dir), "/lib/modules/%s/", u.release);
	m->unlink_loaded = statfs("/", &fs) == 0 &&
			   (fs.f_type == RAMFS_FS_MAGIC || fs.f_type == TMPFS_FS_MAGIC);
	if (read_list(m, LIST_PATH, e) < 0 || read_overlays(m, e) < 0)
		return -1;
	return 0;
}

void modules_close(struct modules *m)
{
	modlist_free(&m->list);
}

static int insert(int fd, const char *params)
{
	if (syscall(SYS_finit_module, fd, params, MODULE_INIT_IGNORE_MODVERSIONS) == 0)
		return 0;
	if (errno != ENOEXEC && errno != EPERM && errno != EKEYREJECTED &&
	    errno != ENODATA)
		return -1;
	return (int)syscall(SYS_finit_module, fd, params, 0);
}

static int load_file(
    struct modules *m, struct mod *mod, const char *params, struct err *e)
{
	char path[sizeof(m->dir) + MODLIST_LINE_BYTES];
	int64_t start = clock_ms();
	int AUTO_CLOSE fd = -1;

	if (mod->loaded)
		return 0;
	snprintf(path, sizeof(path), "%s%s", m->dir, mod->path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		/* Another process loaded it and removed the file. */
		char sys[MODLIST_LINE_BYTES + 16];

		snprintf(sys, sizeof(sys), "/sys/module/%s", mod->name);
		if (errno == ENOENT && access(sys, F_OK) == 0) {
			mod->loaded = true;
			return 0;
		}
		return err_sys(e, errno, "module %s: %s", mod->name, path);
	}
	if (insert(fd, params) < 0 && errno != EEXIST)
		return err_sys(e, errno, "module %s", mod->name);
	mod->loaded = true;
	m->loaded++;
	if (m->unlink_loaded)
		unlink(path);
	log_debug("module %s loaded in %d ms", mod->name, (int)(clock_ms() - start));
	return 0;
}

static int load_mod(struct modules *m, struct mod *mod, const char *params, struct err *e)
{
	struct err soft = ERR_INIT;

	if (mod->loaded)
		return 0;
	for (uint32_t i = 0; i < mod->dep_count; i++) {
		const struct mod_dep *d = &m->list.deps[mod->first_dep + i];
		struct mod *dep = modlist_find(&m->list, d->name);

		if (dep == NULL && !d->soft)
			return err_set(e, ERR_FAILED,
			    "module %s: the image lacks %s, which it needs", mod->name,
			    d->name);
		if (dep == NULL || load_file(m, dep, "", d->soft ? &soft : e) == 0)
			continue;
		if (!d->soft)
			return err_prefix(e, "module %s", mod->name);
		log_debug("%s", soft.msg);
	}
	return load_file(m, mod, params, e);
}

int modules_load(struct modules *m, const char *name, const char *params, struct err *e)
{
	struct mod *mod = modlist_find(&m->list, name);

	if (mod == NULL)
		return err_set(e, ERR_FAILED, "module %s: the image lacks it", name);
	return load_mod(m, mod, params, e);
}

int modules_load_alias(struct modules *m, const char *alias, const char *params)
{
	struct err e = ERR_INIT;
	struct mod *mod;
	size_t at = 0;
	int matched = 0;

	while ((mod = modlist_match(&m->list, alias, &at)) != NULL) {
		matched++;
		if (load_mod(m, mod, params, &e) < 0)
			log_warn("%s", e.msg);
	}
	return matched;
}

void modules_load_boot(struct modules *m)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < m->list.mod_count; i++) {
		struct mod *mod = &m->list.mods[i];

		if (mod->boot && load_mod(m, mod, "", &e) < 0)
			log_warn("%s", e.msg);
	}
}

static void coldplug_bus(struct modules *m, const char *bus)
{
	char path[512], alias[MODALIAS_MAX];
	struct dirent *de;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/%s/devices", bus);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((de = readdir(dir)) != NULL) {
		int AUTO_CLOSE fd = -1;
		ssize_t n;

		snprintf(path, sizeof(path), "%s/modalias", de->d_name);
		fd = openat(dirfd(dir), path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, alias, sizeof(alias) - 1);
		if (n <= 0)
			continue;
		alias[n] = '\0';
		alias[strcspn(alias, "\n")] = '\0';
		modules_load_alias(m, alias, "");
	}
	closedir(dir);
}

void modules_coldplug(struct modules *m)
{
	/* A bus driver makes devices on the next one: pci and acpi before virtio. */
	static const char *const buses[] = {"pci", "platform", "acpi", "virtio"};

	for (size_t i = 0; i < ARRAY_LEN(buses); i++)
		coldplug_bus(m, buses[i]);
}

static int modprobe_one(struct modules *m, const char *name, const char *params)
{
	struct err e = ERR_INIT;
	struct mod *mod = modlist_find(&m->list, name);

	if (mod != NULL) {
		if (load_mod(m, mod, params, &e) == 0)
			return 0;
		log_warn("%s", e.msg);
		return 1;
	}
	return modules_load_alias(m, name, params) > 0 ? 0 : 1;
}

int modules_modprobe(int argc, char *argv[])
{
	struct err e = ERR_INIT;
	char params[1024] = "";
	const char *name = NULL;
	struct modules m;
	bool options = true;
	size_t used = 0;
	int status;

	for (int i = 1; i < argc; i++) {
		if (options && argv[i][0] == '-') {
			options = strcmp(argv[i], "--") != 0;
			continue;
		}
		if (name == NULL) {
			name = argv[i];
			continue;
		}
		used += (size_t)snprintf(params + used, sizeof(params) - used, "%s%s",
		    used > 0 ? " " : "", argv[i]);
		if (used >= sizeof(params)) {
			log_error("parameters are too long");
			return 1;
		}
	}
	if (name == NULL || modules_open(&m, &e) < 0) {
		log_error("%s", name == NULL ? "no module named" : e.msg);
		return 1;
	}
	status = modprobe_one(&m, name, params);
	modules_close(&m);
	return status;
}
