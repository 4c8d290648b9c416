#include "harness.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "ns.h"
#include "paths.h"

#define LOG_TAIL 6000

struct lab {
	struct inst inst[LAB_INSTS];
	int n;
};

static const char *tag;

int lab_main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	struct err e = ERR_INIT;

	tag = name;
	if (getenv("BHYFI_TEST"))
		cmocka_set_test_filter(getenv("BHYFI_TEST"));
	else
		cmocka_set_skip_filter("long_*");
	if (ns_check_tun(&e) || ns_enter(&e)) {
		printf("1..1\nnot ok 1 - %s: %s\n", e.msg, e.hint);
		return ERR_FAILED;
	}
	return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}

int lab_setup(void **state)
{
	struct err e = ERR_INIT;

	*state = calloc(1, sizeof(struct lab));
	if (*state && !ns_new_net(&e))
		return 0;
	print_error("%s\n", e.msg);
	return -1;
}

static void show_tail(const char *dir, const char *name)
{
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX + 64];
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (fs_read_file(path, 8 * 1024 * 1024, &text, &len, NULL))
		return;
	/* cmocka's own would cut it. */
	fprintf(stderr, "--- the end of %s\n%s\n", path,
	    text + (len > LOG_TAIL ? len - LOG_TAIL : 0));
}

/* Shows the logs of a test that did not come to its end. */
int lab_teardown(void **state)
{
	struct lab *lab = *state;

	for (int k = 0; k < lab->n; k++) {
		if (!lab->inst[k].settled) {
			show_tail(lab->inst[k].run, "log");
			show_tail(lab->inst[k].run, "console.log");
		}
	}
	process_kill_all();
	for (int k = 0; k < lab->n; k++)
		inst_remove(&lab->inst[k]);
	free(lab);
	return 0;
}

void lab_ok(bool good, const struct err *e, const char *what, const char *file, int line)
{
	if (good)
		return;
	print_error("%s: %s%s%s%s\n", what, e->msg, e->hint[0] ? " (" : "", e->hint,
	    e->hint[0] ? ")" : "");
	_fail(file, line);
}

struct inst *lab_inst(void **state, const char *scenario)
{
	struct lab *lab = *state;
	struct inst *i = &lab->inst[lab->n];
	char name[16];

	assert_in_range(lab->n, 0, LAB_INSTS - 1);
	snprintf(name, sizeof(name), "t%.8s%d", tag, lab->n++);
	inst_init(i, name, scenario);
	if (getenv("BHYFI_TEST_IMAGE") != NULL)
		inst_set(i, "image", getenv("BHYFI_TEST_IMAGE"));
	inst_remove(i);
	lab_write(i);
	return i;
}

char *lab_image_path(const char *images, const char *id, const char *name)
{
	static char path[4][512];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s%s%s", images, id, name[0] != '\0' ? "/" : "",
	    name);
	return p;
}

void lab_write(const struct inst *i)
{
	struct err e = ERR_INIT;

	ok(inst_write(i, &e), &e);
}

static void expect_success(struct child *c, const char *what)
{
	if (c->status != 0) {
		print_error("%s: status %d: %s%s\n", what, c->status, c->out, c->err);
		fail();
	}
	child_free(c);
}

void lab_up(struct inst *i)
{
	struct err e = ERR_INIT;
	struct child c;

	i->settled = false;
	ok(inst_run(i, &c, UP_MS, &e, "up", "--wait", "100", NULL), &e);
	expect_success(&c, "up");
}

void lab_begin(struct inst *i)
{
	struct err e = ERR_INIT;
	struct child c;

	i->settled = false;
	ok(inst_run(i, &c, COMMAND_MS, &e, "up", "--wait", "0", NULL), &e);
	expect_success(&c, "up --wait 0");
}

void lab_wait_online(const struct inst *i, int timeout_ms)
{
	struct err e = ERR_INIT;
	char seconds[16];
	struct child c;

	snprintf(seconds, sizeof(seconds), "%d", timeout_ms / 1000);
	ok(inst_run(i, &c, timeout_ms + 10000, &e, "up", "--wait", seconds, NULL), &e);
	expect_success(&c, "online again");
}

bool lab_reload(struct inst *i, const char *base, const char *lines)
{
	struct err e = ERR_INIT;
	bool restart_needed;
	json_t *o;

	snprintf(i->settings, sizeof(i->settings), "%s%s", base, lines);
	lab_write(i);
	o = inst_json(i, COMMAND_MS, &e, "reload", NULL);
	ok(o ? 0 : -1, &e);
	restart_needed = json_is_true(json_object_get(o, "restart_needed"));
	json_decref(o);
	return restart_needed;
}

