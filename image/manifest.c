#include "manifest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fs.h"
#include "hash.h"

const char *const artefact_names[] = {"vmlinuz", "vmlinux", "initrd", "air.initrd",
    "air.initrd.cpio", "uki.efi", "esp.img", "stub.efi", "sbom.json", NULL};

static const char *const type_names[] = {"folder", "file", "link", "console"};
_Static_assert(ARRAY_LEN(type_names) == NODE_CONSOLE + 1, "a name for each type");

static json_t *no_memory(struct err *e)
{
	err_sys(e, ENOMEM, "manifest");
	return NULL;
}

static json_t *file_object(const struct node *n, const struct source *s, struct err *e)
{
	char hex[HASH_HEX];
	json_t *o = json_object();
	int r;

	r = json_object_set_new(o, "path", json_sprintf("/%s", n->path));
	r |= json_object_set_new(o, "type", json_string(type_names[n->type]));
	if (n->type == NODE_FILE) {
		if (hash_data(n->data, n->len, hex, e) < 0) {
			json_decref(o);
			return NULL;
		}
		r |= json_object_set_new(o, "size", json_integer((json_int_t)n->len));
		r |= json_object_set_new(o, "sha256", json_string(hex));
	}
	if (n->type == NODE_LINK)
		r |= json_object_set_new(o, "target", json_string(n->data));
	if (n->why != NULL)
		r |= json_object_set_new(o, "why", json_string(n->why));
	if (n->package != NO_PACKAGE)
		r |= json_object_set_new(
		    o, "package", json_string(s->packages[n->package].name));
	if (r == 0)
		return o;
	json_decref(o);
	return no_memory(e);
}

json_t *manifest_files(
    const struct tree *t, const struct source *s, bool *used, struct err *e)
{
	json_t *list = json_array();

	if (list == NULL)
		return no_memory(e);
	for (size_t i = 0; i < t->n; i++) {
		json_t *o = file_object(&t->v[i], s, e);

		if (o == NULL || json_array_append_new(list, o) != 0) {
			json_decref(list);
			return o == NULL ? NULL : no_memory(e);
		}
		if (t->v[i].package != NO_PACKAGE)
			used[t->v[i].package] = true;
	}
	return list;
}

static int by_name(const void *a, const void *b)
{
	const struct package *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

json_t *manifest_packages(const struct source *s, const bool *used, struct err *e)
{
	const struct package AUTO_FREE **sorted =
	    calloc(s->package_count + 1, sizeof(*sorted));
	json_t *list = json_array();
	size_t n = 0;

	if (sorted == NULL || list == NULL)
		goto fail;
	for (size_t i = 0; i < s->package_count; i++)
		if (used[i])
			sorted[n++] = &s->packages[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++) {
		json_t *o = json_pack("{s:s, s:s, s:s}", "name", sorted[i]->name,
		    "version", sorted[i]->version, "sha256", sorted[i]->sha256);

		if (o == NULL || json_array_append_new(list, o) != 0)
			goto fail;
	}
	return list;
fail:
	json_decref(list);
	return no_memory(e);
}

json_t *manifest_artefact(const char *dir, const char *name, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char hex[HASH_HEX];
	struct stat st;
	json_t *o;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return no_memory(e);
	if (stat(path, &st) < 0) {
		err_sys(e, errno, "%s", path);
		return NULL;
	}
	if (hash_file(path, hex, e) < 0)
		return NULL;
	o = json_pack("{s:I, s:s}", "size", (json_int_t)st.st_size, "sha256", hex);
	return o == NULL ? no_memory(e) : o;
}

/* Of the artefacts that hold something compressed, "cpio" has the content. The bill of
 * materials carries the id. */
static int without_derived(json_t *copy)
{
	static const char *const derived[] = {
	    "initrd", "air.initrd", "uki.efi", "esp.img", SBOM_NAME};
	json_t *artefacts = json_copy(json_object_get(copy, "artefacts"));

	json_object_del(copy, "id");
	json_object_del(copy, "compressor");
	if (artefacts == NULL)
		return json_object_get(copy, "artefacts") == NULL ? 0 : -1;
	for (size_t i = 0; i < ARRAY_LEN(derived); i++)
		json_object_del(artefacts, derived[i]);
	return json_object_set_new(copy, "artefacts", artefacts);
}

char *manifest_id(const json_t *manifest, struct err *e)
{
	const char *kernel = json_string_value(json_object_get(manifest, "kernel"));
	json_t *copy = json_copy((json_t *)(uintptr_t)manifest);
	char AUTO_FREE *text = NULL;
	char hex[HASH_HEX];
	char *id = NULL;

	if (copy != NULL) {
		if (without_derived(copy) == 0)
			text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
		json_decref(copy);
	}
	if (text == NULL || kernel == NULL) {
		no_memory(e);
		return NULL;
	}
	if (hash_data(text, strlen(text), hex, e) < 0)
		return NULL;
	if (asprintf(&id, "%.16s-%s", hex, kernel) < 0) {
		no_memory(e);
		return NULL;
	}
	return id;
}

int manifest_write(const char *dir, const json_t *manifest, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *text = json_dumps(manifest, JSON_INDENT(1) | JSON_SORT_KEYS);

	if (text == NULL || asprintf(&path, "%s/" MANIFEST_NAME, dir) < 0)
		return err_sys(e, ENOMEM, "manifest");
	return fs_write_atomic(path, 0644, text, strlen(text), e);
}

/* Versions and ids become parts of paths and lines. */
static bool plain(const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s);

	if (n == 0 || n > 200 || s[0] == '.')
		return false;
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("._+~-", *s) == NULL)
			return false;
	return true;
}

