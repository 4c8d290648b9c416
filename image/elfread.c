#include "elfread.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

/* More than any real file has; keeps the work on a made-up one small. */
#define SEGMENTS_MAX 256
#define DYNAMIC_MAX 4096
#define NEEDED_MAX 256

struct view {
	const uint8_t *p;
	size_t len;
};

static int bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FAILED, "broken ELF file: %s", what);
}

bool elf_is_elf(const void *data, size_t len)
{
	return len >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

int elf_check(const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;

	if (!elf_is_elf(data, len) || len < sizeof(Elf64_Ehdr))
		return err_set(e, ERR_FAILED, "not an ELF file");
	if (p[EI_CLASS] != ELFCLASS64 || p[EI_DATA] != ELFDATA2LSB ||
	    get_le16(p + offsetof(Elf64_Ehdr, e_machine)) != EM_X86_64)
		return err_set(e, ERR_FAILED, "an ELF file for another machine");
	return 0;
}

/* The program header's fields that matter. */
struct segment {
	uint32_t type;
	uint64_t off, vaddr, filesz;
};

static size_t segment_count(const struct view *f)
{
	return get_le16(f->p + offsetof(Elf64_Ehdr, e_phnum));
}

static int segment_get(const struct view *f, size_t i, struct segment *s, struct err *e)
{
	uint64_t phoff = get_le64(f->p + offsetof(Elf64_Ehdr, e_phoff));
	const uint8_t *p;

	if (get_le16(f->p + offsetof(Elf64_Ehdr, e_phentsize)) != sizeof(Elf64_Phdr) ||
	    !in_bounds(f->len, phoff, (i + 1) * sizeof(Elf64_Phdr)))
		return bad(e, "program headers");
	p = f->p + phoff + i * sizeof(Elf64_Phdr);
	s->type = get_le32(p + offsetof(Elf64_Phdr, p_type));
	s->off = get_le64(p + offsetof(Elf64_Phdr, p_offset));
	s->vaddr = get_le64(p + offsetof(Elf64_Phdr, p_vaddr));
	s->filesz = get_le64(p + offsetof(Elf64_Phdr, p_filesz));
	return 0;
}

/* The file's offset of an address, by the PT_LOAD that holds it. */
static int address_to_offset(
    const struct view *f, uint64_t addr, uint64_t *off, struct err *e)
{
	struct segment s;

	for (size_t i = 0; i < segment_count(f); i++) {
		if (segment_get(f, i, &s, e) < 0)
			return -1;
		if (s.type != PT_LOAD || addr < s.vaddr || addr - s.vaddr >= s.filesz)
			continue;
		*off = s.off + (addr - s.vaddr);
		return *off < f->len ? 0 : bad(e, "address outside of the file");
	}
	return bad(e, "address in no segment");
}

/* A terminated, printable string at off that ends before `end`. */
static const char *string_at(const struct view *f, uint64_t off, uint64_t end)
{
	const char *s;
	size_t n;

	if (end > f->len || off >= end)
		return NULL;
	s = (const char *)f->p + off;
	n = strnlen(s, (size_t)(end - off));
	if (n == end - off || n == 0 || n > 1024)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return NULL;
	return s;
}

struct dynamic {
	uint64_t strtab, strsz;
	uint64_t needed[NEEDED_MAX];
	size_t needed_count;
	uint64_t runpath, rpath;
	bool has_runpath, has_rpath;
};

static int dynamic_scan(
    const struct view *f, const struct segment *s, struct dynamic *d, struct err *e)
{
	size_t count = (size_t)(s->filesz / sizeof(Elf64_Dyn));

	if (!in_bounds(f->len, s->off, s->filesz) || count > DYNAMIC_MAX)
		return bad(e, "dynamic section");
	for (size_t i = 0; i < count; i++) {
		const uint8_t *p = f->p + s->off + i * sizeof(Elf64_Dyn);
		uint64_t tag = get_le64(p), val = get_le64(p + 8);

		if (tag == DT_NULL)
			break;
		if (tag == DT_STRTAB) {
			d->strtab = val;
		} else if (tag == DT_STRSZ) {
			d->strsz = val;
		} else if (tag == DT_RUNPATH) {
			d->runpath = val;
			d->has_runpath = true;
		} else if (tag == DT_RPATH) {
			d->rpath = val;
			d->has_rpath = true;
		} else if (tag == DT_NEEDED) {
			if (d->needed_count == NEEDED_MAX)
				return bad(e, "too many libraries");
			d->needed[d->needed_count++] = val;
		}
	}
	return 0;
}

static int add_runpath(struct strv *out, const char *path, struct err *e)
{
	while (*path != '\0') {
		size_t n = strcspn(path, ":");

		if (path[0] == '/' && memchr(path, '$', n) == NULL &&
		    strv_add_n(out, path, n, e) < 0)
			return -1;
		path += n + (path[n] == ':');
	}
	return 0;
}

static int dynamic_strings(
    const struct view *f, const struct dynamic *d, struct elf_dynamic *out, struct err *e)
{
	uint64_t base = 0, end, path = d->has_runpath ? d->runpath : d->rpath;
	const char *s;

	if (d->needed_count == 0 && !d->has_runpath && !d->has_rpath)
		return 0;
	if (address_to_offset(f, d->strtab, &base, e) < 0)
		return -1;
	if (!in_bounds(f->len, base, d->strsz))
		return bad(e, "string table");
	end = base + d->strsz;
	for (size_t i = 0; i < d->needed_count; i++) {
		if (d->needed[i] >= d->strsz ||
		    (s = string_at(f, base + d->needed[i], end)) == NULL ||
		    strchr(s, '/') != NULL)
			return bad(e, "name of a library");
		if (strv_add(&out->needed, s, e) < 0)
			return -1;
	}
	if (!d->has_runpath && !d->has_rpath)
		return 0;
	if (path >= d->strsz || (s = string_at(f, base + path, end)) == NULL)
		return bad(e, "library path");
	return add_runpath(&out->runpath, s, e);
}

int elf_dynamic_read(const void *data, size_t len, struct elf_dynamic *d, struct err *e)
{
	struct view f = {data, len};
	struct dynamic dyn = {0};
	struct segment s;
	const char *interp;

	*d = (struct elf_dynamic){0};
	if (elf_check(data, len, e) < 0)
		return -1;
	if (segment_count(&f) > SEGMENTS_MAX)
		return bad(e, "too many segments");
	for (size_t i = 0; i < segment_count(&f); i++) {
		if (segment_get(&f, i, &s, e) < 0)
			return -1;
		if (s.type == PT_DYNAMIC && dynamic_scan(&f, &s, &dyn, e) < 0)
			return -1;
		if (s.type != PT_INTERP || d->interp != NULL)
			continue;
		if (!in_bounds(len, s.off, s.filesz) ||
		    (interp = string_at(&f, s.off, s.off + s.filesz)) == NULL)
			return bad(e, "interpreter");
		d->interp = strdup(interp);
		if (d->interp == NULL)
			return err_sys(e, ENOMEM, "ELF");
	}
	return dynamic_strings(&f, &dyn, d, e);
}

void elf_dynamic_free(struct elf_dynamic *d)
{
	free(d->interp);
	strv_free(&d->needed);
	strv_free(&d->runpath);
	*d = (struct elf_dynamic){0};
}

/* Finds a section's header by name: 0 with its offset, 1 none, -1 broken. */
static int section_header(
    const struct view *f, const char *name, uint64_t *hdr, struct err *e)
{
	uint64_t shoff, names, names_size, at;
	uint16_t count, strndx;
	size_t n = strlen(name) + 1;

	if (elf_check(f->p, f->len, e) < 0)
		return -1;
	shoff = get_le64(f->p + offsetof(Elf64_Ehdr, e_shoff));
	count = get_le16(f->p + offsetof(Elf64_Ehdr, e_shnum));
	strndx = get_le16(f->p + offsetof(Elf64_Ehdr, e_shstrndx));
	if (count == 0)
		return 1;
	if (get_le16(f->p + offsetof(Elf64_Ehdr, e_shentsize)) != sizeof(Elf64_Shdr) ||
	    strndx >= count || !in_bounds(f->len, shoff, count * sizeof(Elf64_Shdr)))
		return bad(e, "section headers");
	at = shoff + strndx * sizeof(Elf64_Shdr);
	names = get_le64(f->p + at + offsetof(Elf64_Shdr, sh_offset));
	names_size = get_le64(f->p + at + offsetof(Elf64_Shdr, sh_size));
	if (!in_bounds(f->len, names, names_size))
		return bad(e, "section names");
	for (uint16_t i = 0; i < count; i++) {
		at = shoff + i * sizeof(Elf64_Shdr);
		uint32_t off = get_le32(f->p + at + offsetof(Elf64_Shdr, sh_name));

		if (!in_bounds((size_t)names_size, off, n) ||
		    memcmp(f->p + names + off, name, n) != 0)
			continue;
		if (get_le32(f->p + at + offsetof(Elf64_Shdr, sh_type)) == SHT_NOBITS)
			continue;
		*hdr = at;
		return 0;
	}
	return 1;
}

int elf_section(const void *data, size_t len, const char *name, size_t *off, size_t *size,
    struct err *e)
{
	struct view f = {data, len};
	uint64_t hdr = 0, o, n;
	int r = section_header(&f, name, &hdr, e);

	if (r != 0)
		return r;
	o = get_le64(f.p + hdr + offsetof(Elf64_Shdr, sh_offset));
	n = get_le64(f.p + hdr + offsetof(Elf64_Shdr, sh_size));
	if (!in_bounds(len, o, n))
		return bad(e, "section outside of the file");
	*off = (size_t)o;
	*size = (size_t)n;
	return 0;
}
