#include "sbom.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fs.h"
#include "hash.h"
#include "paths.h"

#define OWN "bhyfi"
#define PURL_MAX 512

/* By the source's name: the type and namespace of a purl, and the architecture as that
 * distribution calls it. */
static const struct purl_kind {
	const char *source, *prefix, *arch;
} purl_kinds[] = {
    {"debian", "pkg:deb/debian/", "amd64"},
    {"alpine", "pkg:apk/alpine/", "x86_64"},
};

static const struct purl_kind *purl_kind(const char *source)
{
	for (size_t i = 0; i < ARRAY_LEN(purl_kinds); i++)
		if (source != NULL && strcmp(purl_kinds[i].source, source) == 0)
			return &purl_kinds[i];
	return NULL;
}

/* Percent-encoded but for what the purl specification leaves as it is. */
static void append_encoded(char *out, size_t size, const char *text)
{
	size_t n = strlen(out);

	for (; *text != '\0' && n + 4 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr(".-_~", c) != NULL)
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, size - n, "%%%02X", c);
	}
	out[n] = '\0';
}

static void make_purl(
    const struct purl_kind *kind, const char *name, const char *version, char *out)
{
	out[0] = '\0';
	snprintf(out, PURL_MAX, "%s", kind == NULL ? "pkg:generic/" : kind->prefix);
	append_encoded(out, PURL_MAX, name);
	if (version != NULL) {
		strncat(out, "@", PURL_MAX - strlen(out) - 1);
		append_encoded(out, PURL_MAX, version);
	}
	if (kind != NULL && strlen(out) + strlen(kind->arch) + 7 < PURL_MAX) {
		strcat(out, "?arch=");
		strcat(out, kind->arch);
	}
}

/* [{"alg": "SHA-256", "content": HEX}] */
static json_t *hashes(const char *hex)
{
	return json_pack("[{s:s, s:s}]", "alg", "SHA-256", "content", hex);
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* One whose members are not all there is none: out of memory. */
static int append(json_t *list, json_t *o, struct err *e)
{
	return o != NULL && json_array_append_new(list, o) == 0
		   ? 0
		   : err_sys(e, ENOMEM, SBOM_NAME);
}

/* What stands in place of a licence that the source does not say is SPDX's word for it;
 * names of licences that are no SPDX expression stay what they are. */
static json_t *licenses(const char *license)
{
	return json_pack("[{s:{s:s}}]", "license", "name",
	    license != NULL && license[0] != '\0' ? license : "NOASSERTION");
}

/* A file of an archive, by its entry in the manifest. */
static json_t *file_component(const char *archive, const json_t *file)
{
	return json_pack("{s:s, s:o, s:s, s:o}", "type", "file", "bom-ref",
	    json_sprintf("%s:%s", archive, text(file, "path")), "name",
	    text(file, "path"), "hashes", hashes(text(file, "sha256")));
}

/* The files of one package (NULL: of none, which are ours) in all archives. */
static json_t *files_of(const json_t *manifest, const char *package, struct err *e)
{
	json_t *archives = json_object_get(manifest, "files"), *list, *file;
	json_t *out = json_array();
	const char *archive;
	size_t i;

	json_object_foreach (archives, archive, list)
		json_array_foreach (list, i, file) {
			const char *of = text(file, "package");
			bool same = package == NULL
					? of == NULL
					: of != NULL && strcmp(of, package) == 0;

			if (!same || text(file, "sha256") == NULL)
				continue;
			if (append(out, file_component(archive, file), e) < 0) {
				json_decref(out);
				return NULL;
			}
		}
	return out;
}

static const char *license_of(const struct source *s, const char *name)
{
	for (size_t i = 0; i < s->package_count; i++)
		if (s->packages[i].name != NULL && strcmp(s->packages[i].name, name) == 0)
			return s->packages[i].license;
	return NULL;
}

static json_t *package_component(
    const json_t *manifest, const json_t *package, const struct source *s, struct err *e)
{
	const char *name = text(package, "name"), *version = text(package, "version");
	char purl[PURL_MAX];
	json_t *files, *o;

	if (name == NULL || version == NULL || text(package, "sha256") == NULL) {
		err_set(e, ERR_FAILED, SBOM_NAME ": a package without name or version");
		return NULL;
	}
	files = files_of(manifest, name, e);
	if (files == NULL)
		return NULL;
	make_purl(purl_kind(text(manifest, "source")), name, version, purl);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "type", "library", "bom-ref",
	    purl, "name", name, "version", version, "purl", purl, "hashes",
	    hashes(text(package, "sha256")), "licenses", licenses(license_of(s, name)));
	if (o == NULL || json_object_set_new(o, "components", files) != 0) {
		json_decref(o);
		err_sys(e, ENOMEM, SBOM_NAME);
		return NULL;
	}
	return o;
}

