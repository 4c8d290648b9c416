/* The image builder's parsers: ELF, modinfo, control files, apt, bzImage, PE. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apt.h"
#include "bytes.h"
#include "bzimage.h"
#include "deb.h"
#include "elfread.h"
#include "elfslim.h"
#include "fs.h"
#include "kmod.h"
#include "manifest.h"
#include "modlist.h"
#include "modset.h"
#include "pe.h"

static struct err e;
static const char *program;

static void elf_of_this_program_names_its_libraries(void **state)
{
	struct elf_dynamic d;
	char *data;
	size_t len;

	(void)state;
	assert_int_equal(fs_read_file(program, 64 << 20, &data, &len, &e), 0);
	assert_int_equal(elf_dynamic_read(data, len, &d, &e), 0);
	assert_non_null(d.interp);
	assert_true(strv_has(&d.needed, "libcmocka.so.0"));
	elf_dynamic_free(&d);
	/* Cut off anywhere in its first part it is an error or less, never a crash. */
	for (size_t n = 0; n < 4096 && n < len; n++) {
		char *cut = malloc(n + 1);

		memcpy(cut, data, n);
		elf_dynamic_read(cut, n, &d, &e);
		elf_dynamic_free(&d);
		free(cut);
	}
	free(data);
}

static void elf_runpath_keeps_plain_folders_only(void **state)
{
	/* Header, a PT_LOAD over all, a PT_DYNAMIC, its entries, strings. */
	uint8_t f[512] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
	static const char strings[] = "\0libx.so\0$ORIGIN/../x:/opt/l:rel:/usr/l";
	const uint64_t dyn[][2] = {{DT_NEEDED, 1}, {DT_RUNPATH, 9},
	    {DT_STRTAB, 0x1000 + 400}, {DT_STRSZ, sizeof(strings)}, {DT_NULL, 0}};
	struct elf_dynamic d;

	(void)state;
	put_le16(f + 18, EM_X86_64);
	put_le64(f + 32, 64); /* e_phoff */
	put_le16(f + 54, 56);
	put_le16(f + 56, 2);
	put_le32(f + 64, PT_LOAD);
	put_le64(f + 64 + 16, 0x1000);
	put_le64(f + 64 + 32, sizeof(f));
	put_le32(f + 120, PT_DYNAMIC);
	put_le64(f + 120 + 8, 200);
	put_le64(f + 120 + 32, sizeof(dyn));
	for (size_t i = 0; i < sizeof(dyn) / sizeof(dyn[0]); i++) {
		put_le64(f + 200 + 16 * i, dyn[i][0]);
		put_le64(f + 208 + 16 * i, dyn[i][1]);
	}
	memcpy(f + 400, strings, sizeof(strings));
	assert_int_equal(elf_dynamic_read(f, sizeof(f), &d, &e), 0);
	assert_int_equal(d.needed.n, 1);
	assert_string_equal(d.needed.v[0], "libx.so");
	assert_int_equal(d.runpath.n, 2);
	assert_string_equal(d.runpath.v[0], "/opt/l");
	assert_string_equal(d.runpath.v[1], "/usr/l");
	elf_dynamic_free(&d);
	/* A library's name that is a path would lead out of the folders. */
	f[401] = '/';
	assert_int_equal(elf_dynamic_read(f, sizeof(f), &d, &e), -1);
	elf_dynamic_free(&d);
	f[18] = EM_386;
	assert_int_equal(elf_dynamic_read(f, sizeof(f), &d, &e), -1);
	elf_dynamic_free(&d);
}

