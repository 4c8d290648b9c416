/* Cards whose reset is known not to work: the data file flr-broken. */
#ifndef BHYFI_FLR_H
#define BHYFI_FLR_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define FLR_FILE_MAX (64 * 1024)
#define FLR_MAX 256
#define FLR_LINE_MAX 400

enum flr_kind {
	FLR_KIND_FLR,   /* the function level reset that it announces fails */
	FLR_KIND_BUS,   /* a bus reset hangs it, and it has no other */
	FLR_KIND_POWER, /* only a power cycle brings it back */
};

struct flr_entry {
	uint16_t vendor, device;
	enum flr_kind kind;
	char source[200], name[64];
};

struct flr_list {
	struct flr_entry entries[FLR_MAX];
	size_t n;
};

/* Parses len bytes; name stands in errors, which are "NAME:LINE: ...". */
int flr_parse(
    struct flr_list *l, const char *text, size_t len, const char *name, struct err *e);

/* The installed file. ERR_PRECONDITION where it is missing. */
int flr_load(struct flr_list *l, const char *path, struct err *e);

/* NULL where the card is not listed. */
const struct flr_entry *flr_find(
    const struct flr_list *l, uint16_t vendor, uint16_t device);

/* As in the file: "flr", ... */
const char *flr_kind_name(enum flr_kind kind);
/* "its function level reset fails", ... */
const char *flr_kind_text(enum flr_kind kind);

#endif
