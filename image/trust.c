/* What is done with signatures and hashes: signing, and checking before a start. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "hash.h"
#include "image.h"
#include "keyring.h"
#include "manifest.h"
#include "trust.h"

#define SIGNATURE_NAME MANIFEST_NAME ".sig"
#define MINISIGN_NAME MANIFEST_NAME ".minisig"
#define PUBLIC_NAME MANIFEST_NAME ".pub"

static char *at(const char *dir, const char *name, struct err *e)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) >= 0)
		return path;
	err_sys(e, ENOMEM, "image");
	return NULL;
}

/* 1: there is none. */
static int read_signature(
    const char *dir, const char *name, char **path, struct signature *s, struct err *e)
{
	char AUTO_FREE *text = NULL;
	size_t len;

	*path = at(dir, name, e);
	if (*path == NULL)
		return -1;
	if (access(*path, F_OK) < 0 && errno == ENOENT)
		return 1;
	if (fs_read_file(*path, SIGN_FILE_MAX, &text, &len, e) < 0)
		return -1;
	return sign_parse(text, len, s, e) < 0 ? err_prefix(e, "%s", *path) : 0;
}

int trust_check(const char *dir, const char *manifest, size_t len,
    char signer[SIGN_NUMBER_TEXT], struct err *e)
{
	char AUTO_FREE *signify = NULL;
	char AUTO_FREE *minisign = NULL;
	char AUTO_FREE *path = at(dir, MANIFEST_NAME, e);
	struct signature s;
	int r = path == NULL ? -1 : read_signature(dir, SIGNATURE_NAME, &signify, &s, e);

	if (r == 1)
		r = read_signature(dir, MINISIGN_NAME, &minisign, &s, e);
	if (r == 0)
		return keyring_check(path, &s, manifest, len, signer, e);
	if (r == 1)
		err_set(e, ERR_PRECONDITION, "image: it is not signed: no %s", signify);
	if (e != NULL)
		e->code = ERR_PRECONDITION;
	return err_hint(e, "bhyfi image build, or bring the signature along");
}

int image_trusted(const char *dir, char signer[17], struct err *e)
{
	char AUTO_FREE *path = at(dir, MANIFEST_NAME, e);
	char AUTO_FREE *text = NULL;
	size_t len;

	if (path == NULL || fs_read_file(path, MANIFEST_MAX, &text, &len, e) < 0)
		return -1;
	return trust_check(dir, text, len, signer, e);
}

static int sign_manifest(const char *dir, const struct sign_secret *k, struct err *e)
{
	char AUTO_FREE *manifest = at(dir, MANIFEST_NAME, e);
	char AUTO_FREE *path = at(dir, SIGNATURE_NAME, e);
	char AUTO_FREE *public_path = at(dir, PUBLIC_NAME, e);
	char AUTO_FREE *text = NULL;
	char AUTO_FREE *sig = NULL;
	char AUTO_FREE *public = NULL;
	char name[KEYRING_NAME_MAX], comment[KEYRING_NAME_MAX + 16];
	size_t len;

	keyring_name(&k->public, name);
	snprintf(comment, sizeof(comment), "verify with %s", name);
	if (manifest == NULL || path == NULL || public_path == NULL ||
	    fs_read_file(manifest, MANIFEST_MAX, &text, &len, e) < 0 ||
	    (sig = sign_text(k, comment, text, len, e)) == NULL ||
	    (public = sign_public_text(&k->public, "of a bhyfi image", e)) == NULL)
		return -1;
	/* The signature last: with it the image counts as signed. */
	if (fs_write_atomic(public_path, 0644, public, strlen(public), e) < 0)
		return -1;
	return fs_write_atomic(path, 0644, sig, strlen(sig), e);
}

int image_sign(const char *dir, const char *key, struct err *e)
{
	struct sign_secret k;
	int r = key == NULL || key[0] == '\0' ? keyring_host(&k, e)
					      : keyring_secret(key, &k, e);

	if (r == 0)
		r = sign_manifest(dir, &k, e);
	explicit_bzero(&k, sizeof(k));
	return r;
}

static const char *hash_of(const struct image *img, const char *path)
{
	const char *name = strrchr(path, '/');

	return json_string_value(json_object_get(
	    json_object_get(img->artefacts, name == NULL ? path : name + 1), "sha256"));
}

int image_check_data(const struct image *img, const char *path, const void *data,
    size_t len, struct err *e)
{
	const char *want = hash_of(img, path);
	char hex[HASH_HEX];

	if (hash_data(data, len, hex, e) < 0)
		return -1;
	if (want != NULL && strcmp(hex, want) == 0)
		return 0;
	err_set(e, ERR_PRECONDITION,
	    "image: %s: damaged: its content is not what the manifest says", path);
	return err_hint(e, "bhyfi image build");
}

struct job {
	const struct image_file *file;
	const char *want;
	pthread_t thread;
	bool started;
	int r;
	struct err err;
};

static void *check_one(void *arg)
{
	struct job *j = arg;
	char hex[HASH_HEX];

	if (hash_at(j->file->fd, j->file->path, hex, &j->err) < 0) {
		j->r = -1;
	} else if (j->want == NULL || strcmp(hex, j->want) != 0) {
		j->r = err_set(&j->err, ERR_PRECONDITION,
		    "image: %s: damaged: its content is not what the manifest says",
		    j->file->path);
		err_hint(&j->err, "bhyfi image build");
	}
	return NULL;
}

/* The last of them here, the others in threads: where none can be had, one after the
 * other. */
int image_check_files(
    const struct image *img, const struct image_file *files, size_t n, struct err *e)
{
	struct job *jobs = calloc(n + 1, sizeof(*jobs));
	int r = 0;

	if (jobs == NULL)
		return err_sys(e, ENOMEM, "image");
	for (size_t i = 0; i < n; i++) {
		jobs[i].file = &files[i];
		jobs[i].want = hash_of(img, files[i].path);
		jobs[i].started = i + 1 < n && pthread_create(&jobs[i].thread, NULL,
						   check_one, &jobs[i]) == 0;
	}
	for (size_t i = 0; i < n; i++)
		if (!jobs[i].started)
			check_one(&jobs[i]);
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].started)
			pthread_join(jobs[i].thread, NULL);
		if (jobs[i].r < 0 && r == 0) {
			r = -1;
			if (e != NULL)
				*e = jobs[i].err;
		}
	}
	free(jobs);
	return r;
}
