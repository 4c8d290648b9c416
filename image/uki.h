/*
 * Unified kernel images: systemd's EFI stub with kernel, initrd and command line
 * behind it, which UEFI firmware starts like any program.
 */
#ifndef BHYFI_IMAGE_UKI_H
#define BHYFI_IMAGE_UKI_H

#include <stddef.h>

#include "err.h"

struct image;

struct uki_parts {
	const char *stub, *vmlinuz, *initrd; /* files */
	const char *kernel;                  /* its version */
	const char *cmdline;
	const struct image *image; /* what is read has to be as its manifest says; NULL:
				      there is none yet */
};

/* Puts one together in memory; *out is the caller's to free. The same parts give the
 * same bytes. */
int uki_make(const struct uki_parts *p, char **out, size_t *len, struct err *e);

#endif