/* Our own programs, and what the builder wrote; or the files of a root, which has no
 * packages and may hold anything. */
static json_t *own_component(const json_t *manifest, struct err *e)
{
	bool root = purl_kind(text(manifest, "source")) == NULL;
	const char *name = root ? "root" : OWN, *license = root ? NULL : "BSD-2-Clause";
	json_t *files = files_of(manifest, NULL, e);
	char purl[PURL_MAX];
	json_t *o;

	if (files == NULL)
		return NULL;
	make_purl(NULL, name, root ? NULL : BHYFI_VERSION, purl);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "type", "application",
	    "bom-ref", purl, "name", name, "version", BHYFI_VERSION, "purl", purl,
	    "licenses", licenses(license), "components", files);
	if (root)
		json_object_del(o, "version");
	return o;
}

/* The files of the image itself. */
static int add_artefacts(const json_t *manifest, json_t *list, struct err *e)
{
	json_t *artefacts = json_object_get(manifest, "artefacts"), *a;
	const char *name;

	json_object_foreach (artefacts, name, a)
		if (append(list,
			json_pack("{s:s, s:o, s:s, s:o}", "type", "file", "bom-ref",
			    json_sprintf("artefact:%s", name), "name", name, "hashes",
			    hashes(text(a, "sha256"))),
			e) < 0)
			return -1;
	return 0;
}

static json_t *components(const json_t *manifest, const struct source *s, struct err *e)
{
	json_t *packages = json_object_get(manifest, "packages"), *package;
	json_t *list = json_array();
	size_t i;
	int r = 0;

	json_array_foreach (packages, i, package)
		if (r == 0 && text(package, "name") != NULL) {
			json_t *o = package_component(manifest, package, s, e);

			r = o == NULL ? -1 : append(list, o, e);
		}
	if (r == 0)
		r = append(list, own_component(manifest, e), e);
	if (r == 0)
		r = add_artefacts(manifest, list, e);
	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* RFC 9562, 5.8: version 8 is for whoever has a way of his own to make one. */
static int serial(const char *id, char out[64], struct err *e)
{
	char hex[HASH_HEX];

	if (hash_data(id, strlen(id), hex, e) < 0)
		return -1;
	hex[12] = '8';
	hex[16] = "89ab"[hex[16] % 4];
	snprintf(out, 64, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
	    hex + 16, hex + 20);
	return 0;
}

/* All that it depends on, by reference. */
static json_t *dependencies(const char *image, const json_t *list, struct err *e)
{
	json_t *refs = json_array();
	const json_t *o;
	size_t i;

	json_array_foreach (list, i, o)
		if (strcmp(text(o, "type"), "file") != 0 &&
		    append(refs, json_string(text(o, "bom-ref")), e) < 0) {
			json_decref(refs);
			return NULL;
		}
	return json_pack("[{s:s, s:o}]", "ref", image, "dependsOn", refs);
}

json_t *sbom_make(const json_t *manifest, const struct source *s, struct err *e)
{
	const char *id = text(manifest, "id"), *card = text(manifest, "card");
	char urn[64], ref[PURL_MAX];
	json_t *list, *depends, *o;

	if (id == NULL || serial(id, urn, e) < 0 ||
	    (list = components(manifest, s, e)) == NULL)
		return NULL;
	snprintf(ref, sizeof(ref), "image:%s", id);
	depends = dependencies(ref, list, e);
	if (depends == NULL) {
		json_decref(list);
		return NULL;
	}
	o = json_pack("{s:s, s:s, s:s, s:i, s:{s:{s:[{s:s, s:s, s:s}]},"
		      " s:{s:s, s:s, s:s, s:s, s:[{s:s, s:s}, {s:s, s:s}]}}, s:o, s:o}",
	    "bomFormat", "CycloneDX", "specVersion", "1.5", "serialNumber", urn,
	    "version", 1, "metadata", "tools", "components", "type", "application",
	    "name", OWN, "version", BHYFI_VERSION, "component", "type",
	    "operating-system", "bom-ref", ref, "name", "bhyfi-image", "version", id,
	    "properties", "name", "bhyfi:kernel", "value", text(manifest, "kernel"),
	    "name", "bhyfi:card", "value", card != NULL ? card : "none", "components",
	    list, "dependencies", depends);
	if (o == NULL)
		err_sys(e, ENOMEM, SBOM_NAME);
	return o;
}

int sbom_write(const char *dir, const json_t *sbom, struct err *e)
{
	char AUTO_FREE *out = json_dumps(sbom, JSON_INDENT(1) | JSON_SORT_KEYS);
	char AUTO_FREE *path = NULL;

	if (out == NULL || asprintf(&path, "%s/" SBOM_NAME, dir) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, SBOM_NAME);
	}
	return fs_write_atomic(path, 0644, out, strlen(out), e);
}
