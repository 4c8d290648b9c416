/*
 * The Release file of a Debian suite: what its Packages files are, and how long they
 * hold. Only ever read from text whose signature has been verified.
 */
#ifndef BHYFI_IMAGE_DEBRELEASE_H
#define BHYFI_IMAGE_DEBRELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define DEB_RELEASE_MAX (8u << 20)
#define DEB_RELEASE_FILES_MAX 16

/* COMPONENT/binary-amd64/Packages.xz or .gz */
struct deb_release_file {
	char path[64];
	char component[32];
	char sha256[65];
	uint64_t size;
	bool xz;
};

struct deb_release {
	char suite[64], codename[64];
	int64_t date, valid_until; /* seconds since 1970; valid_until 0: for ever */
	bool by_hash;
	struct deb_release_file files[DEB_RELEASE_FILES_MAX];
	size_t file_count;
};

/* text has a NUL behind its len. Of the components main, contrib, non-free-firmware and,
 * where there is no such (before Debian 12), non-free; of a file in two compressions the
 * xz. */
int deb_release_parse(const char *text, size_t len, struct deb_release *r, struct err *e);

/* Whether it is that suite's, by its name or code name, and holds at that time. */
int deb_release_check(
    const struct deb_release *r, const char *suite, int64_t now, struct err *e);
/* Only the last part: Valid-Until. */
int deb_release_expired(const struct deb_release *r, int64_t now, struct err *e);

/* "Sat, 21 Nov 2026 00:53:02 UTC" */
int deb_date_parse(const char *text, int64_t *seconds);

#endif
