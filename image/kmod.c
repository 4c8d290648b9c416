#include "kmod.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bytes.h"
#include "bzimage.h"
#include "cleanup.h"
#include "elfread.h"
#include "fs.h"

#define DEPTH_MAX 64
#define BUILTIN_MAX (4u << 20)
#define NAME_LEN 128

static int normal_name(const char *name, size_t len, char out[NAME_LEN])
{
	if (len == 0 || len >= NAME_LEN)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && strchr("_-.+", name[i]) == NULL)
			return -1;
		out[i] = name[i] == '-' ? '_' : name[i];
	}
	out[len] = '\0';
	return 0;
}

/* The module's name in a file's: "a-b.ko.xz" gives "a_b". -1: not a module. */
static int name_of_file(const char *path, char out[NAME_LEN])
{
	static const char *const ends[] = {".ko", ".ko.xz", ".ko.gz", ".ko.zst"};
	const char *base = strrchr(path, '/');
	size_t len;

	base = base == NULL ? path : base + 1;
	len = strlen(base);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t n = strlen(ends[i]);

		if (len > n && strcmp(base + len - n, ends[i]) == 0)
			return normal_name(base, len - n, out);
	}
	return -1;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct kmod *)a)->name, ((const struct kmod *)b)->name);
}

int kmods_parse_builtin(const char *text, size_t len, struct strv *names, struct err *e)
{
	const char *p = text, *end = text + len;
	char name[NAME_LEN];

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl == NULL ? (size_t)(end - p) : (size_t)(nl - p);
		char line[1024];

		if (n >= sizeof(line))
			return err_set(e, ERR_FAILED, "modules.builtin: line too long");
		memcpy(line, p, n);
		line[n] = '\0';
		if (n > 0 && name_of_file(line, name) == 0 &&
		    strv_add(names, name, e) < 0)
			return -1;
		p += n + 1;
	}
	strv_sort(names);
	return 0;
}

static int read_builtin(
    struct kmods *k, struct fileset *fs, const char *version, struct err *e)
{
	char AUTO_FREE *text = NULL;
	char path[512];
	const struct file *f;
	size_t len;

	snprintf(path, sizeof(path), "usr/lib/modules/%s/modules.builtin", version);
	f = fileset_resolve(fs, path);
	if (f == NULL)
		return 0;
	if (fs_read_file(f->disk, BUILTIN_MAX, &text, &len, e) < 0)
		return -1;
	return kmods_parse_builtin(text, len, &k->builtin, e);
}

static int add_module(
    struct kmods *k, const struct file *f, const char *below, struct err *e)
{
	struct kmod *m = &k->v[k->n];
	char name[NAME_LEN];
	size_t len;

	if (f->disk == NULL || name_of_file(below, name) < 0)
		return 0;
	len = (size_t)(strstr(strrchr(below, '/') == NULL ? below : strrchr(below, '/'),
			   ".ko") +
		       3 - below);
	*m = (struct kmod){.package = f->package};
	m->name = strdup(name);
	m->path = strndup(below, len);
	m->disk = strdup(f->disk);
	k->n++;
	if (m->name == NULL || m->path == NULL || m->disk == NULL)
		return err_sys(e, ENOMEM, "modules");
	return 0;
}

int kmods_open(struct kmods *k, struct fileset *fs, const char *version, struct err *e)
{
	char prefix[512];
	const struct file *f;
	size_t n;

	*k = (struct kmods){0};
	if (read_builtin(k, fs, version, e) < 0)
		return -1;
	snprintf(prefix, sizeof(prefix), "usr/lib/modules/%s/", version);
	f = fileset_prefix(fs, prefix, &n);
	k->v = calloc(n + 1, sizeof(*k->v));
	if (k->v == NULL)
		return err_sys(e, ENOMEM, "modules");
	for (size_t i = 0; i < n; i++)
		if (add_module(k, &f[i], f[i].path + strlen(prefix), e) < 0)
			return -1;
	if (k->n == 0)
		return err_set(e, ERR_PRECONDITION, "kernel %s: no modules", version);
	qsort(k->v, k->n, sizeof(*k->v), compare);
	return 0;
}

void kmods_close(struct kmods *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->v[i].name);
		free(k->v[i].path);
		free(k->v[i].disk);
		modinfo_free(&k->v[i].info);
	}
	free(k->v);
	strv_free(&k->builtin);
	*k = (struct kmods){0};
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_builtin(const struct kmods *k, const char *name)
{
	return k->builtin.n > 0 && bsearch(&name, k->builtin.v, k->builtin.n,
				       sizeof(char *), compare_names) != NULL;
}

int kmod_load(const struct kmod *m, char **data, size_t *len, struct err *e)
{
	char *raw = NULL;
	size_t raw_len;
	int r;

	if (fs_read_file(m->disk, KMOD_FILE_MAX, &raw, &raw_len, e) < 0)
		return -1;
	if (elf_is_elf(raw, raw_len)) {
		*data = raw;
		*len = raw_len;
		return 0;
	}
	r = decompress(raw, raw_len, KMOD_FILE_MAX, data, len, e);
	free(raw);
	return r < 0 ? err_prefix(e, "%s", m->disk) : 0;
}

