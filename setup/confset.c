#include "confset.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "os/os.h"

#define RC_BASE "/etc/rc.conf"
#define RC_DEFAULT_FILES "/etc/rc.conf /etc/rc.conf.local"
#define LOADER_BASE "/boot/loader.conf"
#define LOADER_DIR "/boot/loader.conf.d"
#define LOADER_LOCAL "/boot/loader.conf.local"
#define INCLUDE_DEPTH 8

static int load_file(
    struct confset *s, struct confset_file *f, const char *path, struct err *e)
{
	struct change *c = &f->change;

	memset(f, 0, sizeof(*f));
	c->kind = CHANGE_FILE;
	c->mode = 0644;
	if (snprintf(c->path, sizeof(c->path), "%s", path) >= (int)sizeof(c->path))
		return err_set(e, ERR_FAILED, "%.80s: the path is too long", path);
	if (change_resolve(c, e) < 0 || change_read(c, &c->old, e) < 0)
		return -1;
	return confdoc_parse(&f->doc, s->syntax, path,
	    c->old.text != NULL ? c->old.text : "", c->old.len, e);
}

static int add_file(struct confset *s, const char *path, struct err *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->file[i].change.path, path) == 0)
			return 0;
	if (s->n == CONFSET_FILES)
		return err_set(e, ERR_FAILED, "%s: too many such files", path);
	/* One that cannot be read joins the set to be freed, and fails it. */
	return load_file(s, &s->file[s->n++], path, e);
}

/* Words of a list of absolute paths. */
static int add_files(struct confset *s, const char *list, struct err *e)
{
	AUTO_FREE char *copy = strdup(list);
	char *save = NULL;

	if (copy == NULL)
		return err_sys(e, ENOMEM, "setup");
	for (char *path = strtok_r(copy, " \t\n", &save); path != NULL;
	     path = strtok_r(NULL, " \t\n", &save))
		if (path[0] == '/' && add_file(s, path, e) < 0)
			return -1;
	return 0;
}

static void free_file(struct confset_file *f)
{
	change_state_free(&f->change.old);
	change_state_free(&f->change.new);
	confdoc_free(&f->doc);
}

void confset_free(struct confset *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_file(&s->file[i]);
	for (size_t i = 0; i < s->includes; i++)
		free_file(&s->include[i]);
	s->n = s->includes = 0;
}

/* The value of a variable that names more files; they are read once more after it. */
static int add_named(struct confset *s, const char *variable, struct err *e)
{
	struct conf_value v;

	if (confset_find(s, variable, &v, e) < 0)
		return -1;
	if (v.known != CONF_KNOWN || !v.literal)
		return 0;
	return add_files(s, v.value, e);
}

int confset_load_rc(struct confset *s, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->syntax = CONF_SH;
	s->heading = "# bhyfi: `bhyfi setup --undo` takes this out again";
	if (add_files(s, RC_DEFAULT_FILES, e) < 0 ||
	    add_named(s, "rc_conf_files", e) < 0) {
		confset_free(s);
		return -1;
	}
	return 0;
}

static int only_conf(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 &&
	       strcmp(d->d_name + len - 5, ".conf") == 0;
}

