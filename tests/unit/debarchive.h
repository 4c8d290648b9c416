/*
 * A small archive in Debian's format, made on the spot: packages written by libarchive,
 * Packages and Release files, signed by gpg with a key of the test's own.
 */
#ifndef BHYFI_TEST_DEBARCHIVE_H
#define BHYFI_TEST_DEBARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deb_made {
	const char *name, *version;
	const char *control; /* more fields, each with its newline; or NULL */
	const char *path;    /* the one file in it, its content is the version; or NULL */
	const char *really;  /* the name in its own control file; NULL: name */
	/* What Packages says instead of the truth; NULL, 0: the truth. */
	const char *filename, *sha256;
	size_t size;
};

struct suite_made {
	const char *name;     /* "bookworm" */
	const char *codename; /* NULL: as name */
	const struct deb_made *packages;
	size_t count;
	int64_t date, valid_until; /* date 0: now */
	const char *hashes;        /* the field's name; NULL: SHA256 */
	const char *packages_text; /* instead of what follows from packages */
	size_t zeros;              /* or so many bytes of nothing */
	bool gz, no_by_hash;
};

/* GNUPGHOME with a key of that name in it ("good", "other"); its public half goes to
 * DIR/NAME.gpg and, armoured, DIR/NAME.asc. */
void archive_keys(const char *dir, const char *name);
void archive_keys_end(const char *dir, const char *name);

/* Adds a suite to the archive at root: pool/ and dists/SUITE/. signer NULL: not signed.
 */
void archive_suite(const char *root, const struct suite_made *suite, const char *keys,
    const char *signer);
/* Signs text as root/dists/SUITE/InRelease. digest: "SHA256". */
void archive_sign(const char *root, const char *suite, const char *text, const char *keys,
    const char *signer, const char *digest);

#endif
