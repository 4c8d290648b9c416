#include "pkgcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "paths.h"

/* A package that was in no build for so long leaves the cache. */
#define UNUSED_S (60 * 24 * 3600)

bool pkgcache_wanted(const char *path)
{
	static const char *const keep[] = {"boot/", "lib/", "lib64/", "bin/", "sbin/",
	    "usr/lib/", "usr/lib64/", "usr/local/lib/", "usr/bin/", "usr/sbin/",
	    "usr/src/", FILESET_MUSL_PATH};
	static const char *const skip[] = {"/kernel/sound/", "/kernel/fs/",
	    "/kernel/drivers/gpu/", "/kernel/drivers/media/", "/kernel/drivers/scsi/",
	    "/kernel/drivers/infiniband/", "/kernel/drivers/iio/", "/kernel/drivers/md/",
	    "/kernel/drivers/target/", "/kernel/drivers/net/ethernet/"};
	bool in = false;

	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		in |= strncmp(path, keep[i], strlen(keep[i])) == 0;
	if (strstr(path, "lib/modules/") == NULL)
		return in;
	for (size_t i = 0; i < ARRAY_LEN(skip); i++)
		in &= strstr(path, skip[i]) == NULL;
	/* An emulated card's, for the guest that `make bench` compares with. */
	return in || strstr(path, "/kernel/drivers/net/ethernet/intel/e1000/") != NULL;
}

/* DB/cache where it can be written, else the user's own cache folder. */
static char *default_cache(struct err *e)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *dir = NULL;
	int n;

	if (fs_mkdir_p(PATH_DB "/cache", 0755, NULL) == 0 &&
	    access(PATH_DB "/cache", W_OK) == 0)
		n = asprintf(&dir, "%s", PATH_DB "/cache");
	else if (base != NULL && base[0] == '/')
		n = asprintf(&dir, "%s/bhyfi", base);
	else if (home != NULL && home[0] == '/')
		n = asprintf(&dir, "%s/.cache/bhyfi", home);
	else {
		err_set(e, ERR_PRECONDITION, "%s: can not be written", PATH_DB "/cache");
		err_hint(e, "set HOME, or run as root");
		return NULL;
	}
	if (n < 0) {
		err_sys(e, ENOMEM, "cache");
		return NULL;
	}
	return dir;
}

char *pkgcache_folder(const struct image_options *opts, const char *source, struct err *e)
{
	char AUTO_FREE *own = opts->cache == NULL ? default_cache(e) : NULL;
	const char *cache = opts->cache == NULL ? own : opts->cache;
	char *dir = NULL;

	if (cache == NULL)
		return NULL;
	if (asprintf(&dir, "%s/%s", cache, source) < 0) {
		err_sys(e, ENOMEM, "cache");
		return NULL;
	}
	return dir;
}

int pkgcache_lock(const char *dir, struct err *e)
{
	char AUTO_FREE *path = NULL;
	int fd;

	if (fs_mkdir_p(dir, 0755, e) < 0)
		return -1;
	if (asprintf(&path, "%s/lock", dir) < 0)
		return err_sys(e, ENOMEM, "cache");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			err_sys(e, errno, "%s", path);
			close(fd);
			return -1;
		}
	return fd;
}

int pkgcache_clean(const char *unpacked, struct err *e)
{
	DIR *d;
	struct dirent *entry;
	time_t now = time(NULL);
	int r = 0;

	if (fs_mkdir_p(unpacked, 0755, e) < 0)
		return -1;
	d = opendir(unpacked);
	if (d == NULL)
		return err_sys(e, errno, "%s", unpacked);
	while (r == 0 && (entry = readdir(d)) != NULL) {
		char AUTO_FREE *path = NULL;
		const char *dot = strchr(entry->d_name, '.');
		struct stat st;

		if (dot == entry->d_name ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (dot == NULL && now - st.st_mtime < UNUSED_S)
			continue;
		if (asprintf(&path, "%s/%s", unpacked, entry->d_name) < 0)
			r = err_sys(e, ENOMEM, "%s", unpacked);
		else
			r = fs_remove_tree(path, e);
	}
	closedir(d);
	return r;
}

char *pkgcache_path(
    const char *unpacked, const char *sha256, const char *suffix, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s%s", unpacked, sha256, suffix) < 0) {
		err_sys(e, ENOMEM, "cache");
		return NULL;
	}
	return path;
}

bool pkgcache_has(const char *unpacked, const char *sha256)
{
	char AUTO_FREE *path = pkgcache_path(unpacked, sha256, "", NULL);

	/* The new time keeps it from pkgcache_clean. */
	return path != NULL && utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

char *pkgcache_begin(const char *unpacked, const char *sha256, struct err *e)
{
	char *tmp = pkgcache_path(unpacked, sha256, ".tmp", e);

	if (tmp == NULL)
		return NULL;
	if (fs_remove_tree(tmp, e) == 0) {
		if (mkdir(tmp, 0755) == 0)
			return tmp;
		err_sys(e, errno, "%s", tmp);
	}
	free(tmp);
	return NULL;
}

void pkgcache_abort(const char *unpacked, const char *sha256)
{
	char AUTO_FREE *tmp = pkgcache_path(unpacked, sha256, ".tmp", NULL);

	if (tmp != NULL)
		fs_remove_tree(tmp, NULL);
}

int pkgcache_done(const char *unpacked, const char *sha256, struct err *e)
{
	char AUTO_FREE *tmp = pkgcache_path(unpacked, sha256, ".tmp", e);
	char AUTO_FREE *path = pkgcache_path(unpacked, sha256, "", e);

	if (tmp == NULL || path == NULL)
		return -1;
	return rename(tmp, path) < 0 ? err_sys(e, errno, "%s", path) : 0;
}

int pkgcache_index(const char *unpacked, const char *sha256, struct fileset *fs,
    size_t package, struct err *e)
{
	static const char *const subs[] = {
	    "boot", "lib", "lib64", "bin", "sbin", "usr", FILESET_MUSL_PATH, NULL};
	char AUTO_FREE *root = pkgcache_path(unpacked, sha256, "/root", e);
	char AUTO_FREE *links = pkgcache_path(unpacked, sha256, "/links", e);

	if (root == NULL || links == NULL || fileset_walk(fs, root, subs, package, e) < 0)
		return -1;
	return fileset_links(fs, links, package, e);
}
