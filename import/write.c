/* Our two files, onto the disk: whole or not at all, and nothing of the user's lost. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assign.h"
#include "cleanup.h"
#include "fs.h"
#include "import.h"

#define CONFIG_MODE 0644
#define NETWORKS_MODE 0600

/* The former content stays beside it, with the mode of ours at most. */
static int keep_former(struct import_file *file, mode_t mode, struct err *e)
{
	char *text = NULL;
	size_t len;
	int ret;

	if (asprintf(&file->backup, "%s.bak", file->path) < 0) {
		file->backup = NULL;
		return err_sys(e, ENOMEM, "%s", file->path);
	}
	if (fs_read_file(file->path, ASSIGN_FILE_MAX, &text, &len, e) < 0)
		return -1;
	ret = fs_write_atomic(file->backup, mode, text, len, e);
	explicit_bzero(text, len);
	free(text);
	return ret;
}

/* As fs_write_atomic, but never over a file that came in between. */
static int write_new(const struct import_file *file, mode_t mode, struct err *e)
{
	char tmp[PATH_MAX];
	int ret = -1;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.XXXXXX", file->path) >= sizeof(tmp))
		return err_sys(e, ENAMETOOLONG, "%s", file->path);
	int AUTO_CLOSE fd = mkstemp(tmp);
	if (fd < 0)
		return err_sys(e, errno, "%s", tmp);
	if (fs_write_all(fd, file->text, file->len, e) < 0)
		err_prefix(e, "%s", file->path);
	else if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || link(tmp, file->path) < 0)
		err_sys(e, errno, "%s", file->path);
	else
		ret = 0;
	unlink(tmp);
	return ret;
}

static int write_file(struct import_file *file, mode_t mode, struct err *e)
{
	if (file->state == IMPORT_FILE_NEW)
		return write_new(file, mode, e);
	/* The same content, but perhaps open to others. */
	if (file->state == IMPORT_FILE_OTHER && keep_former(file, mode, e) < 0)
		return -1;
	return fs_write_atomic(file->path, mode, file->text, file->len, e);
}

static int check_free(
    const struct import_options *o, const struct import_file *file, struct err *e)
{
	if (file->path == NULL || o->force || file->state != IMPORT_FILE_OTHER)
		return 0;
	err_set(e, ERR_PRECONDITION, "%s: is there already, with other content%s%s",
	    file->path, file->conflict.msg[0] != '\0' ? ": " : "", file->conflict.msg);
	return err_hint(e, "--force replaces it and keeps a copy");
}

int import_write(const struct import_options *o, struct import *im, struct err *e)
{
	char dir[PATH_MAX];

	if (check_free(o, &im->config, e) < 0 || check_free(o, &im->networks, e) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s", im->config.path);
	if (fs_mkdir_p(dirname(dir), 0755, e) < 0)
		return -1;
	if (im->networks.path != NULL && write_file(&im->networks, NETWORKS_MODE, e) < 0)
		return -1;
	return write_file(&im->config, CONFIG_MODE, e);
}

static void free_file(struct import_file *file)
{
	if (file->text != NULL)
		explicit_bzero(file->text, file->len);
	free(file->text);
	free(file->path);
	free(file->backup);
}

void import_free(struct import *im)
{
	for (size_t i = 0; i < im->n; i++) {
		free(im->items[i].file);
		free(im->items[i].setting);
		free(im->items[i].text);
	}
	free(im->items);
	free_file(&im->config);
	free_file(&im->networks);
	memset(im, 0, sizeof(*im));
}
