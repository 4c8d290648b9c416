/*
 * Linux's bzImage (the kernel's Documentation/arch/x86/boot.rst): what version it is, and
 * the ELF kernel that is compressed in it.
 */
#ifndef BHYFI_IMAGE_BZIMAGE_H
#define BHYFI_IMAGE_BZIMAGE_H

#include <stddef.h>

#include "err.h"

#define BZIMAGE_MAX (128u << 20)
#define VMLINUX_MAX (256u << 20)
#define KERNEL_VERSION_MAX 128

struct bzimage {
	char version[KERNEL_VERSION_MAX]; /* "6.1.0-56-amd64", "" where it says none */
	size_t payload, payload_len;      /* within the file */
};

/* data may be the file's first 64 KiB only, then the payload's end is not checked
 * against it: file_len is the length of the whole. */
int bzimage_parse(
    const void *data, size_t len, size_t file_len, struct bzimage *b, struct err *e);

/*
 * Decompresses the payload into a fresh buffer. Whatever of xz, gzip, bzip2,
 * lzma, lzo, lz4 and zstd libarchive knows. The result is checked to be an ELF
 * file of the length that the kernel's build recorded.
 */
int bzimage_unpack(const void *data, size_t len, const struct bzimage *b, char **elf,
    size_t *elf_len, struct err *e);

/* Writes data with its pages of zeros as holes. */
int write_sparse(const char *path, const char *data, size_t len, struct err *e);

/*
 * A whole compressed file (a module as .ko.xz ...) into a fresh buffer of at most
 * max bytes.
 */
int decompress(
    const void *data, size_t len, size_t max, char **out, size_t *out_len, struct err *e);

#endif