static void modinfo_gives_names_dependencies_aliases(void **state)
{
	static const char info[] =
	    "license=GPL\0alias=pci:v00008086d00002723sv*sd*bc*sc*i*\0"
	    "depends=cfg80211,a-b\0softdep=pre: x-y post: z\0"
	    "alias=crypto-ccm\0alias=dmi:pnThink Pad\0alias=of[a-z]-x\0"
	    "name=iwl-wifi\0firmware=iwl-1.ucode\0\0\0";
	struct modinfo m;

	(void)state;
	assert_int_equal(modinfo_parse(info, sizeof(info), &m, &e), 0);
	assert_string_equal(m.name, "iwl_wifi");
	assert_int_equal(m.depends.n, 2);
	assert_string_equal(m.depends.v[1], "a_b");
	assert_int_equal(m.softdeps.n, 2);
	assert_string_equal(m.softdeps.v[0], "x_y");
	assert_int_equal(m.aliases.n, 3);
	assert_string_equal(m.aliases.v[1], "crypto_ccm");
	assert_string_equal(m.aliases.v[2], "of[a-z]_x");
	assert_string_equal(m.firmware.v[0], "iwl-1.ucode");
	assert_true(kmod_alias_is_pci(m.aliases.v[0], 0x8086, 0x2723));
	assert_false(kmod_alias_is_pci(m.aliases.v[0], 0x8086, 0x2724));
	assert_false(kmod_alias_is_pci("pci:v*d*sv*sd*bc02sc80i*", 0x8086, 0x2723));
	modinfo_free(&m);
	assert_int_equal(modinfo_parse("name=x", 6, &m, &e), -1);
	modinfo_free(&m);
}

static void builtin_modules_are_read_and_sorted(void **state)
{
	static const char text[] = "kernel/lib/zz-top.ko\nkernel/a/b.ko.xz\nnonsense\n\n";
	struct strv v = {0};

	(void)state;
	assert_int_equal(kmods_parse_builtin(text, sizeof(text) - 1, &v, &e), 0);
	assert_int_equal(v.n, 2);
	assert_string_equal(v.v[0], "b");
	assert_string_equal(v.v[1], "zz_top");
	strv_free(&v);
}

static void slim_takes_the_signature_off(void **state)
{
	uint8_t f[64 + 100 + 12 + 28] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
	size_t len = sizeof(f);

	(void)state;
	put_le16(f + 18, EM_X86_64);
	f[64 + 100 + 11] = 100; /* big-endian length of the signature */
	memcpy(f + 64 + 112, "~Module signature appended~\n", 28);
	assert_int_equal(kmod_slim((char *)f, &len, &e), 0);
	assert_int_equal(len, 64);
	len = sizeof(f);
	f[64 + 100 + 10] = 1; /* longer than the file */
	assert_int_equal(kmod_slim((char *)f, &len, &e), -1);
}

/* A module of sections NULL, .BTF, .text and .shstrtab, in this order. */
static size_t small_module(uint8_t *f, size_t room)
{
	static const char names[] = "\0.BTF\0.text\0.shstrtab";
	static const struct {
		uint32_t name, type;
		uint64_t off, size, align;
	} rows[] = {{0, SHT_NULL, 0, 0, 0}, {1, SHT_PROGBITS, 64, 40, 1},
	    {6, SHT_PROGBITS, 112, 5, 16}, {12, SHT_STRTAB, 117, sizeof(names), 1}};
	size_t table = 144;

	assert_true(room >= table + 4 * sizeof(Elf64_Shdr));
	memset(f, 0, room);
	memcpy(f, "\177ELF\2\1\1", 7);
	put_le16(f + 18, EM_X86_64);
	put_le64(f + offsetof(Elf64_Ehdr, e_shoff), table);
	put_le16(f + offsetof(Elf64_Ehdr, e_shentsize), sizeof(Elf64_Shdr));
	put_le16(f + offsetof(Elf64_Ehdr, e_shnum), 4);
	put_le16(f + offsetof(Elf64_Ehdr, e_shstrndx), 3);
	memset(f + 64, 'b', 40);
	memcpy(f + 112, "hello", 5);
	memcpy(f + 117, names, sizeof(names));
	for (size_t i = 0; i < 4; i++) {
		uint8_t *h = f + table + i * sizeof(Elf64_Shdr);

		put_le32(h + offsetof(Elf64_Shdr, sh_name), rows[i].name);
		put_le32(h + offsetof(Elf64_Shdr, sh_type), rows[i].type);
		put_le64(h + offsetof(Elf64_Shdr, sh_offset), rows[i].off);
		put_le64(h + offsetof(Elf64_Shdr, sh_size), rows[i].size);
		put_le64(h + offsetof(Elf64_Shdr, sh_addralign), rows[i].align);
	}
	return table + 4 * sizeof(Elf64_Shdr);
}

