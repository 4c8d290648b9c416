/*
 * sbom.json: what an image is made of, for programs that look for known faults: a
 * CycloneDX 1.5 bill of materials in JSON. It was taken over SPDX 2.3, which wants a time
 * of creation and a SHA-1 of each file: here everything follows from the content, so the
 * same image has the same bill, and SHA-256 is the only hash.
 *
 *     serialNumber          a UUID (RFC 9562, version 8) from the image's id
 *     metadata.component    the image: its id, kernel, card
 *     components            packages, by their purl, with the hash of the archive and the
 *                           licence ("NOASSERTION" where the source does not say); each
 *                           holds its files, with their hashes as they are in the image.
 *                           The last is bhyfi itself, with the files that are its own.
 *     dependencies          the image's on all of them
 */
#ifndef BHYFI_IMAGE_SBOM_H
#define BHYFI_IMAGE_SBOM_H

#include "manifest.h"

/*
 * From a manifest that has its id and lists of files, and the source that it was made
 * from. A new reference.
 */
json_t *sbom_make(const json_t *manifest, const struct source *s, struct err *e);

/* dir/sbom.json */
int sbom_write(const char *dir, const json_t *sbom, struct err *e);

#endif
