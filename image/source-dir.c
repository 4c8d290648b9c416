/* Source `dir`: an unpacked root of any distribution. It is only read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "source.h"

static int dir_open(struct source *s, struct err *e)
{
	static const char *const subs[] = {"boot", "lib", "lib64", "bin", "sbin",
	    "usr/lib", "usr/lib64", "usr/bin", "usr/sbin", NULL};
	int AUTO_CLOSE fd = -1;

	if (s->opts->root == NULL)
		return err_set(
		    e, ERR_USAGE, "image build: source dir needs a root (--root DIR)");
	fd = open(s->opts->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(e, errno, "%s", s->opts->root);
		if (e != NULL)
			e->code = ERR_PRECONDITION;
		return -1;
	}
	if (step_report(s->steps, IMAGE_STAGE_PACKAGES, s->opts->root, 0, 0, e) < 0)
		return -1;
	return fileset_walk(&s->files, s->opts->root, subs, NO_PACKAGE, e);
}

static void dir_close(struct source *s)
{
	(void)s;
}

static int dir_need(struct source *s, const struct strv *names, struct err *e)
{
	(void)s;
	(void)names;
	(void)e;
	return 0; /* all that there is, is there */
}

static int dir_need_deps(struct source *s, size_t package, bool libs_only, struct err *e)
{
	(void)s;
	(void)package;
	(void)libs_only;
	(void)e;
	return 0;
}

/* The newest version that has modules and a kernel. */
static int dir_kernel(struct source *s, struct err *e)
{
	static const char base[] = "usr/lib/modules/";
	struct strv versions = {0};
	const struct file *f;
	size_t n;
	int r = 0;

	f = fileset_prefix(&s->files, base, &n);
	for (size_t i = 0; i < n && r == 0; i++) {
		const char *v = f[i].path + sizeof(base) - 1;
		size_t len = strcspn(v, "/");

		if (v[len] == '/' &&
		    (versions.n == 0 || strlen(versions.v[versions.n - 1]) != len ||
			strncmp(versions.v[versions.n - 1], v, len) != 0))
			r = strv_add_n(&versions, v, len, e);
	}
	for (size_t i = 0; i < versions.n && r == 0; i++) {
		if (source_vmlinuz(s, versions.v[i]) == NULL ||
		    (s->kernel != NULL && strverscmp(versions.v[i], s->kernel) <= 0))
			continue;
		free(s->kernel);
		s->kernel = strdup(versions.v[i]);
		if (s->kernel == NULL)
			r = err_sys(e, ENOMEM, "kernel");
	}
	strv_free(&versions);
	if (r == 0 && s->kernel == NULL)
		return err_set(e, ERR_PRECONDITION,
		    "%s: no kernel: boot/vmlinuz* and lib/modules/VERSION have to match",
		    s->opts->root);
	return r;
}

const struct source_ops source_dir = {
    .name = "dir",
    .summary = "an unpacked root",
    .open = dir_open,
    .close = dir_close,
    .need = dir_need,
    .need_deps = dir_need_deps,
    .kernel = dir_kernel,
};
