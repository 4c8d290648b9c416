/*
 * Images side by side: which is started, and that a process which is killed before any of
 * its changes to the disk leaves one that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fs.h"
#include "killed.h"
#include "store.h"

static char top[40];
static struct err e;

static void image(const char *id)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", top, id);
	assert_int_equal(fs_mkdir_p(path, 0755, &e), 0);
	snprintf(path, sizeof(path), "%s/%s/manifest.json", top, id);
	assert_int_equal(fs_write_atomic(path, 0644, "{}", 2, &e), 0);
}

static void link_to(const char *name, const char *id)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	unlink(path);
	if (id[0] != '\0')
		assert_int_equal(symlink(id, path), 0);
}

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-store-XXXXXX");
	assert_non_null(mkdtemp(top));
	e = (struct err)ERR_INIT;
	left = -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return fs_remove_tree(top, &e);
}

static struct store now(void)
{
	struct store s;

	assert_int_equal(store_read(top, &s, &e), 0);
	return s;
}

static void is(
    const char *current, const char *candidate, const char *good, const char *previous)
{
	struct store s = now();

	assert_string_equal(s.current, current);
	assert_string_equal(s.candidate, candidate);
	assert_string_equal(s.good, good);
	assert_string_equal(s.previous, previous);
}

static enum store_place publish(const char *id, bool at_once)
{
	enum store_place place;

	image(id);
	assert_int_equal(store_publish(top, id, at_once, &place, &e), 0);
	return place;
}

static void the_life_of_images(void **state)
{
	char back[STORE_ID_MAX], *why;

	(void)state;
	is("", "", "", "");
	assert_int_equal(publish("a", false), STORE_CURRENT);
	is("a", "", "", "");
	/* Nothing to fall back to. */
	assert_int_equal(store_refuse(top, "a", "bad", &e), 0);
	assert_int_equal(store_proved(top, "a", &e), 1);
	assert_int_equal(store_proved(top, "a", &e), 0);
	is("a", "", "a", "");
	assert_int_equal(publish("b", false), STORE_CANDIDATE);
	is("a", "b", "a", "");
	assert_int_equal(store_proved(top, "b", &e), 1);
	is("b", "", "b", "a");
	/* The next is no good, and is remembered. */
	assert_int_equal(publish("c", false), STORE_CANDIDATE);
	assert_int_equal(store_refuse(top, "c", "no radio", &e), 1);
	is("b", "", "b", "a");
	assert_int_equal(publish("c", false), STORE_REFUSED);
	is("b", "", "b", "a");
	why = store_refusal(top, "c");
	assert_string_equal(why, "no radio");
	free(why);
	assert_null(store_refusal(top, "b"));
	/* It was not to blame. */
	assert_int_equal(store_acquit(top, "c", &e), 0);
	is("b", "c", "b", "a");
	/* The same build as the current one: no candidate any more. */
	assert_int_equal(publish("b", false), STORE_CURRENT);
	is("b", "", "b", "a");
	assert_int_equal(store_rollback(top, NULL, back, &e), 0);
	assert_string_equal(back, "a");
	is("a", "", "a", "");
	assert_int_equal(publish("b", false), STORE_REFUSED);
	assert_int_equal(store_rollback(top, NULL, back, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	/* By name, also one that was refused. */
	assert_int_equal(store_rollback(top, "b", back, &e), 0);
	is("b", "", "b", "");
	assert_int_equal(store_rollback(top, "nothing", back, &e), -1);
	assert_int_equal(store_rollback(top, "../b", back, &e), -1);
	/* A candidate that was not tried yet is dropped. */
	assert_int_equal(publish("d", false), STORE_CANDIDATE);
	assert_int_equal(store_rollback(top, NULL, back, &e), 0);
	assert_string_equal(back, "b");
	is("b", "", "b", "");
	assert_int_equal(publish("d", false), STORE_REFUSED);
	assert_int_equal(publish("d", true), STORE_CURRENT);
	is("d", "", "d", "b");
	/* Who insists has no fallback, but a way back. */
	assert_int_equal(store_refuse(top, "d", "dead", &e), 0);
	assert_int_equal(store_rollback(top, NULL, back, &e), 0);
	is("b", "", "b", "");
}

static void links_that_lead_nowhere(void **state)
{
	(void)state;
	image("a");
	link_to("current", "../../etc");
	is("", "", "", "");
	link_to("current", "gone");
	is("", "", "", "");
	assert_int_equal(publish("b", false), STORE_CURRENT);
	is("b", "", "", "");
	link_to("candidate", ".hidden");
	is("b", "", "", "");
	link_to("candidate", "gone");
	is("b", "", "", "");
	assert_int_equal(store_settle(top, &e), 0);
}

static void starts_that_were_cut_off(void **state)
{
	(void)state;
	publish("a", false);
	publish("b", false);
	for (int i = 0; i < STORE_TRIES_MAX; i++)
		assert_int_equal(store_try(top, "b", &e), 0);
	assert_int_equal(store_try(top, "b", &e), 1);
	/* Another one's tries are its own. */
	assert_int_equal(store_try(top, "bb", &e), 0);
	assert_int_equal(store_try(top, "b", &e), 0);
	assert_int_equal(store_untry(top, &e), 0);
	for (int i = 0; i < STORE_TRIES_MAX; i++)
		assert_int_equal(store_try(top, "b", &e), 0);
	assert_int_equal(store_try(top, "b", &e), 1);
}

static void made_at(const char *id, time_t at)
{
	const struct timespec t[2] = {{.tv_sec = at}, {.tv_sec = at}};
	char path[320];

	image(id);
	snprintf(path, sizeof(path), "%s/%s/manifest.json", top, id);
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static bool there(const char *id)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", top, id);
	return access(path, F_OK) == 0;
}

static void old_images_go(void **state)
{
	char run[64], path[128];
	json_t *list;

	(void)state;
	for (int i = 0; i < 9; i++) {
		char id[2] = {(char)('a' + i), '\0'};

		made_at(id, 1000 + i);
	}
	link_to("current", "b");
	link_to("good", "b");
	link_to("previous", "a");
	snprintf(run, sizeof(run), "%s/.run", top);
	snprintf(path, sizeof(path), "%s/wlan", run);
	assert_int_equal(fs_mkdir_p(path, 0755, &e), 0);
	snprintf(path, sizeof(path), "%s/wlan/vm.json", run);
	assert_int_equal(fs_write_atomic(path, 0600, "{\"image\": \"c\"}", 14, &e), 0);
	assert_int_equal(store_prune(top, run, &e), 0);
	for (int i = 0; i < 9; i++) {
		char id[2] = {(char)('a' + i), '\0'};

		assert_int_equal(there(id), strchr("abcghi", id[0]) != NULL);
	}
	list = store_list(top, &e);
	assert_int_equal(json_array_size(list), 6);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(list, 0), "id")), "i");
	json_decref(list);
}

