/* The changes to the disk that setup makes, one call each, so that a test can stop or
 * fail every one of them. Paths are the real ones. */
#ifndef BHYFI_SETUP_IO_H
#define BHYFI_SETUP_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

#define IO_NEW ".bhyfi-new" /* behind a file's name: what takes its place */

/* Called before each change; not 0: the change fails with that errno. */
extern int (*io_hook)(const char *op, const char *path);

/* 0, or what the hook says, with e filled. */
int io_allowed(const char *op, const char *path, struct err *e);

struct io_owner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool set_owner; /* else the process's own */
};

/* Writes path IO_NEW with everything on the disk: io_commit cannot run out of space. */
int io_stage(const char *path, const void *data, size_t len, const struct io_owner *o,
    struct err *e);
/* Takes the staged file away; none is no error. */
int io_unstage(const char *path, struct err *e);
/* Puts the staged file in the place of path. */
int io_commit(const char *path, struct err *e);

/* A file or link; none is no error. */
int io_remove(const char *path, struct err *e);
int io_link(const char *path, const char *target, struct err *e);
/* One folder; EEXIST is an error. */
int io_mkdir(const char *path, mode_t mode, struct err *e);
/* true where it was removed: one with something in it stays. */
bool io_rmdir(const char *path);

/* ERR_FAILED with the hint that fits errnum. */
int io_error(struct err *e, int errnum, const char *path);

#endif
