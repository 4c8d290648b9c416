/* Which files a program's loader will want: libraries, links between /lib and /usr/lib.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "cleanup.h"
#include "collect.h"
#include "fs.h"

#define MUSL "/lib/ld-musl-x86_64.so.1"
#define LIBC "libc.musl-x86_64.so.1"
#define GLIBC "/lib64/ld-linux-x86-64.so.2"

static struct err e;
static char top[64];
static struct source src;
static struct tree tree;

static int no_deps(struct source *s, size_t package, bool libs_only, struct err *error)
{
	(void)s;
	(void)package;
	(void)libs_only;
	(void)error;
	return 0;
}

static const struct source_ops ops = {.name = "test", .need_deps = no_deps};

static void add_data(const char *path, const void *data, size_t len)
{
	static unsigned n;
	char disk[128];

	snprintf(disk, sizeof(disk), "%s/%u", top, n++);
	assert_int_equal(fs_write_atomic(disk, 0755, data, len, &e), 0);
	assert_int_equal(
	    fileset_add(&src.files, path, disk, NULL, true, NO_PACKAGE, &e), 0);
}

static void add_link(const char *path, const char *target)
{
	assert_int_equal(
	    fileset_add(&src.files, path, NULL, target, false, NO_PACKAGE, &e), 0);
}

/* An ELF file: interp NULL: a library; needed ends with NULL; runpath may be NULL. */
static void add_elf(
    const char *path, const char *interp, const char *const *needed, const char *runpath)
{
	uint8_t f[1024] = {0x7f, 'E', 'L', 'F', 2, 1, 1}, *dyn = f + 300, *name = f + 601;

	put_le16(f + 18, EM_X86_64);
	put_le64(f + 32, 64);
	put_le16(f + 54, 56);
	put_le16(f + 56, interp == NULL ? 2 : 3);
	put_le32(f + 64, PT_LOAD);
	put_le64(f + 64 + 32, sizeof(f));
	put_le32(f + 120, PT_DYNAMIC);
	put_le64(f + 120 + 8, 300);
	put_le64(f + 120 + 32, 300);
	put_le32(f + 176, PT_INTERP);
	put_le64(f + 176 + 8, 240);
	put_le64(f + 176 + 32, interp == NULL ? 0 : strlen(interp) + 1);
	if (interp != NULL)
		strcpy((char *)f + 240, interp);
	for (; *needed != NULL; needed++, dyn += 16) {
		put_le64(dyn, DT_NEEDED);
		put_le64(dyn + 8, (uint64_t)(name - (f + 600)));
		strcpy((char *)name, *needed);
		name += strlen(*needed) + 1;
	}
	if (runpath != NULL) {
		put_le64(dyn, DT_RUNPATH);
		put_le64(dyn + 8, (uint64_t)(name - (f + 600)));
		strcpy((char *)name, runpath);
		dyn += 16;
	}
	put_le64(dyn, DT_STRTAB);
	put_le64(dyn + 8, 600);
	put_le64(dyn + 16, DT_STRSZ);
	put_le64(dyn + 24, 400);
	add_data(path, f, sizeof(f));
}

#define NEEDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/bhyfi-libs-XXXXXX");
	src = (struct source){.ops = &ops};
	return mkdtemp(top) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fileset_free(&src.files);
	tree_free(&tree);
	return fs_remove_tree(top, &e);
}

static int collect(const char *program)
{
	struct collect c = {.source = &src, .out = &tree, .why = "a test"};
	struct strv programs = {0};
	int r;

	assert_int_equal(strv_add(&programs, program, &e), 0);
	r = collect_programs(&c, &programs, &e);
	strv_free(&programs);
	return r;
}

/* As Alpine has it: the loader is the library, which is a link to it. */
static void add_musl(void)
{
	add_elf("lib/ld-musl-x86_64.so.1", NULL, NEEDS(NULL), NULL);
	add_link("lib/" LIBC, "ld-musl-x86_64.so.1");
}

static void assert_link(const char *path, const char *target)
{
	const struct node *n = tree_get(&tree, path);

	assert_non_null(n);
	assert_int_equal(n->type, NODE_LINK);
	assert_string_equal(n->data, target);
}

static void assert_file(const char *path)
{
	const struct node *n = tree_get(&tree, path);

	if (n == NULL)
		fail_msg("%s is not there", path);
	assert_int_equal(n->type, NODE_FILE);
}

static void musl_is_loader_and_library(void **state)
{
	(void)state;
	add_musl();
	add_elf("usr/lib/libnl-3.so.200.26.0", NULL, NEEDS(LIBC), NULL);
	add_link("usr/lib/libnl-3.so.200", "libnl-3.so.200.26.0");
	add_elf("sbin/prog", MUSL, NEEDS(LIBC, "libnl-3.so.200"), NULL);
	assert_int_equal(collect("/sbin/prog"), 0);
	assert_file("usr/sbin/prog");
	assert_file("usr/lib/ld-musl-x86_64.so.1");
	assert_link("usr/lib/" LIBC, "/usr/lib/ld-musl-x86_64.so.1");
	assert_link("usr/lib/libnl-3.so.200", "/usr/lib/libnl-3.so.200.26.0");
	assert_file("usr/lib/libnl-3.so.200.26.0");
}

