/* vm-bhyve's own files: its settings, and what bhyfi writes for it. */
#ifndef BHYFI_IMPORT_VM_BHYVE_H
#define BHYFI_IMPORT_VM_BHYVE_H

#include <stdbool.h>
#include <stdio.h>

#include "config.h"
#include "err.h"

/*
 * The settings of a guest, as the sample configuration of vm-bhyve 1.6 documents them
 * (sample-templates/config.sample) and a few that only its programs read. An N in a
 * name is any number.
 */
struct vm_bhyve_key {
	const char *name;
	bool documented;
	/* What becomes of it: NULL: import takes it; else why not. */
	const char *why;
	bool lost; /* something of the user's is lost with it */
};
extern const struct vm_bhyve_key vm_bhyve_keys[]; /* ends with name NULL */

/* NULL where vm-bhyve has none of that name. */
const struct vm_bhyve_key *vm_bhyve_key(const char *name);

struct image;

/*
 * A template that boots the image with `vm start`, and the commands that make the guest
 * from it, as text to out. dir NULL: the commands write the template themselves (a
 * here-document); else they copy DIR/bhyfi.conf, which vm_bhyve_template writes.
 * ERR_PRECONDITION for an image without an ESP, ERR_FAILED for a simulated card where
 * the image has none.
 */
int vm_bhyve_plan(const struct config *c, const struct image *img, const char *dir,
    FILE *out, struct err *e);
int vm_bhyve_template(
    const struct config *c, const struct image *img, FILE *out, struct err *e);

/* `bhyfi plan --vm-bhyve [--output DIR]`: opens the configuration's image, writes into
 * dir if not NULL, prints the plan to out. */
int vm_bhyve_write(const struct config *c, const char *dir, FILE *out, struct err *e);

#endif
