/*
 * sbom.json by the rules of CycloneDX 1.5 (its bom-1.5.schema.json): the members that
 * have to be there, their forms, and that every package and file of the manifest is.
 * BHYFI_TEST_IMAGE=DIR checks the one of an image that was built.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "sbom.h"

#define REFS_MAX 20000
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct err e;

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; s != NULL && *list != NULL; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

/* ^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$ */
static bool is_serial(const char *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (s == NULL || strncmp(s, "urn:uuid:", 9) != 0 ||
	    strlen(s + 9) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i] != '\0'; i++) {
		bool hex = strchr("0123456789abcdef", s[9 + i]) != NULL;

		if (form[i] == 'x' ? !hex : s[9 + i] != form[i])
			return false;
	}
	return true;
}

static void check_hashes(const json_t *component)
{
	json_t *list = json_object_get(component, "hashes"), *h;
	size_t i;

	json_array_foreach (list, i, h) {
		const char *content = text(h, "content");

		assert_string_equal(text(h, "alg"), "SHA-256");
		assert_non_null(content);
		assert_int_equal(strlen(content), 64);
		assert_int_equal(strspn(content, "0123456789abcdef"), 64);
	}
}

/* licenseChoice: a list of {license: {id or name}}, or of one {expression}. */
static void check_licenses(const json_t *component)
{
	json_t *list = json_object_get(component, "licenses"), *l;
	size_t i;

	json_array_foreach (list, i, l) {
		const json_t *license = json_object_get(l, "license");

		assert_int_equal(json_object_size(l), 1);
		assert_true(
		    (text(license, "id") != NULL) != (text(license, "name") != NULL));
	}
}

