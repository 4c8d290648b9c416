#include "elfslim.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "elfread.h"

#define EHDR(field) offsetof(Elf64_Ehdr, field)
#define SHDR(field) offsetof(Elf64_Shdr, field)
#define PHDR(field) offsetof(Elf64_Phdr, field)

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FAILED, "broken ELF file: %s", what);
}

int elf_trim(void *data, size_t *len, struct err *e)
{
	uint8_t *f = data;
	uint64_t at, end = 0;
	size_t count;

	if (elf_check(data, *len, e) < 0)
		return -1;
	at = get_le64(f + EHDR(e_phoff));
	count = get_le16(f + EHDR(e_phnum));
	if (get_le16(f + EHDR(e_phentsize)) != sizeof(Elf64_Phdr) ||
	    !in_bounds(*len, at, count * sizeof(Elf64_Phdr)))
		return bad(e, "program headers");
	for (size_t i = 0; i < count; i++, at += sizeof(Elf64_Phdr)) {
		uint64_t off = get_le64(f + at + PHDR(p_offset));
		uint64_t size = get_le64(f + at + PHDR(p_filesz));

		if (!in_bounds(*len, off, size))
			return bad(e, "segment outside of the file");
		/* PT_GNU_STACK and its like have no bytes of their own. */
		if (size > 0 && off + size > end)
			end = off + size;
	}
	if (end < sizeof(Elf64_Ehdr) || end < at)
		return bad(e, "no segments that hold the headers");
	put_le64(f + EHDR(e_shoff), 0);
	put_le16(f + EHDR(e_shnum), 0);
	put_le16(f + EHDR(e_shstrndx), 0);
	*len = (size_t)end;
	return 0;
}

/* The table of sections as it stands in the file, in a copy. */
struct sections {
	uint8_t *table;
	size_t *order; /* those with bytes in the file, by their place there */
	size_t count, used;
};

static uint8_t *header(const struct sections *s, size_t i)
{
	return s->table + i * sizeof(Elf64_Shdr);
}

static uint64_t offset(const struct sections *s, size_t i)
{
	return get_le64(header(s, i) + SHDR(sh_offset));
}

static uint64_t size(const struct sections *s, size_t i)
{
	uint32_t type = get_le32(header(s, i) + SHDR(sh_type));

	return type == SHT_NOBITS || type == SHT_NULL
		   ? 0
		   : get_le64(header(s, i) + SHDR(sh_size));
}

static void sort(struct sections *s)
{
	for (size_t i = 1; i < s->used; i++)
		for (size_t j = i;
		     j > 0 && offset(s, s->order[j]) < offset(s, s->order[j - 1]); j--) {
			size_t t = s->order[j];

			s->order[j] = s->order[j - 1];
			s->order[j - 1] = t;
		}
}

static int read_sections(const uint8_t *f, size_t len, struct sections *s, struct err *e)
{
	uint64_t at = get_le64(f + EHDR(e_shoff));

	s->count = get_le16(f + EHDR(e_shnum));
	if (get_le16(f + EHDR(e_shentsize)) != sizeof(Elf64_Shdr) ||
	    get_le16(f + EHDR(e_shstrndx)) >= s->count ||
	    !in_bounds(len, at, s->count * sizeof(Elf64_Shdr)))
		return bad(e, "section headers");
	s->table = malloc(s->count * sizeof(Elf64_Shdr));
	s->order = calloc(s->count, sizeof(*s->order));
	if (s->table == NULL || s->order == NULL)
		return err_sys(e, ENOMEM, "sections");
	memcpy(s->table, f + at, s->count * sizeof(Elf64_Shdr));
	for (size_t i = 0; i < s->count; i++)
		if (!in_bounds(len, offset(s, i), size(s, i)))
			return bad(e, "section outside of the file");
	return 0;
}

/* No name runs over the table's end: it is checked to end in a NUL. */
static int drop(const uint8_t *f, struct sections *s, const char *const names[],
    size_t count, struct err *e)
{
	size_t strings = get_le16(f + EHDR(e_shstrndx));
	uint64_t names_size = size(s, strings);
	const char *text = (const char *)f + offset(s, strings);

	if (names_size == 0 || text[names_size - 1] != '\0')
		return bad(e, "section names");
	for (size_t i = 0; i < s->count; i++) {
		uint32_t name = get_le32(header(s, i) + SHDR(sh_name));

		if (name >= names_size)
			return bad(e, "section names");
		for (size_t j = 0; j < count; j++)
			if (strcmp(text + name, names[j]) == 0)
				put_le64(header(s, i) + SHDR(sh_size), 0);
		if (size(s, i) > 0)
			s->order[s->used++] = i;
	}
	sort(s);
	return 0;
}

static uint64_t align_up(uint64_t at, uint64_t align)
{
	return align > 1 ? (at + align - 1) / align * align : at;
}

/* Each only moves to the front: those that overlap, as no compiler makes them, do not
 * fit. One that was not aligned in the file (so in Debian 13's modules; the kernel aligns
 * what it loads) may stay where it is. */
