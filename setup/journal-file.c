#include "journal-file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cleanup.h"
#include "confdoc.h"
#include "fs.h"
#include "io.h"
#include "msg.h"
#include "os/os.h"

#define VERSION 1
#define FILE_NAME "journal.json"
#define CHANGES_MAX 64
#define DIRS_MAX 64

static void entry_path(
    char out[PATH_MAX], const char *dir, unsigned number, const char *leaf)
{
	int n = snprintf(
	    out, PATH_MAX, "%s/%u%s%s", dir, number, leaf[0] != '\0' ? "/" : "", leaf);

	/* dir was made, so there is room for a few bytes more; if not, no such file. */
	if (n < 0 || n >= PATH_MAX)
		out[0] = '\0';
}

static void part_path(char out[PATH_MAX], const char *dir, unsigned number, size_t change,
    const char *suffix)
{
	char leaf[32];

	snprintf(leaf, sizeof(leaf), "%zu.%s", change, suffix);
	entry_path(out, dir, number, leaf);
}

static int write_file(const char *path, const char *text, size_t len, struct err *e)
{
	const struct io_owner owner = {.mode = 0600};

	if (io_stage(path, text, len, &owner, e) < 0)
		return -1;
	return io_commit(path, e);
}

/* A file's bytes are beside the journal; all else is in it. */
static json_t *state_json(const struct change *c, const struct change_state *s)
{
	if (s->text == NULL)
		return json_null();
	return c->kind == CHANGE_FILE ? json_true() : json_string(s->text);
}

static json_t *change_json(const struct change *c)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:i, s:I, s:I, s:b, s:b}", "kind",
	    change_kind_names[c->kind], "path", c->path, "old", state_json(c, &c->old),
	    "new", state_json(c, &c->new), "mode", (int)c->mode, "uid",
	    (json_int_t)c->uid, "gid", (json_int_t)c->gid, "set_owner", (int)c->set_owner,
	    "keep", (int)c->keep);
}

/* Below the root, so that a tree may be moved. */
static const char *without_root(const char *path)
{
	char root[PATH_MAX];
	size_t len;

	if (os_root()[0] == '\0' || realpath(os_root(), root) == NULL)
		return path;
	len = strlen(root);
	if (strncmp(path, root, len) == 0)
		return path + len;
	len = strlen(os_root());
	return strncmp(path, os_root(), len) == 0 ? path + len : path;
}

static char *entry_text(const struct journal_entry *x)
{
	json_t *changes = json_array(), *dirs = json_array(), *o;
	char *text;

	for (size_t i = 0; i < x->changes.n; i++)
		json_array_append_new(changes, change_json(&x->changes.change[i]));
	for (size_t i = 0; i < x->ndirs; i++)
		json_array_append_new(dirs, json_string(without_root(x->dirs[i])));
	o = json_pack("{s:i, s:s, s:o, s:o}", "version", VERSION, "state",
	    journal_state_names[x->state], "changes", changes, "dirs", dirs);
	text = o != NULL && json_array_size(changes) == x->changes.n
		   ? json_dumps(o, JSON_INDENT(2))
		   : NULL;
	json_decref(o);
	return text;
}

int journal_entry_mark(const char *dir, const struct journal_entry *x, struct err *e)
{
	AUTO_FREE char *text = entry_text(x);
	char path[PATH_MAX];

	if (text == NULL)
		return err_sys(e, ENOMEM, "%s", dir);
	entry_path(path, dir, x->number, FILE_NAME);
	return write_file(path, text, strlen(text), e);
}

int journal_entry_write(const char *dir, const struct journal_entry *x, struct err *e)
{
	char path[PATH_MAX];

	entry_path(path, dir, x->number, "");
	if (io_mkdir(path, 0700, e) < 0)
		return -1;
	for (size_t i = 0; i < x->changes.n; i++) {
		const struct change *c = &x->changes.change[i];

		if (c->kind != CHANGE_FILE)
			continue;
		part_path(path, dir, x->number, i, "old");
		if (c->old.text != NULL &&
		    write_file(path, c->old.text, c->old.len, e) < 0)
			return -1;
		part_path(path, dir, x->number, i, "new");
		if (c->new.text != NULL &&
		    write_file(path, c->new.text, c->new.len, e) < 0)
			return -1;
	}
	return journal_entry_mark(dir, x, e);
}

int journal_entry_remove(const char *dir, unsigned number, struct err *e)
{
	char path[PATH_MAX];

	entry_path(path, dir, number, FILE_NAME);
	if (access(path, F_OK) == 0 && io_remove(path, e) < 0)
		return -1;
	entry_path(path, dir, number, "");
	if (io_allowed("remove", path, e) < 0)
		return -1;
	return fs_remove_tree(path, e);
}

