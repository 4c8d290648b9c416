/* Files: bounded reads, writes that are all there or not there at all. */
#ifndef BHYFI_FS_H
#define BHYFI_FS_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

/*
 * Reads a whole regular file of at most max bytes into a fresh buffer with a
 * terminating NUL behind it. *buf is the caller's to free. *len may be NULL.
 * A longer file, or one that is no regular file, is an error.
 */
int fs_read_file(const char *path, size_t max, char **buf, size_t *len, struct err *e);

/* The same from an open descriptor; name stands in errors. Leaves fd open. */
int fs_read_fd(
    int fd, const char *name, size_t max, char **buf, size_t *len, struct err *e);

/* The same for a file with secrets: one that others than its owner may read is an error,
 * too. The caller wipes the buffer. */
int fs_read_private(
    int fd, const char *name, size_t max, char **buf, size_t *len, struct err *e);

/*
 * Replaces path by way of a temporary file in the same folder, fsync and
 * rename: a reader sees the old content or the new. Nothing stays behind on
 * failure.
 */
int fs_write_atomic(
    const char *path, mode_t mode, const void *data, size_t len, struct err *e);

/* mkdir -p; folders that exist are left as they are. */
int fs_mkdir_p(const char *path, mode_t mode, struct err *e);

/* Removes a file or a whole tree, never following a symbolic link. A path that
 * does not exist is no error. */
int fs_remove_tree(const char *path, struct err *e);

/* Writes all of it, over short writes and EINTR. */
int fs_write_all(int fd, const void *data, size_t len, struct err *e);

#endif