static bool is_hash(const char *s)
{
	return s != NULL && strlen(s) == HASH_HEX - 1 &&
	       strspn(s, "0123456789abcdef") == HASH_HEX - 1;
}

static int check_artefacts(const json_t *artefacts, struct err *e)
{
	static const char *const required[] = {"vmlinuz", "vmlinux", "initrd"};
	size_t known = 0;

	for (size_t i = 0; artefact_names[i] != NULL; i++) {
		const json_t *a = json_object_get(artefacts, artefact_names[i]);

		if (a == NULL)
			continue;
		known++;
		if (json_integer_value(json_object_get(a, "size")) <= 0 ||
		    !is_hash(json_string_value(json_object_get(a, "sha256"))))
			return err_set(
			    e, ERR_FAILED, "artefact %s: bad entry", artefact_names[i]);
	}
	if (known != json_object_size(artefacts))
		return err_set(e, ERR_FAILED, "an artefact that is not known");
	for (size_t i = 0; i < ARRAY_LEN(required); i++)
		if (json_object_get(artefacts, required[i]) == NULL)
			return err_set(
			    e, ERR_FAILED, "artefact %s: not there", required[i]);
	return 0;
}

static int check(const json_t *m, struct err *e)
{
	if (json_integer_value(json_object_get(m, "format")) != MANIFEST_FORMAT) {
		err_set(e, ERR_FAILED, "not of format %d", MANIFEST_FORMAT);
		return err_hint(e, "bhyfi image build");
	}
	if (!plain(json_string_value(json_object_get(m, "id"))))
		return err_set(e, ERR_FAILED, "id: missing or bad");
	if (!plain(json_string_value(json_object_get(m, "kernel"))))
		return err_set(e, ERR_FAILED, "kernel: missing or bad");
	return check_artefacts(json_object_get(m, "artefacts"), e);
}

json_t *manifest_parse(const char *text, size_t len, struct err *e)
{
	json_error_t why;
	json_t *m = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

	if (m == NULL) {
		err_set(e, ERR_FAILED, "line %d: %s", why.line, why.text);
		return NULL;
	}
	if (check(m, e) < 0) {
		json_decref(m);
		return NULL;
	}
	return m;
}

json_t *manifest_read(const char *dir, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *text = NULL;
	size_t len;
	json_t *m;

	if (asprintf(&path, "%s/" MANIFEST_NAME, dir) < 0)
		return no_memory(e);
	if (fs_read_file(path, MANIFEST_MAX, &text, &len, e) < 0)
		return NULL;
	m = manifest_parse(text, len, e);
	if (m == NULL)
		err_prefix(e, "%s", path);
	return m;
}
