/*
 * Kernel modules: which there are, what each says of itself, and what has to be
 * loaded before it. Debian's package has no modules.dep (depmod makes it upon
 * installation), so it comes from the modules' own .modinfo sections.
 */
#ifndef BHYFI_IMAGE_KMOD_H
#define BHYFI_IMAGE_KMOD_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "fileset.h"
#include "strv.h"

#define KMOD_FILE_MAX (64u << 20)

/* What .modinfo says, as far as it matters. */
struct modinfo {
	char *name;           /* '_' for '-'; NULL: old kernels, the file's name counts */
	struct strv depends;  /* direct dependencies, names with '_' */
	struct strv softdeps; /* pre and post */
	struct strv aliases;  /* '_' for '-' outside of brackets; none with a blank */
	struct strv firmware; /* below the firmware folder */
};

/* From the content of the section. modinfo_free in any case. */
int modinfo_parse(const char *data, size_t len, struct modinfo *m, struct err *e);
void modinfo_free(struct modinfo *m);

struct kmod {
	char *name;
	char *path; /* below lib/modules/VERSION, ".ko" at its end (as in the guest) */
	char *disk;
	size_t package;
	bool read; /* info is there */
	struct modinfo info;
};

struct kmods {
	struct kmod *v; /* sorted by name */
	size_t n;
	struct strv builtin; /* names, sorted */
};

/* Indexes the modules of a version and its modules.builtin. */
int kmods_open(struct kmods *k, struct fileset *fs, const char *version, struct err *e);
void kmods_close(struct kmods *k);

/* Parses modules.builtin: a path for each line. */
int kmods_parse_builtin(const char *text, size_t len, struct strv *names, struct err *e);

/*
 * A module with its info read. 0 with *m, 1 where it is built into the kernel, -1
 * where there is none. '-' in name is '_'.
 */
int kmods_get(struct kmods *k, const char *name, struct kmod **m, struct err *e);

/*
 * Appends to `order` what is not there yet: all that the module depends on, softdeps
 * included as far as they exist, then the module itself.
 */
int kmods_closure(struct kmods *k, const char *name, struct strv *order, struct err *e);

/* Appends all hard dependencies of a module in load order, without itself. */
int kmods_dependencies(
    struct kmods *k, const char *name, struct strv *order, struct err *e);

/* Whether a driver with that alias is one that is looked for. */
typedef bool kmod_alias_fn(const char *alias, const void *arg);

/* Appends the modules below `folder` ("kernel/drivers/net/wireless/") that have an alias
 * that is looked for. */
int kmods_by_alias(struct kmods *k, const char *folder, kmod_alias_fn *fits,
    const void *arg, struct strv *names, struct err *e);

/* Likewise those that claim a PCI device by its vendor and device numbers. */
int kmods_for_pci(struct kmods *k, const char *folder, unsigned vendor, unsigned device,
    struct strv *names, struct err *e);

/* Whether an alias pattern "pci:v...d..." names that device, whatever its subsystem. */
bool kmod_alias_is_pci(const char *alias, unsigned vendor, unsigned device);

/* The module's ELF file, decompressed, in a fresh buffer. */
int kmod_load(const struct kmod *m, char **data, size_t *len, struct err *e);

/*
 * Takes out what costs time at each load and serves nobody in the guest (kmod-slim.c);
 * *len gets the new length. A module that can not be read is an error.
 */
int kmod_slim(char *data, size_t *len, struct err *e);

#endif
