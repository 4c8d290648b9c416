/* image/fetch.h against a web server that does all that servers do wrong, and files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fetch.h"
#include "fs.h"
#include "hash.h"
#include "source.h"
#include "web.h"

#define SIZE (1u << 20)

static char top[] = "/tmp/bhyfi-fetch-XXXXXX", root[64], out[64], part[64];
static char content[SIZE], good[HASH_HEX];
static struct web web;
static struct fetch *f;
static struct err e;

static int set_up(void **state)
{
	(void)state;
	/* Ours is on the loopback interface. */
	setenv("no_proxy", "127.0.0.1", 1);
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 2654435761u >> 13);
	assert_non_null(mkdtemp(top));
	snprintf(root, sizeof(root), "%s/root", top);
	snprintf(out, sizeof(out), "%s/out", top);
	snprintf(part, sizeof(part), "%s/out.part", top);
	assert_int_equal(fs_mkdir_p(root, 0755, &e), 0);
	snprintf(root, sizeof(root), "%s/root/a b", top);
	assert_int_equal(fs_write_atomic(root, 0644, content, SIZE, &e), 0);
	snprintf(root, sizeof(root), "%s/root/file", top);
	assert_int_equal(fs_write_atomic(root, 0644, content, SIZE, &e), 0);
	snprintf(root, sizeof(root), "%s/root/none", top);
	assert_int_equal(fs_write_atomic(root, 0644, "", 0, &e), 0);
	snprintf(root, sizeof(root), "%s/root", top);
	assert_int_equal(hash_data(content, SIZE, good, &e), 0);
	web_start(&web, root);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	web_stop(&web);
	return fs_remove_tree(top, &e);
}

static int each(void **state)
{
	(void)state;
	unlink(out);
	unlink(part);
	atomic_store(&web.requests, 0);
	atomic_store(&web.breaks, 0);
	e = (struct err)ERR_INIT;
	assert_int_equal(fetch_open(&f, NULL, &e), 0);
	return 0;
}

static int each_end(void **state)
{
	(void)state;
	fetch_close(f);
	return 0;
}

static int get(const char *what, const char *sha256)
{
	return fetch_file(
	    f, IMAGE_STAGE_LISTS, web_url(&web, what), out, SIZE, sha256, &e);
}

static void assert_whole(void)
{
	char hex[HASH_HEX];

	assert_int_equal(hash_file(out, hex, &e), 0);
	assert_string_equal(hex, good);
	assert_int_equal(access(part, F_OK), -1);
}

static void assert_nothing(const char *why)
{
	assert_int_equal(access(out, F_OK), -1);
	assert_int_equal(access(part, F_OK), -1);
	if (strstr(e.msg, why) == NULL)
		fail_msg("no \"%s\" in: %s", why, e.msg);
}

static void put_part(const void *data, size_t len)
{
	assert_int_equal(fs_write_atomic(part, 0644, data, len, &e), 0);
}

static void a_file_comes_whole(void **state)
{
	(void)state;
	assert_int_equal(get("ok/file", good), 0);
	assert_whole();
	/* It is there: nobody is asked. */
	assert_int_equal(get("ok/file", good), 0);
	assert_int_equal(atomic_load(&web.requests), 1);
	unlink(out);
	assert_int_equal(get("ok/file", NULL), 0);
	assert_whole();
	unlink(out);
	assert_int_equal(get("hop/5/file", good), 0);
	assert_whole();
	assert_int_equal(get("ok/none", NULL), 0);
}

static void a_connection_that_breaks_off_is_taken_up_again(void **state)
{
	(void)state;
	atomic_store(&web.breaks, 3);
	assert_int_equal(get("broken/file", good), 0);
	assert_whole();
	assert_int_equal(atomic_load(&web.requests), 4);
	/* Without the hash, by the server's time of the file. */
	unlink(out);
	atomic_store(&web.breaks, 2);
	assert_int_equal(get("broken/file", NULL), 0);
	assert_whole();
	assert_string_not_equal(web.last_if_range, "");
}

