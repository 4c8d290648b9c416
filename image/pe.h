/*
 * PE files (Microsoft's PE/COFF specification), as far as a unified kernel image needs
 * it: sections appended to systemd's EFI stub.
 */
#ifndef BHYFI_IMAGE_PE_H
#define BHYFI_IMAGE_PE_H

#include <stddef.h>

#include "err.h"

#define PE_FILE_MAX (1u << 30)

struct pe_section {
	char name[9]; /* ".linux" */
	const void *data;
	size_t len;
};

/*
 * A fresh buffer with the stub and the sections behind its own, in the order given.
 * The stub must be an unsigned PE32+ program for x86-64 with room for the sections'
 * headers.
 */
int pe_append(const void *stub, size_t stub_len, const struct pe_section *sections,
    size_t count, char **out, size_t *out_len, struct err *e);

/* Finds a section's content (not its padding): 0, 1 where there is none, -1 broken. */
int pe_section(const void *pe, size_t len, const char *name, size_t *off, size_t *size,
    struct err *e);

#endif
