/* What store.c and store-list.c share. */
#ifndef BHYFI_IMAGE_STORE_PARTS_H
#define BHYFI_IMAGE_STORE_PARTS_H

#include "store.h"

/* A name that an image's folder can have. */
bool store_id_ok(const char *id);
/* Whether there is an image of that id. */
bool store_has(const char *dir, const char *id);
/* The links as they are. */
int store_links(const char *dir, struct store *s, struct err *e);
/* The descriptor, to be closed. */
int store_lock(const char *dir, struct err *e);

#endif
