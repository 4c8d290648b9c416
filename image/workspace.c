#include "workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "log.h"

#define PREFIX ".build-"

static int lock_wait(int fd)
{
	int r;

	do
		r = flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	return r;
}

/* A folder that nobody has locked is a dead build's. The parent is locked: none can
 * be between mkdir and flock. */
static void remove_if_dead(const char *path)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct err e = ERR_INIT;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (fs_remove_tree(path, &e) < 0)
		log_warn("left by an earlier build: %s", e.msg);
}

static int remove_dead(const char *parent, struct err *e)
{
	DIR *d = opendir(parent);
	struct dirent *entry;
	int r = 0;

	if (d == NULL)
		return err_sys(e, errno, "%s", parent);
	while (r == 0 && (entry = readdir(d)) != NULL) {
		char AUTO_FREE *path = NULL;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		if (asprintf(&path, "%s/%s", parent, entry->d_name) < 0)
			r = err_sys(e, ENOMEM, "%s", parent);
		else
			remove_if_dead(path);
	}
	closedir(d);
	return r;
}

static int make_dir(struct workspace *w, struct err *e)
{
	if (asprintf(&w->dir, "%s/" PREFIX "XXXXXX", w->parent) < 0) {
		w->dir = NULL;
		return err_sys(e, ENOMEM, "%s", w->parent);
	}
	if (mkdtemp(w->dir) == NULL) {
		err_sys(e, errno, "%s", w->parent);
		free(w->dir);
		w->dir = NULL;
		return -1;
	}
	w->lock = open(w->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w->lock < 0 || flock(w->lock, LOCK_EX | LOCK_NB) < 0 ||
	    fchmod(w->lock, 0755) < 0)
		return err_sys(e, errno, "%s", w->dir);
	return 0;
}

int workspace_open(struct workspace *w, const char *parent, struct err *e)
{
	int AUTO_CLOSE fd = -1;

	*w = (struct workspace){.lock = -1};
	w->parent = strdup(parent);
	if (w->parent == NULL)
		return err_sys(e, ENOMEM, "%s", parent);
	if (fs_mkdir_p(parent, 0755, e) < 0)
		return -1;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || lock_wait(fd) < 0)
		return err_sys(e, errno, "%s", parent);
	return remove_dead(parent, e) < 0 ? -1 : make_dir(w, e);
}

int workspace_publish(struct workspace *w, const char *name, bool replace, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *old = NULL;

	if (asprintf(&path, "%s/%s", w->parent, name) < 0 ||
	    asprintf(&old, "%s.old", w->dir) < 0)
		return err_sys(e, ENOMEM, "%s", name);
	/* ".build-XXXXXX.old" is nobody's: if we die now the next build removes it. */
	if (replace && rename(path, old) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s", path);
	if (rename(w->dir, path) < 0) {
		err_sys(e, errno, "%s", path);
		if (replace && rename(old, path) < 0 && errno != ENOENT)
			err_prefix(e, "%s is now %s", path, old);
		return -1;
	}
	free(w->dir);
	w->dir = NULL;
	return replace ? fs_remove_tree(old, e) : 0;
}

int workspace_link(
    const struct workspace *w, const char *link, const char *name, struct err *e)
{
	char AUTO_FREE *tmp = NULL;
	char AUTO_FREE *path = NULL;

	if (asprintf(&path, "%s/%s", w->parent, link) < 0 ||
	    asprintf(&tmp, "%s/.%s.%ld", w->parent, link, (long)getpid()) < 0)
		return err_sys(e, ENOMEM, "%s", link);
	if (unlink(tmp) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s", tmp);
	if (symlink(name, tmp) < 0)
		return err_sys(e, errno, "%s", tmp);
	if (rename(tmp, path) < 0) {
		err_sys(e, errno, "%s", path);
		unlink(tmp);
		return -1;
	}
	return 0;
}

void workspace_close(struct workspace *w)
{
	struct err e = ERR_INIT;

	if (w->dir != NULL && fs_remove_tree(w->dir, &e) < 0)
		log_warn("not removed: %s", e.msg);
	if (w->lock >= 0)
		close(w->lock);
	free(w->dir);
	free(w->parent);
	*w = (struct workspace){.lock = -1};
}
