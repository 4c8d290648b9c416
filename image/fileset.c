#include "fileset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "deb.h"
#include "fs.h"

#define PATH_LEN DEB_PATH_MAX
#define LINKS_FILE_MAX (64u << 20)
#define LINKS_FOLLOWED 40 /* as Linux */
#define DEPTH_MAX 32

int merged_path(const char *path, char *out, size_t size, struct err *e)
{
	static const char *const tops[] = {"lib/", "lib64/", "bin/", "sbin/"};
	char clean[PATH_LEN];
	const char *prefix = "";

	if (deb_clean_path(path, clean, sizeof(clean), e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(tops); i++)
		if (strncmp(clean, tops[i], strlen(tops[i])) == 0)
			prefix = "usr/";
	if ((size_t)snprintf(out, size, "%s%s", prefix, clean) >= size)
		return err_set(e, ERR_FAILED, "path too long: %.60s...", path);
	return 0;
}

/* How much of a firmware's path is its name without the compression's suffix. */
static size_t bare_length(const char *path)
{
	static const char *const suffixes[] = {".zst", ".xz"};
	size_t len = strlen(path);

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && strcmp(path + len - n, suffixes[i]) == 0)
			return len - n;
	}
	return len;
}

/* Removes the last component of the first *len bytes. */
static void up(char *path, size_t *len)
{
	while (*len > 0 && path[*len - 1] != '/')
		(*len)--;
	if (*len > 0)
		(*len)--;
	path[*len] = '\0';
}

/* Takes the first component of rest to the end of done, "." and ".." applied. */
static int step(char *done, size_t *len, char *rest)
{
	size_t skip = strspn(rest, "/"), n = strcspn(rest + skip, "/");
	const char *name = rest + skip;

	if (n == 2 && name[0] == '.' && name[1] == '.') {
		up(done, len);
	} else if (n > 0 && !(n == 1 && name[0] == '.')) {
		if (*len + n + 2 > PATH_LEN)
			return -1;
		if (*len > 0)
			done[(*len)++] = '/';
		memcpy(done + *len, name, n);
		*len += n;
		done[*len] = '\0';
	}
	memmove(rest, name + n, strlen(name + n) + 1);
	return 0;
}

/*
 * A link's target as it is to be read from its merged path: a folder of the top was one
 * level higher ("lib/x" -> "../usr/lib/x"). NULL: what led from one of two folders that
 * become one into the other would lead to itself. buf: of PATH_LEN bytes.
 */
static const char *merged_target(
    const char *path, const char *target, const char *merged, char *buf)
{
	char done[PATH_LEN] = "", rest[PATH_LEN], end[PATH_LEN];
	bool top = target[0] == '/';
	size_t len = 0;

	if (strlen(target) >= sizeof(rest))
		return target; /* nobody follows it */
	if (!top) {
		len = strlen(path);
		memcpy(done, path, len + 1);
		up(done, &len);
	}
	for (strcpy(rest, target); rest[strspn(rest, "/")] != '\0'; top |= len == 0)
		if (step(done, &len, rest) < 0)
			return target;
	if (!top || merged_path(done, end, sizeof(end), NULL) < 0)
		return target;
	if (strcmp(end, merged) == 0)
		return NULL;
	if (target[0] == '/' || strcmp(path, merged) == 0)
		return target;
	snprintf(buf, PATH_LEN, "/%.*s", PATH_LEN - 2, done);
	return buf;
}

