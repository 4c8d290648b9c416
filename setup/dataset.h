/* A ZFS dataset of our own, through zfs(8) of the system below os_root(). */
#ifndef BHYFI_SETUP_DATASET_H
#define BHYFI_SETUP_DATASET_H

#include <stdbool.h>

#include "err.h"

#define DATASET_MAX 256
#define DATASET_PROPERTY "bhyfi:made-by" /* a user property, zfsprops(7) */

/*
 * Whether a dataset that setup made is mounted at a path: 1 and its name, 0 none.
 */
int dataset_ours(const char *mountpoint, char name[DATASET_MAX], struct err *e);

/* The pool that "/" is on; 0 none (no ZFS), 1 with its name. */
int dataset_pool(char pool[DATASET_MAX], struct err *e);

/* Whether there is one of that name, whosever: 1 or 0. */
int dataset_exists(const char *name, struct err *e);

int dataset_create(const char *name, const char *mountpoint, struct err *e);

/* Destroys one that is ours and has no file in it, no snapshot, no child; else an
 * error. */
int dataset_destroy(const char *name, const char *mountpoint, struct err *e);

#endif
