/* What takes all entries of the journal back, newest first, given what is there now. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dataset.h"
#include "diff.h"
#include "journal.h"
#include "os/folder.h"

struct undo {
	setup_report *report;
	void *arg;
	char **conflict;
};

static void __attribute__((format(printf, 2, 3)))
say(const struct undo *u, const char *fmt, ...)
{
	char text[PATH_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (u->report != NULL)
		u->report(u->arg, text);
}

static int copy_state(
    struct change_state *to, const struct change_state *from, struct err *e)
{
	return change_state_set(to, from->text, from->len, e);
}

/* Our lines cannot be told from the user's: what would have to be undone. */
static int conflicts(const struct undo *u, const struct change *c, struct err *e)
{
	free(*u->conflict);
	*u->conflict = NULL;
	if (diff_unified_text(c->path, c->new.text, c->new.len, c->path,
		c->old.text != NULL ? c->old.text : "", c->old.len, u->conflict, e) < 0)
		return -1;
	err_set(e, ERR_FAILED,
	    "%s: lines of bhyfi setup were changed since; nothing undone", c->path);
	return err_hint(e, "make the change shown above by hand, then run it again");
}

/* A file that somebody changed: target, what it is to be, loses what c brought. */
static int take_out(
    const struct undo *u, const struct change *c, struct change *target, struct err *e)
{
	struct change_state merged = {NULL, 0};
	int ret;

	if (target->new.text == NULL) {
		say(u, "%s was removed since: it stays so.", c->path);
		return 0;
	}
	if (c->keep || c->new.text == NULL) {
		say(u, "%s was changed since: it stays as it is.", c->path);
		return 0;
	}
	ret = diff_merge(c->new.text, c->new.len, c->old.text != NULL ? c->old.text : "",
	    c->old.len, target->new.text, target->new.len, &merged.text, &merged.len, e);
	if (ret > 0)
		return conflicts(u, c, e);
	if (ret < 0)
		return -1;
	say(u, "%s was changed since: only the lines of bhyfi setup are taken out.",
	    c->path);
	change_state_free(&target->new);
	if (merged.len == 0 && c->old.text == NULL)
		change_state_free(&merged);
	target->new = merged;
	return 0;
}

static int undo_one(
    const struct undo *u, const struct change *c, struct change *target, struct err *e)
{
	if (change_state_same(&target->new, &c->old))
		return 0;
	if (change_state_same(&target->new, &c->new)) {
		if (c->kind == CHANGE_DATASET && folder_filled(c->path)) {
			say(u, "Dataset %s has files in it: it stays.", c->new.text);
			return 0;
		}
		return copy_state(&target->new, &c->old, e);
	}
	if (c->kind == CHANGE_FILE)
		return take_out(u, c, target, e);
	if (target->new.text != NULL)
		say(u, "%s was changed since: it stays as it is.", c->path);
	return 0;
}

/* The target for c's path, as it is now where it is a new one. */
static struct change *find_target(
    struct change_list *out, const struct change *c, struct err *e)
{
	struct change *t;

	for (size_t i = 0; i < out->n; i++)
		if (out->change[i].kind == c->kind &&
		    strcmp(out->change[i].path, c->path) == 0)
			return &out->change[i];
	t = change_add(out, c->kind, c->path, e);
	if (t == NULL || change_resolve(t, e) < 0 || change_read(t, &t->old, e) < 0 ||
	    copy_state(&t->new, &t->old, e) < 0)
		return NULL;
	return t;
}

int journal_undo_changes(const struct journal *j, struct change_list *out,
    setup_report *report, void *arg, char **conflict, struct err *e)
{
	const struct undo u = {report, arg, conflict};
	size_t kept = 0;

	*conflict = NULL;
	*out = (struct change_list){NULL, 0};
	for (size_t i = j->n; i-- > 0;) {
		const struct change_list *l = &j->entry[i].changes;

		for (size_t k = l->n; k-- > 0;) {
			struct change *t = find_target(out, &l->change[k], e);

			if (t == NULL || undo_one(&u, &l->change[k], t, e) < 0) {
				change_list_free(out);
				return -1;
			}
		}
	}
	/* What is as it should be already needs no change. */
	for (size_t i = 0; i < out->n; i++) {
		if (!change_state_same(&out->change[i].old, &out->change[i].new)) {
			out->change[kept++] = out->change[i];
			continue;
		}
		change_state_free(&out->change[i].old);
		change_state_free(&out->change[i].new);
	}
	out->n = kept;
	return 0;
}
