#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const struct node *tree_get(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].path, path) == 0)
			return &t->v[i];
	return NULL;
}

static int add(struct tree *t, const char *path, struct node n, struct err *e)
{
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 64 : t->cap * 2;
		struct node *grown = reallocarray(t->v, cap, sizeof(*grown));

		if (grown == NULL)
			return err_sys(e, ENOMEM, "initrd");
		t->v = grown;
		t->cap = cap;
	}
	n.path = strdup(path);
	if (n.path == NULL)
		return err_sys(e, ENOMEM, "initrd");
	t->v[t->n++] = n;
	return 0;
}

static int add_parents(struct tree *t, const char *path, struct err *e)
{
	char dir[1024];

	for (const char *p = strchr(path, '/'); p != NULL; p = strchr(p + 1, '/')) {
		size_t n = (size_t)(p - path);

		if (n >= sizeof(dir))
			return err_set(e, ERR_FAILED, "path too long: %.60s...", path);
		memcpy(dir, path, n);
		dir[n] = '\0';
		if (tree_get(t, dir) == NULL &&
		    add(t, dir,
			(struct node){
			    .type = NODE_DIR, .mode = 0755, .package = NO_PACKAGE},
			e) < 0)
			return -1;
	}
	return 0;
}

/* Takes n.data. */
static int put(struct tree *t, const char *path, struct node n, struct err *e)
{
	if (tree_get(t, path) != NULL) {
		free(n.data);
		return 0;
	}
	n.why = t->why == NULL ? NULL : strdup(t->why);
	if (t->why != NULL && n.why == NULL)
		err_sys(e, ENOMEM, "initrd");
	else if (add_parents(t, path, e) == 0 && add(t, path, n, e) == 0)
		return 0;
	free(n.why);
	free(n.data);
	return -1;
}

int tree_dir(struct tree *t, const char *path, unsigned mode, struct err *e)
{
	return put(t, path,
	    (struct node){.type = NODE_DIR, .mode = mode, .package = NO_PACKAGE}, e);
}

int tree_link(
    struct tree *t, const char *path, const char *target, size_t package, struct err *e)
{
	char *copy = strdup(target);

	if (copy == NULL)
		return err_sys(e, ENOMEM, "initrd");
	return put(t, path,
	    (struct node){.type = NODE_LINK,
		.mode = 0777,
		.data = copy,
		.len = strlen(target),
		.package = package},
	    e);
}

int tree_file(struct tree *t, const char *path, char *data, size_t len, unsigned mode,
    size_t package, struct err *e)
{
	return put(t, path,
	    (struct node){.type = NODE_FILE,
		.mode = mode,
		.data = data,
		.len = len,
		.package = package},
	    e);
}

int tree_text(struct tree *t, const char *path, const char *text, struct err *e)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return err_sys(e, ENOMEM, "initrd");
	return tree_file(t, path, copy, strlen(text), 0644, NO_PACKAGE, e);
}

int tree_console(struct tree *t, struct err *e)
{
	return put(t, "dev/console",
	    (struct node){.type = NODE_CONSOLE, .mode = 0600, .package = NO_PACKAGE}, e);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->path, ((const struct node *)b)->path);
}

void tree_sort(struct tree *t)
{
	if (t->n > 1)
		qsort(t->v, t->n, sizeof(*t->v), compare);
}

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i].path);
		free(t->v[i].data);
		free(t->v[i].why);
	}
	free(t->v);
	*t = (struct tree){0};
}
