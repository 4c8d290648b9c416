/*
 * The form that bhyfi's own configuration files have: lines KEY = VALUE and comments, no
 * sections, bounded, and only root's to write.
 */
#ifndef BHYFI_HOST_CONFFILE_H
#define BHYFI_HOST_CONFFILE_H

#include <stdio.h>

#include "err.h"

#define CONFFILE_MAX (64 * 1024) /* bytes */

/*
 * Opens a regular file that belongs to root (or to who asks) and that nobody else may
 * write. *f is the caller's to fclose; NULL where there is no such file, which is no
 * error.
 */
int conffile_open(FILE **f, const char *path, struct err *e);

/* One line. -1: e says what is wrong, without file and line. */
typedef int conffile_entry(void *arg, const char *key, const char *value, struct err *e);

/* Reads f to its end or to the first error, which says name and line. */
int conffile_parse(
    FILE *f, const char *name, conffile_entry *entry, void *arg, struct err *e);

#endif