static void what_a_build_left_is_gone_on_with(void **state)
{
	char want[64];

	(void)state;
	atomic_store(&web.breaks, 100);
	assert_int_equal(get("broken/file", good), -1);
	assert_int_equal(access(out, F_OK), -1);
	assert_int_equal(access(part, F_OK), 0);
	put_part(content, 1000);
	snprintf(want, sizeof(want), "bytes=1000-");
	assert_int_equal(get("ok/file", good), 0);
	assert_string_equal(web.last_range, want);
	assert_whole();
	/* Whole, but killed before it had its name. */
	unlink(out);
	put_part(content, SIZE);
	atomic_store(&web.requests, 0);
	assert_int_equal(get("ok/file", good), 0);
	assert_int_equal(atomic_load(&web.requests), 0);
	assert_whole();
}

static void a_part_of_something_else_is_started_anew(void **state)
{
	static char other[1000], longer[SIZE];

	(void)state;
	put_part(other, sizeof(other));
	assert_int_equal(get("ok/file", good), 0);
	assert_whole();
	assert_int_equal(atomic_load(&web.requests), 2);
	/* Longer than the file: 416. */
	unlink(out);
	put_part(longer, SIZE);
	assert_int_equal(get("ok/file", good), 0);
	assert_whole();
	/* Without the hash: the part has the time of the clock, not of the server. */
	unlink(out);
	put_part(other, sizeof(other));
	assert_int_equal(get("ok/file", NULL), 0);
	assert_whole();
}

static void a_server_without_ranges_is_started_anew(void **state)
{
	(void)state;
	put_part(content, 1000);
	assert_int_equal(get("whole/file", good), 0);
	assert_whole();
	unlink(out);
	put_part(content, 1000);
	assert_int_equal(get("moved/file", good), 0);
	assert_whole();
	assert_string_equal(web.last_range, "");
	/* Nothing says that the rest belongs to what there is. */
	unlink(out);
	atomic_store(&web.breaks, 1);
	assert_int_equal(get("undated/file", NULL), -1);
	assert_nothing("");
}

static void lies_about_lengths_are_found(void **state)
{
	(void)state;
	assert_int_equal(get("longer/file", NULL), -1);
	unlink(part); /* dated, so it may stay */
	assert_nothing("");
	assert_int_equal(get("shorter/file", good), -1);
	assert_nothing("wrong hash");
	assert_int_equal(get("endless/x", NULL), -1);
	assert_nothing("larger than");
	assert_int_equal(fetch_file(f, IMAGE_STAGE_LISTS, web_url(&web, "ok/file"), out,
			     SIZE - 1, NULL, &e),
	    -1);
	assert_nothing("larger than");
}

static void a_wrong_hash_leaves_nothing(void **state)
{
	static const char wrong[] =
	    "0000000000000000000000000000000000000000000000000000000000000000";

	(void)state;
	assert_int_equal(get("ok/file", wrong), -1);
	assert_nothing("wrong hash");
	/* What was there under the name stays. */
	assert_int_equal(fs_write_atomic(out, 0644, "old", 3, &e), 0);
	assert_int_equal(get("ok/file", wrong), -1);
	assert_int_equal(access(out, F_OK), 0);
}

static void redirects_have_an_end_and_stay_on_the_web(void **state)
{
	char local[128];

	(void)state;
	assert_int_equal(get("loop/", NULL), -1);
	assert_nothing("redirects");
	assert_int_equal(atomic_load(&web.requests), 6);
	assert_int_equal(get("hop/6/file", NULL), -1);
	assert_nothing("redirects");
	snprintf(local, sizeof(local), "local/%s/file", root + 1);
	assert_int_equal(get(local, NULL), -1);
	assert_nothing("file");
	assert_false(fetch_missing(f));
}

static void what_is_missing_is_told_apart(void **state)
{
	(void)state;
	assert_int_equal(get("ok/nowhere", NULL), -1);
	assert_nothing("404");
	assert_true(fetch_missing(f));
	assert_int_equal(get("gone/x", NULL), -1);
	assert_nothing("410");
	assert_true(fetch_missing(f));
	assert_int_equal(get("ok/none", NULL), 0);
	assert_false(fetch_missing(f));
}

