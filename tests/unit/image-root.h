/*
 * A root for the image builder, made up here: a kernel whose payload is a few bytes,
 * modules that are nothing but a .modinfo section, programs without code.
 */
#ifndef BHYFI_TEST_IMAGE_ROOT_H
#define BHYFI_TEST_IMAGE_ROOT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "image.h"

#define VERSION "6.1.0-9-test"

extern struct err e;
extern char top[64]; /* the folder of all: root/, libexec/, what is built */

/* Of cmocka's groups. */
int image_root_setup(void **state);
int image_root_teardown(void **state);

/* top/NAME; good until the fourth call after it. */
const char *at(const char *name);
void put(const char *name, const void *data, size_t len);
void put_program(const char *name);
/* root/lib/modules/VERSION/kernel/PATH.ko with this .modinfo. */
void put_module(const char *path, const char *info, size_t len);
#define MODULE(path, info) put_module(path, info, sizeof(info))

/* Builds top/OUTPUT from the root. */
int build_with(struct image_options o, const char *output, image_progress_fn *fn);
int build(const char *output, const char *card, bool air, image_progress_fn *fn);
/* No workspace is left in top. */
void assert_clean(void);
/* A path in the manifest's list of an archive, or NULL. */
const json_t *listed(const json_t *m, const char *archive, const char *path);

#endif
