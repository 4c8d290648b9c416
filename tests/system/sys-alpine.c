/* An image from a repository in Alpine's format, which starts and comes online. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alpine-mirror.h"
#include "cleanup.h"
#include "fs.h"
#include "harness.h"
#include "manifest.h"

#define BUILD_MS 180000

static char top[64];

/* bhyfi image build --source alpine, into top/image. */
static void build(const struct apk_repo *r)
{
	char cache[128], image[128];
	const char *const command[] = {BHYFI_TEST_BIN "/bhyfi", "image", "build",
	    "--source", "alpine", "--mirror", r->dir, "--branch", APK_REPO_BRANCH,
	    "--keys", r->keys, "--cache", cache, "--air", "--output", image, NULL};
	struct err e = ERR_INIT;
	struct child c;

	snprintf(cache, sizeof(cache), "%s/cache", top);
	snprintf(image, sizeof(image), "%s/image", top);
	ok(child_run(&c, command, BUILD_MS, &e), &e);
	if (c.status != 0)
		fail_msg("status %d: %s", c.status, c.err);
	child_free(&c);
}

/* It says where it is from. */
static void check_manifest(const char *image)
{
	struct err e = ERR_INIT;
	json_t *m = manifest_read(image, &e), *p;
	bool kernel = false;
	size_t i;

	ok(m == NULL ? -1 : 0, &e);
	assert_string_equal(text_at(m, "source"), "alpine");
	json_array_foreach (json_object_get(m, "packages"), i, p) {
		assert_int_equal(strlen(text_at(p, "sha256")), 64);
		if (strcmp(text_at(p, "name"), "linux-lts") == 0)
			kernel = strcmp(text_at(p, "version"), "6.1.0-r56") == 0;
		/* What is only depended on is not in it. */
		assert_string_not_equal(text_at(p, "name"), "mkinitfs");
	}
	assert_true(kernel);
	json_decref(m);
}

static void packages_of_alpine_boot_and_come_online(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char image[128];
	struct apk_repo r;

	snprintf(top, sizeof(top), "/tmp/sys-alpine-XXXXXX");
	assert_non_null(mkdtemp(top));
	apk_repo_open(&r, top);
	alpine_mirror_fill(&r);
	build(&r);
	snprintf(image, sizeof(image), "%s/image", top);
	check_manifest(image);
	inst_set(i, "image", image);
	lab_write(i);
	lab_up(i);
	lab_lan_works(i);
	lab_down(i);
	apk_repo_close(&r);
	fs_remove_tree(top, NULL);
}

LAB_MAIN("alp", LAB_TEST(packages_of_alpine_boot_and_come_online))
