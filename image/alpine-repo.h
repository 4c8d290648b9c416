/*
 * Alpine's repositories of one branch at one mirror: MIRROR/BRANCH/main/x86_64/ and the
 * same of community, with their indexes kept below the cache. An index is kept as it was
 * downloaded and its signature is verified each time that it is read.
 */
#ifndef BHYFI_IMAGE_ALPINE_REPO_H
#define BHYFI_IMAGE_ALPINE_REPO_H

#include <stdint.h>

#include "apk.h"
#include "fetch.h"
#include "image.h"
#include "source.h"

#define ALPINE_MIRROR "https://dl-cdn.alpinelinux.org/alpine"
#define ALPINE_BRANCH "latest-stable"

struct alpine_repo {
	char *mirror, *branch;
	char *state;           /* folder of this mirror's indexes */
	char *archives;        /* folder of downloads */
	struct apk_keys *keys; /* trusted */
	struct apk_index index;
	struct fetch *fetch;
	const struct steps *steps;
	bool local;   /* a folder: its indexes are read at each build */
	bool updated; /* in this run */
};

/*
 * dir: the source's folder in the cache, whose lock the caller holds. Brings the indexes
 * up to date if they are older than a day, and reads them. alpine_repo_close in any case.
 */
int alpine_repo_open(struct alpine_repo *r, const char *dir,
    const struct image_options *opts, const struct steps *steps, struct err *e);
void alpine_repo_close(struct alpine_repo *r);

/*
 * Downloads the indexes and reads them: packages have other numbers afterwards. Where
 * that fails and there are older ones, these go on to be used with a warning, and it is
 * not tried again for an hour.
 */
int alpine_repo_update(struct alpine_repo *r, struct err *e);

/* When the indexes were brought up to date, in seconds since 1970; 0: never. */
int64_t alpine_repo_listed(const struct alpine_repo *r);

/* The newest usable package of a name; APK_NO_PACKAGE: none. */
size_t alpine_repo_find(const struct alpine_repo *r, const char *name);
/* The usable one of this version. */
size_t alpine_repo_find_version(
    const struct alpine_repo *r, const char *name, const char *version);

/* Where a package is downloaded to, the caller's to free. */
char *alpine_repo_archive(
    const struct alpine_repo *r, const struct apk_package *p, struct err *e);
/* Downloads it. One that lies there already in its whole length is taken. */
int alpine_repo_fetch(struct alpine_repo *r, const struct apk_package *p, struct err *e);

/* "v3.20" and later, "latest-stable", "edge"; else a usage error. */
int alpine_branch_check(const char *branch, struct err *e);

#endif
