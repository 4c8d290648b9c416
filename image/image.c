#include "image.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "hash.h"
#include "manifest.h"
#include "paths.h"
#include "trust.h"

static const char *const stage_names[] = {
    "lists", "packages", "closure", "kernel", "initrd", "uki", "esp", "manifest"};
_Static_assert(ARRAY_LEN(stage_names) == IMAGE_STAGE_COUNT, "a name for each stage");

const char *image_stage_name(enum image_stage stage)
{
	return stage < IMAGE_STAGE_COUNT ? stage_names[stage] : "?";
}

/* The image's folder without links: `current` may move on while we use it. */
static char *real_dir(const char *dir, struct err *e)
{
	char next[sizeof(PATH_IMAGES) + STORE_ID_MAX + 1] = PATH_IMAGES "/current";
	struct store s;
	char *real;

	if (dir == NULL && store_read(PATH_IMAGES, &s, NULL) == 0 &&
	    store_next(&s)[0] != '\0')
		snprintf(next, sizeof(next), PATH_IMAGES "/%s", store_next(&s));
	if (dir == NULL)
		dir = next;
	real = realpath(dir, NULL);
	if (real != NULL)
		return real;
	if (errno == ENOENT) {
		err_set(e, ERR_PRECONDITION, "no image: %s", dir);
		err_hint(e, "bhyfi image build");
	} else {
		err_sys(e, errno, "%s", dir);
	}
	return NULL;
}

static json_t *open_manifest(const char *dir, struct err *e)
{
	json_t *m = manifest_read(dir, e);

	if (m == NULL && e != NULL) {
		err_prefix(e, "image");
		err_hint(e, "bhyfi image build");
		e->code = ERR_PRECONDITION;
	}
	return m;
}

