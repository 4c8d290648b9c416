/* deb_unpack: an archive in an archive, both read by libarchive as streams. unpack_tar:
 * the inner one alone. */
#include <archive.h>
#include <archive_entry.h>
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

#define CHUNK (128 * 1024)

struct unpack {
	struct archive *outer;
	const char *dir;
	deb_filter_fn *filter;
	FILE *links;
	int root; /* descriptor of dir/root */
	unsigned long long total, declared, max;
	size_t entries;
	bool have_control, have_data;
	bool strict; /* no absolute name, no link out of the root */
	bool whole;  /* a whole system: what is no file and not wanted is passed over */
	char chunk[CHUNK];
};

static int archive_err(struct err *e, struct archive *a, const char *what)
{
	const char *why = archive_error_string(a);

	return err_set(e, ERR_FAILED, "%s: %s", what, why == NULL ? "damaged" : why);
}

static la_ssize_t inner_read(struct archive *a, void *arg, const void **buf)
{
	struct unpack *u = arg;
	la_ssize_t n = archive_read_data(u->outer, u->chunk, sizeof(u->chunk));

	if (n < 0)
		archive_set_error(a, EIO, "%s", archive_error_string(u->outer));
	*buf = u->chunk;
	return n;
}

/* The folders above path, each entered without following a link. Returns the
 * descriptor of the last one. */
static int open_parent(int root, const char *path, struct err *e)
{
	int fd = dup(root);
	const char *slash;
	char name[256];

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	for (; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		int next;

		if ((size_t)(slash - path) >= sizeof(name)) {
			close(fd);
			return err_set(e, ERR_FAILED, "%s: name too long", path);
		}
		memcpy(name, path, (size_t)(slash - path));
		name[slash - path] = '\0';
		if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST) {
			err_sys(e, errno, "%s", path);
			close(fd);
			return -1;
		}
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		if (next < 0)
			return err_sys(e, errno, "%s", path);
		fd = next;
	}
	return fd;
}

static int copy_data(
    struct unpack *u, struct archive *a, int fd, const char *path, struct err *e)
{
	char AUTO_FREE *buf = malloc(CHUNK);
	unsigned long long size = 0;
	la_ssize_t n;

	if (buf == NULL)
		return err_sys(e, ENOMEM, "%s", path);
	while ((n = archive_read_data(a, buf, CHUNK)) > 0) {
		size += (unsigned long long)n;
		u->total += (unsigned long long)n;
		if (size > DEB_FILE_MAX || u->total > u->max)
			return err_set(e, ERR_FAILED, "%s: too large", path);
		if (fs_write_all(fd, buf, (size_t)n, e) < 0)
			return err_prefix(e, "%s", path);
	}
	return n < 0 ? archive_err(e, a, path) : 0;
}

