/* All images of a store: listed, and the old ones removed. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "log.h"
#include "manifest.h"
#include "store-parts.h"
#include "strv.h"

#define IMAGES_MAX 1000
#define VM_STATE_MAX 4096

struct found {
	char id[STORE_ID_MAX];
	struct timespec made;
};

struct founds {
	struct found *v;
	size_t n;
};

static int newest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->made.tv_sec != y->made.tv_sec)
		return x->made.tv_sec < y->made.tv_sec ? 1 : -1;
	if (x->made.tv_nsec != y->made.tv_nsec)
		return x->made.tv_nsec < y->made.tv_nsec ? 1 : -1;
	return strcmp(x->id, y->id);
}

static int add(struct founds *f, const char *dir, const char *id, struct err *e)
{
	char AUTO_FREE *path = NULL;
	struct found *grown;
	struct stat st;

	if (asprintf(&path, "%s/%s/" MANIFEST_NAME, dir, id) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "%s", dir);
	}
	if (stat(path, &st) < 0)
		return 0;
	grown = reallocarray(f->v, f->n + 1, sizeof(*grown));
	if (grown == NULL)
		return err_sys(e, ENOMEM, "%s", dir);
	f->v = grown;
	snprintf(grown[f->n].id, sizeof(grown[f->n].id), "%.*s", STORE_ID_MAX - 1, id);
	grown[f->n++].made = st.st_mtim;
	return 0;
}

static int find(const char *dir, struct founds *f, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int r = 0;

	*f = (struct founds){0};
	if (d == NULL)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", dir);
	while (r == 0 && f->n < IMAGES_MAX && (entry = readdir(d)) != NULL) {
		char AUTO_FREE *path = NULL;
		struct stat st;

		if (!store_id_ok(entry->d_name))
			continue;
		if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0)
			r = err_sys(e, ENOMEM, "%s", dir);
		else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			r = add(f, dir, entry->d_name, e);
	}
	closedir(d);
	if (f->n > 0)
		qsort(f->v, f->n, sizeof(*f->v), newest_first);
	return r;
}

/* The ids in RUN/INSTANCE/vm.json, of all instances. */
static int in_use(const char *run, struct strv *ids, struct err *e)
{
	DIR *d = opendir(run);
	struct dirent *entry;
	int r = 0;

	if (d == NULL)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", run);
	while (r == 0 && (entry = readdir(d)) != NULL) {
		char AUTO_FREE *path = NULL;
		char AUTO_FREE *text = NULL;
		const char *id;
		json_t *o;
		size_t len;

		if (entry->d_name[0] == '.' ||
		    asprintf(&path, "%s/%s/vm.json", run, entry->d_name) < 0 ||
		    access(path, F_OK) < 0)
			continue;
		/* Who can not read it can not know: nothing is removed then. */
		if (fs_read_file(path, VM_STATE_MAX, &text, &len, e) < 0) {
			r = -1;
			continue;
		}
		o = json_loadb(text, len, 0, NULL);
		id = json_string_value(json_object_get(o, "image"));
		if (id != NULL && id[0] != '\0')
			r = strv_add(ids, id, e);
		json_decref(o);
	}
	closedir(d);
	return r;
}

/* First out of the way, under a name that the next build clears. */
static int remove_image(const char *dir, const char *id, struct err *e)
{
	char AUTO_FREE *from = NULL;
	char AUTO_FREE *to = NULL;

	if (asprintf(&from, "%s/%s", dir, id) < 0) {
		from = NULL;
		return err_sys(e, ENOMEM, "%s", id);
	}
	if (asprintf(&to, "%s/.build-old-%s", dir, id) < 0) {
		to = NULL;
		return err_sys(e, ENOMEM, "%s", id);
	}
	if (rename(from, to) < 0)
		return err_sys(e, errno, "%s", from);
	log_info("removed image %s", id);
	return fs_remove_tree(to, e);
}

static bool is_linked(const struct store *s, const char *id)
{
	return strcmp(s->current, id) == 0 || strcmp(s->candidate, id) == 0 ||
	       strcmp(s->good, id) == 0 || strcmp(s->previous, id) == 0;
}

/* vm.json keeps the first 79 characters. */
static bool is_used(const struct strv *used, const char *id)
{
	for (size_t i = 0; i < used->n; i++)
		if (strncmp(used->v[i], id, strlen(used->v[i])) == 0)
			return true;
	return false;
}

int store_prune(const char *dir, const char *run, struct err *e)
{
	struct strv used = {0};
	struct founds f = {0};
	struct store s = {.current = ""};
	int AUTO_CLOSE lock = store_lock(dir, e);
	int r = -1;

	if (lock < 0 || store_links(dir, &s, e) < 0 || in_use(run, &used, e) < 0 ||
	    find(dir, &f, e) < 0)
		goto out;
	r = 0;
	for (size_t i = STORE_KEEP; i < f.n && r == 0; i++)
		if (!is_linked(&s, f.v[i].id) && !is_used(&used, f.v[i].id))
			r = remove_image(dir, f.v[i].id, e);
out:
	free(f.v);
	strv_free(&used);
	return r;
}

static json_t *entry(const char *dir, const struct store *s, const char *id)
{
	char AUTO_FREE *why = store_refusal(dir, id);
	char AUTO_FREE *path = NULL;
	json_t *m = NULL;

	if (asprintf(&path, "%s/%s", dir, id) < 0)
		path = NULL;
	else
		m = manifest_read(path, NULL);
	json_t *o = json_pack("{s:s, s:s?, s:s?, s:b, s:b, s:b, s:b, s:s?}", "id", id,
	    "kernel", json_string_value(json_object_get(m, "kernel")), "card",
	    json_string_value(json_object_get(m, "card")), "current",
	    (int)(strcmp(s->current, id) == 0), "candidate",
	    (int)(strcmp(s->candidate, id) == 0), "good", (int)(strcmp(s->good, id) == 0),
	    "previous", (int)(strcmp(s->previous, id) == 0), "refused", why);

	json_decref(m);
	return o;
}

json_t *store_list(const char *dir, struct err *e)
{
	json_t *list = json_array();
	struct founds f = {0};
	struct store s;

	if (store_read(dir, &s, e) < 0 || find(dir, &f, e) < 0) {
		json_decref(list);
		list = NULL;
	}
	for (size_t i = 0; i < f.n && list != NULL; i++)
		if (json_array_append_new(list, entry(dir, &s, f.v[i].id)) < 0) {
			err_sys(e, ENOMEM, "images");
			json_decref(list);
			list = NULL;
		}
	free(f.v);
	return list;
}
