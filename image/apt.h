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

#include "debsupply.h"
#include "err.h"
#include "strv.h"

struct apt {
	char *state;    /* lists */
	char *archives; /* folder of downloads */
	char *empty;    /* an empty folder */
	char *conf;     /* apt.conf */
	struct strv env;
};

/* Makes the folders below dir and writes the configuration. apt_close in any case. */
int apt_open(struct apt *a, const char *dir, const char *archives, struct err *e);
void apt_close(struct apt *a);

/* apt-get update */
int apt_update(struct apt *a, struct err *e);

/* What would be downloaded for these names. deb_list_free in any case. */
int apt_resolve(
    struct apt *a, const struct strv *names, struct deb_list *out, struct err *e);

/* Parses the output of apt-get --print-uris download. */
int apt_parse_uris(const char *text, struct deb_list *out, struct err *e);

/* Downloads into a->archives by name, and checks the hash of each. */
int apt_download(
    struct apt *a, const struct deb_package *const *packages, size_t n, struct err *e);

/*
 * What `apt-cache policy` would install of a package: *version fresh, or NULL where there
 * is none; security: it comes from an archive of security updates.
 */
int apt_newest(
    struct apt *a, const char *package, char **version, bool *security, struct err *e);
/* Parses what it says. */
int apt_parse_policy(const char *text, char **version, bool *security, struct err *e);

#endif