int fileset_add(struct fileset *fs, const char *path, const char *disk,
    const char *target, bool exec, size_t package, struct err *e)
{
	char merged[PATH_LEN], clean[PATH_LEN], leads[PATH_LEN];
	bool firmware, link = target != NULL;
	struct file f = {.exec = exec, .package = package};

	if (deb_clean_path(path, clean, sizeof(clean), e) < 0 ||
	    merged_path(clean, merged, sizeof(merged), e) < 0)
		return -1;
	if (link && (target = merged_target(clean, target, merged, leads)) == NULL)
		return 0;
	firmware = strncmp(merged, "usr/lib/firmware/", 17) == 0;
	if (firmware)
		merged[bare_length(merged)] = '\0';
	if (fs->n == fs->cap) {
		size_t cap = fs->cap == 0 ? 1024 : fs->cap * 2;
		struct file *grown = reallocarray(fs->v, cap, sizeof(*grown));

		if (grown == NULL)
			return err_sys(e, ENOMEM, "list of files");
		fs->v = grown;
		fs->cap = cap;
	}
	if (fs->n >= FILESET_MAX)
		return err_set(e, ERR_FAILED, "too many files");
	f.path = strdup(merged);
	f.disk = disk == NULL ? NULL : strdup(disk);
	f.target = target == NULL ? NULL
		   : firmware     ? strndup(target, bare_length(target))
				  : strdup(target);
	if (f.path == NULL || (disk != NULL && f.disk == NULL) ||
	    (target != NULL && f.target == NULL)) {
		free(f.path);
		free(f.disk);
		free(f.target);
		return err_sys(e, ENOMEM, "list of files");
	}
	fs->v[fs->n++] = f;
	fs->sorted = false;
	return 0;
}

struct walk {
	struct fileset *fs;
	const char *root;
	size_t package;
};

static int walk_dir(struct walk *w, int fd, const char *path, int depth, struct err *e);

static int walk_entry(
    struct walk *w, int dir, const char *name, const char *path, int depth, struct err *e)
{
	char disk[2 * PATH_LEN], target[PATH_LEN];
	struct stat st;
	ssize_t n;
	int sub;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			return errno == EACCES ? 0 : err_sys(e, errno, "%s", path);
		return walk_dir(w, sub, path, depth + 1, e);
	}
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dir, name, target, sizeof(target) - 1);
		if (n < 0)
			return err_sys(e, errno, "%s", path);
		target[n] = '\0';
		return fileset_add(w->fs, path, NULL, target, false, w->package, e);
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	if ((size_t)snprintf(disk, sizeof(disk), "%s/%s", w->root, path) >= sizeof(disk))
		return err_set(e, ERR_FAILED, "path too long: %.60s...", path);
	return fileset_add(
	    w->fs, path, disk, NULL, (st.st_mode & 0111) != 0, w->package, e);
}

/* Takes fd. */
static int walk_dir(struct walk *w, int fd, const char *path, int depth, struct err *e)
{
	char sub[PATH_LEN];
	struct dirent *d;
	DIR *dir = fdopendir(fd);
	int r = 0;

	if (dir == NULL) {
		close(fd);
		return err_sys(e, errno, "%s", path);
	}
	if (depth > DEPTH_MAX)
		r = err_set(e, ERR_FAILED, "folders too deep: %.60s...", path);
	while (r == 0 && (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		/* A name that the merged form can not hold is none that we need. */
		if ((size_t)snprintf(sub, sizeof(sub), "%s/%s", path, d->d_name) >=
		    sizeof(sub))
			continue;
		r = walk_entry(w, dirfd(dir), d->d_name, sub, depth, e);
	}
	closedir(dir);
	return r;
}

/* Where a folder was looked for. Keeps errno. */
static int add_single(struct walk *w, const char *path, const char *disk, struct err *e)
{
	struct stat st;
	int r = 0;

	if (lstat(disk, &st) == 0 && S_ISREG(st.st_mode))
		r = fileset_add(w->fs, path, disk, NULL, false, w->package, e);
	errno = ENOTDIR;
	return r;
}

int fileset_walk(struct fileset *fs, const char *root, const char *const *subs,
    size_t package, struct err *e)
{
	struct walk w = {fs, root, package};
	char path[2 * PATH_LEN];

	for (; *subs != NULL; subs++) {
		int fd;

		if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, *subs) >=
		    sizeof(path))
			return err_set(e, ERR_FAILED, "%s: path too long", root);
		/* /lib as a link to usr/lib: its files come with usr/lib. */
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOTDIR && add_single(&w, *subs, path, e) < 0)
			return -1;
		/* EMLINK: FreeBSD's for a link. */
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
				  errno == EMLINK))
			continue;
		if (fd < 0)
			return err_sys(e, errno, "%s", path);
		if (walk_dir(&w, fd, *subs, 0, e) < 0)
			return -1;
	}
	return 0;
}