static int read_state(struct change *c, struct change_state *s, const json_t *value,
    const char *path, struct err *e)
{
	AUTO_FREE char *data = NULL;
	size_t len;

	if (json_is_null(value))
		return 0;
	if (c->kind == CHANGE_FILE && json_is_true(value)) {
		if (fs_read_file(path, CONFDOC_MAX, &data, &len, e) < 0)
			return -1;
		return change_state_set(s, data, len, e);
	}
	if (c->kind != CHANGE_FILE && json_is_string(value))
		return change_state_set(
		    s, json_string_value(value), json_string_length(value), e);
	return err_set(e, ERR_FAILED, "%s: not as bhyfi setup wrote it", c->path);
}

static int read_change(
    const char *dir, struct journal_entry *x, const json_t *o, struct err *e)
{
	const char *kind = msg_str(o, "kind", ""), *path = msg_str(o, "path", "");
	char file[PATH_MAX];
	size_t k = 0, i = x->changes.n;
	struct change *c;

	while (k <= CHANGE_DATASET && strcmp(kind, change_kind_names[k]) != 0)
		k++;
	if (k > CHANGE_DATASET || path[0] != '/' || strstr(path, "/../") != NULL)
		return err_set(e, ERR_FAILED, "a change that is none");
	c = change_add(&x->changes, (enum change_kind)k, path, e);
	if (c == NULL)
		return -1;
	c->mode = (mode_t)msg_int(o, "mode", 0, 07777, 0600);
	c->uid = (uid_t)msg_int(o, "uid", 0, UINT32_MAX, 0);
	c->gid = (gid_t)msg_int(o, "gid", 0, UINT32_MAX, 0);
	c->set_owner = msg_bool(o, "set_owner", false);
	c->keep = msg_bool(o, "keep", false);
	part_path(file, dir, x->number, i, "old");
	if (read_state(c, &c->old, json_object_get(o, "old"), file, e) < 0)
		return -1;
	part_path(file, dir, x->number, i, "new");
	if (read_state(c, &c->new, json_object_get(o, "new"), file, e) < 0)
		return -1;
	return change_resolve(c, e);
}

static int read_dirs(struct journal_entry *x, const json_t *dirs, struct err *e)
{
	char full[PATH_MAX];
	size_t i;
	json_t *o;

	x->dirs = calloc(json_array_size(dirs) + 1, sizeof(*x->dirs));
	if (x->dirs == NULL)
		return err_sys(e, ENOMEM, "setup");
	json_array_foreach (dirs, i, o) {
		const char *path = json_string_value(o);

		if (path == NULL || path[0] != '/' || strstr(path, "/../") != NULL)
			return err_set(e, ERR_FAILED, "a folder that is none");
		if (os_path(full, sizeof(full), path, e) < 0)
			return -1;
		x->dirs[i] = strdup(full);
		if (x->dirs[i] == NULL)
			return err_sys(e, ENOMEM, "setup");
		x->ndirs++;
	}
	return 0;
}

static int read_entry(
    const char *dir, struct journal_entry *x, const json_t *o, struct err *e)
{
	const json_t *changes = json_object_get(o, "changes");
	const json_t *dirs = json_object_get(o, "dirs");
	const char *state = msg_str(o, "state", "");
	size_t k = 0, i;
	json_t *c;

	while (k <= JOURNAL_UNDONE && strcmp(state, journal_state_names[k]) != 0)
		k++;
	if (k > JOURNAL_UNDONE || msg_int(o, "version", 1, INT32_MAX, 0) != VERSION ||
	    !json_is_array(changes) || json_array_size(changes) > CHANGES_MAX ||
	    !json_is_array(dirs) || json_array_size(dirs) > DIRS_MAX)
		return err_set(e, ERR_FAILED, "not as this version writes it");
	x->state = (enum journal_state)k;
	json_array_foreach (changes, i, c) {
		if (read_change(dir, x, c, e) < 0)
			return -1;
	}
	return read_dirs(x, dirs, e);
}

int journal_entry_read(const char *dir, struct journal_entry *x, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	json_t *o;
	int ret;

	entry_path(path, dir, x->number, FILE_NAME);
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		x->rubbish = true;
		return 0;
	}
	if (fs_read_file(path, CONFDOC_MAX, &text, &len, e) < 0)
		return -1;
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	ret = json_is_object(o) ? read_entry(dir, x, o, e)
				: err_set(e, ERR_FAILED, "not a JSON object");
	json_decref(o);
	if (ret < 0) {
		err_prefix(e, "%s", path);
		err_hint(e, "its folder holds the former files; see doc/setup.md");
	}
	return ret;
}