static void slim_moves_sections_together(void **state)
{
	uint8_t f[512];
	size_t len = small_module(f, sizeof(f)), off, size;

	(void)state;
	assert_int_equal(kmod_slim((char *)f, &len, &e), 0);
	assert_int_equal(elf_section(f, len, ".text", &off, &size, &e), 0);
	assert_int_equal(size, 5);
	assert_int_equal(off, 64);
	assert_memory_equal(f + off, "hello", 5);
	assert_int_equal(elf_section(f, len, ".BTF", &off, &size, &e), 0);
	assert_int_equal(size, 0);
	/* 40 bytes less, rounded to the headers' alignment. */
	assert_int_equal(len, 96 + 4 * sizeof(Elf64_Shdr));
}

/* So in Debian 13's modules. */
static void slim_takes_sections_that_are_not_aligned(void **state)
{
	uint8_t f[512];
	size_t len = small_module(f, sizeof(f)), off, size;

	(void)state;
	put_le64(f + 144 + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_size), 0);
	put_le64(
	    f + 144 + 2 * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_addralign), 32);
	memcpy(f + 65, "hello", 5);
	put_le64(f + 144 + 2 * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_offset), 65);
	assert_int_equal(kmod_slim((char *)f, &len, &e), 0);
	assert_int_equal(elf_section(f, len, ".text", &off, &size, &e), 0);
	assert_int_equal(off, 64);
	assert_memory_equal(f + off, "hello", 5);
	/* One that can not move there stays. */
	len = small_module(f, sizeof(f));
	put_le32(f + 144 + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_name), 6);
	put_le64(
	    f + 144 + 2 * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_addralign), 32);
	assert_int_equal(kmod_slim((char *)f, &len, &e), 0);
	assert_memory_equal(f + 112, "hello", 5);
}

static void slim_refuses_sections_that_overlap(void **state)
{
	uint8_t f[512];
	size_t len = small_module(f, sizeof(f));

	(void)state;
	put_le64(f + 144 + 3 * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_offset), 113);
	assert_int_equal(kmod_slim((char *)f, &len, &e), -1);
	len = small_module(f, sizeof(f));
	put_le64(f + 144 + 2 * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_size), 4096);
	assert_int_equal(kmod_slim((char *)f, &len, &e), -1);
}

static void slim_refuses_another_machine(void **state)
{
	uint8_t f[512];
	size_t len = small_module(f, sizeof(f));

	(void)state;
	f[EI_CLASS] = ELFCLASS32;
	assert_int_equal(kmod_slim((char *)f, &len, &e), -1);
	assert_int_equal(elf_trim(f, &len, &e), -1);
	small_module(f, sizeof(f));
	put_le16(f + 18, EM_386);
	assert_int_equal(kmod_slim((char *)f, &len, &e), -1);
}

/* NULL, .text with two calls, .rela.text, .symtab (NULL, __fentry__, other), .strtab,
 * .rela__mcount_loc, __mcount_loc, .shstrtab */
enum { S_TEXT = 1, S_RELA, S_SYMTAB, S_STRTAB, S_RELA_MCOUNT, S_MCOUNT, S_NAMES, S_N };

