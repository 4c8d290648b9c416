#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bzimage.h"
#include "cleanup.h"

static const struct source_ops *const sources[] = {
    &source_debian, &source_alpine, &source_dir};

const char *const *image_sources(void)
{
	static const char *names[ARRAY_LEN(sources) + 1];

	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		names[i] = sources[i]->name;
	return names;
}

int step_report(const struct steps *s, enum image_stage stage, const char *what,
    size_t done, size_t total, struct err *e)
{
	if (s == NULL || s->fn == NULL || s->fn(s->arg, stage, what, done, total) == 0)
		return 0;
	return err_set(e, ERR_FAILED, "image build: cancelled");
}

int source_open(struct source *s, const struct image_options *opts,
    const struct steps *steps, struct err *e)
{
	*s = (struct source){.opts = opts, .steps = steps};
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (opts->source == NULL || strcmp(opts->source, sources[i]->name) == 0) {
			s->ops = sources[i];
			return s->ops->open(s, e);
		}
	err_set(e, ERR_USAGE, "no such source of packages: %s", opts->source);
	return err_hint(e, "debian, alpine or dir");
}

void source_close(struct source *s)
{
	if (s->ops != NULL)
		s->ops->close(s);
	fileset_free(&s->files);
	for (size_t i = 0; i < s->package_count; i++) {
		free(s->packages[i].name);
		free(s->packages[i].version);
		free(s->packages[i].sha256);
		free(s->packages[i].depends);
		free(s->packages[i].license);
	}
	free(s->packages);
	free(s->kernel);
	*s = (struct source){0};
}

struct package *source_add_package(struct source *s, struct err *e)
{
	struct package *grown =
	    reallocarray(s->packages, s->package_count + 1, sizeof(*grown));

	if (grown == NULL) {
		err_sys(e, ENOMEM, "list of packages");
		return NULL;
	}
	s->packages = grown;
	grown[s->package_count] = (struct package){0};
	return &grown[s->package_count++];
}

/* Whether a file is a kernel of that version, by its own header. */
static bool is_kernel(const struct file *f, const char *version)
{
	unsigned char head[64 * 1024];
	int AUTO_CLOSE fd = -1;
	struct bzimage b;
	struct stat st;
	ssize_t n;

	if (f == NULL || f->disk == NULL)
		return false;
	fd = open(f->disk, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || (n = pread(fd, head, sizeof(head), 0)) <= 0)
		return false;
	return bzimage_parse(head, (size_t)n, (size_t)st.st_size, &b, NULL) == 0 &&
	       strcmp(b.version, version) == 0;
}

const struct file *source_vmlinuz(struct source *s, const char *version)
{
	char path[512];
	const struct file *f;
	size_t n;

	snprintf(path, sizeof(path), "boot/vmlinuz-%s", version);
	f = fileset_resolve(&s->files, path);
	if (is_kernel(f, version))
		return f;
	snprintf(path, sizeof(path), "usr/lib/modules/%s/vmlinuz", version);
	f = fileset_resolve(&s->files, path);
	if (is_kernel(f, version))
		return f;
	/* Alpine's is boot/vmlinuz-FLAVOUR. */
	f = fileset_prefix(&s->files, "boot/vmlinuz", &n);
	for (size_t i = 0; i < n; i++)
		if (is_kernel(&f[i], version))
			return &f[i];
	return NULL;
}

int source_newest_kernel(struct source *s, const char *where, struct err *e)
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
		    where);
	return r;
}