static int add_folder(struct confset *s, const char *folder, struct err *e)
{
	char full[PATH_MAX], path[PATH_MAX];
	struct dirent **names;
	int n, ret = 0;

	if (os_path(full, sizeof(full), folder, e) < 0)
		return -1;
	n = scandir(full, &names, only_conf, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", folder);
	for (int i = 0; i < n; i++) {
		if (ret == 0 && snprintf(path, sizeof(path), "%s/%s", folder,
				    names[i]->d_name) < (int)sizeof(path))
			ret = add_file(s, path, e);
		free(names[i]);
	}
	free(names);
	return ret;
}

int confset_load_loader(struct confset *s, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->syntax = CONF_LOADER;
	s->heading = "# bhyfi: `bhyfi setup --undo` takes this out again";
	if (add_file(s, LOADER_BASE, e) < 0 || add_named(s, "loader_conf_files", e) < 0 ||
	    add_folder(s, LOADER_DIR, e) < 0 || add_file(s, LOADER_LOCAL, e) < 0) {
		confset_free(s);
		return -1;
	}
	return 0;
}

/* A file that is read with `.`; loaded once. */
static int find_include(
    struct confset *s, const char *path, const struct confdoc **doc, struct err *e)
{
	for (size_t i = 0; i < s->includes; i++) {
		if (strcmp(s->include[i].change.path, path) == 0) {
			*doc = &s->include[i].doc;
			return 0;
		}
	}
	if (s->includes == CONFSET_FILES)
		return err_set(
		    e, ERR_FAILED, "%s: too many files that others read", path);
	*doc = &s->include[s->includes].doc;
	return load_file(s, &s->include[s->includes++], path, e);
}

struct walk {
	struct confset *s;
	const char *variable;
	struct conf_value *v;
	unsigned depth;
	size_t file;
};

static void note(struct walk *w, const struct confdoc *d, size_t event,
    enum conf_known known, const char *why)
{
	const struct conf_event *ev = &d->event[event];

	*w->v = (struct conf_value){.known = known,
	    .value = ev->value,
	    .literal = ev->literal,
	    .doc = d,
	    .file = w->file,
	    .event = event,
	    .included = w->depth > 0,
	    .line = ev->line,
	    .why = why};
}

static int walk_doc(struct walk *w, const struct confdoc *d, struct err *e);

static int walk_include(
    struct walk *w, const struct confdoc *d, size_t event, struct err *e)
{
	const struct conf_event *ev = &d->event[event];
	struct conf_value before = *w->v;
	const struct confdoc *doc = NULL;

	if (ev->value == NULL || ev->value[0] != '/' || w->depth == INCLUDE_DEPTH) {
		note(w, d, event, CONF_LOST, ev->why);
		return 0;
	}
	if (find_include(w->s, ev->value, &doc, e) < 0)
		return err_prefix(e, "%s:%u", d->name, ev->line);
	w->depth++;
	if (walk_doc(w, doc, e) < 0)
		return -1;
	w->depth--;
	/* Perhaps it is read, perhaps not. */
	if (!ev->sure && (w->v->doc != before.doc || w->v->event != before.event))
		note(w, d, event, CONF_UNSURE, "a file that it reads on a condition");
	return 0;
}

static int walk_doc(struct walk *w, const struct confdoc *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct conf_event *ev = &d->event[i];

		switch (ev->kind) {
		case CONF_ASSIGN:
			if (strcmp(ev->name, w->variable) == 0)
				note(w, d, i, CONF_KNOWN, NULL);
			break;
		case CONF_INCLUDE:
			if (walk_include(w, d, i, e) < 0)
				return -1;
			break;
		case CONF_UNKNOWN:
			if (confdoc_names(d, ev, w->variable))
				note(w, d, i, CONF_UNSURE, ev->why);
			break;
		case CONF_OPAQUE:
			note(w, d, i, CONF_LOST, ev->why);
			break;
		}
	}
	return 0;
}

int confset_find(
    struct confset *s, const char *variable, struct conf_value *v, struct err *e)
{
	struct walk w = {.s = s, .variable = variable, .v = v};

	*v = (struct conf_value){.known = CONF_UNSET, .file = s->base};
	for (size_t i = 0; i < s->n; i++) {
		w.file = i;
		if (walk_doc(&w, &s->file[i].doc, e) < 0)
			return -1;
	}
	return 0;
}

static int cannot_tell(const struct conf_value *v, const char *variable, struct err *e)
{
	if (v->known == CONF_KNOWN)
		return err_set(e, ERR_FAILED,
		    "%s:%u: %s is made of other variables: it can not be changed with "
		    "certainty",
		    v->doc->name, v->line, variable);
	return err_set(e, ERR_FAILED,
	    "%s:%u: %s here: what %s is afterwards can not be told with certainty",
	    v->doc->name, v->line, v->why, variable);
}

/* Whether the user did by hand what we could not. */
static bool done_by_hand(
    const struct conf_value *v, const char *variable, const char *word)
{
	const struct conf_event *ev = &v->doc->event[v->event];

	return (v->known == CONF_UNSURE || v->known == CONF_LOST) &&
	       confdoc_has_line(v->doc, ev->start, variable, word);
}