static int read_info(struct kmod *m, struct err *e)
{
	char AUTO_FREE *data = NULL;
	size_t len, off, size;
	int r;

	if (m->read)
		return 0;
	if (kmod_load(m, &data, &len, e) < 0)
		return -1;
	r = elf_section(data, len, ".modinfo", &off, &size, e);
	if (r == 1)
		r = err_set(e, ERR_FAILED, "no .modinfo section");
	if (r == 0)
		r = modinfo_parse(data + off, size, &m->info, e);
	if (r < 0)
		return err_prefix(e, "%s", m->disk);
	m->read = true;
	return 0;
}

static struct kmod *find(struct kmods *k, const char *name)
{
	struct kmod key = {0};
	char AUTO_FREE *copy = strdup(name);

	key.name = copy;
	return copy == NULL ? NULL : bsearch(&key, k->v, k->n, sizeof(*k->v), compare);
}

int kmods_get(struct kmods *k, const char *name, struct kmod **m, struct err *e)
{
	char normal[NAME_LEN];

	if (normal_name(name, strlen(name), normal) < 0)
		return err_set(e, ERR_FAILED, "not a module's name: %s", name);
	*m = find(k, normal);
	if (*m != NULL)
		return read_info(*m, e);
	if (is_builtin(k, normal))
		return 1;
	return err_set(e, ERR_FAILED, "no kernel module %s", normal);
}

static int closure(struct kmods *k, const char *name, bool soft, int depth,
    struct strv *order, struct err *e)
{
	struct kmod *m;
	int r;

	if (strv_has(order, name))
		return 0;
	if (depth > DEPTH_MAX)
		return err_set(
		    e, ERR_FAILED, "module %s: dependencies in a circle", name);
	r = kmods_get(k, name, &m, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	for (size_t i = 0; i < m->info.depends.n; i++)
		if (closure(k, m->info.depends.v[i], soft, depth + 1, order, e) < 0)
			return err_prefix(e, "module %s", name);
	/* Two softdeps may name each other: only the module's own count then. */
	for (size_t i = 0; soft && depth == 0 && i < m->info.softdeps.n; i++)
		if (find(k, m->info.softdeps.v[i]) != NULL &&
		    closure(k, m->info.softdeps.v[i], soft, depth + 1, order, e) < 0)
			return err_prefix(e, "module %s", name);
	return strv_add_once(order, m->name, e);
}

int kmods_closure(struct kmods *k, const char *name, struct strv *order, struct err *e)
{
	return closure(k, name, true, 0, order, e);
}

int kmods_dependencies(
    struct kmods *k, const char *name, struct strv *order, struct err *e)
{
	struct kmod *m;
	int r = kmods_get(k, name, &m, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	for (size_t i = 0; i < m->info.depends.n; i++)
		if (closure(k, m->info.depends.v[i], false, 1, order, e) < 0)
			return -1;
	return 0;
}

/* "v00008086d" at p; "v*d" fits any. */
static const char *match_field(const char *p, char key, unsigned value)
{
	char want[10];

	if (*p++ != key)
		return NULL;
	if (*p == '*')
		return p + 1;
	snprintf(want, sizeof(want), "%08X", value);
	return strncasecmp(p, want, 8) == 0 ? p + 8 : NULL;
}

bool kmod_alias_is_pci(const char *alias, unsigned vendor, unsigned device)
{
	const char *p = alias;

	/* A driver for a vendor's whole class, but not one for anything. */
	if (strncmp(p, "pci:v", 5) != 0 || p[5] == '*')
		return false;
	p = match_field(p + 4, 'v', vendor);
	return p != NULL && match_field(p, 'd', device) != NULL;
}

int kmods_by_alias(struct kmods *k, const char *folder, kmod_alias_fn *fits,
    const void *arg, struct strv *names, struct err *e)
{
	for (size_t i = 0; i < k->n; i++) {
		struct kmod *m = &k->v[i];

		if (strncmp(m->path, folder, strlen(folder)) != 0)
			continue;
		if (read_info(m, e) < 0)
			return -1;
		for (size_t j = 0; j < m->info.aliases.n; j++)
			if (fits(m->info.aliases.v[j], arg) &&
			    strv_add_once(names, m->name, e) < 0)
				return -1;
	}
	return 0;
}

static bool is_pci(const char *alias, const void *arg)
{
	const unsigned *id = arg;

	return kmod_alias_is_pci(alias, id[0], id[1]);
}

int kmods_for_pci(struct kmods *k, const char *folder, unsigned vendor, unsigned device,
    struct strv *names, struct err *e)
{
	const unsigned id[] = {vendor, device};

	return kmods_by_alias(k, folder, is_pci, id, names, e);
}
