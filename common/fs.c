#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

int fs_write_all(int fd, const void *data, size_t len, struct err *e)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_read_fd(
    int fd, const char *name, size_t max, char **buf, size_t *len, struct err *e)
{
	AUTO_FREE char *data = NULL;
	struct stat st;
	size_t have = 0;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: not a regular file", name);
	if (st.st_size < 0 || (uintmax_t)st.st_size > max)
		return err_set(e, ERR_FAILED, "%s: larger than %zu bytes", name, max);
	/* sysfs and procfs files say 0 or 4096: read to the end, up to max. */
	size_t room = max < 65536 ? max + 2 : (size_t)st.st_size + 65536;
	data = malloc(room);
	if (data == NULL)
		return err_sys(e, ENOMEM, "%s", name);
	while ((n = read(fd, data + have, room - have)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "%s", name);
		have += (size_t)n;
		if (have > max || have == room)
			return err_set(
			    e, ERR_FAILED, "%s: larger than %zu bytes", name, max);
	}
	data[have] = '\0';
	*buf = data;
	data = NULL;
	if (len != NULL)
		*len = have;
	return 0;
}

int fs_read_private(
    int fd, const char *name, size_t max, char **buf, size_t *len, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s", name);
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
		err_set(e, ERR_FAILED, "%s: mode %04o lets others at the secrets in it",
		    name, (unsigned)st.st_mode & 07777);
		return err_hint(e, "chmod 600 %s", name);
	}
	return fs_read_fd(fd, name, max, buf, len, e);
}

int fs_read_file(const char *path, size_t max, char **buf, size_t *len, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return fs_read_fd(fd, path, max, buf, len, e);
}

int fs_write_atomic(
    const char *path, mode_t mode, const void *data, size_t len, struct err *e)
{
	AUTO_FREE char *tmp = NULL;
	int fd, ret = -1;

	if (asprintf(&tmp, "%s.XXXXXX", path) < 0) {
		tmp = NULL;
		return err_sys(e, ENOMEM, "%s", path);
	}
	fd = mkstemp(tmp);
	if (fd < 0)
		return err_sys(e, errno, "%s", tmp);
	if (fs_write_all(fd, data, len, e) < 0) {
		err_prefix(e, "%s", path);
		goto out;
	}
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0) {
		err_sys(e, errno, "%s", path);
		goto out;
	}
	if (rename(tmp, path) < 0) {
		err_sys(e, errno, "%s", path);
		goto out;
	}
	ret = 0;
out:
	close(fd);
	if (ret < 0)
		unlink(tmp);
	return ret;
}

int fs_mkdir_p(const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *p = strdup(path);
	struct stat st;

	if (p == NULL)
		return err_sys(e, ENOMEM, "%s", path);
	for (char *s = p + 1;; s++) {
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			return err_sys(e, errno, "%s", p);
		*s = c;
		if (c == '\0')
			break;
	}
	if (stat(path, &st) < 0)
		return err_sys(e, errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_sys(e, ENOTDIR, "%s", path);
	return 0;
}

static int remove_dir(int parent, const char *name, const char *path, struct err *e)
{
	struct dirent *de;
	struct stat st;
	DIR *dir;
	int fd, ret = 0;

	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return err_sys(e, errno, "%s", path);
	}
	while (ret == 0 && (de = readdir(dir)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			ret = err_sys(e, errno, "%s/%s", path, de->d_name);
		else if (S_ISDIR(st.st_mode))
			ret = remove_dir(fd, de->d_name, path, e);
		else if (unlinkat(fd, de->d_name, 0) < 0)
			ret = err_sys(e, errno, "%s/%s", path, de->d_name);
	}
	closedir(dir);
	if (ret == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		ret = err_sys(e, errno, "%s", path);
	return ret;
}

int fs_remove_tree(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return remove_dir(AT_FDCWD, path, path, e);
	if (unlink(path) < 0)
		return err_sys(e, errno, "%s", path);
	return 0;
}
