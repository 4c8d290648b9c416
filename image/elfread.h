/*
 * What the builder wants to know of an ELF file: which libraries a program
 * needs, and the sections of a kernel module. 64-bit little-endian x86 only. The file
 * comes from a package: every offset is checked before it is used.
 */
#ifndef BHYFI_IMAGE_ELFREAD_H
#define BHYFI_IMAGE_ELFREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "strv.h"

#define ELF_FILE_MAX (256u << 20)

struct elf_dynamic {
	char *interp;        /* PT_INTERP, NULL: none */
	struct strv needed;  /* DT_NEEDED, in the file's order */
	struct strv runpath; /* folders of DT_RUNPATH or DT_RPATH that are plain absolute
				paths; others ($ORIGIN) are left out */
};

bool elf_is_elf(const void *data, size_t len);
/* Whether the header is there and of the one kind that is read here; the error says what
 * it is instead. */
int elf_check(const void *data, size_t len, struct err *e);

/* A static program has neither interp nor needed. elf_dynamic_free in any case. */
int elf_dynamic_read(const void *data, size_t len, struct elf_dynamic *d, struct err *e);
void elf_dynamic_free(struct elf_dynamic *d);

/*
 * Finds a section that has content in the file: 0 with its place, 1 where there
 * is none of that name, -1 for a broken file.
 */
int elf_section(const void *data, size_t len, const char *name, size_t *off, size_t *size,
    struct err *e);

#endif
