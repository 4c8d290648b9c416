/* A growing list of strings; v always ends with NULL once something is in it. */
#ifndef BHYFI_IMAGE_STRV_H
#define BHYFI_IMAGE_STRV_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct strv {
	char **v;
	size_t n, cap;
};

/* Appends a copy of the first len bytes of s. */
int strv_add_n(struct strv *l, const char *s, size_t len, struct err *e);
int strv_add(struct strv *l, const char *s, struct err *e);
bool strv_has(const struct strv *l, const char *s);
/* As strv_add, unless it is there already. */
int strv_add_once(struct strv *l, const char *s, struct err *e);
void strv_sort(struct strv *l);
void strv_free(struct strv *l);
/* For an interface that wants an array: never NULL. */
const char *const *strv_array(const struct strv *l);

#endif
