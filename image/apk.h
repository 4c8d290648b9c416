/*
 * Alpine's packages and indexes, version 2 of the format, read natively. The facts are
 * from apk-tools' manual pages apk-v2(5), apk-package(5) and apk-keys(5).
 *
 * A file is gzip members one behind the other: signatures (entries .SIGN.ALGORITHM.KEY),
 * then the control member (.PKGINFO and scripts), then the data. An index has DESCRIPTION
 * and APKINDEX in the place of the control member, and no data. What makes a
 * package trustworthy:
 *
 *     a trusted key -> the index's signature, over all bytes behind the signatures
 *     the index     -> C:, the hash of the package's control member as compressed
 *     .PKGINFO      -> datahash, the hash of the data member as compressed
 *
 * Of an index nothing but signatures is inflated before one was found right; of a package
 * the control member, within a fixed limit, to know where it ends.
 */
#ifndef BHYFI_IMAGE_APK_H
#define BHYFI_IMAGE_APK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deb.h"
#include "err.h"
#include "strv.h"

#define APK_INDEX_FILE_MAX (32u << 20)  /* APKINDEX.tar.gz; Alpine's largest: 3 MiB */
#define APK_INDEX_TEXT_MAX (128u << 20) /* what is in it */
#define APK_PACKAGES_MAX 200000
#define APK_DEPS_MAX 4000000
#define APK_FILE_MAX (1u << 30)    /* a package */
#define APK_CONTROL_MAX (4u << 20) /* its control member, inflated */
#define APK_WORD_MAX 256           /* a name, a version */
#define APK_ID_MAX 32

/* Versions ------------------------------------------------------------------------- */

/* NUMBER{.NUMBER}{LETTER}{_SUFFIX{NUMBER}}{~HASH}{-rNUMBER} */
bool apk_version_ok(const char *version);

/* -1, 0 or 1, in apk's order. One that is not well formed counts as far as it is. */
int apk_version_compare(const char *a, const char *b);

/* Bits of apk_dep.op. */
enum {
	APK_LESS = 1,
	APK_EQUAL = 2,
	APK_GREATER = 4,
	APK_FUZZY = 8, /* "~": `want` is the start of the version */
	APK_ANY = APK_LESS | APK_EQUAL | APK_GREATER,
};

/* Whether version `have` is what OP `want` asks for. have NULL, of a name that is
 * provided without a version, fits anything. */
bool apk_version_match(const char *have, unsigned op, const char *want);

/* Dependencies --------------------------------------------------------------------- */

struct apk_dep {
	const char *name;    /* "musl", "so:libssl.so.3", "cmd:sh", "pc:x" */
	const char *version; /* NULL with APK_ANY */
	unsigned op;
	bool conflict; /* "!name" */
};

/*
 * Takes the next of a list apart where it stands (the text is changed). 1 with *d, 0 at
 * the end, -1 for what is no dependency.
 */
int apk_dep_next(char **text, struct apk_dep *d, struct err *e);
/* "so:libssl.so.3>=3.0" */
void apk_dep_show(const struct apk_dep *d, char *out, size_t size);

/* A package's name: it becomes a part of URLs and paths. */
bool apk_name_ok(const char *name);

/* The index ------------------------------------------------------------------------ */

struct apk_range {
	size_t at, n; /* in apk_index.deps */
};

struct apk_package {
	const char *name, *version;
	const char *license;    /* or NULL */
	uint8_t id[APK_ID_MAX]; /* the hash of its control member */
	size_t id_len;          /* 20: SHA-1, 32: SHA-256 */
	uint64_t size;          /* of the file */
	uint64_t installed;     /* about what its files take */
	unsigned priority;      /* provider_priority */
	unsigned repo;
	bool usable; /* for this machine, and all of it was understood */
	struct apk_range depends, provides, install_if;
};

/* Who has a name: a package of that name, or one that provides it. */
struct apk_provider {
	const char *name;
	const char *version; /* NULL: provided without one */
	size_t package;
};

struct apk_index {
	struct apk_package *packages;
	size_t package_count;
	struct apk_dep *deps;
	size_t dep_count, dep_cap;
	struct apk_provider *providers; /* by name, once apk_index_ready was called */
	size_t provider_count;
	char **texts; /* all names point into them */
	size_t text_count;
};

/*
 * Adds the packages of an index's text, of repository number `repo`. Takes text
 * (malloc'ed, a NUL behind its len bytes), also upon failure.
 */
int apk_index_add(
    struct apk_index *x, char *text, size_t len, unsigned repo, struct err *e);
/* After the last apk_index_add. */
int apk_index_ready(struct apk_index *x, struct err *e);
/* The first of *n providers of a name. */
const struct apk_provider *apk_index_providers(
    const struct apk_index *x, const char *name, size_t *n);
void apk_index_free(struct apk_index *x);

/* .PKGINFO ------------------------------------------------------------------------- */

struct apk_pkginfo {
	char name[APK_WORD_MAX], version[APK_WORD_MAX];
	char datahash[65]; /* "": none */
};

int apk_pkginfo_parse(
    const char *text, size_t len, struct apk_pkginfo *info, struct err *e);

/* Keys and files ------------------------------------------------------------------- */

struct apk_keys; /* trusted ones */

/* All files *.pub in dir: RSA public keys in PEM, at least 2048 bits. None is an error.
 */
int apk_keys_load(const char *dir, struct apk_keys **keys, struct err *e);
void apk_keys_free(struct apk_keys *keys);

/*
 * The text of APKINDEX out of an index file, its signature verified. *text is fresh, with
 * a NUL behind it.
 */
int apk_index_read(
    int fd, const struct apk_keys *keys, char **text, size_t *len, struct err *e);

/* Where what is in a package's file. */
struct apk_file {
	struct apk_pkginfo info;
	char *pkginfo; /* its text */
	size_t pkginfo_len;
	uint64_t data; /* offset of the data */
};

/* Verifies a package's file against the index's entry. apk_file_free in any case. */
int apk_file_check(
    int fd, const struct apk_package *p, struct apk_file *f, struct err *e);
void apk_file_free(struct apk_file *f);

/*
 * Unpacks the data of a file that apk_file_check found right into `dir`, which is empty,
 * as deb_unpack does: root/, links, and in control the text of .PKGINFO.
 */
int apk_unpack(int fd, const struct apk_package *p, const struct apk_file *f,
    const char *dir, deb_filter_fn *filter, struct err *e);

#endif