/* Each is done on a good image, one before it and a candidate. */
static int do_publish(void)
{
	enum store_place place;

	return store_publish(top, "d", false, &place, &e);
}

static int do_publish_at_once(void)
{
	enum store_place place;

	return store_publish(top, "d", true, &place, &e);
}

static int do_prove(void)
{
	return store_proved(top, "c", &e);
}

static int do_refuse(void)
{
	return store_refuse(top, "c", "no radio", &e);
}

static int do_rollback_candidate(void)
{
	char back[STORE_ID_MAX];

	return store_rollback(top, NULL, back, &e);
}

static int do_rollback(void)
{
	char back[STORE_ID_MAX];

	return store_rollback(top, "a", back, &e);
}

static int do_rollback_to_candidate(void)
{
	char back[STORE_ID_MAX];

	return store_rollback(top, "c", back, &e);
}

static int do_prune(void)
{
	return store_prune(top, "/nonexistent", &e);
}

static int do_try(void)
{
	return store_try(top, "c", &e);
}

static void begin(void)
{
	assert_int_equal(fs_remove_tree(top, &e), 0);
	assert_int_equal(mkdir(top, 0755), 0);
	for (int i = 0; i < 7; i++) {
		char id[2] = {(char)('a' + i), '\0'};

		made_at(id, 1000 + i);
	}
	link_to("current", "b");
	link_to("good", "b");
	link_to("previous", "a");
	link_to("candidate", "c");
}

/* The state in a line. */
static void say(const struct store *s, char *out, size_t size)
{
	snprintf(out, size, "current=%s candidate=%s good=%s previous=%s", s->current,
	    s->candidate, s->good, s->previous);
}

/* What may be started, and that it is there, by the links themselves, too: scripts and
 * older programs know `current` alone. */
static void startable(const struct store *s)
{
	char path[320], id[64] = "";
	const char *back;

	assert_true(s->current[0] != '\0' && there(s->current));
	assert_true(there(store_next(s)));
	assert_true(s->good[0] != '\0' && there(s->good));
	snprintf(path, sizeof(path), "%s/current", top);
	assert_true(readlink(path, id, sizeof(id) - 1) > 0);
	assert_true(there(id));
	back = store_fallback(s, store_next(s));
	if (strcmp(store_next(s), s->good) != 0)
		assert_true(back[0] != '\0' && there(back));
}

/* The process is killed before its first change, its second, ... */
static void killed(int (*op)(void))
{
	char before[1024], after[1024], got[1024];
	const char *next[2];
	struct store old, new, s;
	int n = 0, st;
	pid_t pid;

	begin();
	old = now();
	say(&old, before, sizeof(before));
	assert_true(op() >= 0);
	new = now();
	say(&new, after, sizeof(after));
	startable(&new);
	next[0] = store_next(&old);
	next[1] = store_next(&new);
	do {
		begin();
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			left = n;
			_exit(op() < 0 ? 1 : 0);
		}
		assert_int_equal(waitpid(pid, &st, 0), pid);
		s = now();
		startable(&s);
		/* The old, the new, or the last good one. */
		if (strcmp(store_next(&s), next[0]) != 0 &&
		    strcmp(store_next(&s), next[1]) != 0)
			assert_string_equal(store_next(&s), s.good);
		/* Settled, it reads the same. */
		say(&s, before, sizeof(before));
		assert_int_equal(store_settle(top, &e), 0);
		s = now();
		say(&s, got, sizeof(got));
		assert_string_equal(got, before);
		n++;
	} while (WIFSIGNALED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
	assert_string_equal(got, after);
	print_message("# killed before each of %d changes\n", n - 1);
}

static void killed_at_each_step(void **state)
{
	(void)state;
	killed(do_publish);
	killed(do_publish_at_once);
	killed(do_prove);
	killed(do_refuse);
	killed(do_rollback_candidate);
	killed(do_rollback);
	killed(do_rollback_to_candidate);
	killed(do_prune);
	killed(do_try);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_life_of_images),
	    TEST(links_that_lead_nowhere),
	    TEST(starts_that_were_cut_off),
	    TEST(old_images_go),
	    TEST(killed_at_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