/* musl does not know Debian's folders, and looks into /usr/local before /usr. */
static void musl_has_its_own_order(void **state)
{
	(void)state;
	add_musl();
	add_elf("usr/lib/x86_64-linux-gnu/liba.so", NULL, NEEDS("libc.so.6"), NULL);
	add_elf("usr/local/lib/liba.so", NULL, NEEDS(LIBC), NULL);
	add_elf("usr/lib/libb.so", NULL, NEEDS(LIBC), NULL);
	add_elf("opt/l/libc.so", NULL, NEEDS(LIBC), NULL);
	add_elf("usr/lib/libc.so", NULL, NEEDS("libx.so"), NULL);
	add_elf("bin/prog", MUSL, NEEDS(LIBC, "liba.so", "libb.so", "libc.so"), "/opt/l");
	assert_int_equal(collect("/bin/prog"), 0);
	assert_file("usr/local/lib/liba.so");
	assert_file("usr/lib/libb.so");
	assert_file("opt/l/libc.so");
	assert_null(tree_get(&tree, "usr/lib/x86_64-linux-gnu/liba.so"));
	assert_null(tree_get(&tree, "usr/lib/libc.so"));
	assert_null(tree_get(&tree, FILESET_MUSL_PATH));
}

/* The file is instead of the folders, and the loader in the guest needs it, too. */
static void musl_path_file_is_followed(void **state)
{
	static const char folders[] = "/usr/lib/x86_64-linux-musl:/none\nrel:\n/opt/m";

	(void)state;
	add_musl();
	add_data(FILESET_MUSL_PATH, folders, sizeof(folders) - 1);
	add_link("usr/lib/x86_64-linux-musl/" LIBC, "../ld-musl-x86_64.so.1");
	add_elf("usr/lib/x86_64-linux-musl/liba.so", NULL, NEEDS(LIBC), NULL);
	add_elf("opt/m/libb.so", NULL, NEEDS(LIBC), NULL);
	add_elf("bin/prog", MUSL, NEEDS("liba.so", "libb.so"), NULL);
	assert_int_equal(collect("/bin/prog"), 0);
	assert_file("usr/lib/x86_64-linux-musl/liba.so");
	assert_file("opt/m/libb.so");
	assert_file(FILESET_MUSL_PATH);
	add_elf("usr/lib/libe.so", NULL, NEEDS(LIBC), NULL);
	add_elf("bin/other", MUSL, NEEDS("libe.so"), NULL);
	assert_int_equal(collect("/bin/other"), -1);
	assert_non_null(strstr(e.msg, "needs libe.so"));
}

static void glibc_has_other_folders(void **state)
{
	(void)state;
	add_musl();
	add_elf("lib64/ld-linux-x86-64.so.2", NULL, NEEDS(NULL), NULL);
	add_elf("lib/x86_64-linux-gnu/liba.so", NULL, NEEDS(NULL), NULL);
	add_elf("usr/local/lib/liba.so", NULL, NEEDS(NULL), NULL);
	add_elf("bin/prog", GLIBC, NEEDS("liba.so"), NULL);
	assert_int_equal(collect("/bin/prog"), 0);
	assert_file("usr/lib/x86_64-linux-gnu/liba.so");
	assert_null(tree_get(&tree, "usr/local/lib/liba.so"));
	assert_file("usr/lib64/ld-linux-x86-64.so.2");
}

/* Alpine's libcrypto3: the file in /lib, and in /usr/lib a link to it, or the other way
 * round. In the guest these are one folder. */
static void links_between_lib_and_usr_lib(void **state)
{
	static const char *const links[][2] = {
	    {"usr/lib/libcrypto.so.3", "../../lib/libcrypto.so.3"},
	    {"lib/libssl.so.3", "../usr/lib/libssl.so.3"},
	    {"usr/lib/libabs.so", "/lib/libabs.so"},
	};
	static const char *const files[] = {
	    "lib/libcrypto.so.3", "usr/lib/libssl.so.3", "lib/libabs.so"};

	(void)state;
	/* Whichever is known first. */
	for (int order = 0; order < 2; order++) {
		for (size_t i = 0; i < ARRAY_LEN(links) && order == 0; i++)
			add_link(links[i][0], links[i][1]);
		for (size_t i = 0; i < ARRAY_LEN(files); i++)
			add_data(files[i], "x", 1);
		for (size_t i = 0; i < ARRAY_LEN(links) && order == 1; i++)
			add_link(links[i][0], links[i][1]);
		for (size_t i = 0; i < ARRAY_LEN(links); i++)
			assert_non_null(fileset_resolve(&src.files, links[i][0]));
		fileset_free(&src.files);
	}
	/* Links that lead on to other names do so from where they were. */
	add_data("usr/lib/libz.so.1.3", "x", 1);
	add_data("usr/bin/tool", "x", 1);
	add_link("lib/libz.so.1", "../usr/lib/libz.so.1.3");
	add_link("sbin/t", "../bin/tool");
	add_link("bin/tool", "../../../../usr/bin/tool");
	add_link("lib/a/loop", "../../usr/lib/a/loop");
	assert_non_null(fileset_resolve(&src.files, "usr/lib/libz.so.1"));
	assert_non_null(fileset_resolve(&src.files, "usr/sbin/t"));
	assert_non_null(fileset_resolve(&src.files, "bin/tool"));
	assert_null(fileset_resolve(&src.files, "lib/a/loop"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(musl_is_loader_and_library, setup, teardown),
	    cmocka_unit_test_setup_teardown(musl_has_its_own_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(musl_path_file_is_followed, setup, teardown),
	    cmocka_unit_test_setup_teardown(glibc_has_other_folders, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		links_between_lib_and_usr_lib, setup, teardown),
	};

	return cmocka_run_group_tests_name("image-libs", tests, NULL, NULL);
}
