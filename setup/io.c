#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"

int (*io_hook)(const char *op, const char *path);

int io_error(struct err *e, int errnum, const char *path)
{
	err_sys(e, errnum, "%s", path);
	if (errnum == EACCES || errnum == EPERM)
		return err_hint(e, "run it as root");
	if (errnum == EROFS)
		return err_hint(e, "mount that file system for writing first");
	if (errnum == ENOSPC || errnum == EDQUOT)
		return err_hint(e, "make room on that file system first");
	return -1;
}

int io_allowed(const char *op, const char *path, struct err *e)
{
	int errnum = io_hook != NULL ? io_hook(op, path) : 0;

	return errnum == 0 ? 0 : io_error(e, errnum, path);
}

/* A name that was made or removed is on the disk only with its folder. */
static int sync_folder(const char *path, struct err *e)
{
	char dir[PATH_MAX];
	int AUTO_CLOSE fd = -1;
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir ? 1 : 0] = '\0';
	if (io_allowed("sync", dir, e) < 0)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return io_error(e, errno, dir);
	/* Some file systems have no such thing as a folder on the disk. */
	if (fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP)
		return io_error(e, errno, dir);
	return 0;
}

static int new_name(char out[PATH_MAX], const char *path, struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s" IO_NEW, path) >= PATH_MAX)
		return err_set(e, ERR_FAILED, "%.80s: the path is too long", path);
	return 0;
}

static int fill(int fd, const char *path, const void *data, size_t len,
    const struct io_owner *o, struct err *e)
{
	struct stat st;

	if (io_allowed("write", path, e) < 0)
		return -1;
	if (fs_write_all(fd, data, len, NULL) < 0)
		return io_error(e, errno, path);
	if (fstat(fd, &st) < 0)
		return io_error(e, errno, path);
	if (o->set_owner && (st.st_uid != o->uid || st.st_gid != o->gid) &&
	    fchown(fd, o->uid, o->gid) < 0)
		return io_error(e, errno, path);
	if (fchmod(fd, o->mode & 07777) < 0 || fsync(fd) < 0)
		return io_error(e, errno, path);
	return 0;
}

int io_stage(const char *path, const void *data, size_t len, const struct io_owner *o,
    struct err *e)
{
	char name[PATH_MAX];
	int fd, ret;

	if (new_name(name, path, e) < 0 || io_unstage(path, e) < 0 ||
	    io_allowed("stage", path, e) < 0)
		return -1;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return io_error(e, errno, path);
	ret = fill(fd, path, data, len, o, e);
	if (close(fd) < 0 && ret == 0)
		ret = io_error(e, errno, path);
	if (ret < 0)
		unlink(name);
	return ret;
}

int io_unstage(const char *path, struct err *e)
{
	char name[PATH_MAX];

	if (new_name(name, path, e) < 0)
		return -1;
	if (access(name, F_OK) < 0 && errno == ENOENT)
		return 0;
	return io_remove(name, e);
}

int io_commit(const char *path, struct err *e)
{
	char name[PATH_MAX];

	if (new_name(name, path, e) < 0 || io_allowed("rename", path, e) < 0)
		return -1;
	if (rename(name, path) < 0)
		return io_error(e, errno, path);
	return sync_folder(path, e);
}

int io_remove(const char *path, struct err *e)
{
	if (io_allowed("unlink", path, e) < 0)
		return -1;
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : io_error(e, errno, path);
	return sync_folder(path, e);
}

int io_link(const char *path, const char *target, struct err *e)
{
	if (io_allowed("symlink", path, e) < 0)
		return -1;
	if (symlink(target, path) < 0)
		return io_error(e, errno, path);
	return sync_folder(path, e);
}

int io_mkdir(const char *path, mode_t mode, struct err *e)
{
	if (io_allowed("mkdir", path, e) < 0)
		return -1;
	if (mkdir(path, mode) < 0)
		return io_error(e, errno, path);
	return sync_folder(path, e);
}

bool io_rmdir(const char *path)
{
	if (io_allowed("rmdir", path, NULL) < 0)
		return false;
	return rmdir(path) == 0 && sync_folder(path, NULL) == 0;
}
