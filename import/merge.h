/* A file of ours that is there already, as `bhyfi setup` makes it: what import has goes
 * into it where that takes nothing away. */
#ifndef BHYFI_IMPORT_MERGE_H
#define BHYFI_IMPORT_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*
 * The configuration that is there with those keys of ours added that it lacks: *out, the
 * caller's, *out_len bytes. A key that is there with another value is ERR_PRECONDITION,
 * which names it and both values. networks: where ours are going to be (NULL: there are
 * none), so that no other file is named.
 */
int merge_config(const char *there, size_t len, const char *ours, const char *networks,
    char **out, size_t *out_len, struct err *e);

/* Whether a networks file says nothing: comments and empty lines. */
bool merge_says_nothing(const char *text, size_t len);

#endif
