/* Source `dir`: a root of any distribution, unpacked or as a tar file. It is only read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "deb.h"
#include "hash.h"
#include "pkgcache.h"
#include "source.h"

struct dir {
	int lock; /* of the cache, where the root is a tar file */
};

static int open_folder(struct source *s, struct err *e)
{
	static const char *const subs[] = {"boot", "lib", "lib64", "bin", "sbin",
	    "usr/lib", "usr/lib64", "usr/local/lib", "usr/bin", "usr/sbin",
	    FILESET_MUSL_PATH, NULL};

	return fileset_walk(&s->files, s->opts->root, subs, NO_PACKAGE, e);
}

static int unpack(struct source *s, const char *unpacked, const char *hash, struct err *e)
{
	char AUTO_FREE *tmp = pkgcache_begin(unpacked, hash, e);

	if (tmp == NULL)
		return -1;
	if (unpack_root(s->opts->root, tmp, pkgcache_wanted, e) < 0) {
		pkgcache_abort(unpacked, hash);
		return -1;
	}
	sync();
	return pkgcache_done(unpacked, hash, e);
}

/* A tar file is unpacked once, as packages are, under its hash. */
static int open_tar(struct source *s, struct err *e)
{
	struct dir *d = s->priv;
	char AUTO_FREE *dir = pkgcache_folder(s->opts, "dir", e);
	char AUTO_FREE *unpacked = NULL;
	char hash[HASH_HEX];

	if (dir == NULL || hash_file(s->opts->root, hash, e) < 0)
		return -1;
	if (asprintf(&unpacked, "%s/unpacked", dir) < 0)
		return err_sys(e, ENOMEM, "root");
	if ((d->lock = pkgcache_lock(dir, e)) < 0 || pkgcache_clean(unpacked, e) < 0 ||
	    (!pkgcache_has(unpacked, hash) && unpack(s, unpacked, hash, e) < 0))
		return -1;
	return pkgcache_index(unpacked, hash, &s->files, NO_PACKAGE, e);
}

static int dir_open(struct source *s, struct err *e)
{
	struct dir *d = calloc(1, sizeof(*d));
	struct stat st;

	if (d == NULL)
		return err_sys(e, ENOMEM, "root");
	d->lock = -1;
	s->priv = d;
	if (s->opts->root == NULL)
		return err_set(e, ERR_USAGE,
		    "image build: source dir needs a root (--root DIR|FILE)");
	if (stat(s->opts->root, &st) < 0) {
		err_sys(e, errno, "%s", s->opts->root);
		if (e != NULL)
			e->code = ERR_PRECONDITION;
		return -1;
	}
	if (step_report(s->steps, IMAGE_STAGE_PACKAGES, s->opts->root, 0, 0, e) < 0)
		return -1;
	return S_ISDIR(st.st_mode) ? open_folder(s, e) : open_tar(s, e);
}

static void dir_close(struct source *s)
{
	struct dir *d = s->priv;

	if (d == NULL)
		return;
	if (d->lock >= 0)
		close(d->lock);
	free(d);
	s->priv = NULL;
}

static int dir_need(struct source *s, const struct strv *names, struct err *e)
{
	(void)s;
	(void)names;
	(void)e;
	return 0; /* all that there is, is there */
}

static int dir_need_deps(struct source *s, size_t package, bool libs_only, struct err *e)
{
	(void)s;
	(void)package;
	(void)libs_only;
	(void)e;
	return 0;
}

static int dir_kernel(struct source *s, struct err *e)
{
	return source_newest_kernel(s, s->opts->root, e);
}

const struct source_ops source_dir = {
    .name = "dir",
    .summary = "a root, unpacked or as a tar file",
    .open = dir_open,
    .close = dir_close,
    .need = dir_need,
    .need_deps = dir_need_deps,
    .kernel = dir_kernel,
};
