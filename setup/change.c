#include "change.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "confdoc.h"
#include "dataset.h"
#include "fs.h"
#include "io.h"
#include "os/os.h"

const char *const change_kind_names[] = {
    [CHANGE_FILE] = "file",
    [CHANGE_LINK] = "link",
    [CHANGE_DATASET] = "dataset",
};
static_assert(ARRAY_LEN(change_kind_names) == CHANGE_DATASET + 1, "a name for each kind");

void change_state_free(struct change_state *s)
{
	if (s->text != NULL)
		explicit_bzero(s->text, s->len);
	free(s->text);
	*s = (struct change_state){NULL, 0};
}

int change_state_set(struct change_state *s, const char *text, size_t len, struct err *e)
{
	char *copy = NULL;

	if (text != NULL) {
		copy = malloc(len + 1);
		if (copy == NULL)
			return err_sys(e, ENOMEM, "setup");
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	change_state_free(s);
	*s = (struct change_state){copy, text != NULL ? len : 0};
	return 0;
}

bool change_state_same(const struct change_state *a, const struct change_state *b)
{
	if (a->text == NULL || b->text == NULL)
		return a->text == b->text;
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

struct change *change_add(
    struct change_list *l, enum change_kind kind, const char *path, struct err *e)
{
	struct change *grown, *c;

	if (strlen(path) >= sizeof(c->path)) {
		err_set(e, ERR_FAILED, "%.80s: the path is too long", path);
		return NULL;
	}
	grown = realloc(l->change, (l->n + 1) * sizeof(*grown));
	if (grown == NULL) {
		err_sys(e, ENOMEM, "setup");
		return NULL;
	}
	l->change = grown;
	c = &grown[l->n++];
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	memcpy(c->path, path, strlen(path) + 1);
	return c;
}

void change_list_free(struct change_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		change_state_free(&l->change[i].old);
		change_state_free(&l->change[i].new);
	}
	free(l->change);
	*l = (struct change_list){NULL, 0};
}

/* Whether a real path lies below the root. */
static int check_inside(const char *path, const char *real, struct err *e)
{
	char root[PATH_MAX];
	size_t len;

	if (os_root()[0] == '\0')
		return 0;
	if (realpath(os_root(), root) == NULL)
		return io_error(e, errno, os_root());
	len = strlen(root);
	if (strcmp(root, "/") == 0 ||
	    (strncmp(real, root, len) == 0 && (real[len] == '/' || real[len] == '\0')))
		return 0;
	err_set(e, ERR_FAILED, "%s: a symbolic link leads out of %s", path, os_root());
	return err_hint(e, "put a link with a relative target in its place");
}

/* The path of something that is not there yet: what is there of it, resolved, and the
 * rest as it is. */
static int resolve_missing(struct change *c, const char *full, struct err *e)
{
	char head[PATH_MAX], real[PATH_MAX];
	struct stat st;
	char *slash;

	if (lstat(full, &st) == 0 && S_ISLNK(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: a symbolic link to nothing", c->path);
	snprintf(head, sizeof(head), "%s", full);
	do {
		slash = strrchr(head, '/');
		if (slash == NULL)
			return err_sys(e, ENOENT, "%s", c->path);
		*slash = '\0';
	} while (realpath(head[0] != '\0' ? head : "/", real) == NULL && errno == ENOENT);
	if (realpath(head[0] != '\0' ? head : "/", real) == NULL)
		return io_error(e, errno, head);
	if (check_inside(c->path, real, e) < 0)
		return -1;
	if (snprintf(c->real, sizeof(c->real), "%s%s", strcmp(real, "/") == 0 ? "" : real,
		full + strlen(head)) >= (int)sizeof(c->real))
		return err_set(e, ERR_FAILED, "%.80s: the path is too long", c->path);
	return 0;
}

int change_resolve(struct change *c, struct err *e)
{
	char full[PATH_MAX];
	struct stat st;

	if (os_path(full, sizeof(full), c->path, e) < 0)
		return -1;
	/* Of a link and a mount point the name itself counts. */
	if (c->kind != CHANGE_FILE) {
		memcpy(c->real, full, sizeof(full));
		return 0;
	}
	if (realpath(full, c->real) == NULL) {
		if (errno == ENOENT)
			return resolve_missing(c, full, e);
		return io_error(e, errno, c->path);
	}
	if (check_inside(c->path, c->real, e) < 0)
		return -1;
	if (stat(c->real, &st) < 0)
		return io_error(e, errno, c->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: not a regular file", c->path);
	if (st.st_nlink > 1) {
		err_set(e, ERR_FAILED, "%s: the file has %ju names (hard links)", c->path,
		    (uintmax_t)st.st_nlink);
		return err_hint(e, "make a copy of its own of it first");
	}
	return 0;
}

static int read_file(struct change *c, struct change_state *into, struct err *e)
{
	AUTO_FREE char *data = NULL;
	struct stat st;
	size_t len;

	if (lstat(c->real, &st) < 0) {
		if (errno == ENOENT)
			return change_state_set(into, NULL, 0, e);
		return io_error(e, errno, c->path);
	}
	if (access(c->real, R_OK) < 0)
		return io_error(e, errno, c->path);
	if (fs_read_file(c->real, CONFDOC_MAX, &data, &len, e) < 0)
		return -1;
	if (into == &c->old) {
		c->mode = st.st_mode & 07777;
		c->uid = st.st_uid;
		c->gid = st.st_gid;
		c->set_owner = true;
	}
	return change_state_set(into, data, len, e);
}

static int read_target(const struct change *c, struct change_state *into, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(c->real, target, sizeof(target) - 1);

	if (n < 0 && errno == ENOENT)
		return change_state_set(into, NULL, 0, e);
	if (n < 0 && errno == EINVAL)
		return err_set(e, ERR_FAILED, "%s: not a symbolic link", c->path);
	if (n < 0)
		return io_error(e, errno, c->path);
	return change_state_set(into, target, (size_t)n, e);
}

int change_read(struct change *c, struct change_state *into, struct err *e)
{
	char name[DATASET_MAX];
	int is;

	switch (c->kind) {
	case CHANGE_FILE:
		return read_file(c, into, e);
	case CHANGE_LINK:
		return read_target(c, into, e);
	case CHANGE_DATASET:
		is = dataset_ours(c->path, name, e);
		if (is < 0)
			return -1;
		return change_state_set(into, is > 0 ? name : NULL, strlen(name), e);
	}
	return -1;
}

int change_parents(const char *real, char ***out, size_t *n, struct err *e)
{
	AUTO_FREE char *path = strdup(real);
	struct stat st;
	char **grown;

	*out = NULL;
	*n = 0;
	if (path == NULL)
		return err_sys(e, ENOMEM, "setup");
	for (char *s = path + 1; (s = strchr(s, '/')) != NULL; *s++ = '/') {
		*s = '\0';
		if (stat(path, &st) == 0)
			continue;
		grown = realloc(*out, (*n + 1) * sizeof(*grown));
		if (grown != NULL) {
			*out = grown;
			grown[*n] = strdup(path);
		}
		if (grown == NULL || grown[*n] == NULL) {
			change_parents_free(*out, *n);
			return err_sys(e, ENOMEM, "setup");
		}
		(*n)++;
	}
	return 0;
}

void change_parents_free(char **paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}
