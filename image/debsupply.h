/*
 * How source `debian` gets at packages: by apt with the system's own sources, or
 * natively from a mirror (debrepo.c), which works on any host. One ops struct each.
 */
#ifndef BHYFI_IMAGE_DEBSUPPLY_H
#define BHYFI_IMAGE_DEBSUPPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "source.h"
#include "strv.h"

/* A package as it will be downloaded. */
struct deb_package {
	char *name;
	char *file; /* its name in the folder of downloads */
	char *url;  /* below the mirror; by apt NULL */
	char sha256[65];
	size_t size;
	unsigned list; /* where debrepo has it from */
};

struct deb_list {
	struct deb_package *v;
	size_t n;
};

/* Appends an empty one; NULL without memory. */
struct deb_package *deb_list_add(struct deb_list *l, struct err *e);
void deb_list_free(struct deb_list *l);

struct deb_supply {
	const struct deb_supply_ops *ops;
	const struct image_options *opts;
	const struct steps *steps;
	const char *dir;      /* the source's folder in the cache, whose lock is held */
	const char *archives; /* the folder of downloads */
	bool updated;         /* in this run */
	void *priv;
};

struct deb_supply_ops {
	/* Network only where there are no lists. close in any case. */
	int (*open)(struct deb_supply *s, struct err *e);
	void (*close)(struct deb_supply *s);
	/* Where the lists and their stamp are. */
	const char *(*lists)(const struct deb_supply *s);
	int (*update)(struct deb_supply *s, struct err *e);
	/* What would be downloaded for these names. deb_list_free in any case. */
	int (*resolve)(struct deb_supply *s, const struct strv *names,
	    struct deb_list *out, struct err *e);
	/* The packages that a Depends field asks for; libs_only: those of clauses that
	 * start with "lib", else the others. */
	int (*choose)(struct deb_supply *s, const char *depends, bool libs_only,
	    struct strv *names, struct err *e);
	/* Into archives by the name of each, verified. done of total come before. */
	int (*download)(struct deb_supply *s, const struct deb_package *const *packages,
	    size_t n, size_t done, size_t total, struct err *e);
	/* As source_ops.newest. */
	int (*newest)(struct deb_supply *s, const char *package, char **version,
	    bool *security, struct err *e);
};

extern const struct deb_supply_ops deb_supply_apt, deb_supply_repo;

/*
 * The age of lists, by a stamp in their folder. Lists older than a day are stale; after
 * an update that failed the old ones pass as fresh for an hour.
 */
bool deb_lists_stale(const char *lists);
int deb_lists_stamp(const char *lists, bool failed, struct err *e);
/* When they were last brought up to date; 0: never. */
int64_t deb_lists_time(const char *lists);

/* VERSION_CODENAME of a Debian that we run on, else that of the release that the
 * profiles were made for. The caller's to free. */
char *deb_default_suite(struct err *e);

#endif