struct refs {
	const char *v[REFS_MAX];
	size_t n;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_component(const json_t *c, struct refs *refs)
{
	static const char *const types[] = {"application", "framework", "library",
	    "container", "platform", "operating-system", "device", "device-driver",
	    "firmware", "file", "machine-learning-model", "data", NULL};
	json_t *inner;
	size_t i;

	assert_true(is_one_of(text(c, "type"), types));
	assert_non_null(text(c, "name"));
	assert_true(text(c, "name")[0] != '\0');
	assert_non_null(text(c, "bom-ref"));
	assert_true(text(c, "bom-ref")[0] != '\0');
	assert_true(refs->n < REFS_MAX);
	refs->v[refs->n++] = text(c, "bom-ref");
	if (text(c, "purl") != NULL)
		assert_int_equal(strncmp(text(c, "purl"), "pkg:", 4), 0);
	check_hashes(c);
	check_licenses(c);
	json_array_foreach (json_object_get(c, "components"), i, inner)
		check_component(inner, refs);
}

static bool refers(const struct refs *r, const char *ref)
{
	return bsearch(&ref, r->v, r->n, sizeof(r->v[0]), by_text) != NULL;
}

static void check_bom(const json_t *bom)
{
	static const char *const members[] = {"bomFormat", "specVersion", "serialNumber",
	    "version", "metadata", "components", "dependencies", NULL};
	const json_t *meta = json_object_get(bom, "metadata");
	struct refs *refs = calloc(1, sizeof(*refs));
	const char *key;
	json_t *v, *on;
	size_t i, k;

	assert_non_null(refs);
	json_object_foreach ((json_t *)(uintptr_t)bom, key, v)
		assert_true(is_one_of(key, members));
	assert_string_equal(text(bom, "bomFormat"), "CycloneDX");
	assert_string_equal(text(bom, "specVersion"), "1.5");
	assert_true(is_serial(text(bom, "serialNumber")));
	assert_true(json_integer_value(json_object_get(bom, "version")) >= 1);
	check_component(json_object_get(meta, "component"), refs);
	json_array_foreach (json_object_get(bom, "components"), i, v)
		check_component(v, refs);
	qsort(refs->v, refs->n, sizeof(refs->v[0]), by_text);
	for (i = 1; i < refs->n; i++)
		assert_string_not_equal(refs->v[i - 1], refs->v[i]);
	json_array_foreach (json_object_get(bom, "dependencies"), i, v) {
		assert_true(refers(refs, text(v, "ref")));
		json_array_foreach (json_object_get(v, "dependsOn"), k, on)
			assert_true(refers(refs, json_string_value(on)));
	}
	free(refs);
}

static const json_t *named(const json_t *list, const char *name)
{
	const json_t *c;
	size_t i;

	json_array_foreach (list, i, c)
		if (strcmp(text(c, "name"), name) == 0)
			return c;
	return NULL;
}

/* Each package with its files, each file once. */
static void check_complete(const json_t *bom, const json_t *manifest)
{
	const json_t *list = json_object_get(bom, "components");
	json_t *files, *f, *p;
	const char *archive;
	size_t i;

	json_array_foreach (json_object_get(manifest, "packages"), i, p) {
		const json_t *c = named(list, text(p, "name"));

		assert_non_null(c);
		assert_string_equal(text(c, "version"), text(p, "version"));
		assert_string_equal(
		    text(json_array_get(json_object_get(c, "hashes"), 0), "content"),
		    text(p, "sha256"));
	}
	json_object_foreach (json_object_get(manifest, "files"), archive, files)
		json_array_foreach (files, i, f) {
			const char *package = text(f, "package");
			const json_t *c =
			    named(list, package != NULL               ? package
					: named(list, "root") != NULL ? "root"
								      : "bhyfi");
			const json_t *found =
			    named(json_object_get(c, "components"), text(f, "path"));

			if (text(f, "sha256") == NULL)
				continue;
			assert_non_null(found);
			assert_string_equal(
			    text(json_array_get(json_object_get(found, "hashes"), 0),
				"content"),
			    text(f, "sha256"));
		}
}

static json_t *a_manifest(const char *source)
{
	json_t *m = json_pack("{s:s, s:s, s:s, s:s, s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}],"
			      " s:{s:{s:i, s:s}}, s:{s:[{s:s, s:s}, {s:s, s:s, s:s, s:s},"
			      " {s:s, s:s, s:s, s:s}, {s:s, s:s, s:s}]}}",
	    "id", "0123456789abcdef-6.1.0", "source", source, "kernel", "6.1.0", "card",
	    "8086:2723", "packages", "name", "libstdc++6", "version",
	    "1:12.2.0-14+deb12u1", "sha256", HEX64, "name", "wpasupplicant", "version",
	    "2:2.10-12~x", "sha256", HEX64, "artefacts", "initrd", "size", 3, "sha256",
	    HEX64, "files", "initrd", "path", "/usr", "type", "folder", "path",
	    "/usr/lib/libstdc++.so.6", "type", "file", "sha256", HEX64, "package",
	    "libstdc++6", "path", "/usr/sbin/wpa_supplicant", "type", "file", "sha256",
	    HEX64, "package", "wpasupplicant", "path", "/init", "type", "file", "sha256",
	    HEX64);

	assert_non_null(m);
	return m;
}

static char name[] = "wpasupplicant", license[] = "BSD-3-Clause";
static struct package packages[] = {{.name = name, .license = license}};
static const struct source known = {.packages = packages, .package_count = 1};

static void by_the_rules(void **state)
{
	json_t *m = a_manifest("debian"), *bom = sbom_make(m, &known, &e), *list;
	const json_t *c;

	(void)state;
	assert_non_null(bom);
	check_bom(bom);
	check_complete(bom, m);
	list = json_object_get(bom, "components");
	c = named(list, "libstdc++6");
	assert_string_equal(text(c, "purl"),
	    "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bdeb12u1?arch=amd64");
	c = json_object_get(json_array_get(json_object_get(c, "licenses"), 0), "license");
	assert_string_equal(text(c, "name"), "NOASSERTION");
	c = named(list, "wpasupplicant");
	c = json_object_get(json_array_get(json_object_get(c, "licenses"), 0), "license");
	assert_string_equal(text(c, "name"), "BSD-3-Clause");
	json_decref(bom);
	json_decref(m);
}

/* From the same image the same bill; from another one, another. */
static void no_time_and_no_chance(void **state)
{
	json_t *m = a_manifest("alpine");
	json_t *one = sbom_make(m, &known, &e), *two = sbom_make(m, &known, &e);

	(void)state;
	assert_true(json_equal(one, two));
	check_bom(one);
	assert_string_equal(
	    text(named(json_object_get(one, "components"), "wpasupplicant"), "purl"),
	    "pkg:apk/alpine/wpasupplicant@2%3A2.10-12~x?arch=x86_64");
	json_decref(two);
	json_object_set_new(m, "id", json_string("fedcba9876543210-6.1.0"));
	two = sbom_make(m, &known, &e);
	assert_string_not_equal(text(one, "serialNumber"), text(two, "serialNumber"));
	json_decref(one);
	json_decref(two);
	json_decref(m);
}

/* A root has no packages, and its files are not ours. */
static void of_a_root(void **state)
{
	json_t *m = a_manifest("dir"), *bom, *f;
	size_t i;

	(void)state;
	json_object_set_new(m, "packages", json_array());
	json_array_foreach (json_object_get(json_object_get(m, "files"), "initrd"), i, f)
		json_object_del(f, "package");
	bom = sbom_make(m, &known, &e);
	assert_non_null(bom);
	check_bom(bom);
	check_complete(bom, m);
	json_decref(bom);
	json_decref(m);
}

static void of_an_image(void **state)
{
	const char *dir = getenv("BHYFI_TEST_IMAGE");
	char AUTO_FREE *path = NULL;
	json_t *m, *bom;

	(void)state;
	if (dir == NULL)
		return;
	assert_true(asprintf(&path, "%s/" SBOM_NAME, dir) > 0);
	m = manifest_read(dir, &e);
	bom = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(m);
	assert_non_null(bom);
	check_bom(bom);
	check_complete(bom, m);
	json_decref(m);
	json_decref(bom);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_the_rules),
	    cmocka_unit_test(no_time_and_no_chance),
	    cmocka_unit_test(of_a_root),
	    cmocka_unit_test(of_an_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
