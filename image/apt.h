/*
 * apt as a library: a private state folder, packages resolved, downloaded and
 * verified (signature of the Release file, hashes down to the package) by apt-get, run
 * as a program. Nothing is installed and the system's own state is not touched:
 * its configuration is taken over only as far as it says where from and how to
 * download (sources, keys, proxies).
 */
#ifndef BHYFI_IMAGE_APT_H
#define BHYFI_IMAGE_APT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "strv.h"

struct apt {
	char *dir;      /* the cache */
	char *state;    /* lists of this set of sources */
	char *archives; /* folder of downloads */
	char *empty;    /* an empty folder */
	char *conf;     /* apt.conf */
	struct strv env;
	bool updated; /* in this run */
	int lock;
};

/* A package as apt resolved it. */
struct apt_package {
	char *name, *file;
	char sha256[65];
	size_t size;
};

struct apt_list {
	struct apt_package *v;
	size_t n;
};

/*
 * Makes the folders below dir, takes its lock (waits for another build) and
 * writes the configuration. mirror NULL: the system's sources. apt_close in any case.
 */
int apt_open(
    struct apt *a, const char *dir, const char *mirror, const char *suite, struct err *e);
void apt_close(struct apt *a);

/* Whether the lists are missing or older than a day. */
bool apt_stale(const struct apt *a);

/*
 * apt-get update. Where it fails and there are older lists, these go on to be
 * used and only a warning is logged.
 */
int apt_update(struct apt *a, struct err *e);

/* What would be downloaded for these names. apt_list_free in any case. */
int apt_resolve(
    struct apt *a, const struct strv *names, struct apt_list *out, struct err *e);
void apt_list_free(struct apt_list *l);

/* Parses the output of apt-get --print-uris download. */
int apt_parse_uris(const char *text, struct apt_list *out, struct err *e);

/* Downloads into a->archives by name, and checks the hash of each. */
int apt_download(
    struct apt *a, const struct apt_package *const *packages, size_t n, struct err *e);

/* a->archives/FILE, the caller's to free. */
char *apt_archive_path(const struct apt *a, const struct apt_package *p, struct err *e);

#endif