static int check_size(const char *path, const json_t *artefact, struct err *e)
{
	json_int_t want = json_integer_value(json_object_get(artefact, "size"));
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(e, errno, "image: %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size != want)
		return err_set(e, ERR_FAILED, "image: %s: not %lld bytes long", path,
		    (long long)want);
	return 0;
}

static int open_artefacts(struct image *img, const json_t *m, struct err *e)
{
	const json_t *artefacts = json_object_get(m, "artefacts");
	char **const fields[] = {&img->vmlinuz, &img->vmlinux, &img->initrd,
	    &img->air_initrd, &img->air_initrd_cpio, &img->uki, &img->esp, &img->stub,
	    &img->sbom};

	for (size_t i = 0; artefact_names[i] != NULL; i++) {
		const json_t *a = json_object_get(artefacts, artefact_names[i]);

		if (a == NULL)
			continue;
		if (asprintf(fields[i], "%s/%s", img->dir, artefact_names[i]) < 0) {
			*fields[i] = NULL;
			return err_sys(e, ENOMEM, "image");
		}
		if (check_size(*fields[i], a, e) < 0) {
			if (e != NULL)
				e->code = ERR_PRECONDITION;
			return err_hint(e, "bhyfi image build");
		}
	}
	return 0;
}

/* The manifest's text is read once: what is checked is what is used. */
static json_t *trusted_manifest(struct image *img, struct err *e)
{
	char AUTO_FREE *path = NULL;
	char AUTO_FREE *text = NULL;
	json_t *m = NULL;
	size_t len;

	if (asprintf(&path, "%s/" MANIFEST_NAME, img->dir) < 0) {
		path = NULL;
		err_sys(e, ENOMEM, "image");
		return NULL;
	}
	if (fs_read_file(path, MANIFEST_MAX, &text, &len, e) == 0 &&
	    trust_check(img->dir, text, len, img->signer, e) < 0)
		return NULL;
	if (text != NULL)
		m = manifest_parse(text, len, e);
	if (m == NULL && e != NULL) {
		err_prefix(e, "image: %s", path);
		err_hint(e, "bhyfi image build");
		e->code = ERR_PRECONDITION;
	}
	return m;
}

static int open_as(const char *dir, bool trusted, struct image *img, struct err *e)
{
	json_t *m;
	int r = -1;

	*img = (struct image){0};
	img->dir = real_dir(dir, e);
	if (img->dir == NULL)
		return -1;
	m = trusted ? trusted_manifest(img, e) : open_manifest(img->dir, e);
	if (m == NULL)
		return -1;
	img->artefacts = json_incref(json_object_get(m, "artefacts"));
	img->id = strdup(json_string_value(json_object_get(m, "id")));
	img->kernel_version = strdup(json_string_value(json_object_get(m, "kernel")));
	if (img->id == NULL || img->kernel_version == NULL)
		err_sys(e, ENOMEM, "image");
	else
		r = open_artefacts(img, m, e);
	json_decref(m);
	return r;
}

int image_open(const char *dir, struct image *img, struct err *e)
{
	return open_as(dir, false, img, e);
}

int image_open_trusted(const char *dir, struct image *img, struct err *e)
{
	return open_as(dir, true, img, e);
}

void image_close(struct image *img)
{
	free(img->dir);
	free(img->id);
	free(img->kernel_version);
	free(img->vmlinuz);
	free(img->vmlinux);
	free(img->initrd);
	free(img->air_initrd);
	free(img->air_initrd_cpio);
	free(img->uki);
	free(img->esp);
	free(img->stub);
	free(img->sbom);
	json_decref(img->artefacts);
	*img = (struct image){0};
}

int image_info(const char *dir, json_t **info, struct err *e)
{
	char AUTO_FREE *real = real_dir(dir, e);
	char AUTO_FREE *current = realpath(PATH_IMAGES "/current", NULL);
	char AUTO_FREE *candidate = realpath(PATH_IMAGES "/candidate", NULL);
	json_t *m;

	*info = NULL;
	if (real == NULL || (m = open_manifest(real, e)) == NULL)
		return -1;
	json_object_del(m, "files");
	if (json_object_set_new(m, "dir", json_string(real)) != 0 ||
	    json_object_set_new(m, "current",
		json_boolean(current != NULL && strcmp(current, real) == 0)) != 0 ||
	    json_object_set_new(m, "candidate",
		json_boolean(candidate != NULL && strcmp(candidate, real) == 0 &&
			     (current == NULL || strcmp(current, real) != 0))) != 0) {
		json_decref(m);
		return err_sys(e, ENOMEM, "image");
	}
	*info = m;
	return 0;
}

static int verify_artefacts(const char *dir, const json_t *m, struct err *e)
{
	const json_t *artefacts = json_object_get(m, "artefacts");
	char hex[HASH_HEX];

	for (size_t i = 0; artefact_names[i] != NULL; i++) {
		const json_t *a = json_object_get(artefacts, artefact_names[i]);
		char AUTO_FREE *path = NULL;

		if (a == NULL)
			continue;
		if (asprintf(&path, "%s/%s", dir, artefact_names[i]) < 0)
			return err_sys(e, ENOMEM, "image");
		if (check_size(path, a, e) < 0 || hash_file(path, hex, e) < 0)
			return -1;
		if (strcmp(hex, json_string_value(json_object_get(a, "sha256"))) != 0)
			return err_set(e, ERR_FAILED,
			    "image: %s: its hash is not the manifest's", path);
	}
	return 0;
}

int image_verify(const char *dir, struct err *e)
{
	char AUTO_FREE *real = real_dir(dir, e);
	char AUTO_FREE *id = NULL;
	json_t *m;
	int r = -1;

	if (real == NULL || (m = open_manifest(real, e)) == NULL)
		return -1;
	id = manifest_id(m, e);
	if (id != NULL && strcmp(id, json_string_value(json_object_get(m, "id"))) != 0)
		err_set(e, ERR_FAILED,
		    "image: %s/" MANIFEST_NAME ": its content does not give its id",
		    real);
	else if (id != NULL)
		r = verify_artefacts(real, m, e);
	json_decref(m);
	return r;
}