static int put_file(struct unpack *u, struct archive *a, struct archive_entry *entry,
    const char *path, struct err *e)
{
	const char *base = strrchr(path, '/');
	mode_t mode = archive_entry_perm(entry) & 0111 ? 0755 : 0644;
	int AUTO_CLOSE dir = open_parent(u->root, path, e);
	int AUTO_CLOSE fd = -1;

	if (dir < 0)
		return -1;
	fd = openat(dir, base == NULL ? path : base + 1,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return copy_data(u, a, fd, path, e);
}

/* Whether a relative target goes above the root on its way. */
static bool leaves_root(const char *path, const char *target)
{
	long depth = 0;

	if (*target == '/')
		return false; /* the root's own */
	for (const char *p = path; (p = strchr(p, '/')) != NULL; p++)
		depth++;
	while (*target != '\0') {
		size_t n = strcspn(target, "/");

		if (n == 2 && target[0] == '.' && target[1] == '.')
			depth--;
		else if (n > 0 && !(n == 1 && target[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
		target += n + (target[n] == '/');
	}
	return false;
}

static int put_link(
    struct unpack *u, const char *path, const char *target, bool hard, struct err *e)
{
	char clean[DEB_PATH_MAX];

	if (target == NULL || *target == '\0' || strlen(target) >= DEB_PATH_MAX)
		return err_set(e, ERR_FAILED, "%s: bad link", path);
	if (u->strict && (hard ? *target == '/' : leaves_root(path, target)))
		return err_set(e, ERR_FAILED, "%s: a link out of the root", path);
	if (hard && deb_clean_path(target, clean, sizeof(clean), e) < 0)
		return -1;
	if (!u->filter(path))
		return 0;
	if (fputs(path, u->links) < 0 || fputc('\0', u->links) < 0 ||
	    fprintf(u->links, "%s%s", hard ? "/" : "", hard ? clean : target) < 0 ||
	    fputc('\0', u->links) < 0)
		return err_sys(e, errno, "links");
	return 0;
}

static int put_entry(
    struct unpack *u, struct archive *a, struct archive_entry *entry, struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	char path[DEB_PATH_MAX];

	if (++u->entries > DEB_ENTRIES_MAX)
		return err_set(e, ERR_FAILED, "too many files");
	if (name == NULL)
		return err_set(e, ERR_FAILED, "a file without a name");
	if (deb_clean_path(name, path, sizeof(path), e) < 0)
		return -1;
	if (path[0] == '\0')
		return 0;
	if (u->strict && name[0] == '/')
		return err_set(e, ERR_FAILED, "an absolute path: %s", name);
	if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0 &&
	    (u->declared += (unsigned long long)archive_entry_size(entry)) > u->max)
		return err_set(e, ERR_FAILED, "%s: too large", path);
	if (archive_entry_hardlink(entry) != NULL)
		return put_link(u, path, archive_entry_hardlink(entry), true, e);
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return 0; /* made as needed */
	if (archive_entry_filetype(entry) == AE_IFLNK)
		return put_link(u, path, archive_entry_symlink(entry), false, e);
	if (archive_entry_filetype(entry) != AE_IFREG && u->whole && !u->filter(path))
		return 0; /* dev/null */
	if (archive_entry_filetype(entry) != AE_IFREG)
		return err_set(e, ERR_FAILED, "%s: neither file, folder nor link", path);
	return u->filter(path) ? put_file(u, a, entry, path, e) : 0;
}

/* control: the one file that matters, into dir/control. */
static int put_control(
    struct unpack *u, struct archive *a, struct archive_entry *entry, struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	char path[DEB_PATH_MAX], file[DEB_PATH_MAX + 16];
	char AUTO_FREE *buf = NULL;
	la_ssize_t n;

	if (name == NULL)
		return err_set(e, ERR_FAILED, "a file without a name");
	if (deb_clean_path(name, path, sizeof(path), e) < 0)
		return -1;
	if (strcmp(path, "control") != 0)
		return 0;
	buf = malloc(DEB_CONTROL_MAX);
	if (buf == NULL)
		return err_sys(e, ENOMEM, "control");
	n = archive_read_data(a, buf, DEB_CONTROL_MAX);
	if (n < 0)
		return archive_err(e, a, "control");
	if (n == DEB_CONTROL_MAX)
		return err_set(e, ERR_FAILED, "control: too large");
	u->have_control = true;
	snprintf(file, sizeof(file), "%s/control", u->dir);
	return fs_write_atomic(file, 0644, buf, (size_t)n, e);
}

static int read_entries(struct unpack *u, struct archive *a, bool control, struct err *e)
{
	struct archive_entry *entry;
	int next;

	while ((next = archive_read_next_header(a, &entry)) == ARCHIVE_OK ||
	       next == ARCHIVE_WARN)
		if ((control ? put_control : put_entry)(u, a, entry, e) < 0)
			return -1;
	return next == ARCHIVE_EOF ? 0 : archive_err(e, a, "tar");
}

static int read_tar(struct unpack *u, bool control, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	if (a == NULL)
		return err_sys(e, ENOMEM, "archive");
	archive_read_support_format_tar(a);
	archive_read_support_filter_all(a);
	if (archive_read_open(a, u, NULL, inner_read, NULL) != ARCHIVE_OK)
		r = archive_err(e, a, "tar");
	else
		r = read_entries(u, a, control, e);
	archive_read_free(a);
	return r;
}

static int read_members(struct unpack *u, struct err *e)
{
	struct archive_entry *entry;
	int next;

	while ((next = archive_read_next_header(u->outer, &entry)) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(entry);

		if (name == NULL)
			return err_set(e, ERR_FAILED, "a member without a name");
		if (strncmp(name, "control.tar", 11) == 0 && !u->have_control) {
			if (read_tar(u, true, e) < 0)
				return err_prefix(e, "control");
		} else if (strncmp(name, "data.tar", 8) == 0 && !u->have_data) {
			u->have_data = true;
			if (read_tar(u, false, e) < 0)
				return err_prefix(e, "data");
		}
	}
	if (next != ARCHIVE_EOF)
		return archive_err(e, u->outer, "ar");
	if (!u->have_control || !u->have_data)
		return err_set(e, ERR_FAILED, "not a Debian package");
	return 0;
}

/* The places to write to. */
static int open_places(struct unpack *u, struct err *e)
{
	char path[4096];

	u->root = -1;
	snprintf(path, sizeof(path), "%s/root", u->dir);
	if (mkdir(path, 0755) < 0)
		return err_sys(e, errno, "%s", path);
	u->root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u->root < 0)
		return err_sys(e, errno, "%s", path);
	snprintf(path, sizeof(path), "%s/links", u->dir);
	u->links = fopen(path, "wxe");
	return u->links == NULL ? err_sys(e, errno, "%s", path) : 0;
}

static int close_places(struct unpack *u, int r, struct err *e)
{
	if (u->links != NULL && fclose(u->links) != 0 && r == 0)
		r = err_sys(e, errno, "%s/links", u->dir);
	if (u->root >= 0)
		close(u->root);
	return r;
}

/* u->outer is open. */
static int unpack_into(struct unpack *u, struct err *e)
{
	int r = open_places(u, e);

	if (r == 0)
		r = read_members(u, e);
	return close_places(u, r, e);
}

static int unpack_open(struct archive *a, const char *dir, unsigned long long max,
    bool whole, deb_filter_fn *filter, struct err *e)
{
	struct unpack *u = calloc(1, sizeof(*u));
	int r;

	if (u == NULL)
		return err_sys(e, ENOMEM, "archive");
	u->dir = dir;
	u->filter = filter;
	u->max = max < DEB_TOTAL_MAX ? max : DEB_TOTAL_MAX;
	u->strict = !whole;
	u->whole = whole;
	r = open_places(u, e);
	if (r == 0)
		r = read_entries(u, a, false, e);
	r = close_places(u, r, e);
	free(u);
	return r;
}

int unpack_tar(struct archive *a, const char *dir, unsigned long long max,
    deb_filter_fn *filter, struct err *e)
{
	return unpack_open(a, dir, max, false, filter, e);
}

int unpack_root(const char *tar, const char *dir, deb_filter_fn *filter, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	if (a == NULL)
		return err_sys(e, ENOMEM, "archive");
	archive_read_support_format_tar(a);
	archive_read_support_filter_all(a);
	if (archive_read_open_filename(a, tar, CHUNK) != ARCHIVE_OK)
		r = archive_err(e, a, "open");
	else
		r = unpack_open(a, dir, DEB_TOTAL_MAX, true, filter, e);
	archive_read_free(a);
	return r < 0 ? err_prefix(e, "%s", tar) : 0;
}

static struct unpack *unpack_new(const char *dir, deb_filter_fn *filter, struct err *e)
{
	struct unpack *u = calloc(1, sizeof(*u));

	if (u != NULL)
		u->outer = archive_read_new();
	if (u == NULL || u->outer == NULL) {
		free(u);
		err_sys(e, ENOMEM, "archive");
		return NULL;
	}
	u->dir = dir;
	u->filter = filter;
	u->max = DEB_TOTAL_MAX;
	archive_read_support_format_ar(u->outer);
	return u;
}

/* opened: what the opening of u->outer gave. Frees u. */
static int unpack_and_free(struct unpack *u, int opened, struct err *e)
{
	int r =
	    opened != ARCHIVE_OK ? archive_err(e, u->outer, "open") : unpack_into(u, e);

	archive_read_free(u->outer);
	free(u);
	return r;
}

int deb_unpack(const char *deb, const char *dir, deb_filter_fn *filter, struct err *e)
{
	struct unpack *u = unpack_new(dir, filter, e);
	int opened;

	if (u == NULL)
		return -1;
	opened = archive_read_open_filename(u->outer, deb, CHUNK);
	return unpack_and_free(u, opened, e) < 0 ? err_prefix(e, "%s", deb) : 0;
}

int deb_unpack_memory(
    const void *deb, size_t len, const char *dir, deb_filter_fn *filter, struct err *e)
{
	struct unpack *u = unpack_new(dir, filter, e);

	if (u == NULL)
		return -1;
	return unpack_and_free(u, archive_read_open_memory(u->outer, deb, len), e);
}