static int move_together(uint8_t *f, size_t *len, struct sections *s, struct err *e)
{
	size_t table = s->count * sizeof(Elf64_Shdr);
	uint64_t at = sizeof(Elf64_Ehdr);

	for (size_t i = 0; i < s->used; i++) {
		uint8_t *h = header(s, s->order[i]);
		uint64_t from = offset(s, s->order[i]), n = size(s, s->order[i]);
		uint64_t align = get_le64(h + SHDR(sh_addralign));
		uint64_t to = align > *len ? UINT64_MAX : align_up(at, align);

		if (at > from || align > *len)
			return bad(e, "sections overlap");
		if (to > from)
			to = from;
		memmove(f + to, f + from, n);
		/* The gap in front holds what was somewhere else before. */
		memset(f + at, 0, to - at);
		put_le64(h + SHDR(sh_offset), to);
		at = to + n;
	}
	for (size_t i = 0; i < s->count; i++)
		if (size(s, i) == 0)
			put_le64(header(s, i) + SHDR(sh_offset), sizeof(Elf64_Ehdr));
	if (!in_bounds(*len, align_up(at, 8), table))
		return bad(e, "section headers overlap sections");
	memset(f + at, 0, align_up(at, 8) - at);
	at = align_up(at, 8);
	memcpy(f + at, s->table, table);
	put_le64(f + EHDR(e_shoff), at);
	*len = at + table;
	return 0;
}

int elf_drop_sections(
    void *data, size_t *len, const char *const names[], size_t count, struct err *e)
{
	struct sections s = {0};
	int r = -1;

	if (elf_check(data, *len, e) < 0)
		return -1;
	if (get_le16((uint8_t *)data + EHDR(e_phnum)) > 0)
		return err_set(e, ERR_FAILED, "not a relocatable ELF file");
	if (get_le16((uint8_t *)data + EHDR(e_shnum)) == 0)
		return 0;
	if (read_sections(data, *len, &s, e) == 0 &&
	    drop(data, &s, names, count, e) == 0 && move_together(data, len, &s, e) == 0)
		r = 0;
	free(s.table);
	free(s.order);
	return r;
}

/* A table of relocations and what it refers to; all of it lies within the file. */
struct relocations {
	uint64_t at, count;           /* Elf64_Rela */
	uint64_t symbols, symbol_len; /* Elf64_Sym */
	uint64_t names, names_len;
	uint64_t target, target_len;
};

/* False where section i is no table of relocations. */
static bool relocations_of(const struct sections *s, size_t i, struct relocations *r)
{
	const uint8_t *h = header(s, i);
	size_t symtab = get_le32(h + SHDR(sh_link)), target = get_le32(h + SHDR(sh_info));
	size_t names;

	if (get_le32(h + SHDR(sh_type)) != SHT_RELA || symtab >= s->count ||
	    target >= s->count)
		return false;
	names = get_le32(header(s, symtab) + SHDR(sh_link));
	if (names >= s->count)
		return false;
	*r = (struct relocations){offset(s, i), size(s, i) / sizeof(Elf64_Rela),
	    offset(s, symtab), size(s, symtab), offset(s, names), size(s, names),
	    offset(s, target), size(s, target)};
	return true;
}

static bool symbol_is(
    const uint8_t *f, const struct relocations *r, uint64_t i, const char *symbol)
{
	size_t n = strlen(symbol) + 1;
	uint32_t name;

	if (!in_bounds(r->symbol_len, i * sizeof(Elf64_Sym), sizeof(Elf64_Sym)))
		return false;
	name = get_le32(
	    f + r->symbols + i * sizeof(Elf64_Sym) + offsetof(Elf64_Sym, st_name));
	return in_bounds(r->names_len, name, n) &&
	       memcmp(f + r->names + name, symbol, n) == 0;
}

/* Returns what is left, as elf_silence_calls. */
static int silence(uint8_t *f, const struct relocations *r, const char *symbol)
{
	/* As the kernel's own (x86_nops[5]): nopl 0x0(%rax,%rax,1). */
	static const uint8_t nop[5] = {0x0f, 0x1f, 0x44, 0, 0};
	const uint8_t call = 0xe8; /* call rel32: the relocation is of rel32 */
	int left = 0;

	for (uint64_t i = 0; i < r->count; i++) {
		uint8_t *rela = f + r->at + i * sizeof(Elf64_Rela);
		uint64_t info = get_le64(rela + offsetof(Elf64_Rela, r_info));
		uint64_t at = get_le64(rela + offsetof(Elf64_Rela, r_offset));
		uint8_t *code;

		if (!symbol_is(f, r, ELF64_R_SYM(info), symbol))
			continue;
		if ((ELF64_R_TYPE(info) != R_X86_64_PLT32 &&
			ELF64_R_TYPE(info) != R_X86_64_PC32) ||
		    at == 0 || !in_bounds(r->target_len, at - 1, sizeof(nop)) ||
		    f[r->target + at - 1] != call) {
			left++;
			continue;
		}
		code = f + r->target + at - 1;
		memcpy(code, nop, sizeof(nop));
		put_le64(rela + offsetof(Elf64_Rela, r_info), R_X86_64_NONE);
	}
	return left;
}

int elf_silence_calls(void *data, size_t len, const char *symbol, struct err *e)
{
	struct sections s = {0};
	struct relocations r;
	int left = 0;

	if (elf_check(data, len, e) < 0)
		return -1;
	if (get_le16((uint8_t *)data + EHDR(e_shnum)) == 0)
		return 0;
	if (read_sections(data, len, &s, e) < 0)
		left = -1;
	for (size_t i = 0; i < s.count && left >= 0; i++)
		if (relocations_of(&s, i, &r))
			left += silence(data, &r, symbol);
	free(s.table);
	free(s.order);
	return left;
}
