#include "bzimage.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "cleanup.h"
#include "elfread.h"
#include "fs.h"

/* Offsets in the setup header. */
#define SETUP_SECTS 0x1f1
#define BOOT_FLAG 0x1fe
#define HEADER_MAGIC 0x202
#define PROTOCOL 0x206
#define VERSION_PTR 0x20e
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END 0x250
#define PROTOCOL_WITH_PAYLOAD 0x0208

#define PAGE 4096

static void read_version(const uint8_t *p, size_t len, struct bzimage *b)
{
	size_t off = (size_t)get_le16(p + VERSION_PTR) + 0x200, n = 0;

	if (get_le16(p + VERSION_PTR) == 0)
		return;
	while (off + n < len && n + 1 < sizeof(b->version) && p[off + n] > ' ' &&
	       p[off + n] < 0x7f && p[off + n] != '/') {
		b->version[n] = (char)p[off + n];
		n++;
	}
	b->version[n] = '\0';
}

int bzimage_parse(
    const void *data, size_t len, size_t file_len, struct bzimage *b, struct err *e)
{
	const uint8_t *p = data;
	size_t setup;

	*b = (struct bzimage){0};
	if (len < HEADER_END || get_le16(p + BOOT_FLAG) != 0xaa55 ||
	    memcmp(p + HEADER_MAGIC, "HdrS", 4) != 0)
		return err_set(e, ERR_FAILED, "not a Linux kernel (bzImage)");
	if (get_le16(p + PROTOCOL) < PROTOCOL_WITH_PAYLOAD)
		return err_set(e, ERR_FAILED, "a Linux kernel too old for a payload");
	setup = ((p[SETUP_SECTS] == 0 ? 4u : p[SETUP_SECTS]) + 1u) * 512u;
	b->payload_len = get_le32(p + PAYLOAD_LENGTH);
	b->payload = setup + (size_t)get_le32(p + PAYLOAD_OFFSET);
	if (b->payload_len < 16 || !in_bounds(file_len, b->payload, b->payload_len))
		return err_set(e, ERR_FAILED, "bzImage: payload outside of the file");
	read_version(p, len, b);
	return 0;
}

static int read_all(
    struct archive *a, size_t max, char **out, size_t *out_len, struct err *e)
{
	size_t cap = 1u << 20, len = 0;
	char *buf = malloc(cap);

	while (buf != NULL) {
		la_ssize_t n = archive_read_data(a, buf + len, cap - len);

		if (n < 0) {
			free(buf);
			return err_set(e, ERR_FAILED, "decompress: %s",
			    archive_error_string(a) == NULL ? "damaged"
							    : archive_error_string(a));
		}
		len += (size_t)n;
		if (n == 0) {
			*out = buf;
			*out_len = len;
			return 0;
		}
		if (len < cap)
			continue;
		if (len >= max) {
			free(buf);
			return err_set(
			    e, ERR_FAILED, "decompress: more than %zu bytes", max);
		}
		cap = cap * 2 < max ? cap * 2 : max + 1;
		char *grown = realloc(buf, cap);
		if (grown == NULL)
			free(buf);
		buf = grown;
	}
	return err_sys(e, ENOMEM, "decompress");
}

int decompress(
    const void *data, size_t len, size_t max, char **out, size_t *out_len, struct err *e)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int r, next = ARCHIVE_FATAL;

	if (a == NULL)
		return err_sys(e, ENOMEM, "decompress");
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	archive_read_support_filter_all(a);
	if (archive_read_open_memory(a, data, len) == ARCHIVE_OK)
		next = archive_read_next_header(a, &entry);
	if (next == ARCHIVE_EOF) {
		*out_len = 0;
		*out = calloc(1, 1);
		r = *out == NULL ? err_sys(e, ENOMEM, "decompress") : 0;
	} else if (next != ARCHIVE_OK)
		r = err_set(e, ERR_FAILED, "decompress: %s",
		    archive_error_string(a) == NULL ? "damaged"
						    : archive_error_string(a));
	else
		r = read_all(a, max, out, out_len, e);
	archive_read_free(a);
	return r;
}

int bzimage_unpack(const void *data, size_t len, const struct bzimage *b, char **elf,
    size_t *elf_len, struct err *e)
{
	const uint8_t *p = (const uint8_t *)data + b->payload;
	size_t n = b->payload_len;
	uint32_t recorded;

	if (!in_bounds(len, b->payload, n))
		return err_set(e, ERR_FAILED, "bzImage: payload outside of the file");
	/* The last four bytes are the length; gzip's format has it there anyway, behind
	 * the others it would be trailing rubbish. */
	recorded = get_le32(p + n - 4);
	if (!(p[0] == 0x1f && p[1] == 0x8b))
		n -= 4;
	if (decompress(p, n, VMLINUX_MAX, elf, elf_len, e) < 0)
		return err_prefix(e, "bzImage");
	if (elf_is_elf(*elf, *elf_len) && *elf_len == recorded)
		return 0;
	free(*elf);
	*elf = NULL;
	return err_set(e, ERR_FAILED, "bzImage: the payload is no ELF kernel");
}

static int write_pages(int fd, const char *data, size_t len, struct err *e)
{
	static const char zeros[PAGE];
	size_t start = 0, at = 0;

	/* Runs of pages with content, in one write each. */
	while (at < len) {
		size_t n = len - at < PAGE ? len - at : PAGE;

		if (memcmp(data + at, zeros, n) == 0) {
			if (at > start &&
			    fs_write_all(fd, data + start, at - start, e) < 0)
				return -1;
			if (lseek(fd, (off_t)(at + n), SEEK_SET) < 0)
				return err_sys(e, errno, "seek");
			start = at + n;
		}
		at += n;
	}
	if (at > start && fs_write_all(fd, data + start, at - start, e) < 0)
		return -1;
	return ftruncate(fd, (off_t)len) < 0 ? err_sys(e, errno, "truncate") : 0;
}

int write_sparse(const char *path, const char *data, size_t len, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return write_pages(fd, data, len, e) < 0 ? err_prefix(e, "%s", path) : 0;
}
