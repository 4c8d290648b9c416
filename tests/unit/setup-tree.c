#include "setup-tree.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fs.h"
#include "io.h"
#include "os/os.h"
#include "run.h"

char root[PATH_MAX];

void full_path(char out[PATH_MAX], const char *path)
{
	assert_true(snprintf(out, PATH_MAX, "%.2000s%.2000s", root, path) < PATH_MAX);
}

void put_mode(const char *path, const char *text, mode_t mode)
{
	char full[PATH_MAX], *slash;
	struct err e = ERR_INIT;

	full_path(full, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(fs_mkdir_p(full, 0755, &e), 0);
	*slash = '/';
	assert_int_equal(fs_write_atomic(full, mode, text, strlen(text), &e), 0);
}

void put(const char *path, const char *text)
{
	put_mode(path, text, 0644);
}

char *get(const char *path)
{
	char full[PATH_MAX], *text = NULL;

	full_path(full, path);
	fs_read_file(full, 1 << 20, &text, NULL, NULL);
	return text;
}

bool there(const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	full_path(full, path);
	return lstat(full, &st) == 0;
}

const char rc_before[] = "hostname='laptop' # mine\r\n"
			 "devmatch_blocklist='if_xy'\n"
			 "if [ -r /etc/x ]; then y=1; fi\n"
			 "bhyfi_enable=NO";
const char loader_before[] = "zfs_load=\"YES\"\npptdevs=\"2/0/0\" # other\n";

/* A FreeBSD with odd files. */
int new_tree(void **state)
{
	static char dir[] = "/tmp/bhyfi-test-setup-XXXXXX";
	const struct os_ops *os;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/bhyfi-test-setup-XXXXXX");
	if (mkdtemp(dir) == NULL || realpath(dir, root) == NULL)
		return -1;
	put_mode("/etc/rc.conf", rc_before, 0640);
	put("/boot/loader.conf", loader_before);
	run_live = false;
	io_hook = NULL;
	return os_select(NULL, root, &os, NULL);
}

int drop_tree(void **state)
{
	(void)state;
	io_hook = NULL;
	return fs_remove_tree(root, NULL);
}

static void snapshot(FILE *f, const char *path)
{
	char full[PATH_MAX];
	struct dirent **names;
	struct stat st;
	int n;

	if (strcmp(path, DB "/setup") == 0)
		return;
	full_path(full, path);
	assert_int_equal(lstat(full, &st), 0);
	/* A kill may leave the folders above the journal. */
	if (path[0] == '\0' || strncmp(DB, path, strlen(path)) != 0)
		fprintf(f, "%s %o\n", path, (unsigned)st.st_mode);
	if (S_ISLNK(st.st_mode)) {
		char target[256] = "";

		assert_true(readlink(full, target, sizeof(target) - 1) > 0);
		fprintf(f, "%s\n", target);
	} else if (S_ISREG(st.st_mode)) {
		AUTO_FREE char *text = get(path);

		fprintf(f, "%s\n", text);
	}
	if (!S_ISDIR(st.st_mode))
		return;
	n = scandir(full, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char below[PATH_MAX];

		snprintf(below, sizeof(below), "%.2000s/%.255s", path, names[i]->d_name);
		if (strcmp(names[i]->d_name, ".") != 0 &&
		    strcmp(names[i]->d_name, "..") != 0)
			snapshot(f, below);
		free(names[i]);
	}
	free(names);
}

char *look(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	snapshot(f, "");
	fclose(f);
	return text;
}

mode_t mode_of(const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	full_path(full, path);
	assert_int_equal(lstat(full, &st), 0);
	return st.st_mode & 07777;
}