static void a_server_that_stalls_is_given_up(void **state)
{
	(void)state;
	fetch_timeouts(f, 1, 1);
	assert_int_equal(get("stall/file", good), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_int_equal(access(out, F_OK), -1);
}

static int cancel(
    void *arg, enum image_stage stage, const char *what, size_t done, size_t total)
{
	int *left = arg;

	assert_int_equal(stage, IMAGE_STAGE_PACKAGES);
	assert_non_null(strstr(what, "file"));
	assert_int_equal(done, 3);
	assert_int_equal(total, 7);
	return (*left)-- > 0 ? 0 : -1;
}

static void a_cancelled_download_can_be_gone_on_with(void **state)
{
	int left = 1;
	struct steps steps = {cancel, &left};

	(void)state;
	fetch_close(f);
	assert_int_equal(fetch_open(&f, &steps, &e), 0);
	fetch_count(f, 3, 7);
	assert_int_equal(fetch_file(f, IMAGE_STAGE_PACKAGES, web_url(&web, "stall/file"),
			     out, SIZE, good, &e),
	    -1);
	assert_non_null(strstr(e.msg, "cancelled"));
	assert_int_equal(access(out, F_OK), -1);
	left = 1000000;
	assert_int_equal(fetch_file(f, IMAGE_STAGE_PACKAGES, web_url(&web, "ok/file"),
			     out, SIZE, good, &e),
	    0);
	assert_string_not_equal(web.last_range, "");
	assert_whole();
}

static int get_url(const char *url, const char *sha256)
{
	return fetch_file(f, IMAGE_STAGE_LISTS, url, out, SIZE, sha256, &e);
}

static void local_files_are_copied(void **state)
{
	char url[256], path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/a b", root);
	assert_int_equal(get_url(path, good), 0);
	assert_whole();
	unlink(out);
	snprintf(url, sizeof(url), "file://%s/a%%20b", root);
	assert_int_equal(get_url(url, NULL), 0);
	assert_whole();
	unlink(out);
	snprintf(url, sizeof(url), "file://localhost%s/file", root);
	assert_int_equal(get_url(url, NULL), 0);
	assert_whole();
	unlink(out);
	snprintf(url, sizeof(url), "file://%s/nowhere", root);
	assert_int_equal(get_url(url, NULL), -1);
	assert_true(fetch_missing(f));
	assert_nothing("nowhere");
	assert_int_equal(get_url(root, NULL), -1);
	assert_nothing("regular");
	assert_int_equal(
	    fetch_file(f, IMAGE_STAGE_LISTS, path, out, SIZE - 1, NULL, &e), -1);
	assert_nothing("larger");
}

static void urls_are_checked_and_shown_without_passwords(void **state)
{
	char show[256];

	(void)state;
	fetch_show("http://me:secret@host.example:80/a@b", show, sizeof(show));
	assert_string_equal(show, "http://host.example:80/a@b");
	fetch_show("https://host.example/a@b", show, sizeof(show));
	assert_string_equal(show, "https://host.example/a@b");
	fetch_show("/a/b@c", show, sizeof(show));
	assert_string_equal(show, "/a/b@c");
	assert_int_equal(get_url("http://me:secret@127.0.0.1:1/x", NULL), -1);
	assert_null(strstr(e.msg, "secret"));
	assert_nothing("http://127.0.0.1:1/x");
	assert_int_equal(fetch_check_url("mirror", "https://host.example/d", &e), 0);
	assert_int_equal(fetch_check_url("mirror", "/srv/mirror of it", &e), 0);
	assert_int_equal(fetch_check_url("mirror", "file:///srv", &e), 0);
	assert_int_equal(fetch_check_url("mirror", "ftp://host.example/", &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(fetch_check_url("mirror", "debian", &e), -1);
	assert_int_equal(fetch_check_url("mirror", "", &e), -1);
	assert_int_equal(fetch_check_url("mirror", "http://a b/", &e), -1);
	assert_int_equal(fetch_check_url("mirror", "http://a\n/", &e), -1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, each, each_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_file_comes_whole),
	    TEST(a_connection_that_breaks_off_is_taken_up_again),
	    TEST(what_a_build_left_is_gone_on_with),
	    TEST(a_part_of_something_else_is_started_anew),
	    TEST(a_server_without_ranges_is_started_anew),
	    TEST(lies_about_lengths_are_found),
	    TEST(a_wrong_hash_leaves_nothing),
	    TEST(redirects_have_an_end_and_stay_on_the_web),
	    TEST(what_is_missing_is_told_apart),
	    TEST(a_server_that_stalls_is_given_up),
	    TEST(a_cancelled_download_can_be_gone_on_with),
	    TEST(local_files_are_copied),
	    TEST(urls_are_checked_and_shown_without_passwords),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
