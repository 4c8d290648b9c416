/*
 * bhyfi setup on trees of files: what is written, twice is once, undo, and a run that
 * fails or is killed at each of its steps.
 */
#include <errno.h>
#include <setjmp.h>
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
#include "io.h"
#include "journal.h"
#include "plan.h"
#include "setup-tree.h"

static struct setup_plan *make_plan(const char *card, bool bind, struct err *e)
{
	struct setup_plan *p = calloc(1, sizeof(*p));
	struct setup_request r = {.root = root, .instance = "wlan", .bind_at_boot = bind};
	struct card c = {.vendor = 0x8086, .device = 0x2723, .driver = "iwlwifi"};
	struct card_list cards = {.n = 0};
	struct plan_input in = {
	    .request = &r, .cards = &cards, .config = ETC "/wlan.conf"};

	p->os = "freebsd";
	snprintf(p->instance, sizeof(p->instance), "wlan");
	snprintf(p->etc, sizeof(p->etc), ETC);
	snprintf(p->db, sizeof(p->db), DB);
	assert_int_equal(card_id_parse(card, &in.card, e), 0);
	card_id_text(&in.card, p->card);
	if (in.card.kind == CARD_PCI)
		in.found = &c;
	in.config_exists = plan_exists(in.config);
	if (plan_freebsd(p, &in, e) == 0)
		return p;
	setup_plan_free(p);
	return NULL;
}

static int run_setup(struct err *e)
{
	struct setup_plan *p = make_plan("pci0:3:0:0", true, e);
	int ret = p != NULL ? setup_apply(p, e) : -1;

	setup_plan_free(p);
	return ret;
}

static char said[4096];

static void remember(void *arg, const char *text)
{
	(void)arg;
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", text);
}

static int recover(struct err *e)
{
	struct journal j;
	int ret;

	if (journal_open(&j, DB, false, true, e) < 0)
		return -1;
	ret = j.lock >= 0 ? journal_recover(&j, remember, NULL, e) : 0;
	journal_close(&j);
	return ret < 0 ? -1 : 0;
}

static int run_undo(char **conflict, struct err *e)
{
	struct setup_plan p = {.undo = true, .pending = true};
	struct journal j;
	int ret;

	snprintf(p.db, sizeof(p.db), DB);
	said[0] = '\0';
	*conflict = NULL;
	if (journal_open(&j, DB, false, false, e) < 0)
		return -1;
	p.pending = j.n > 0;
	ret = journal_undo_changes(&j, &p.changes, remember, NULL, conflict, e);
	journal_close(&j);
	if (ret == 0)
		ret = setup_apply(&p, e);
	change_list_free(&p.changes);
	return ret;
}

static void undo(void)
{
	char *conflict;
	struct err e = ERR_INIT;

	if (run_undo(&conflict, &e) < 0)
		fail_msg("undo: %s", e.msg);
}

static void good_setup(void)
{
	struct err e = ERR_INIT;

	if (run_setup(&e) < 0)
		fail_msg("setup: %s", e.msg);
}

