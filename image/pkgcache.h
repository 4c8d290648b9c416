/*
 * The cache of unpacked packages that the sources with packages have: a folder of each
 * source, in it unpacked/SHA256 with what deb_unpack() or apk_unpack() wrote. A later
 * build finds them there without asking the network.
 */
#ifndef BHYFI_IMAGE_PKGCACHE_H
#define BHYFI_IMAGE_PKGCACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "fileset.h"
#include "image.h"

/*
 * The source's folder: below opts->cache, or in DB/cache where that can be written, else
 * in the user's own cache folder. The caller's to free; it need not exist.
 */
char *pkgcache_folder(
    const struct image_options *opts, const char *source, struct err *e);

/* Takes DIR/lock, makes DIR if needed; waits for another build. Returns the descriptor
 * that holds the lock until it is closed. */
int pkgcache_lock(const char *dir, struct err *e);

/*
 * Makes the folder of unpacked packages; removes from it what builds that were killed
 * left half-unpacked, and packages that no build has used for long. Under the lock.
 */
int pkgcache_clean(const char *unpacked, struct err *e);

/* unpacked/SHA256SUFFIX, the caller's to free. */
char *pkgcache_path(
    const char *unpacked, const char *sha256, const char *suffix, struct err *e);

/* Whether it is there; marks it as used. */
bool pkgcache_has(const char *unpacked, const char *sha256);

/* An empty folder SHA256.tmp to unpack into: its path, the caller's to free. */
char *pkgcache_begin(const char *unpacked, const char *sha256, struct err *e);
/* Removes it again. */
void pkgcache_abort(const char *unpacked, const char *sha256);
/* Gives it its name. sync() has to be before: a folder under its final name is whole even
 * after a power cut. */
int pkgcache_done(const char *unpacked, const char *sha256, struct err *e);

/* Adds its files and links to the index. */
int pkgcache_index(const char *unpacked, const char *sha256, struct fileset *fs,
    size_t package, struct err *e);

/*
 * What is unpacked of a package (deb_filter_fn). Left out, to keep the cache small:
 * documentation, and the parts of a kernel that no network card's driver depends on. A
 * module that depends on one of them would be refused later with its name.
 */
bool pkgcache_wanted(const char *path);

#endif