static size_t hooked_module(uint8_t *f, size_t room)
{
	static const char names[] =
	    "\0.text\0.rela.text\0.symtab\0.strtab\0.rela__mcount_loc\0__mcount_loc";
	static const char strings[] = "\0__fentry__\0other";
	static const struct {
		const char *name;
		uint32_t type, link, info;
		uint64_t size;
	} rows[S_N] = {{"", SHT_NULL, 0, 0, 0}, {".text", SHT_PROGBITS, 0, 0, 10},
	    {".rela.text", SHT_RELA, S_SYMTAB, S_TEXT, 2 * sizeof(Elf64_Rela)},
	    {".symtab", SHT_SYMTAB, S_STRTAB, 0, 3 * sizeof(Elf64_Sym)},
	    {".strtab", SHT_STRTAB, 0, 0, sizeof(strings)},
	    {".rela__mcount_loc", SHT_RELA, S_SYMTAB, S_MCOUNT, sizeof(Elf64_Rela)},
	    {"__mcount_loc", SHT_PROGBITS, 0, 0, 8},
	    {"", SHT_STRTAB, 0, 0, sizeof(names)}};
	uint64_t at[S_N], end = sizeof(Elf64_Ehdr);

	memset(f, 0, room);
	memcpy(f, "\177ELF\2\1\1", 7);
	put_le16(f + 18, EM_X86_64);
	for (size_t i = 0; i < S_N; i++) {
		at[i] = end;
		end = (end + rows[i].size + 7) & ~(uint64_t)7;
	}
	assert_true(room >= end + S_N * sizeof(Elf64_Shdr));
	put_le64(f + offsetof(Elf64_Ehdr, e_shoff), end);
	put_le16(f + offsetof(Elf64_Ehdr, e_shentsize), sizeof(Elf64_Shdr));
	put_le16(f + offsetof(Elf64_Ehdr, e_shnum), S_N);
	put_le16(f + offsetof(Elf64_Ehdr, e_shstrndx), S_NAMES);
	memcpy(f + at[S_TEXT], "\xe8....\xe8....", 10);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *r = f + at[S_RELA] + i * sizeof(Elf64_Rela);

		put_le64(r, 1 + 5 * i);
		put_le64(r + offsetof(Elf64_Rela, r_info),
		    ELF64_R_INFO((uint64_t)i + 1, R_X86_64_PLT32));
		put_le32(f + at[S_SYMTAB] + (i + 1) * sizeof(Elf64_Sym), i ? 12 : 1);
	}
	memcpy(f + at[S_STRTAB], strings, sizeof(strings));
	memcpy(f + at[S_NAMES], names, sizeof(names));
	for (size_t i = 0; i < S_N; i++) {
		uint8_t *h = f + end + i * sizeof(Elf64_Shdr);
		const char *name =
		    memmem(names, sizeof(names), rows[i].name, strlen(rows[i].name) + 1);

		put_le32(h + offsetof(Elf64_Shdr, sh_name), (uint32_t)(name - names));
		put_le32(h + offsetof(Elf64_Shdr, sh_type), rows[i].type);
		put_le32(h + offsetof(Elf64_Shdr, sh_link), rows[i].link);
		put_le32(h + offsetof(Elf64_Shdr, sh_info), rows[i].info);
		put_le64(h + offsetof(Elf64_Shdr, sh_offset), at[i]);
		put_le64(h + offsetof(Elf64_Shdr, sh_size), rows[i].size);
		put_le64(h + offsetof(Elf64_Shdr, sh_addralign), i ? 8 : 0);
	}
	return end + S_N * sizeof(Elf64_Shdr);
}

static void slim_takes_the_hooks_of_ftrace_out(void **state)
{
	uint8_t f[1536];
	size_t len = hooked_module(f, sizeof(f)), off, size;

	(void)state;
	assert_int_equal(kmod_slim((char *)f, &len, &e), 0);
	assert_int_equal(elf_section(f, len, ".text", &off, &size, &e), 0);
	/* The call of `other` stays, with its relocation. */
	assert_memory_equal(f + off, "\x0f\x1f\x44\0\0\xe8....", 10);
	assert_int_equal(elf_section(f, len, ".rela.text", &off, &size, &e), 0);
	assert_int_equal(get_le64(f + off + 8), R_X86_64_NONE);
	assert_int_equal(
	    get_le64(f + off + sizeof(Elf64_Rela) + 8), ELF64_R_INFO(2L, R_X86_64_PLT32));
	assert_int_equal(elf_section(f, len, "__mcount_loc", &off, &size, &e), 0);
	assert_int_equal(size, 0);
}

static void slim_keeps_the_list_of_hooks_that_it_does_not_know(void **state)
{
	uint8_t f[1536];
	size_t len = hooked_module(f, sizeof(f)), off, size;

	(void)state;
	f[sizeof(Elf64_Ehdr)] = 0xff; /* call *__fentry__@GOTPCREL(%rip) is ff 15 */
	assert_int_equal(kmod_slim((char *)f, &len, &e), 0);
	assert_int_equal(elf_section(f, len, "__mcount_loc", &off, &size, &e), 0);
	assert_int_equal(size, 8);
}

