/*
 * Debian packages: the archive (ar, with a control and a data tar in it) and
 * the fields of its control file. What is in them is not trusted, even
 * after apt has verified who made them.
 */
#ifndef BHYFI_IMAGE_DEB_H
#define BHYFI_IMAGE_DEB_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "strv.h"

#define DEB_CONTROL_MAX (256 * 1024)
#define DEB_FILE_MAX (256u << 20)
#define DEB_TOTAL_MAX (3ull << 30)
#define DEB_ENTRIES_MAX 200000
#define DEB_PATH_MAX 1024

/*
 * A field of control text by name, with its continuation lines joined by a
 * space. *value is fresh, or NULL where there is no such field.
 */
int deb_field(
    const char *control, size_t len, const char *name, char **value, struct err *e);

/*
 * The package names of a Depends field: of each clause the first alternative,
 * without version, architecture qualifier and restrictions. Names that are no
 * package names (policy 5.6.1) are an error.
 */
int deb_depends(const char *field, struct strv *names, struct err *e);

/* [a-z0-9][a-z0-9+.-]+ (policy 5.6.7). */
bool deb_name_ok(const char *name, size_t len);

/* A version's form (policy 5.6.12). */
bool deb_version_ok(const char *version);
/* Like strcmp, by Debian's order: epoch, upstream version, revision; "~" comes first. */
int deb_version_compare(const char *a, const char *b);

enum deb_relation {
	DEB_ANY,
	DEB_EARLIER,
	DEB_EARLIER_EQUAL,
	DEB_EQUAL,
	DEB_LATER_EQUAL,
	DEB_LATER,
};

bool deb_version_fits(const char *version, enum deb_relation op, const char *wanted);

#define DEB_ALTERNATIVES_MAX 64

struct deb_alternative {
	char name[129];
	enum deb_relation op;
	char version[257];
};

/* "a (>= 1) | b": one of them is needed. */
struct deb_clause {
	struct deb_alternative v[DEB_ALTERNATIVES_MAX];
	size_t n;
};

/* Takes the next clause of a field off *text: 1, 0 at the end, -1. The architectures
 * and profiles of source packages are no part of it. */
int deb_clause_next(const char **text, struct deb_clause *c, struct err *e);

/* Which paths to unpack: no leading slash. */
typedef bool deb_filter_fn(const char *path);

/*
 * Unpacks a package into `dir`, which has to exist and be empty:
 *
 *     control        the control file
 *     links          PATH\0TARGET\0...: symbolic links, which are not made on
 *                    the disk, so that no later entry can go through one
 *     root/PATH      regular files
 *
 * Links keep their target as packaged; a hard link becomes one with an absolute target.
 * An entry with "..", a control character, a device node or a size above the
 * limits is an error.
 */
int deb_unpack(const char *deb, const char *dir, deb_filter_fn *filter, struct err *e);

/* deb_unpack from memory, for tests. */
int deb_unpack_memory(
    const void *deb, size_t len, const char *dir, deb_filter_fn *filter, struct err *e);

/*
 * root and links of the above from an open archive, of which the files may take up to
 * max bytes, with those that the filter leaves out. Stricter than for Debian's archives,
 * in which "/" before a name is common: an absolute name, a hard link to one, and
 * a symbolic link that goes above the root are errors.
 */
struct archive;
int unpack_tar(struct archive *a, const char *dir, unsigned long long max,
    deb_filter_fn *filter, struct err *e);

/* The same from the tar file of a whole system, compressed or not: not as strict, and
 * devices are passed over where the filter leaves them out. */
int unpack_root(const char *tar, const char *dir, deb_filter_fn *filter, struct err *e);

/*
 * The clean form of an archive member's path: without "./", "/" before it, "//"
 * and "/" behind it. Fails for "..", control characters, too long. "" is the
 * root itself.
 */
int deb_clean_path(const char *path, char *out, size_t size, struct err *e);

#endif
