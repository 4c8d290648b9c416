#include "pe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

/* Offsets: DOS header, COFF header (behind "PE\0\0"), optional header, section. */
#define DOS_LFANEW 0x3c
#define COFF_MACHINE 4
#define COFF_SECTIONS 6
#define COFF_OPT_SIZE 20
#define COFF_END 24
#define OPT_INIT_DATA 8
#define OPT_SECTION_ALIGN 32
#define OPT_FILE_ALIGN 36
#define OPT_IMAGE_SIZE 56
#define OPT_HEADERS_SIZE 60
#define OPT_CHECKSUM 64
#define OPT_DIR_COUNT 108
#define OPT_DIRS 112
#define OPT_MIN 112
#define DIR_SECURITY 4
#define SEC_SIZE 40
#define SEC_VIRTUAL_SIZE 8
#define SEC_VMA 12
#define SEC_RAW_SIZE 16
#define SEC_RAW 20
#define SEC_FLAGS 36
#define SEC_INIT_DATA_READ 0x40000040u
#define MACHINE_X64 0x8664
#define MAGIC_PE32PLUS 0x20b
#define PAGE 4096u
#define SECTIONS_MAX 96 /* the loader's limit */

struct pe {
	size_t coff, opt, table;
	unsigned sections;
	uint32_t section_align, file_align;
	uint32_t append_align; /* of our sections: whole pages, whatever the stub's */
	uint32_t headers_size;
	uint32_t vma_end; /* behind the last section in memory */
	size_t raw_end, raw_start;
};

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FAILED, "EFI stub: %s", what);
}

static uint64_t align_up(uint64_t v, uint32_t align)
{
	return (v + align - 1) / align * align;
}

static int power_of_two(uint32_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

static int parse_headers(const uint8_t *p, size_t len, struct pe *pe, struct err *e)
{
	size_t opt_size;

	if (len < 64 || p[0] != 'M' || p[1] != 'Z')
		return bad(e, "not a PE file");
	pe->coff = get_le32(p + DOS_LFANEW);
	if (!in_bounds(len, pe->coff, COFF_END) || memcmp(p + pe->coff, "PE\0\0", 4) != 0)
		return bad(e, "not a PE file");
	opt_size = get_le16(p + pe->coff + COFF_OPT_SIZE);
	pe->opt = pe->coff + COFF_END;
	pe->table = pe->opt + opt_size;
	pe->sections = get_le16(p + pe->coff + COFF_SECTIONS);
	if (opt_size < OPT_MIN || pe->sections > SECTIONS_MAX ||
	    !in_bounds(len, pe->table, (uint64_t)pe->sections * SEC_SIZE))
		return bad(e, "headers outside of the file");
	if (get_le16(p + pe->coff + COFF_MACHINE) != MACHINE_X64 ||
	    get_le16(p + pe->opt) != MAGIC_PE32PLUS)
		return bad(e, "not for x86-64");
	pe->section_align = get_le32(p + pe->opt + OPT_SECTION_ALIGN);
	pe->file_align = get_le32(p + pe->opt + OPT_FILE_ALIGN);
	pe->headers_size = get_le32(p + pe->opt + OPT_HEADERS_SIZE);
	pe->append_align = pe->section_align < PAGE ? PAGE : pe->section_align;
	if (!power_of_two(pe->section_align) || !power_of_two(pe->file_align) ||
	    pe->section_align > 1u << 24 || pe->file_align > 1u << 16 ||
	    pe->headers_size > len)
		return bad(e, "strange alignment");
	return 0;
}

static int parse_sections(const uint8_t *p, size_t len, struct pe *pe, struct err *e)
{
	pe->raw_start = len;
	pe->raw_end = pe->headers_size;
	for (unsigned i = 0; i < pe->sections; i++) {
		const uint8_t *s = p + pe->table + (size_t)i * SEC_SIZE;
		uint32_t raw = get_le32(s + SEC_RAW), size = get_le32(s + SEC_RAW_SIZE);
		uint64_t end =
		    (uint64_t)get_le32(s + SEC_VMA) + get_le32(s + SEC_VIRTUAL_SIZE);

		if (size > 0 && !in_bounds(len, raw, size))
			return bad(e, "section outside of the file");
		if (end > PE_FILE_MAX)
			return bad(e, "section too large");
		if (end > pe->vma_end)
			pe->vma_end = (uint32_t)end;
		if (size > 0 && raw < pe->raw_start)
			pe->raw_start = raw;
		if (size > 0 && raw + size > pe->raw_end)
			pe->raw_end = raw + size;
	}
	return 0;
}

static int parse(const void *data, size_t len, struct pe *pe, struct err *e)
{
	*pe = (struct pe){0};
	return parse_headers(data, len, pe, e) < 0 ? -1
						   : parse_sections(data, len, pe, e);
}

/* The signature covers the file as it was. */
static int check_unsigned(const uint8_t *p, const struct pe *pe, struct err *e)
{
	size_t dir = pe->opt + OPT_DIRS + (size_t)DIR_SECURITY * 8;

	if (get_le32(p + pe->opt + OPT_DIR_COUNT) <= DIR_SECURITY || dir + 8 > pe->table)
		return 0;
	return get_le64(p + dir) == 0 ? 0 : bad(e, "it is signed");
}

static int check_room(const struct pe *pe, size_t count, struct err *e)
{
	size_t end = pe->table + (pe->sections + count) * SEC_SIZE;

	if (pe->sections + count > SECTIONS_MAX || end > pe->headers_size ||
	    end > pe->raw_start)
		return bad(e, "no room for more sections");
	return 0;
}

/* The one's complement sum over 16-bit words, plus the length; the field itself as 0. */
static uint32_t checksum(const uint8_t *p, size_t len, size_t field)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		if (i != field && i != field + 2)
			sum += get_le16(p + i);
	if (len % 2 != 0)
		sum += p[len - 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)(sum + len);
}