/* In its place where it stands in a file of the set, else at the end of one. */
static int write_value(struct confset *s, const struct conf_value *v,
    const char *variable, const char *value, struct err *e)
{
	struct confset_file *f = &s->file[v->file];
	struct conf_value now;

	if (v->known == CONF_KNOWN && !v->included) {
		if (confdoc_replace(&f->doc, v->event, value, e) < 0)
			return -1;
	} else {
		if (confdoc_append(&f->doc, f->appended ? NULL : s->heading, variable,
			value, e) < 0) {
			err_hint(e, "add by hand: %s=\"%.150s\"", variable, value);
			return -1;
		}
		f->appended = true;
	}
	/* What the system will read is what we meant. */
	if (confset_find(s, variable, &now, e) < 0)
		return -1;
	if (now.known == CONF_KNOWN && now.literal && strcmp(now.value, value) == 0)
		return 0;
	err_set(e, ERR_FAILED, "%s: %s can not be set with certainty", f->change.path,
	    variable);
	return err_hint(e, "add by hand: %s=\"%.150s\"", variable, value);
}

int confset_set(struct confset *s, const char *variable, const char *value,
    bool (*same)(const char *present), struct err *e)
{
	struct conf_value v;
	bool as_good;

	if (confset_find(s, variable, &v, e) < 0)
		return -1;
	as_good = v.known == CONF_KNOWN && v.literal &&
		  (strcmp(v.value, value) == 0 || (same != NULL && same(v.value)));
	if (as_good || (v.doc != NULL && done_by_hand(&v, variable, value)))
		return 0;
	if (v.known == CONF_UNSURE || (v.known == CONF_KNOWN && !v.literal)) {
		cannot_tell(&v, variable, e);
		return err_hint(
		    e, "add by hand behind it: %s=\"%.150s\"", variable, value);
	}
	return write_value(s, &v, variable, value, e);
}

bool confset_has_word(const char *text, const char *word, const char *suffix)
{
	static const char blanks[] = " \t\n";
	size_t n = strlen(word);

	while (*text != '\0') {
		size_t len;

		text += strspn(text, blanks);
		len = strcspn(text, blanks);
		if (len >= n && strncmp(text, word, n) == 0 &&
		    (len == n || (len == n + strlen(suffix) &&
				     strncmp(text + n, suffix, len - n) == 0)))
			return true;
		text += len;
	}
	return false;
}

int confset_add_word(struct confset *s, const char *variable, const char *word,
    const char *suffix, struct err *e)
{
	AUTO_FREE char *value = NULL;
	struct conf_value v;
	size_t len;

	if (confset_find(s, variable, &v, e) < 0)
		return -1;
	if ((v.known == CONF_KNOWN && confset_has_word(v.value, word, suffix)) ||
	    (v.doc != NULL && done_by_hand(&v, variable, word)))
		return 0;
	if (v.known == CONF_UNSURE || v.known == CONF_LOST ||
	    (v.known == CONF_KNOWN && !v.literal)) {
		cannot_tell(&v, variable, e);
		return err_hint(e, "add %s to %s by hand there", word, variable);
	}
	if (v.known == CONF_UNSET)
		return write_value(s, &v, variable, word, e);
	len = strlen(v.value);
	if (asprintf(&value, "%s%s%s", v.value,
		len > 0 && strchr(" \t", v.value[len - 1]) == NULL ? " " : "",
		word) < 0) {
		value = NULL;
		return err_sys(e, ENOMEM, "setup");
	}
	return write_value(s, &v, variable, value, e);
}

int confset_changes(const struct confset *s, struct change_list *l, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct confset_file *f = &s->file[i];
		struct change *c;

		if (f->doc.len == f->change.old.len &&
		    (f->doc.len == 0 ||
			memcmp(f->doc.text, f->change.old.text, f->doc.len) == 0))
			continue;
		c = change_add(l, CHANGE_FILE, f->change.path, e);
		if (c == NULL)
			return -1;
		*c = f->change;
		c->old = c->new = (struct change_state){NULL, 0};
		if (change_state_set(&c->old, f->change.old.text, f->change.old.len, e) <
			0 ||
		    change_state_set(&c->new, f->doc.text, f->doc.len, e) < 0)
			return -1;
	}
	return 0;
}
