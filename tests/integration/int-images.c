/*
 * Which image the daemon starts, what it refuses, and how it falls back: with
 * `vmm = fake`, whose guest dies or stays mute where the image says so.
 */
#include <signal.h>
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
#include "store.h"

#define EVENT_MS 30000

static char top[64], images[80];

static char *in(const char *id, const char *name)
{
	return lab_image_path(images, id, name);
}

static int setup(void **state)
{
	snprintf(top, sizeof(top), "/tmp/int-images-XXXXXX");
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

static void put(const char *id, const char *name, const char *text)
{
	struct err e = ERR_INIT;

	ok(fs_write_atomic(in(id, name), 0644, text, strlen(text), &e), &e);
}

/* An image whose guest does as `how` says: run, die, mute. */
static void make(const char *id, const char *how)
{
	static const char *const names[] = {
	    "vmlinuz", "vmlinux", "initrd", "air.initrd.cpio"};
	json_t *m = json_pack("{s:i,s:s,s:s,s:s,s:{}}", "format", MANIFEST_FORMAT, "id",
	    id, "kernel", "1.0", "source", "dir", "artefacts");
	struct err e = ERR_INIT;
	char word[32];

	assert_non_null(m);
	ok(fs_mkdir_p(in(id, ""), 0755, &e), &e);
	snprintf(word, sizeof(word), "%s\n", how);
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		put(id, names[k], word);
		json_object_set_new(json_object_get(m, "artefacts"), names[k],
		    manifest_artefact(in(id, ""), names[k], &e));
	}
	ok(manifest_write(in(id, ""), m, &e), &e);
	json_decref(m);
	ok(image_sign(in(id, ""), NULL, &e), &e);
}

static enum store_place publish(const char *id, const char *how)
{
	enum store_place place;
	struct err e = ERR_INIT;

	make(id, how);
	ok(store_publish(images, id, false, &place, &e), &e);
	return place;
}

static struct inst *machine(void **state, const char *how)
{
	struct inst *i = lab_inst(state, "wpa2");
	char path[128];

	snprintf(path, sizeof(path), "%s/current", images);
	inst_set(i, "vmm", "fake");
	inst_set(i, "image", path);
	inst_set(i, "beat", "1");
	lab_write(i);
	assert_int_equal(publish("one", how), STORE_CURRENT);
	return i;
}

static void is(
    const char *current, const char *candidate, const char *good, const char *previous)
{
	struct err e = ERR_INIT;
	struct store s;

	ok(store_read(images, &s, &e), &e);
	assert_string_equal(s.current, current);
	assert_string_equal(s.candidate, candidate);
	assert_string_equal(s.good, good);
	assert_string_equal(s.previous, previous);
}

/* What `status` says: the image that runs, and the one that was refused. */
static void runs(const struct inst *i, const char *id, const char *refused)
{
	json_t *o = lab_status(i);

	assert_string_equal(text_at(o, "image.id"), id);
	assert_string_equal(text_at(o, "image.refused.id"), refused);
	if (refused[0] != '\0')
		assert_non_null(strstr(text_at(o, "last_error"), refused));
	json_decref(o);
}

static void a_candidate_comes_online(void **state)
{
	struct inst *i = machine(state, "run");
	json_t *o;

	lab_up(i);
	is("one", "", "one", "");
	assert_int_equal(publish("two", "run"), STORE_CANDIDATE);
	/* Not before the next start. */
	runs(i, "one", "");
	lab_down(i);
	is("one", "two", "one", "");
	lab_up(i);
	is("two", "", "two", "one");
	runs(i, "two", "");
	o = lab_status(i);
	assert_string_equal(text_at(o, "image.good"), "two");
	json_decref(o);
	lab_down(i);
}

static void falls_back(void **state, const char *how, const char *why)
{
	struct inst *i = machine(state, "run");
	struct err e = ERR_INIT;
	struct child log;

	inst_set(i, "boot_timeout", "5");
	lab_write(i);
	lab_up(i);
	lab_down(i);
	assert_int_equal(publish("two", how), STORE_CANDIDATE);
	lab_up(i);
	runs(i, "one", "two");
	is("one", "", "one", "");
	ok(inst_run(i, &log, COMMAND_MS, &e, "log", NULL), &e);
	assert_non_null(strstr(log.out, "image two is refused"));
	assert_non_null(strstr(log.out, why));
	child_free(&log);
	lab_down(i);
	/* And is not tried again. */
	assert_int_equal(publish("two", how), STORE_REFUSED);
	lab_up(i);
	runs(i, "one", "");
	lab_down(i);
}

static void a_candidate_dies(void **state)
{
	falls_back(state, "die", "ended by itself");
}

static void a_candidate_stays_mute(void **state)
{
	falls_back(state, "mute", "no word");
}

static void a_candidate_is_damaged(void **state)
{
	struct inst *i = machine(state, "run");

	lab_up(i);
	lab_down(i);
	assert_int_equal(publish("two", "run"), STORE_CANDIDATE);
	put("two", "air.initrd.cpio", "rum\n");
	lab_up(i);
	runs(i, "one", "two");
	lab_down(i);
}

/* A network that is not there is no fault of the image. */
static void a_candidate_without_its_network(void **state)
{
	struct inst *i = machine(state, "run");
	struct err e = ERR_INIT;
	struct child log;

	lab_up(i);
	lab_down(i);
	assert_int_equal(publish("two", "run"), STORE_CANDIDATE);
	i->network_text[0] = '\0';
	inst_network(i, "\tssid=\"nowhere\"\n\tpsk=\"" PASSPHRASE "\"\n");
	lab_write(i);
	lab_begin(i);
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	ok(child_wait_text(&log, "image two has proved itself", EVENT_MS, &e), &e);
	child_free(&log);
	is("two", "", "two", "one");
	lab_down(i);
}

