/*
 * Takes out of an ELF file what nobody reads at run time: unpacking the initrd costs the
 * guest 10 ms per MiB without KVM. 64-bit little-endian x86 only; the file comes from a
 * package: every offset is checked before it is used.
 */
#ifndef BHYFI_IMAGE_ELFSLIM_H
#define BHYFI_IMAGE_ELFSLIM_H

#include <stddef.h>

#include "err.h"

/*
 * A program or shared library: what lies behind the last byte that is loaded (symbols,
 * debugging information, section headers) is cut off, *len becomes less. A file without
 * loadable segments is an error.
 */
int elf_trim(void *data, size_t *len, struct err *e);

/*
 * A relocatable file (a kernel module): the sections of these names become empty, to the
 * kernel's module loader as if they were not there, and all that stays moves together;
 * *len becomes less. A name that is not there is no error.
 */
int elf_drop_sections(
    void *data, size_t *len, const char *const names[], size_t count, struct err *e);

/*
 * A relocatable file: each `call` of an undefined symbol of this name becomes a
 * no-operation of the same length, its relocation empty. Returns how many references to
 * the symbol are no such calls and were left (0: none), -1 for a broken file.
 */
int elf_silence_calls(void *data, size_t len, const char *symbol, struct err *e);

#endif
