/*
 * Debian stable stays with one kernel, and offers a later one beside it with its security
 * updates, under a name of its own.
 */
#include "newer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deb.h"

#define PREFIX "linux-image-"

static const struct {
	const char *package;
	unsigned major, minor;
} offers[] = {
    {"linux-image-6.12-amd64", 6, 12},
};

static const struct package *find(const struct source *s, const char *name)
{
	for (size_t i = 0; i < s->package_count; i++)
		if (s->packages[i].name != NULL && strcmp(s->packages[i].name, name) == 0)
			return &s->packages[i];
	return NULL;
}

static int need(struct source *s, const char *name, struct err *e)
{
	struct strv one = {0};
	int r = strv_add(&one, name, e);

	if (r == 0)
		r = s->ops->need(s, &one, e);
	strv_free(&one);
	return r;
}

/* The kernel that a meta package depends on. 1: none. */
static int take(struct source *s, const struct package *meta, struct err *e)
{
	struct strv deps = {0};
	int r = deb_depends(meta->depends, &deps, e), found = 1;

	for (size_t i = 0; i < deps.n && r == 0 && found == 1; i++) {
		char *version;

		if (strncmp(deps.v[i], PREFIX, strlen(PREFIX)) != 0)
			continue;
		r = need(s, deps.v[i], e);
		version = r < 0 ? NULL : strdup(deps.v[i] + strlen(PREFIX));
		if (r == 0 && version == NULL)
			r = err_sys(e, ENOMEM, "kernel");
		if (r < 0)
			break;
		free(s->kernel);
		s->kernel = version;
		found = 0;
	}
	strv_free(&deps);
	return r < 0 ? -1 : found;
}

int newer_kernel(struct source *s, struct err *e)
{
	unsigned major = 0, minor = 0;

	if (s->ops != &source_debian || sscanf(s->kernel, "%u.%u", &major, &minor) != 2)
		return 1;
	for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		const struct package *meta;

		if (offers[i].major < major ||
		    (offers[i].major == major && offers[i].minor <= minor))
			continue;
		/* That the lists have none is no failure of the build's. */
		if (need(s, offers[i].package, NULL) < 0)
			continue;
		meta = find(s, offers[i].package);
		if (meta != NULL && meta->depends != NULL)
			return take(s, meta, e);
	}
	return 1;
}