int fileset_links(struct fileset *fs, const char *path, size_t package, struct err *e)
{
	char AUTO_FREE *buf = NULL;
	const char *p, *end;
	size_t len;

	if (fs_read_file(path, LINKS_FILE_MAX, &buf, &len, e) < 0)
		return -1;
	for (p = buf, end = buf + len; p < end;) {
		const char *target = p + strlen(p) + 1;

		if (target >= end)
			return err_set(e, ERR_FAILED, "%s: damaged", path);
		if (fileset_add(fs, p, NULL, target, false, package, e) < 0)
			return -1;
		p = target + strlen(target) + 1;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	if (r != 0)
		return r;
	return x->package < y->package ? -1 : x->package > y->package;
}

/* The first entry that is not below path. */
static size_t lower_bound(struct fileset *fs, const char *path)
{
	size_t lo = 0, hi = fs->n;

	if (!fs->sorted) {
		if (fs->n > 1)
			qsort(fs->v, fs->n, sizeof(*fs->v), compare);
		fs->sorted = true;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(fs->v[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct file *fileset_get(struct fileset *fs, const char *path)
{
	char merged[PATH_LEN];
	size_t i;

	if (merged_path(path, merged, sizeof(merged), NULL) < 0)
		return NULL;
	i = lower_bound(fs, merged);
	return i < fs->n && strcmp(fs->v[i].path, merged) == 0 ? &fs->v[i] : NULL;
}

/* Puts the link's target in place of its name, and `rest` behind it. */
static int splice_link(
    char *done, size_t *len, const char *target, char *rest, size_t size)
{
	char joined[2 * PATH_LEN];

	if ((size_t)snprintf(joined, sizeof(joined), "%s/%s", target, rest) >= size)
		return -1;
	if (target[0] == '/') {
		*len = 0;
		done[0] = '\0';
	} else {
		up(done, len);
	}
	strcpy(rest, joined);
	return 0;
}

const struct file *fileset_resolve(struct fileset *fs, const char *path)
{
	char done[PATH_LEN] = "", rest[PATH_LEN];
	size_t len = 0;
	int links = 0;
	const struct file *f = NULL;

	if (strlen(path) >= sizeof(rest))
		return NULL;
	strcpy(rest, path);
	while (rest[strspn(rest, "/")] != '\0') {
		if (step(done, &len, rest) < 0)
			return NULL;
		f = fileset_get(fs, done);
		if (f == NULL || f->target == NULL)
			continue;
		if (++links > LINKS_FOLLOWED ||
		    splice_link(done, &len, f->target, rest, sizeof(rest)) < 0)
			return NULL;
	}
	return f != NULL && f->target == NULL ? f : NULL;
}

const struct file *fileset_prefix(struct fileset *fs, const char *prefix, size_t *n)
{
	size_t first = lower_bound(fs, prefix), len = strlen(prefix), i = first;

	while (i < fs->n && strncmp(fs->v[i].path, prefix, len) == 0)
		i++;
	*n = i - first;
	return *n == 0 ? NULL : &fs->v[first];
}

void fileset_free(struct fileset *fs)
{
	for (size_t i = 0; i < fs->n; i++) {
		free(fs->v[i].path);
		free(fs->v[i].disk);
		free(fs->v[i].target);
	}
	free(fs->v);
	*fs = (struct fileset){0};
}