static void freebsd_is_written_and_undone(void **state)
{
	AUTO_FREE char *before = look(), *rc = NULL, *loader = NULL, *conf = NULL;
	struct setup_plan *p;
	struct stat st;
	struct err e = ERR_INIT;
	char full[PATH_MAX];

	(void)state;
	good_setup();
	rc = get("/etc/rc.conf");
	assert_string_equal(rc, "hostname='laptop' # mine\r\n"
				"devmatch_blocklist=\"if_xy if_iwlwifi\"\n"
				"if [ -r /etc/x ]; then y=1; fi\n"
				"bhyfi_enable=\"YES\"\n" HEAD "ifconfig_tap0=\"DHCP\"\n"
				"ifconfig_tap0_ipv6=\"inet6 accept_rtadv\"\n"
				"background_dhclient_tap0=\"YES\"\n");
	full_path(full, "/etc/rc.conf");
	assert_int_equal(stat(full, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	loader = get("/boot/loader.conf");
	assert_string_equal(loader,
	    "zfs_load=\"YES\"\npptdevs=\"2/0/0 3/0/0\" # other\n" HEAD
	    "vmm_load=\"YES\"\nnmdm_load=\"YES\"\n"
	    "if_tuntap_load=\"YES\"\n");
	conf = get(ETC "/wlan.conf");
	assert_non_null(strstr(conf, "\ncard = pci0:3:0:0\n"));
	full_path(full, ETC "/wpa_supplicant.conf");
	assert_int_equal(stat(full, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* Twice is once. */
	p = make_plan("pci0:3:0:0", true, &e);
	assert_non_null(p);
	assert_int_equal(p->changes.n, 0);
	setup_plan_free(p);
	undo();
	AUTO_FREE char *after = look();
	assert_string_equal(after, before);
	assert_false(there("/var"));
	assert_string_equal(said, "");
}

static void a_second_card_is_undone_with_the_first(void **state)
{
	AUTO_FREE char *before = look();
	struct err e = ERR_INIT;
	struct setup_plan *p;

	(void)state;
	good_setup();
	p = make_plan("sim:wpa3", false, &e);
	assert_non_null(p);
	assert_int_equal(p->changes.n, 1);
	assert_int_equal(setup_apply(p, &e), 0);
	setup_plan_free(p);
	AUTO_FREE char *conf = get(ETC "/wlan.conf");
	assert_non_null(strstr(conf, "\ncard = sim:wpa3\n"));
	undo();
	AUTO_FREE char *after = look();
	assert_string_equal(after, before);
}

static void what_the_user_changed_since_stays(void **state)
{
	AUTO_FREE char *rc = NULL, *text = NULL, *after = NULL;
	struct err e = ERR_INIT;
	char *conflict;

	(void)state;
	good_setup();
	rc = get("/etc/rc.conf");
	assert_true(asprintf(&text, "# mine\n%ssshd_enable=\"YES\"\n", rc) > 0);
	put("/etc/rc.conf", text);
	put_mode(ETC "/wpa_supplicant.conf", "network={\n}\n", 0600);
	undo();
	after = get("/etc/rc.conf");
	free(text);
	assert_true(asprintf(&text, "# mine\n%s\nsshd_enable=\"YES\"\n", rc_before) > 0);
	assert_string_equal(after, text);
	assert_true(there(ETC "/wpa_supplicant.conf"));
	assert_false(there(ETC "/wlan.conf"));
	assert_non_null(strstr(said, "only the lines of bhyfi setup are taken out"));
	assert_non_null(strstr(said, "wpa_supplicant.conf was changed since"));
	assert_int_equal(run_undo(&conflict, &e), 0);
}

static void lines_that_cannot_be_told_apart_are_refused(void **state)
{
	AUTO_FREE char *before = NULL, *after = NULL, *conflict = NULL;
	struct err e = ERR_INIT;

	(void)state;
	good_setup();
	put("/boot/loader.conf", "pptdevs=\"2/0/0 3/0/0 4/0/0\"\n");
	before = look();
	assert_int_equal(run_undo(&conflict, &e), -1);
	assert_non_null(strstr(e.msg, "/boot/loader.conf: lines of bhyfi setup"));
	assert_non_null(conflict);
	assert_non_null(strstr(conflict, "-pptdevs=\"2/0/0 3/0/0\" # other\n"));
	after = look();
	assert_string_equal(after, before);
	/* The user does it by hand. */
	put("/boot/loader.conf", loader_before);
	undo();
}

/* Steps are counted; one of them fails, or the process ends before it. */
static int countdown, fault;

static int count_steps(const char *op, const char *path)
{
	(void)op;
	(void)path;
	countdown--;
	if (countdown != 0)
		return 0;
	if (fault == 0)
		_exit(KILLED);
	return fault;
}

/* 0 it was done, 1 failed, KILLED. In a process of its own. */
static int in_child(int (*what)(struct err *), int step, int errnum)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		int ret;

		countdown = step;
		fault = errnum;
		io_hook = count_steps;
		ret = what(&e);
		/* The last step is behind us where the count was not used up. */
		_exit(countdown > 0 ? 2 : ret < 0 ? 1 : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int do_undo(struct err *e)
{
	char *conflict;

	return run_undo(&conflict, e);
}

static void check(const char *want, const char *what, int step)
{
	AUTO_FREE char *now = look();

	if (strcmp(now, want) != 0)
		fail_msg("%s at step %d:\n%s\nexpected:\n%s", what, step, now, want);
}

static void killed_anywhere_the_next_run_repairs(void **state)
{
	AUTO_FREE char *before = look(), *after = NULL;
	struct err e = ERR_INIT;
	int step, status = 0;

	(void)state;
	good_setup();
	after = look();
	undo();
	for (step = 1; status != 2; step++) {
		status = in_child(run_setup, step, 0);
		assert_true(status == KILLED || status == 2);
		if (recover(&e) < 0)
			fail_msg("step %d: %s", step, e.msg);
		/* All or nothing, and from either on to the other. */
		AUTO_FREE char *now = look();
		if (strcmp(now, after) != 0)
			check(before, "setup", step);
		good_setup();
		check(after, "setup again", step);
		undo();
		check(before, "undo", step);
	}
	assert_true(step > 40);
	for (status = 0, step = 1; status != 2; step++) {
		good_setup();
		status = in_child(do_undo, step, 0);
		assert_true(status == KILLED || status == 2);
		if (recover(&e) < 0)
			fail_msg("undo, step %d: %s", step, e.msg);
		AUTO_FREE char *now = look();
		if (strcmp(now, after) != 0)
			check(before, "undo killed", step);
		undo();
		check(before, "undo again", step);
	}
	assert_true(step > 30);
}

static void failing_anywhere_changes_nothing(void **state)
{
	static const int errors[] = {ENOSPC, EROFS};
	AUTO_FREE char *before = look(), *after = NULL;
	struct err e = ERR_INIT;

	(void)state;
	good_setup();
	after = look();
	undo();
	for (size_t k = 0; k < ARRAY_LEN(errors); k++) {
		int step, status = 0;

		for (step = 1; status != 2; step++) {
			status = in_child(run_setup, step, errors[k]);
			if (status == 1) {
				check(before, "setup failed", step);
				assert_false(there(DB "/setup"));
				continue;
			}
			/* What fails in cleaning up is no failure. */
			check(after, "setup", step);
			undo();
		}
		good_setup();
		for (status = 0, step = 1; status != 2; step++) {
			status = in_child(do_undo, step, errors[k]);
			if (recover(&e) < 0)
				fail_msg("undo, step %d: %s", step, e.msg);
			AUTO_FREE char *now = look();
			if (strcmp(now, after) == 0)
				continue;
			check(before, "undo failed", step);
			good_setup();
		}
		undo();
	}
}

static void errors_name_the_file_and_what_to_do(void **state)
{
	char full[PATH_MAX], other[PATH_MAX];
	struct err e = ERR_INIT;

	(void)state;
	full_path(full, "/boot/loader.conf");
	full_path(other, "/boot/second-name");
	assert_int_equal(link(full, other), 0);
	assert_int_equal(run_setup(&e), -1);
	assert_string_equal(
	    e.msg, "/boot/loader.conf: the file has 2 names (hard links)");
	assert_int_equal(unlink(other), 0);
	assert_int_equal(rename(full, other), 0);
	assert_int_equal(symlink("/nowhere/out", full), 0);
	assert_int_equal(run_setup(&e), -1);
	assert_string_equal(e.msg, "/boot/loader.conf: a symbolic link to nothing");
	/* One within the tree is followed, and stays a link. */
	assert_int_equal(unlink(full), 0);
	assert_int_equal(symlink("second-name", full), 0);
	good_setup();
	assert_true(there("/boot/second-name"));
	AUTO_FREE char *text = get("/boot/second-name");
	assert_non_null(strstr(text, "vmm_load"));
	undo();
	free(text);
	text = get("/boot/second-name");
	assert_string_equal(text, loader_before);
	put("/etc/rc.conf", "devmatch_blocklist=\"$x\"\n");
	assert_int_equal(run_setup(&e), -1);
	assert_non_null(strstr(e.msg, "/etc/rc.conf:1: devmatch_blocklist"));
	assert_string_equal(e.hint, "add if_iwlwifi to devmatch_blocklist by hand there");
}

static void a_user_without_rights_is_told_so(void **state)
{
	AUTO_FREE char *before = look();
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		skip();
		return;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;

		if (chmod(root, 0755) < 0 || setgid(26969) < 0 || setuid(26969) < 0)
			_exit(9);
		if (run_setup(&e) == 0)
			_exit(1);
		_exit(strstr(e.msg, "ermission denied") != NULL &&
			      strcmp(e.hint, "run it as root") == 0
			  ? 0
			  : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(chmod(root, 0700), 0);
	AUTO_FREE char *after = look();
	assert_string_equal(after, before);
}

static void a_broken_journal_is_named(void **state)
{
	struct err e = ERR_INIT;
	static const char *const bad[] = {"", "{", "[]", "{}",
	    "{\"version\":1,\"state\":\"x\",\"changes\":[],\"dirs\":[]}",
	    "{\"version\":1,\"state\":\"done\",\"changes\":[1],\"dirs\":[]}",
	    "{\"version\":1,\"state\":\"done\",\"changes\":[{\"kind\":\"file\","
	    "\"path\":\"/../x\"}],\"dirs\":[]}",
	    "{\"version\":1,\"state\":\"done\",\"changes\":[{\"kind\":\"file\",\"path\":"
	    "\"/etc/x\",\"old\":true,\"new\":null}],\"dirs\":[]}",
	    "{\"version\":1,\"state\":\"done\",\"changes\":[],\"dirs\":[\"x\"]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put(DB "/setup/1/journal.json", bad[i]);
		if (recover(&e) == 0)
			fail_msg("%s: taken", bad[i]);
		assert_non_null(strstr(e.msg, DB "/setup/1/journal.json: "));
	}
}

static void another_setup_at_work_is_waited_for_by_nobody(void **state)
{
	struct err e = ERR_INIT;
	struct journal j;

	(void)state;
	assert_int_equal(journal_open(&j, DB, true, true, &e), 0);
	assert_int_equal(run_setup(&e), -1);
	assert_string_equal(e.msg, "another bhyfi setup is at work");
	journal_close(&j);
	good_setup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TREE(test) cmocka_unit_test_setup_teardown(test, new_tree, drop_tree)
	    TREE(freebsd_is_written_and_undone),
	    TREE(a_second_card_is_undone_with_the_first),
	    TREE(what_the_user_changed_since_stays),
	    TREE(lines_that_cannot_be_told_apart_are_refused),
	    TREE(killed_anywhere_the_next_run_repairs),
	    TREE(failing_anywhere_changes_nothing),
	    TREE(errors_name_the_file_and_what_to_do),
	    TREE(a_user_without_rights_is_told_so),
	    TREE(a_broken_journal_is_named),
	    TREE(another_setup_at_work_is_waited_for_by_nobody),
	};

	return cmocka_run_group_tests_name("setup", tests, NULL, NULL);
}
