/* One key of an INSTANCE.conf, found and replaced where it stands. */
#ifndef BHYFI_SETUP_INIFILE_H
#define BHYFI_SETUP_INIFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* The key's value, bytes start to end of the text, as host/config.c would read it
 * (comments behind " ;" left out). */
bool ini_find(const char *text, size_t len, const char *key, size_t *start, size_t *end);

/* The same as a string; false where it is not there or does not fit. */
bool ini_get(const char *text, size_t len, const char *key, char *out, size_t size);

/* The text with the key set: in its place, or as a line at the end. The caller's. */
int ini_set(const char *text, size_t len, const char *key, const char *value, char **out,
    size_t *out_len, struct err *e);

#endif
