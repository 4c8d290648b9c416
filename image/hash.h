/* SHA-256 in hexadecimal. */
#ifndef BHYFI_IMAGE_HASH_H
#define BHYFI_IMAGE_HASH_H

#include <stddef.h>

#include "err.h"

#define HASH_HEX 65 /* with its NUL */

/* Of what comes in pieces: hash_free in any case, once hash_new gave one. */
struct hash;
struct hash *hash_new(struct err *e); /* NULL: e is filled */
int hash_add(struct hash *h, const void *data, size_t len, struct err *e);
int hash_end(struct hash *h, char hex[HASH_HEX], struct err *e);
void hash_free(struct hash *h); /* NULL: nothing */

int hash_data(const void *data, size_t len, char hex[HASH_HEX], struct err *e);
/* Of all that can still be read from fd; name stands in errors. */
int hash_fd(int fd, const char *name, char hex[HASH_HEX], struct err *e);
/* Of the whole file, by pread: its offset stays where it is. */
int hash_at(int fd, const char *name, char hex[HASH_HEX], struct err *e);
int hash_file(const char *path, char hex[HASH_HEX], struct err *e);

#endif
