/*
 * Packages files of a Debian archive: paragraphs of fields, one for each package. Their
 * hash is known to be right, but nothing in them is believed: what does not have the form
 * that Debian's policy gives it makes the whole file an error.
 */
#ifndef BHYFI_IMAGE_DEBINDEX_H
#define BHYFI_IMAGE_DEBINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deb.h"
#include "err.h"
#include "strv.h"

#define DEB_INDEX_MAX (256u << 20) /* a Packages file, not compressed */
#define DEB_INDEX_PACKAGES_MAX 500000
#define DEB_INDEX_LISTS_MAX 32
#define DEB_ARCHIVE_MAX (1u << 30) /* a package to be downloaded */

struct deb_entry {
	const char *name, *version;
	const char *filename; /* relative, clean, in pool/ or wherever */
	const char *sha256;
	const char *depends, *pre_depends, *provides; /* or NULL */
	uint64_t size;
	unsigned list; /* as given to deb_index_add */
};

struct deb_index {
	struct deb_entry *v;
	size_t n, cap;
	char *texts[DEB_INDEX_LISTS_MAX]; /* the entries point into them */
	size_t text_count;
	bool sorted;
};

/*
 * Adds the packages for amd64 of a Packages file. Takes text (malloc'ed, with room for
 * a byte behind its len), also upon failure. deb_index_free in any case.
 */
int deb_index_add(
    struct deb_index *x, char *text, size_t len, unsigned list, struct err *e);
void deb_index_free(struct deb_index *x);

/* The newest version of a package; NULL: none. Of the same version in several lists,
 * the one of the highest list. */
const struct deb_entry *deb_index_newest(struct deb_index *x, const char *name);

/* A package that fulfils it: the newest of that name, or one that provides the name. */
const struct deb_entry *deb_index_find(
    struct deb_index *x, const struct deb_alternative *a);

/*
 * The packages that a Depends field asks for: of each clause the first alternative that
 * there is. libs_only: the clauses that start with a name with "lib"; else the others. A
 * clause that nothing fulfils is an error.
 */
int deb_index_choose(struct deb_index *x, const char *depends, bool libs_only,
    struct strv *names, struct err *e);

#endif