static void trim_keeps_what_is_loaded(void **state)
{
	uint8_t f[256] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
	size_t len = sizeof(f);
	uint8_t *ph = f + sizeof(Elf64_Ehdr);

	(void)state;
	put_le16(f + 18, EM_X86_64);
	put_le64(f + offsetof(Elf64_Ehdr, e_phoff), sizeof(Elf64_Ehdr));
	put_le16(f + offsetof(Elf64_Ehdr, e_phentsize), sizeof(Elf64_Phdr));
	put_le16(f + offsetof(Elf64_Ehdr, e_phnum), 1);
	put_le64(f + offsetof(Elf64_Ehdr, e_shoff), 200);
	put_le16(f + offsetof(Elf64_Ehdr, e_shnum), 1);
	put_le64(ph + offsetof(Elf64_Phdr, p_filesz), 180);
	assert_int_equal(elf_trim(f, &len, &e), 0);
	assert_int_equal(len, 180);
	assert_int_equal(get_le64(f + offsetof(Elf64_Ehdr, e_shoff)), 0);
	put_le64(ph + offsetof(Elf64_Phdr, p_filesz), 181);
	assert_int_equal(elf_trim(f, &len, &e), -1);
	put_le64(ph + offsetof(Elf64_Phdr, p_filesz), 0);
	assert_int_equal(elf_trim(f, &len, &e), -1);
}

static void control_fields_and_dependencies(void **state)
{
	static const char control[] =
	    "Package: wpa\nDepends: libc6 (>= 2.34), a | b,\n"
	    " libnl-3-200:any (>= 1) [amd64], c <x>\nVersion: 2:1\n\n"
	    "Late: no\n";
	struct strv names = {0};
	char *value;

	(void)state;
	assert_int_equal(
	    deb_field(control, sizeof(control) - 1, "package", &value, &e), 0);
	assert_string_equal(value, "wpa");
	free(value);
	assert_int_equal(deb_field(control, sizeof(control) - 1, "Late", &value, &e), 0);
	assert_null(value);
	assert_int_equal(
	    deb_field(control, sizeof(control) - 1, "Depends", &value, &e), 0);
	assert_int_equal(
	    deb_depends(
		"aa (>= 2.34), bb | cc, libnl-3-200:any (>= 1) [amd64]", &names, &e),
	    0);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.v[1], "bb");
	assert_string_equal(names.v[2], "libnl-3-200");
	free(value);
	assert_int_equal(deb_depends("good-one, --option", &names, &e), -1);
	strv_free(&names);
}

static void paths_are_cleaned_or_refused(void **state)
{
	char out[DEB_PATH_MAX], small[8];

	(void)state;
	assert_int_equal(deb_clean_path("./usr//lib/./x/", out, sizeof(out), &e), 0);
	assert_string_equal(out, "usr/lib/x");
	assert_int_equal(deb_clean_path("./", out, sizeof(out), &e), 0);
	assert_string_equal(out, "");
	assert_int_equal(deb_clean_path("a/../b", out, sizeof(out), &e), -1);
	assert_int_equal(deb_clean_path("a\nb", out, sizeof(out), &e), -1);
	assert_int_equal(deb_clean_path("123456789", small, sizeof(small), &e), -1);
}

#define HASH64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void apt_lines_are_understood_or_refused(void **state)
{
	static const char *const bad[] = {
	    "'u' ../x_1_amd64.deb 5 SHA256:" HASH64 "\n",
	    "'u' x_1_amd64.deb 5 MD5Sum:0123\n",
	    "'u' x_1_amd64.deb -5 SHA256:" HASH64 "\n",
	    "'u' .x_1_amd64.deb 5 SHA256:" HASH64 "\n",
	    "'u x_1_amd64.deb\n",
	    "'u' xdeb 5 SHA256:" HASH64 "\n",
	};
	struct deb_list l;

	(void)state;
	assert_int_equal(
	    apt_parse_uris("noise\n'http://m/a%2b.deb' wpa-x_2%3a1_amd64.deb 77 "
			   "SHA256:" HASH64 "\n",
		&l, &e),
	    0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0].name, "wpa-x");
	assert_string_equal(l.v[0].file, "wpa-x_2%3a1_amd64.deb");
	assert_int_equal(l.v[0].size, 77);
	deb_list_free(&l);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(apt_parse_uris(bad[i], &l, &e), -1);
		deb_list_free(&l);
	}
}

