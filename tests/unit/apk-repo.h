/*
 * Makes repositories in Alpine's format for tests, in each detail as abuild and apk index
 * make them, and ones that are wrong in one detail. All functions assert.
 */
#ifndef BHYFI_TEST_APK_REPO_H
#define BHYFI_TEST_APK_REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apk_entry {
	const char *path;
	enum { APK_FILE, APK_EXEC, APK_LINK, APK_HARD_LINK, APK_DEVICE } kind;
	const void *data; /* of a file; the target of a link */
	size_t len;
};

/* What is wrong with a package. */
enum apk_fault {
	FAULT_NONE,
	FAULT_TRUNCATED, /* its file is shorter than the index says */
	FAULT_LONGER,
	FAULT_CONTROL, /* another control member than the index's */
	FAULT_DATA,    /* other data than its control member's */
	FAULT_NO_HASH, /* no datahash */
	FAULT_NAME,    /* .PKGINFO names another package */
	FAULT_NO_GZIP,
};

struct apk_spec {
	const char *name, *version;                  /* version NULL: "1.0-r0" */
	const char *depends, *provides, *install_if; /* NULL: none */
	unsigned priority;
	const struct apk_entry *entries;
	size_t count;
	enum apk_fault fault;
	uint64_t installed; /* 0: as large as its files are */
};

enum index_fault {
	INDEX_GOOD,
	INDEX_UNSIGNED,
	INDEX_WRONG,   /* changed after it was signed */
	INDEX_UNKNOWN, /* signed by a key that is in no folder */
	INDEX_FORGED,  /* the same, under the name of one that is */
	INDEX_TRUNCATED,
	INDEX_MORE, /* something behind it */
};

struct apk_repo {
	char dir[256];  /* the mirror */
	char keys[300]; /* folder of trusted keys */
	char *index;
	size_t index_len, index_cap;
	void *key, *stranger; /* EVP_PKEY */
};

#define APK_REPO_BRANCH "v3.21"

/* An empty one below `top`. */
void apk_repo_open(struct apk_repo *r, const char *top);
void apk_repo_close(struct apk_repo *r);
/* Puts another key under the trusted one's name. */
void apk_repo_trust_stranger(const struct apk_repo *r);
/* Writes the package's file, into repository main, and adds it to the index. */
void apk_repo_add(struct apk_repo *r, const struct apk_spec *p);
/* Adds lines to the index. */
void apk_repo_line(struct apk_repo *r, const char *text);
/* Writes APKINDEX.tar.gz, signed with "RSA", "RSA256" or "RSA512". */
void apk_repo_index(struct apk_repo *r, const char *algorithm, enum index_fault fault);

#endif
