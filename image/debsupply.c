#include "debsupply.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"

#define LISTS_FRESH_S (24 * 3600)
#define RETRY_S 3600 /* after an update that failed */
#define DEFAULT_SUITE "bookworm"

struct deb_package *deb_list_add(struct deb_list *l, struct err *e)
{
	struct deb_package *grown = reallocarray(l->v, l->n + 1, sizeof(*grown));

	if (grown == NULL) {
		err_sys(e, ENOMEM, "list of packages");
		return NULL;
	}
	l->v = grown;
	grown[l->n] = (struct deb_package){.size = 0};
	return &grown[l->n++];
}

void deb_list_free(struct deb_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].file);
		free(l->v[i].url);
	}
	free(l->v);
	*l = (struct deb_list){0};
}

static char *stamp_path(const char *lists, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/updated", lists) < 0) {
		err_sys(e, ENOMEM, "%s", lists);
		return NULL;
	}
	return path;
}

bool deb_lists_stale(const char *lists)
{
	char AUTO_FREE *path = stamp_path(lists, NULL);
	struct stat st;
	time_t now = time(NULL);

	if (path == NULL || stat(path, &st) < 0)
		return true;
	return st.st_mtime > now || now - st.st_mtime > LISTS_FRESH_S;
}

int64_t deb_lists_time(const char *lists)
{
	char AUTO_FREE *path = stamp_path(lists, NULL);
	char AUTO_FREE *text = NULL;
	struct stat st;
	long long t;

	if (path == NULL || fs_read_file(path, 64, &text, NULL, NULL) < 0)
		return 0;
	if (sscanf(text, "%lld", &t) == 1)
		return t;
	/* An earlier version's is empty. */
	return stat(path, &st) < 0 ? 0 : (int64_t)st.st_mtime;
}

/* The stamp's content is when it was; its own time says until when they pass as fresh. */
int deb_lists_stamp(const char *lists, bool failed, struct err *e)
{
	char AUTO_FREE *path = stamp_path(lists, e);
	char text[32];
	time_t now = time(NULL);
	time_t looks = failed ? now - LISTS_FRESH_S + RETRY_S : now;
	struct timespec t[2] = {{.tv_sec = looks}, {.tv_sec = looks}};

	if (path == NULL)
		return -1;
	snprintf(text, sizeof(text), "%" PRId64 "\n",
	    failed ? deb_lists_time(lists) : (int64_t)now);
	if (fs_write_atomic(path, 0644, text, strlen(text), e) < 0)
		return -1;
	return utimensat(AT_FDCWD, path, t, 0) < 0 ? err_sys(e, errno, "%s", path) : 0;
}

char *deb_default_suite(struct err *e)
{
	static const char key[] = "\nVERSION_CODENAME=", debian[] = "\nID=debian\n";
	char AUTO_FREE *text = NULL;
	char *s, *copy = NULL;

	if (fs_read_file("/etc/os-release", 65536, &text, NULL, NULL) == 0 &&
	    strstr(text, debian) != NULL && (s = strstr(text, key)) != NULL) {
		s += sizeof(key) - 1;
		s += strspn(s, "\"'");
		copy = strndup(s, strcspn(s, "\"'\n"));
	} else {
		copy = strdup(DEFAULT_SUITE);
	}
	if (copy == NULL)
		err_sys(e, ENOMEM, "suite");
	return copy;
}