static void cards_are_two_hex_numbers(void **state)
{
	static const char *const bad[] = {"", "8086", "8086:", ":2723", "80861:2",
	    "8086:27231", "8086:2723 ", "sim:wpa2", "80g6:1"};
	unsigned v, d;

	(void)state;
	assert_int_equal(card_parse("8086:2723", &v, &d, &e), 0);
	assert_int_equal(v, 0x8086);
	assert_int_equal(d, 0x2723);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(card_parse(bad[i], &v, &d, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
}

static void module_list_has_its_form(void **state)
{
	static const char *const deps[] = {"virtio_ring", "virtio", NULL};
	static const char *const aliases[] = {"virtio:d00000001v*", NULL};
	static const char *const evil[] = {"x\nboot", NULL};
	struct modlist_entry m = {
	    "virtio_net", "kernel/drivers/net/virtio_net.ko", true, deps, NULL, aliases};
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(modlist_write(&m, 1, &text, &len, &e), 0);
	assert_string_equal(text,
	    "module virtio_net kernel/drivers/net/virtio_net.ko\nboot\n"
	    "dep virtio_ring\ndep virtio\nalias virtio:d00000001v*\n");
	free(text);
	m.path = NULL;
	assert_int_equal(modlist_write(&m, 1, &text, &len, &e), 0);
	assert_string_equal(text, "builtin virtio_net\n");
	free(text);
	m.path = "kernel/drivers/net/virtio_net.ko";
	m.aliases = evil;
	assert_int_equal(modlist_write(&m, 1, &text, &len, &e), -1);
}

static void bzimage_payload_stays_in_the_file(void **state)
{
	uint8_t f[4096] = {0};
	struct bzimage b;

	(void)state;
	assert_int_equal(bzimage_parse(f, sizeof(f), sizeof(f), &b, &e), -1);
	f[0x1f1] = 1;
	put_le16(f + 0x1fe, 0xaa55);
	memcpy(f + 0x202, "HdrS", 4);
	put_le16(f + 0x206, 0x20f);
	put_le16(f + 0x20e, 0x300);
	memcpy(f + 0x500, "6.1.0-9-amd64 (debian", 22);
	put_le32(f + 0x248, 0x100);
	put_le32(f + 0x24c, 0x200);
	assert_int_equal(bzimage_parse(f, sizeof(f), sizeof(f), &b, &e), 0);
	assert_string_equal(b.version, "6.1.0-9-amd64");
	assert_int_equal(b.payload, 1024 + 0x100);
	put_le32(f + 0x24c, 0xfffffff0u);
	assert_int_equal(bzimage_parse(f, sizeof(f), sizeof(f), &b, &e), -1);
	put_le32(f + 0x24c, 0x200);
	put_le32(f + 0x248, 0xfffffff0u);
	assert_int_equal(bzimage_parse(f, sizeof(f), sizeof(f), &b, &e), -1);
}

/* A stub with one section; room says how many headers more fit. */
static void make_stub(uint8_t f[1024], unsigned room)
{
	uint8_t *coff = f + 64, *opt = coff + 24, *s = opt + 112;

	memset(f, 0, 1024);
	f[0] = 'M';
	f[1] = 'Z';
	put_le32(f + 0x3c, 64);
	memcpy(coff, "PE\0\0", 4);
	put_le16(coff + 4, 0x8664);
	put_le16(coff + 6, 1);
	put_le16(coff + 20, 112);
	put_le16(opt, 0x20b);
	put_le32(opt + 32, 4096);
	put_le32(opt + 36, 512);
	put_le32(opt + 60, 64 + 24 + 112 + 40 * (1 + room));
	memcpy(s, ".text", 5);
	put_le32(s + 8, 16);
	put_le32(s + 12, 4096);
	put_le32(s + 16, 512);
	put_le32(s + 20, 512);
	memset(f + 512, 0xcc, 512);
}

static void pe_sections_are_appended_where_there_is_room(void **state)
{
	const struct pe_section sections[] = {
	    {".a", "hello", 5}, {".linux", "world!", 6}};
	uint8_t stub[1024];
	size_t len, off, size;
	char *out;

	(void)state;
	make_stub(stub, 2);
	assert_int_equal(pe_append(stub, sizeof(stub), sections, 2, &out, &len, &e), 0);
	assert_int_equal(len, 2048);
	assert_int_equal(pe_section(out, len, ".linux", &off, &size, &e), 0);
	assert_int_equal(size, 6);
	assert_memory_equal(out + off, "world!", 6);
	assert_int_equal(pe_section(out, len, ".none", &off, &size, &e), 1);
	/* SizeOfImage: headers' page, .text, two sections, a page each. */
	assert_int_equal(get_le32((uint8_t *)out + 64 + 24 + 56), 4 * 4096);
	free(out);
	make_stub(stub, 1);
	assert_int_equal(pe_append(stub, sizeof(stub), sections, 2, &out, &len, &e), -1);
	make_stub(stub, 2);
	put_le32(stub + 64 + 24 + 112 + 20, 600); /* raw data out of the file */
	assert_int_equal(pe_append(stub, sizeof(stub), sections, 2, &out, &len, &e), -1);
}

static void manifest_of_another_form_is_refused(void **state)
{
	static const char *const bad[] = {"", "[]", "{}", "{\"format\":3}",
	    "{\"format\":2,\"id\":\"../x\",\"kernel\":\"6\",\"artefacts\":{}}",
	    "{\"format\":2,\"id\":\"x\",\"kernel\":\"6\",\"artefacts\":{\"../../etc/"
	    "passwd\":"
	    "{\"size\":1,\"sha256\":\"" HASH64 "\"}}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(manifest_parse(bad[i], strlen(bad[i]), &e));
}

/* Another zstd, other bytes: the same image. */
static void id_is_of_the_content(void **state)
{
	static const char text[] =
	    "{'format':2,'kernel':'6.1','cmdline':'quiet',"
	    "'compressor':'zstd 1.5.4','cpio':{'initrd':'a'},"
	    "'artefacts':{'vmlinux':{'size':1},'uki.efi':{'size':2}}}";
	static const struct {
		const char *path, *key;
		bool matters;
	} changes[] = {
	    {NULL, "compressor", false},
	    {NULL, "id", false},
	    {"artefacts", "initrd", false},
	    {"artefacts", "uki.efi", false},
	    {"artefacts", "sbom.json", false},
	    {"artefacts", "vmlinux", true},
	    {"cpio", "initrd", true},
	    {NULL, "cmdline", true},
	    {NULL, "card", true},
	};
	char quoted[sizeof(text)];
	char *first, *id;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		quoted[i] = text[i] == '\'' ? '"' : text[i];
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		json_t *m = json_loads(quoted, 0, NULL), *o = m;

		assert_non_null(first = manifest_id(m, &e));
		if (changes[i].path != NULL)
			o = json_object_get(m, changes[i].path);
		json_object_set_new(o, changes[i].key, json_string("another"));
		assert_non_null(id = manifest_id(m, &e));
		assert_true((strcmp(id, first) != 0) == changes[i].matters);
		free(id);
		free(first);
		json_decref(m);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(elf_of_this_program_names_its_libraries),
	    cmocka_unit_test(elf_runpath_keeps_plain_folders_only),
	    cmocka_unit_test(modinfo_gives_names_dependencies_aliases),
	    cmocka_unit_test(builtin_modules_are_read_and_sorted),
	    cmocka_unit_test(slim_takes_the_signature_off),
	    cmocka_unit_test(slim_moves_sections_together),
	    cmocka_unit_test(slim_takes_sections_that_are_not_aligned),
	    cmocka_unit_test(slim_refuses_sections_that_overlap),
	    cmocka_unit_test(slim_refuses_another_machine),
	    cmocka_unit_test(slim_takes_the_hooks_of_ftrace_out),
	    cmocka_unit_test(slim_keeps_the_list_of_hooks_that_it_does_not_know),
	    cmocka_unit_test(trim_keeps_what_is_loaded),
	    cmocka_unit_test(control_fields_and_dependencies),
	    cmocka_unit_test(paths_are_cleaned_or_refused),
	    cmocka_unit_test(apt_lines_are_understood_or_refused),
	    cmocka_unit_test(cards_are_two_hex_numbers),
	    cmocka_unit_test(module_list_has_its_form),
	    cmocka_unit_test(bzimage_payload_stays_in_the_file),
	    cmocka_unit_test(pe_sections_are_appended_where_there_is_room),
	    cmocka_unit_test(manifest_of_another_form_is_refused),
	    cmocka_unit_test(id_is_of_the_content),
	};

	(void)argc;
	program = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
