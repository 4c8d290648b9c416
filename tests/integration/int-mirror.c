/*
 * An image by apt and one from the same mirror without apt are the same. Where the mirror
 * is, this system's apt says; where there is no apt there is nothing to compare.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cleanup.h"
#include "cmd.h"
#include "fs.h"

#define BUILD_MS (20 * 60 * 1000)
#define URL_MAX 512

static char top[] = "/tmp/bhyfi-mirror-XXXXXX";
static char mirror[URL_MAX], security[URL_MAX], suite[64];

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(top) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return fs_remove_tree(top, NULL);
}

/* Debian's own archive among what apt knows: of the running release, and its security
 * updates. */
static void find_mirrors(void)
{
	static const char *const argv[] = {"apt-get", "indextargets", "--format",
	    "$(CODENAME) $(REPO_URI) $(LABEL)", "Origin: Debian", NULL};
	char AUTO_FREE *text = NULL;
	char *save = NULL;
	struct err e = ERR_INIT;

	if (cmd_run(argv, &(struct cmd_opts){.max_output = 1 << 20}, &text, NULL, &e) <
	    0) {
		assert_int_equal(e.code, ERR_PRECONDITION);
		skip();
	}
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[64], url[URL_MAX], label[64];

		if (sscanf(line, "%63s %511s %63s", name, url, label) != 3)
			continue;
		if (strcmp(label, "Debian-Security") == 0)
			snprintf(security, sizeof(security), "%s", url);
		else if (strcmp(label, "Debian") == 0 && strchr(name, '-') == NULL) {
			snprintf(mirror, sizeof(mirror), "%s", url);
			snprintf(suite, sizeof(suite), "%s", name);
		}
	}
	if (mirror[0] == '\0')
		skip();
}

/* The image's id; options end with NULL. */
static char *build(const char *name, const char *const options[])
{
	char cache[128], output[128];
	const char *argv[24] = {BHYFI_TEST_BIN "/bhyfi", "--json", "image", "build",
	    "--card", "sim", "--cache", cache, "--output", output};
	char AUTO_FREE *text = NULL;
	struct err e = ERR_INIT;
	size_t n = 10;
	json_t *o;
	char *id;

	snprintf(cache, sizeof(cache), "%s/cache-%s", top, name);
	snprintf(output, sizeof(output), "%s/%s", top, name);
	for (size_t i = 0; options[i] != NULL; i++)
		argv[n++] = options[i];
	if (cmd_run(argv, &(struct cmd_opts){.timeout_ms = BUILD_MS}, &text, NULL, &e) <
	    0)
		fail_msg("%s", e.msg);
	o = json_loads(text, 0, NULL);
	id = strdup(json_string_value(json_object_get(o, "id")));
	json_decref(o);
	assert_non_null(id);
	return id;
}

static void the_same_with_and_without_apt(void **state)
{
	char AUTO_FREE *by_apt = NULL;
	char AUTO_FREE *by_us = NULL;

	(void)state;
	find_mirrors();
	by_apt = build("apt", (const char *const[]){NULL});
	by_us = build("mirror",
	    (const char *const[]){"--mirror", mirror, "--suite", suite,
		"--security-mirror", security[0] == '\0' ? "none" : security, NULL});
	assert_string_equal(by_us, by_apt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_with_and_without_apt),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
