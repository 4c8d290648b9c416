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
 * The clean form of an archive member's path: without "./", "/" before it, "//"
 * and "/" behind it. Fails for "..", control characters, too long. "" is the
 * root itself.
 */
int deb_clean_path(const char *path, char *out, size_t size, struct err *e);

#endif
