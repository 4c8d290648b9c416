/*
 * Images that are no good, and a real guest: what is damaged is refused, and a candidate
 * whose kernel finds no init that works gives way to the last good image.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "harness.h"
#include "image.h"
#include "manifest.h"
#include "paths.h"
#include "store.h"

#define INITRD "air.initrd.cpio"
#define INITRD_LIMIT (128u << 20)

/* On the file system of the image that is there, so that its parts can be linked. */
static char top[128], images[160];

static char *in(const char *id, const char *name)
{
	return lab_image_path(images, id, name);
}

static int setup(void **state)
{
	snprintf(top, sizeof(top), PATH_DB "/test-XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(chmod(top, 0755), 0);
	snprintf(images, sizeof(images), "%s/images", top);
	return lab_setup(state);
}

static int teardown(void **state)
{
	struct err e = ERR_INIT;
	int ret = lab_teardown(state);

	ok(fs_remove_tree(top, &e), &e);
	return ret;
}

/* The image that was built, with another initrd where one is given: as a build would
 * publish it. */
static void publish(const char *id, const char *initrd, size_t len)
{
	static const char *const parts[] = {"vmlinuz", "vmlinux", "initrd", INITRD};
	struct err e = ERR_INIT;
	enum store_place place;
	json_t *m = manifest_read(PATH_IMAGES "/current", &e), *list = json_object();

	assert_non_null(m);
	ok(fs_mkdir_p(in(id, ""), 0755, &e), &e);
	json_object_del(m, "files");
	json_object_set_new(m, "id", json_string(id));
	json_object_set_new(m, "artefacts", list);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char from[PATH_MAX];

		snprintf(from, sizeof(from), PATH_IMAGES "/current/%s", parts[i]);
		if (initrd != NULL && strcmp(parts[i], INITRD) == 0)
			ok(fs_write_atomic(in(id, parts[i]), 0644, initrd, len, &e), &e);
		else
			assert_int_equal(link(from, in(id, parts[i])), 0);
		json_object_set_new(
		    list, parts[i], manifest_artefact(in(id, ""), parts[i], &e));
	}
	ok(manifest_write(in(id, ""), m, &e), &e);
	json_decref(m);
	ok(image_sign(in(id, ""), NULL, &e), &e);
	ok(store_publish(images, id, false, &place, &e), &e);
}

static struct inst *machine(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char path[256];

	snprintf(path, sizeof(path), "%s/current", images);
	inst_set(i, "image", path);
	lab_write(i);
	return i;
}

/* An archive whose init no kernel can run. */
static size_t no_init(char *out, size_t size)
{
	static const char text[] = "no program at all";
	struct archive *a = archive_write_new();
	struct archive_entry *f = archive_entry_new();
	size_t used = 0;

	assert_int_equal(archive_write_set_format_cpio_newc(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(a, out, size, &used), ARCHIVE_OK);
	archive_entry_set_pathname(f, "init");
	archive_entry_set_filetype(f, AE_IFREG);
	archive_entry_set_perm(f, 0755);
	archive_entry_set_size(f, sizeof(text));
	assert_int_equal(archive_write_header(a, f), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, text, sizeof(text)), sizeof(text));
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_entry_free(f);
	archive_write_free(a);
	return used;
}

static void a_damaged_initrd_is_refused(void **state)
{
	const char *const up[] = {"up", NULL};
	const char *const texts[] = {INITRD ": damaged", "bhyfi image build", NULL};
	struct inst *i = machine(state);
	struct err e = ERR_INIT;
	char *initrd;
	size_t len;

	publish("first", NULL, 0);
	ok(fs_read_file(in("first", INITRD), INITRD_LIMIT, &initrd, &len, &e), &e);
	/* One bit; the file is one of its own, what was linked stays as it is. */
	initrd[len / 2] ^= 1;
	ok(fs_write_atomic(in("first", INITRD), 0644, initrd, len, &e), &e);
	lab_refuses(i, 5, up, texts);
	lab_down(i);
	initrd[len / 2] ^= 1;
	ok(fs_write_atomic(in("first", INITRD), 0644, initrd, len, &e), &e);
	free(initrd);
	lab_up(i);
	lab_lan_works(i);
	lab_down(i);
}

static void a_candidate_that_panics_gives_way(void **state)
{
	char initrd[4096];
	struct inst *i = machine(state);
	struct err e = ERR_INIT;
	struct store s;
	json_t *o;

	publish("first", NULL, 0);
	lab_up(i);
	lab_down(i);
	publish("bad", initrd, no_init(initrd, sizeof(initrd)));
	lab_up(i);
	lab_lan_works(i);
	o = lab_status(i);
	assert_string_equal(text_at(o, "image.id"), "first");
	assert_string_equal(text_at(o, "image.refused.id"), "bad");
	assert_non_null(strstr(text_at(o, "last_error"), "image bad is refused"));
	json_decref(o);
	lab_down(i);
	ok(store_read(images, &s, &e), &e);
	assert_string_equal(s.current, "first");
	assert_string_equal(s.candidate, "");
	assert_string_equal(s.good, "first");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_damaged_initrd_is_refused),
	    TEST(a_candidate_that_panics_gives_way),
	};

	return lab_main("sim", tests, ARRAY_LEN(tests));
}