static void put_section(
    uint8_t *out, struct pe *pe, const struct pe_section *s, size_t raw, size_t raw_size)
{
	uint8_t *h = out + pe->table + (size_t)pe->sections * SEC_SIZE;
	uint32_t vma = (uint32_t)align_up(pe->vma_end, pe->append_align);

	memset(h, 0, SEC_SIZE);
	memcpy(h, s->name, strnlen(s->name, 8));
	put_le32(h + SEC_VIRTUAL_SIZE, (uint32_t)s->len);
	put_le32(h + SEC_VMA, vma);
	put_le32(h + SEC_RAW_SIZE, (uint32_t)raw_size);
	put_le32(h + SEC_RAW, (uint32_t)raw);
	put_le32(h + SEC_FLAGS, SEC_INIT_DATA_READ);
	memcpy(out + raw, s->data, s->len);
	pe->vma_end = vma + (uint32_t)s->len;
	pe->sections++;
}

int pe_append(const void *stub, size_t stub_len, const struct pe_section *sections,
    size_t count, char **out, size_t *out_len, struct err *e)
{
	struct pe pe;
	uint64_t total, init, end;
	uint8_t *p;

	if (parse(stub, stub_len, &pe, e) < 0 || check_unsigned(stub, &pe, e) < 0 ||
	    check_room(&pe, count, e) < 0)
		return -1;
	/* What follows the last section (symbols, debug data) is not loaded: drop it. */
	total = align_up(pe.raw_end, pe.file_align);
	end = pe.vma_end;
	for (size_t i = 0; i < count; i++) {
		end = align_up(end, pe.append_align) + sections[i].len;
		if (sections[i].len > PE_FILE_MAX || end > PE_FILE_MAX)
			return bad(e, "section too large");
		total += align_up(sections[i].len, pe.file_align);
	}
	if (total > PE_FILE_MAX || (p = calloc(1, (size_t)total)) == NULL)
		return err_sys(e, ENOMEM, "unified kernel image");
	memcpy(p, stub, pe.raw_end);
	init = get_le32(p + pe.opt + OPT_INIT_DATA);
	total = align_up(pe.raw_end, pe.file_align);
	for (size_t i = 0; i < count; i++) {
		size_t size = (size_t)align_up(sections[i].len, pe.file_align);

		put_section(p, &pe, &sections[i], (size_t)total, size);
		total += size;
		init += size;
	}
	put_le16(p + pe.coff + COFF_SECTIONS, (uint16_t)pe.sections);
	put_le32(p + pe.coff + 12, 0); /* symbols, which are gone */
	put_le32(p + pe.coff + 16, 0);
	put_le32(p + pe.opt + OPT_INIT_DATA, (uint32_t)init);
	put_le32(p + pe.opt + OPT_IMAGE_SIZE,
	    (uint32_t)align_up(pe.vma_end, pe.section_align));
	put_le32(
	    p + pe.opt + OPT_CHECKSUM, checksum(p, (size_t)total, pe.opt + OPT_CHECKSUM));
	*out = (char *)p;
	*out_len = (size_t)total;
	return 0;
}

int pe_section(const void *data, size_t len, const char *name, size_t *off, size_t *size,
    struct err *e)
{
	struct pe pe;
	const uint8_t *p = data;

	if (parse(data, len, &pe, e) < 0)
		return -1;
	for (unsigned i = 0; i < pe.sections; i++) {
		const uint8_t *s = p + pe.table + (size_t)i * SEC_SIZE;
		uint32_t virtual = get_le32(s + SEC_VIRTUAL_SIZE);
		uint32_t raw_size = get_le32(s + SEC_RAW_SIZE);

		if (strncmp((const char *)s, name, 8) != 0)
			continue;
		*off = get_le32(s + SEC_RAW);
		*size = virtual < raw_size ? virtual : raw_size;
		return in_bounds(len, *off, *size)
			   ? 0
			   : bad(e, "section outside of the file");
	}
	return 1;
}
