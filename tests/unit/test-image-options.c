/* cmd-image-options.c: the file of options, and what goes before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd-image.h"
#include "fs.h"

static char top[] = "/tmp/bhyfi-options-XXXXXX";
static char path[64];
static struct image_file_options file;

static int make_top(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/image.options", top);
	return 0;
}

static int remove_top(void **state)
{
	(void)state;
	return fs_remove_tree(top, NULL);
}

static int read_text(const char *text, struct image_options *o, struct err *e)
{
	assert_int_equal(fs_write_atomic(path, 0644, text, strlen(text), NULL), 0);
	return image_file_options_read(&file, path, o, e);
}

static void each_key_is_taken(void **state)
{
	struct image_options o = {0};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_text("# where ours come from\n"
				   "source = alpine\nroot = /r\nmirror = file:///m\n"
				   "security_mirror = none\nsuite = trixie\n"
				   "branch = v3.21\nkeys = /k\nfirmware = /f\n"
				   "guest = /g\nkernel = small\ncache = /c\n"
				   "sign = /s\nap = yes\nkeep_signatures = no\n",
			     &o, &e),
	    0);
	assert_string_equal(o.source, "alpine");
	assert_string_equal(o.root, "/r");
	assert_string_equal(o.mirror, "file:///m");
	assert_string_equal(o.security_mirror, "none");
	assert_string_equal(o.suite, "trixie");
	assert_string_equal(o.branch, "v3.21");
	assert_string_equal(o.keys, "/k");
	assert_string_equal(o.firmware, "/f");
	assert_string_equal(o.libexec, "/g");
	assert_string_equal(o.kernel, "small");
	assert_string_equal(o.cache, "/c");
	assert_string_equal(o.sign, "/s");
	assert_true(o.ap);
	assert_false(o.keep_signatures);
	image_file_options_free(&file);
}

static void options_go_before_the_file(void **state)
{
	static const char text[] =
	    "source = alpine\nmirror = /m\nbranch = v3.20\nkernel = small\nap = no\n";
	struct image_options o = {
	    .branch = "v3.21", .kernel = "distribution", .ap = true};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_text(text, &o, &e), 0);
	assert_string_equal(o.branch, "v3.21");
	assert_string_equal(o.mirror, "/m");
	assert_string_equal(o.kernel, "distribution");
	assert_true(o.ap);
	image_file_options_free(&file);

	/* Alpine's mirror is nothing to another source. */
	o = (struct image_options){.source = "debian"};
	assert_int_equal(read_text(text, &o, &e), 0);
	assert_null(o.mirror);
	assert_null(o.branch);
	assert_string_equal(o.kernel, "small");
	image_file_options_free(&file);
}

static void no_file_is_no_error(void **state)
{
	struct image_options o = {0};
	struct err e = ERR_INIT;

	(void)state;
	unlink(path);
	assert_int_equal(image_file_options_read(&file, path, &o, &e), 0);
	assert_null(o.source);
	image_file_options_free(&file);
}

static void bad_lines_are_said(void **state)
{
	static const struct {
		const char *text, *says, *hint;
	} bad[] = {
	    {"mirror = /m\nmiror = /m\n", ":2: miror: no such key", "mirror"},
	    {"mirror = /m\nmirror = /n\n", ":2: mirror: given twice", ""},
	    {"mirror =\n", ":1: mirror: a value is missing", ""},
	    {"ap = perhaps\n", ":1: ap: expected yes or no", ""},
	    {"nonsense\n", ":1: expected KEY = VALUE", ""},
	    {"[section]\n", "no sections", ""},
	    /* An image for elsewhere is said each time. */
	    {"output = /o\n", "output: no such key", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct image_options o = {0};
		struct err e = ERR_INIT;

		assert_int_equal(read_text(bad[i].text, &o, &e), -1);
		assert_int_equal(e.code, ERR_FAILED);
		assert_non_null(strstr(e.msg, bad[i].says));
		assert_non_null(strstr(e.hint, bad[i].hint));
		assert_null(o.mirror);
		image_file_options_free(&file);
	}
}

static void a_file_of_others_is_refused(void **state)
{
	struct image_options o = {0};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_text("mirror = /m\n", &o, &e), 0);
	image_file_options_free(&file);
	assert_int_equal(chmod(path, 0666), 0);
	o = (struct image_options){0};
	assert_int_equal(image_file_options_read(&file, path, &o, &e), -1);
	assert_non_null(strstr(e.msg, "others can write it"));
	assert_null(o.mirror);
	image_file_options_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_key_is_taken),
	    cmocka_unit_test(options_go_before_the_file),
	    cmocka_unit_test(no_file_is_no_error),
	    cmocka_unit_test(bad_lines_are_said),
	    cmocka_unit_test(a_file_of_others_is_refused),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
