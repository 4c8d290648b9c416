#include "journal.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "cleanup.h"
#include "dataset.h"
#include "diff.h"
#include "fs.h"
#include "io.h"
#include "journal-file.h"
#include "os/os.h"

const char *const journal_state_names[] = {
    [JOURNAL_APPLYING] = "applying",
    [JOURNAL_DONE] = "done",
    [JOURNAL_UNDONE] = "undone",
};
static_assert(
    ARRAY_LEN(journal_state_names) == JOURNAL_UNDONE + 1, "a name for each state");

static void __attribute__((format(printf, 3, 4)))
say(setup_report *report, void *arg, const char *fmt, ...)
{
	char text[PATH_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (report != NULL)
		report(arg, text);
}

void journal_entry_free(struct journal_entry *x)
{
	change_list_free(&x->changes);
	change_parents_free(x->dirs, x->ndirs);
	memset(x, 0, sizeof(*x));
}

/* Entries may be gone one by one: the memory of all of them. */
static void free_entries(struct journal *j)
{
	for (size_t i = 0; i < j->n; i++)
		journal_entry_free(&j->entry[i]);
	free(j->entry);
	j->entry = NULL;
	j->n = 0;
}

void journal_close(struct journal *j)
{
	free_entries(j);
	change_parents_free(j->dirs, j->ndirs);
	if (j->lock >= 0)
		close(j->lock);
	*j = (struct journal){.lock = -1};
}

static int make_folder(struct journal *j, struct err *e)
{
	char below[PATH_MAX + 2];

	snprintf(below, sizeof(below), "%s/x", j->dir);
	if (change_parents(below, &j->dirs, &j->ndirs, e) < 0)
		return -1;
	for (size_t i = 0; i < j->ndirs; i++) {
		bool last = strcmp(j->dirs[i], j->dir) == 0;

		if (io_mkdir(j->dirs[i], last ? 0700 : 0755, e) < 0)
			return -1;
	}
	return 0;
}

/* What this run made, where it comes to nothing. */
static void unmake_folder(struct journal *j)
{
	char path[PATH_MAX + 8];

	if (j->ndirs == 0)
		return;
	snprintf(path, sizeof(path), "%s/lock", j->dir);
	io_remove(path, NULL);
	for (size_t i = j->ndirs; i-- > 0;)
		io_rmdir(j->dirs[i]);
}

static int take_lock(struct journal *j, struct err *e)
{
	char path[PATH_MAX + 8];
	struct stat st;

	snprintf(path, sizeof(path), "%s/lock", j->dir);
	for (;;) {
		if (io_allowed("lock", path, e) < 0)
			return -1;
		j->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (j->lock < 0)
			return io_error(e, errno, path);
		if (flock(j->lock, LOCK_EX | LOCK_NB) < 0) {
			close(j->lock);
			j->lock = -1;
			return err_set(e, ERR_FAILED, "another bhyfi setup is at work");
		}
		/* An undo removes it when it ends. */
		if (fstat(j->lock, &st) == 0 && st.st_nlink > 0)
			return 0;
		close(j->lock);
	}
}

static int compare_entries(const void *a, const void *b)
{
	const struct journal_entry *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int load_entries(struct journal *j, struct err *e)
{
	DIR *dir = opendir(j->dir);
	struct dirent *d;
	int ret = 0;

	if (dir == NULL)
		return io_error(e, errno, j->dir);
	while (ret == 0 && (d = readdir(dir)) != NULL) {
		struct journal_entry *grown, x = {.number = 0};

		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		if (strlen(d->d_name) > 9 || j->n == JOURNAL_ENTRIES_MAX) {
			ret = err_set(e, ERR_FAILED, "%s/%s: not of bhyfi setup", j->dir,
			    d->d_name);
			break;
		}
		x.number = (unsigned)strtoul(d->d_name, NULL, 10);
		ret = journal_entry_read(j->dir, &x, e);
		grown = ret == 0 ? realloc(j->entry, (j->n + 1) * sizeof(*grown)) : NULL;
		if (grown == NULL) {
			journal_entry_free(&x);
			ret = ret == 0 ? err_sys(e, ENOMEM, "%s", j->dir) : ret;
			break;
		}
		j->entry = grown;
		j->entry[j->n++] = x;
	}
	closedir(dir);
	if (j->n > 1)
		qsort(j->entry, j->n, sizeof(j->entry[0]), compare_entries);
	return ret;
}

int journal_open(
    struct journal *j, const char *db, bool create, bool writing, struct err *e)
{
	char path[PATH_MAX];

	*j = (struct journal){.lock = -1};
	if (snprintf(path, sizeof(path), "%s/setup", db) >= (int)sizeof(path))
		return err_set(e, ERR_FAILED, "%.80s: the path is too long", db);
	if (os_path(j->dir, sizeof(j->dir), path, e) < 0)
		return -1;
	if (access(j->dir, F_OK) < 0 && errno == ENOENT) {
		if (!create)
			return 0;
		if (make_folder(j, e) < 0) {
			unmake_folder(j);
			journal_close(j);
			return -1;
		}
	}
	if ((writing && take_lock(j, e) < 0) || load_entries(j, e) < 0) {
		unmake_folder(j);
		journal_close(j);
		return -1;
	}
	return 0;
}

bool journal_interrupted(const struct journal *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (!j->entry[i].rubbish && j->entry[i].state != JOURNAL_DONE)
			return true;
	return false;
}

static int put_file(struct change *c, const struct change_state *s, struct err *e)
{
	const struct io_owner owner = {c->mode, c->uid, c->gid, c->set_owner};

	if (s->text == NULL)
		return io_remove(c->real, e);
	if (io_stage(c->real, s->text, s->len, &owner, e) < 0)
		return -1;
	return io_commit(c->real, e);
}

/* From one state to the other; a file may be staged already. */
static int put(struct change *c, const struct change_state *from,
    const struct change_state *to, bool staged, struct err *e)
{
	switch (c->kind) {
	case CHANGE_FILE:
		return staged && to->text != NULL ? io_commit(c->real, e)
						  : put_file(c, to, e);
	case CHANGE_LINK:
		if (from->text != NULL && io_remove(c->real, e) < 0)
			return -1;
		return to->text != NULL ? io_link(c->real, to->text, e) : 0;
	case CHANGE_DATASET:
		if (to->text != NULL)
			return dataset_create(to->text, c->path, e);
		return dataset_destroy(from->text, c->path, e);
	}
	return -1;
}

/* Puts c's old state back, whatever became of the new one. */
static int take_back(struct change *c, struct err *e)
{
	struct change_state now = {NULL, 0}, merged = {NULL, 0};
	int ret;

	if (c->kind == CHANGE_FILE && io_unstage(c->real, e) < 0)
		return -1;
	if (change_read(c, &now, e) < 0)
		return -1;
	if (change_state_same(&now, &c->old)) {
		ret = 0;
	} else if (change_state_same(&now, &c->new)) {
		ret = put(c, &now, &c->old, false, e);
	} else if (c->kind != CHANGE_FILE || now.text == NULL || c->new.text == NULL) {
		ret = 0; /* somebody else's doing */
	} else {
		ret = diff_merge(c->new.text, c->new.len,
		    c->old.text != NULL ? c->old.text : "", c->old.len, now.text, now.len,
		    &merged.text, &merged.len, e);
		if (ret == 0)
			ret = put_file(c, &merged, e);
		else if (ret > 0)
			ret = err_set(e, ERR_FAILED,
			    "%s: was changed since, and can not be taken back", c->path);
	}
	change_state_free(&now);
	change_state_free(&merged);
	return ret;
}

static void remove_dirs(char **dirs, size_t n)
{
	while (n-- > 0)
		io_rmdir(dirs[n]);
}

/* Takes back what was begun; then the entry is gone. */
static int roll_back(struct journal *j, struct journal_entry *x, struct err *e)
{
	for (size_t i = x->changes.n; i-- > 0;)
		if (take_back(&x->changes.change[i], e) < 0)
			return -1;
	if (journal_entry_remove(j->dir, x->number, e) < 0)
		return -1;
	remove_dirs(x->dirs, x->ndirs);
	return 0;
}

/* The last part of an undo: no entry is left, nor a folder that was made. */
static int forget_all(struct journal *j, struct err *e)
{
	char path[PATH_MAX + 8];

	for (size_t i = j->n; i-- > 0;)
		remove_dirs(j->entry[i].dirs, j->entry[i].ndirs);
	/* The newest, which says that all is undone, goes last. */
	for (size_t i = 0; i < j->n; i++)
		if (journal_entry_remove(j->dir, j->entry[i].number, e) < 0)
			return -1;
	snprintf(path, sizeof(path), "%s/lock", j->dir);
	if (io_remove(path, e) < 0)
		return -1;
	for (size_t i = j->n; i-- > 0;)
		remove_dirs(j->entry[i].dirs, j->entry[i].ndirs);
	remove_dirs(j->dirs, j->ndirs);
	io_rmdir(j->dir);
	free_entries(j);
	return 0;
}

/* A journal that setup never got to use. */
static void forget_folder(struct journal *j)
{
	char path[PATH_MAX + 8];

	if (j->n > 0)
		return;
	snprintf(path, sizeof(path), "%s/lock", j->dir);
	io_remove(path, NULL);
	io_rmdir(j->dir);
	remove_dirs(j->dirs, j->ndirs);
}

static void drop_entry(struct journal *j, size_t i)
{
	journal_entry_free(&j->entry[i]);
	memmove(&j->entry[i], &j->entry[i + 1], (j->n - i - 1) * sizeof(j->entry[0]));
	j->n--;
}

int journal_recover(struct journal *j, setup_report *report, void *arg, struct err *e)
{
	for (size_t i = j->n; i-- > 0;) {
		struct journal_entry *x = &j->entry[i];

		if (x->rubbish) {
			if (journal_entry_remove(j->dir, x->number, e) < 0)
				return -1;
		} else if (x->state == JOURNAL_UNDONE) {
			if (forget_all(j, e) < 0)
				return err_prefix(e, "ending an earlier undo");
			say(report, arg,
			    "An earlier undo was interrupted: it is ended now.");
			return 1;
		} else if (x->state == JOURNAL_APPLYING) {
			for (size_t k = 0; k < x->changes.n; k++)
				say(report, arg,
				    "An earlier setup was interrupted: %s is put back.",
				    x->changes.change[k].path);
			if (roll_back(j, x, e) < 0)
				return err_prefix(e, "taking back an earlier setup");
			/* The journal's own folders may be among them. */
			if (j->ndirs == 0) {
				j->dirs = x->dirs;
				j->ndirs = x->ndirs;
				x->dirs = NULL;
				x->ndirs = 0;
			}
		} else {
			continue;
		}
		drop_entry(j, i);
	}
	if (j->n > 0)
		return 0;
	forget_folder(j);
	return 1;
}

static int add_dirs(struct journal_entry *x, char **dirs, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		bool known = false;
		char **grown;

		for (size_t k = 0; k < x->ndirs; k++)
			known |= strcmp(x->dirs[k], dirs[i]) == 0;
		if (known)
			continue;
		grown = realloc(x->dirs, (x->ndirs + 1) * sizeof(*grown));
		if (grown == NULL)
			return err_sys(e, ENOMEM, "setup");
		x->dirs = grown;
		grown[x->ndirs] = strdup(dirs[i]);
		if (grown[x->ndirs] == NULL)
			return err_sys(e, ENOMEM, "setup");
		x->ndirs++;
	}
	return 0;
}

/* The folders that the changes need; those of the journal itself are there. */
static int find_dirs(struct journal *j, struct journal_entry *x, struct err *e)
{
	if (add_dirs(x, j->dirs, j->ndirs, e) < 0)
		return -1;
	for (size_t i = 0; i < x->changes.n; i++) {
		const struct change *c = &x->changes.change[i];
		char **dirs, below[PATH_MAX + 2];
		size_t n;
		int ret;

		if (c->new.text == NULL)
			continue;
		/* A dataset's mount point is a folder of ours as well. */
		snprintf(below, sizeof(below), "%s%s", c->real,
		    c->kind == CHANGE_DATASET ? "/x" : "");
		if (change_parents(below, &dirs, &n, e) < 0)
			return -1;
		ret = add_dirs(x, dirs, n, e);
		change_parents_free(dirs, n);
		if (ret < 0)
			return -1;
	}
	return 0;
}

static int make_dirs(const struct journal_entry *x, struct err *e)
{
	struct stat st;

	for (size_t i = 0; i < x->ndirs; i++)
		if (stat(x->dirs[i], &st) < 0 && io_mkdir(x->dirs[i], 0755, e) < 0)
			return -1;
	return 0;
}

static int check_unchanged(struct change *c, struct err *e)
{
	struct change_state now = {NULL, 0};
	int ret = change_read(c, &now, e);

	if (ret == 0 && !change_state_same(&now, &c->old)) {
		ret = err_set(e, ERR_FAILED, "%s: was changed meanwhile", c->path);
		err_hint(e, "run it again");
	}
	change_state_free(&now);
	return ret;
}

/* Everything that can fail for want of room or permission comes first: the files
 * wait beside those that they replace. */
static int apply(struct journal_entry *x, struct err *e)
{
	for (size_t i = 0; i < x->changes.n; i++)
		if (check_unchanged(&x->changes.change[i], e) < 0)
			return -1;
	if (make_dirs(x, e) < 0)
		return -1;
	for (size_t i = 0; i < x->changes.n; i++) {
		struct change *c = &x->changes.change[i];
		const struct io_owner owner = {c->mode, c->uid, c->gid, c->set_owner};

		if (c->kind == CHANGE_FILE &&
		    c->new.text !=
			NULL &&io_stage(c->real, c->new.text, c->new.len, &owner, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < x->changes.n; i++) {
		struct change *c = &x->changes.change[i];

		if (put(c, &c->old, &c->new, true, e) < 0)
			return -1;
	}
	return 0;
}

/* The changes as an entry, written down; they stay the caller's in *l on failure. */
static int begin(
    struct journal *j, struct change_list *l, struct journal_entry *x, struct err *e)
{
	*x =
	    (struct journal_entry){.number = j->n > 0 ? j->entry[j->n - 1].number + 1 : 1,
		.state = JOURNAL_APPLYING,
		.changes = *l};
	*l = (struct change_list){NULL, 0};
	for (size_t i = 0; i < x->changes.n; i++)
		if (change_resolve(&x->changes.change[i], e) < 0)
			return -1;
	if (find_dirs(j, x, e) < 0)
		return -1;
	if (journal_entry_write(j->dir, x, e) == 0)
		return 0;
	journal_entry_remove(j->dir, x->number, NULL);
	return -1;
}

static int keep_entry(struct journal *j, const struct journal_entry *x, struct err *e)
{
	struct journal_entry *grown = realloc(j->entry, (j->n + 1) * sizeof(*grown));

	if (grown == NULL)
		return err_sys(e, ENOMEM, "setup");
	j->entry = grown;
	j->entry[j->n++] = *x;
	return 0;
}

int journal_apply(struct journal *j, struct change_list *l, bool undo, struct err *e)
{
	struct journal_entry x;
	struct err back = ERR_INIT;

	if (begin(j, l, &x, e) < 0) {
		journal_entry_free(&x);
		forget_folder(j);
		return -1;
	}
	if (apply(&x, e) == 0) {
		x.state = undo ? JOURNAL_UNDONE : JOURNAL_DONE;
		if (journal_entry_mark(j->dir, &x, e) == 0 && keep_entry(j, &x, e) == 0)
			return undo ? forget_all(j, e) : 0;
	}
	if (roll_back(j, &x, &back) < 0) {
		char why[ERR_MSG_MAX];

		snprintf(why, sizeof(why), "%s", e != NULL ? e->msg : "failed");
		err_set(
		    e, ERR_FAILED, "%.200s; and taking it back: %.200s", why, back.msg);
		err_hint(e, "run it again: what was begun is taken back first");
	} else {
		forget_folder(j);
	}
	journal_entry_free(&x);
	return -1;
}
