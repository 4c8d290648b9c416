/*
 * An index of all files that a source offers, under the paths that they have in
 * a guest. Packages and old roots put libraries into /lib, newer ones into
 * /usr/lib: here every path is the merged one, without a leading slash
 * ("usr/lib/...", "usr/sbin/..."), and that of firmware is without ".zst" or ".xz", as
 * drivers ask for it: collect_read() unpacks it. Links are resolved within the index, so
 * that none can lead out of the root.
 */
#ifndef BHYFI_IMAGE_FILESET_H
#define BHYFI_IMAGE_FILESET_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define FILESET_MAX 500000
/* Where musl's loader looks for libraries, if there is such a file. */
#define FILESET_MUSL_PATH "etc/ld-musl-x86_64.path"
#define NO_PACKAGE ((size_t)-1)

struct file {
	char *path;   /* merged */
	char *disk;   /* where it lies; NULL for a link */
	char *target; /* of a link, else NULL */
	bool exec;
	size_t package; /* index in the source's list, or NO_PACKAGE */
};

struct fileset {
	struct file *v;
	size_t n, cap;
	bool sorted;
};

/* "lib/x" and "/lib/x" become "usr/lib/x"; likewise lib64, bin, sbin. */
int merged_path(const char *path, char *out, size_t size, struct err *e);

int fileset_add(struct fileset *fs, const char *path, const char *disk,
    const char *target, bool exec, size_t package, struct err *e);

/*
 * Adds the regular files and links below `root`/`sub` for every sub in `subs`
 * (ends with NULL), or a file of that name; what does not exist is none. Never follows
 * a link, passes over what is neither file, link nor folder.
 */
int fileset_walk(struct fileset *fs, const char *root, const char *const *subs,
    size_t package, struct err *e);

/* Adds links from the file that deb_unpack wrote. */
int fileset_links(struct fileset *fs, const char *path, size_t package, struct err *e);

/* The entry of that path itself, which may be a link. NULL: none. */
const struct file *fileset_get(struct fileset *fs, const char *path);

/*
 * The regular file that a path leads to, over links of files and of folders.
 * NULL: none, or more links than a kernel would follow.
 */
const struct file *fileset_resolve(struct fileset *fs, const char *path);

/* The first entry whose path starts with prefix; the others follow it. *n gets
 * their number. */
const struct file *fileset_prefix(struct fileset *fs, const char *prefix, size_t *n);

void fileset_free(struct fileset *fs);

#endif
