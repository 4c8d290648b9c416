/*
 * manifest.json: what an image is made of.
 *
 *     format      2
 *     id          see manifest_id
 *     source, card, air, profiles[], kernel, built_by
 *     cmdline     of uki.efi
 *     cpio        {"initrd": sha256, "air": sha256}: of the archives before compression
 *     compressor  "zstd 1.5.4"
 *     packages[]  {name, version, sha256}: those that something was taken from
 *     artefacts   {"initrd": {size, sha256}, ...}
 *     files       {"initrd": [{path, type, size, sha256, package, why}], "air": [...]}
 */
#ifndef BHYFI_IMAGE_MANIFEST_H
#define BHYFI_IMAGE_MANIFEST_H

#include <jansson.h>

#include "err.h"
#include "source.h"
#include "tree.h"

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_FORMAT 2
#define SBOM_NAME "sbom.json"
#define MANIFEST_MAX (16u << 20)

/* The names of all files that an image can have, ends with NULL. */
extern const char *const artefact_names[];

/* The nodes of a tree as an array; sets used[package] for each package in it. */
json_t *manifest_files(
    const struct tree *t, const struct source *s, bool *used, struct err *e);
json_t *manifest_packages(const struct source *s, const bool *used, struct err *e);
/* {size, sha256} of dir/name. */
json_t *manifest_artefact(const char *dir, const char *name, struct err *e);

/*
 * The id that follows from a manifest's content: 16 digits of its hash, '-', the kernel's
 * version. The caller's to free. What the compressor's version changes (and what the id
 * itself changes: sbom.json) has no part in it, so that an image has one id on
 * whatever machine it is made; their hashes stand in the manifest, which is signed.
 */
char *manifest_id(const json_t *manifest, struct err *e);

int manifest_write(const char *dir, const json_t *manifest, struct err *e);

/*
 * Reads dir/manifest.json and checks its form: format, id, kernel, artefacts with
 * known names, sizes and hashes. A new reference, or NULL.
 */
json_t *manifest_read(const char *dir, struct err *e);
/* The same from text. */
json_t *manifest_parse(const char *text, size_t len, struct err *e);

#endif
