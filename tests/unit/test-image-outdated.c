/* bhyfi image outdated, with a source made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "outdated.h"
#include "source.h"

static struct err e;
static int64_t listed_at;

static int newest(struct source *s, const char *package, char **version, bool *security,
    struct err *err)
{
	static const struct {
		const char *package, *version;
		bool security;
	} offered[] = {{"linux", "6.1.100", true}, {"libc", "9", false},
	    {"openssl", "3.0.20", true}, {"older", "1.0", false}};

	(void)s;
	if (strcmp(package, "broken") == 0)
		return err_set(err, ERR_FAILED, "no lists");
	for (size_t i = 0; i < sizeof(offered) / sizeof(offered[0]); i++)
		if (strcmp(offered[i].package, package) == 0) {
			*version = strdup(offered[i].version);
			*security = offered[i].security;
		}
	return 0;
}

/* By the number behind the last dot. */
static int compare(const char *a, const char *b)
{
	const char *x = strrchr(a, '.'), *y = strrchr(b, '.');

	return atoi(x == NULL ? a : x + 1) - atoi(y == NULL ? b : y + 1);
}

static int64_t listed(struct source *s)
{
	(void)s;
	return listed_at;
}

static const struct source_ops ops = {
    .name = "made-up", .newest = newest, .compare = compare, .listed = listed};

static json_t *info_of(const char *last)
{
	return json_pack(
	    "{s:s, s:[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]}",
	    "id", "one", "packages", "name", "linux", "version", "6.1.99", "name", "libc",
	    "version", "9", "name", "openssl", "version", "3.0.19", "name", "older",
	    "version", "1.5", "name", "gone", "version", "1", "name", last, "version",
	    "1");
}

static void what_is_newer(void **state)
{
	struct source s = {.ops = &ops};
	json_t *info = info_of("gone too"), *o, *list;

	(void)state;
	listed_at = time(NULL) - 600;
	o = outdated_in(&s, info, &e);
	assert_non_null(o);
	list = json_object_get(o, "outdated");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(list, 0), "newest")),
	    "6.1.100");
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(list, 1), "installed")),
	    "3.0.19");
	assert_int_equal(json_integer_value(json_object_get(o, "security")), 2);
	assert_int_equal(json_integer_value(json_object_get(o, "packages")), 6);
	assert_true(json_is_false(json_object_get(o, "stale")));
	assert_string_equal(
	    json_string_value(json_object_get(o, "lists")), "10 minutes old");
	json_decref(o);
	/* Lists of last week, or of nobody knows when. */
	listed_at = time(NULL) - 7 * 24 * 3600 - 60;
	o = outdated_in(&s, info, &e);
	assert_true(json_is_true(json_object_get(o, "stale")));
	assert_string_equal(json_string_value(json_object_get(o, "lists")), "7 days old");
	json_decref(o);
	listed_at = 0;
	o = outdated_in(&s, info, &e);
	assert_true(json_is_true(json_object_get(o, "stale")));
	json_decref(o);
	json_decref(info);
}

static void what_can_not_be_known(void **state)
{
	struct source s = {.ops = &ops};
	json_t *info = info_of("broken");

	(void)state;
	assert_null(outdated_in(&s, info, &e));
	assert_string_equal(e.msg, "no lists");
	json_decref(info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_newer),
	    cmocka_unit_test(what_can_not_be_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