/* A stop before there is a verdict is none. */
static void a_candidate_is_stopped(void **state)
{
	struct inst *i = machine(state, "run");

	lab_up(i);
	lab_down(i);
	assert_int_equal(publish("two", "mute"), STORE_CANDIDATE);
	for (int k = 0; k < STORE_TRIES_MAX + 2; k++) {
		lab_begin(i);
		lab_down(i);
		is("one", "two", "one", "");
	}
}

/* Where the good one does no better, the candidate was not to blame. */
static void both_fail(void **state)
{
	struct inst *i = machine(state, "run");
	struct err e = ERR_INIT;
	struct child log;

	inst_set(i, "restarts", "0");
	lab_write(i);
	lab_up(i);
	lab_down(i);
	make("one", "die");
	assert_int_equal(publish("two", "die"), STORE_CANDIDATE);
	lab_begin(i);
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	ok(child_wait_text(&log, "is not to blame", EVENT_MS, &e), &e);
	child_free(&log);
	is("one", "two", "one", "");
	lab_down(i);
}

static void refused(struct inst *i, const char *text, const char *more)
{
	const char *const up[] = {"up", NULL};
	const char *const texts[] = {text, more, NULL};

	lab_refuses(i, 5, up, texts);
}

/* What is not as it was signed does not start at all, where there is no other. */
static void damaged_and_unsigned(void **state)
{
	struct inst *i = machine(state, "run");
	struct err e = ERR_INIT;
	char *text, *at;

	lab_up(i);
	lab_down(i);
	put("one", "air.initrd.cpio", "rum\n");
	refused(i, "air.initrd.cpio: damaged", "bhyfi image build");
	lab_down(i);
	put("one", "air.initrd.cpio", "run \n");
	refused(i, "air.initrd.cpio: not 4 bytes long", "bhyfi image build");
	make("one", "run");
	ok(fs_read_file(in("one", "manifest.json"), 65536, &text, NULL, &e), &e);
	at = strstr(text, "\"1.0\"");
	assert_non_null(at);
	at[1] = '2';
	put("one", "manifest.json", text);
	free(text);
	refused(i, "manifest.json: it is not what was signed", "bhyfi image build");
	assert_int_equal(unlink(in("one", "manifest.json.sig")), 0);
	refused(i, "not signed", "bhyfi image build");
	put("one", "manifest.json.sig", "nonsense\n");
	refused(i, "manifest.json.sig", "bhyfi image build");
	put("one", "manifest.json.sig",
	    "untrusted comment: another's\n"
	    "RWQBAgMEBQYHCOVWQwDDYKxykIbizIBugoqEh38euOXZdNhz4GUiSQFVX7iCFZCjO6zGHjlwHPm0"
	    "a9Jb9fBZW74kZVFBQ456EAs=\n");
	refused(i, "key 0807060504030201, which is not trusted", ".pub");
	make("one", "run");
	lab_up(i);
	lab_down(i);
}

static void kill_all(const struct inst *i)
{
	struct process p;

	lab_kill_bhyfid(i);
	while (process_find("bhyfi-guest-fak", NULL, 0, &p)) {
		struct err e = ERR_INIT;

		kill(p.pid, SIGKILL);
		ok(process_wait_gone(p.pid, EVENT_MS, &e), &e);
	}
}

/* As if the host had lost its power, at each stage of a trial. */
static void cut_off_at(struct inst *i, const char *where, const char *id)
{
	struct err e = ERR_INIT;
	struct child log;

	assert_int_equal(publish(id, "run"), STORE_CANDIDATE);
	lab_begin(i);
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	ok(child_wait_text(&log, where, EVENT_MS, &e), &e);
	kill_all(i);
	child_free(&log);
	lab_up(i);
	runs(i, id, "");
	lab_down(i);
}

static void cut_off(void **state)
{
	struct inst *i = machine(state, "run");

	lab_up(i);
	lab_down(i);
	cut_off_at(i, "state: preparing", "a");
	cut_off_at(i, "state: booting", "b");
	cut_off_at(i, "state: agent", "c");
	cut_off_at(i, "state: associating", "d");
	cut_off_at(i, "has proved itself", "e");
}

/* One that takes the whole host down each time is not tried for ever. */
static void cut_off_again_and_again(void **state)
{
	struct inst *i = machine(state, "run");
	struct err e = ERR_INIT;
	struct child log;

	lab_up(i);
	lab_down(i);
	assert_int_equal(publish("two", "mute"), STORE_CANDIDATE);
	for (int k = 0; k < STORE_TRIES_MAX; k++) {
		lab_begin(i);
		ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
		ok(child_wait_text(&log, "state: booting", EVENT_MS, &e), &e);
		kill_all(i);
		child_free(&log);
	}
	lab_up(i);
	runs(i, "one", "two");
	is("one", "", "one", "");
	lab_down(i);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_candidate_comes_online),
	    TEST(a_candidate_dies),
	    TEST(a_candidate_stays_mute),
	    TEST(a_candidate_is_damaged),
	    TEST(a_candidate_without_its_network),
	    TEST(a_candidate_is_stopped),
	    TEST(both_fail),
	    TEST(damaged_and_unsigned),
	    TEST(cut_off),
	    TEST(cut_off_again_and_again),
	};

	return lab_main("img", tests, ARRAY_LEN(tests));
}