void lab_down(struct inst *i)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_run(i, &c, DOWN_MS, &e, "down", NULL), &e);
	expect_success(&c, "down");
	lab_nothing_left(i);
}

/* What may stay in RUN/INSTANCE: logs and their predecessors. */
static bool may_stay(const char *name)
{
	const char *const names[] = {".", "..", "log", "log.1", "log.0", "log.old",
	    "console.log", "console.log.1", "console.log.0", "console.log.old"};

	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		if (strcmp(name, names[k]) == 0)
			return true;
	}
	return false;
}

static void no_files_left(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char found[256] = "";

	while (d && (entry = readdir(d))) {
		if (!may_stay(entry->d_name))
			snprintf(found, sizeof(found), "%.255s", entry->d_name);
	}
	if (d)
		closedir(d);
	if (found[0]) {
		print_error("left in %s: %s\n", dir, found);
		fail();
	}
}

static void no_mount_left(const char *dir)
{
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;

	ok(fs_read_file("/proc/self/mounts", 1024 * 1024, &text, NULL, &e), &e);
	if (strstr(text, dir)) {
		print_error("a mount is left on %s\n", dir);
		fail();
	}
}

void lab_nothing_left(struct inst *i)
{
	struct err e = ERR_INIT;
	char others[512];

	/* `down` returns when the daemon says good-bye, just before it ends. */
	ok(process_wait_none(5000, &e), &e);
	net_others(others, sizeof(others));
	assert_string_equal(others, "");
	no_files_left(i->run);
	no_mount_left(i->run);
	i->settled = true;
}

json_t *lab_status(const struct inst *i)
{
	struct err e = ERR_INIT;
	json_t *o = inst_json(i, COMMAND_MS, &e, "status", NULL);

	ok(o ? 0 : -1, &e);
	return o;
}

json_t *lab_air(const struct inst *i, const char *request)
{
	char copy[256], *save = NULL, *word[8] = {NULL};
	struct err e = ERR_INIT;
	json_t *o;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", request);
	for (char *w = strtok_r(copy, " ", &save); w && n < 7;
	     w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	o = inst_json(
	    i, 100000, &e, "air", word[0], word[1], word[2], word[3], word[4], NULL);
	ok(o ? 0 : -1, &e);
	if (json_object_get(o, "error")) {
		char *text = json_dumps(o, 0);

		print_error("air %s: %s\n", request, text);
		free(text);
		fail();
	}
	return o;
}

pid_t lab_vmm(const struct inst *i)
{
	json_t *o = lab_status(i);
	pid_t pid = (pid_t)number_at(o, "pid");

	json_decref(o);
	assert_true(pid > 1);
	return pid;
}

void lab_find_bhyfid(const struct inst *i, struct process *priv, struct process *main)
{
	assert_true(process_find("bhyfid", i->name, getpid(), priv));
	assert_true(process_find("bhyfid", NULL, priv->pid, main));
}

void lab_kill_bhyfid(const struct inst *i)
{
	struct process priv, main;
	struct err e = ERR_INIT;

	lab_find_bhyfid(i, &priv, &main);
	kill(priv.pid, SIGKILL);
	kill(main.pid, SIGKILL);
	ok(process_wait_gone(priv.pid, 10000, &e), &e);
	ok(process_wait_gone(main.pid, 10000, &e), &e);
}

void lab_lan_works(const struct inst *i)
{
	struct err e = ERR_INIT;
	struct lease l;
	double ms;

	ok(net_dhcp("udhcpc", i->tap, 20000, &l, &e), &e);
	ok(net_ping(l.gateway, 10000, &ms, &e), &e);
}

void lab_refuses(const struct inst *i, int status, const char *const command[],
    const char *const texts[])
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_run_list(i, &c, UP_MS, command, &e), &e);
	if (c.status != status || strncmp(c.err, "bhyfi: ", 7) != 0 ||
	    strchr(c.err, '\n') != c.err + c.err_len - 1) {
		print_error("%s: status %d, not %d; it says: %s", *command, c.status,
		    status, c.err);
		fail();
	}
	for (; *texts; texts++) {
		if (!strstr(c.err, *texts)) {
			print_error("\"%s\" is not in: %s", *texts, c.err);
			fail();
		}
	}
	child_free(&c);
}
