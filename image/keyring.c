#include "keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fs.h"
#include "log.h"

#define KEYS_MAX 1000

struct keyring_paths keyring_paths = {PATH_KEYS, PATH_SECRET_KEYS};

void keyring_name(const struct sign_public *k, char name[KEYRING_NAME_MAX])
{
	char number[SIGN_NUMBER_TEXT];

	sign_number_text(k->number, number);
	snprintf(name, KEYRING_NAME_MAX, "bhyfi-%s.pub", number);
}

static int read_public(int dir, const char *name, struct sign_public *k, struct err *e)
{
	int AUTO_CLOSE fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char AUTO_FREE *text = NULL;
	struct stat st;
	size_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s", name);
	if (st.st_mode & S_IWOTH)
		return err_set(e, ERR_FAILED, "everybody can write it");
	if (fs_read_fd(fd, name, SIGN_FILE_MAX, &text, &len, e) < 0)
		return -1;
	return sign_public_parse(text, len, k, e);
}

static bool is_public(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 4 && strcmp(name + n - 4, ".pub") == 0;
}

/* 0: signed by one of them; 1: by none; -1: e is filled, with why one did not fit. */
static int try_keys(DIR *d, const char *dir, const struct signature *s, const void *data,
    size_t len, struct err *e)
{
	struct dirent *entry;
	struct sign_public k;
	int r = 1;

	for (unsigned n = 0; n < KEYS_MAX && (entry = readdir(d)) != NULL;) {
		struct err why = ERR_INIT;

		if (!is_public(entry->d_name))
			continue;
		n++;
		if (read_public(dirfd(d), entry->d_name, &k, &why) < 0) {
			log_warn("%s/%s: %s", dir, entry->d_name, why.msg);
			continue;
		}
		if (memcmp(k.number, s->number, sizeof(k.number)) != 0)
			continue;
		if (sign_check(s, &k, data, len, e) == 0)
			return 0;
		r = -1;
	}
	return r;
}

int keyring_check(const char *name, const struct signature *s, const void *data,
    size_t len, char number[SIGN_NUMBER_TEXT], struct err *e)
{
	const char *dir = keyring_paths.public;
	DIR *d;
	int r = 1;

	sign_number_text(s->number, number);
	d = opendir(dir);
	if (d == NULL && errno != ENOENT)
		return err_sys(e, errno, "%s", dir);
	if (d != NULL) {
		r = try_keys(d, dir, s, data, len, e);
		closedir(d);
	}
	if (r == 0)
		return 0;
	if (r > 0) {
		err_set(e, ERR_PRECONDITION,
		    "%s: signed with key %s, which is not trusted here", name, number);
		return err_hint(e,
		    "put that key's .pub file into %.120s if you trust it, or bhyfi "
		    "image build",
		    dir);
	}
	if (e != NULL)
		e->code = ERR_PRECONDITION;
	err_prefix(e, "%s", name);
	return err_hint(e, "bhyfi image build");
}

int keyring_secret(const char *path, struct sign_secret *k, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;
	size_t len = 0;
	int r;

	memset(k, 0, sizeof(*k));
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (fs_read_private(fd, path, SIGN_FILE_MAX, &text, &len, e) < 0)
		return -1;
	r = sign_secret_parse(text, len, k, e);
	explicit_bzero(text, len);
	free(text);
	return r < 0 ? err_prefix(e, "%s", path) : 0;
}

static char *public_path(const struct sign_public *k, struct err *e)
{
	char name[KEYRING_NAME_MAX];
	char *path;

	keyring_name(k, name);
	if (asprintf(&path, "%s/%s", keyring_paths.public, name) >= 0)
		return path;
	err_sys(e, ENOMEM, "%s", name);
	return NULL;
}

/* Its public half first: one without the other harms nobody, and a host whose images are
 * all refused would be the other way round. */
static int put_public(const struct sign_public *k, struct err *e)
{
	char AUTO_FREE *path = public_path(k, e);
	char AUTO_FREE *text = NULL;

	if (path == NULL)
		return -1;
	text = sign_public_text(k, "the key of a host's bhyfi images", e);
	if (text == NULL || fs_mkdir_p(keyring_paths.public, 0755, e) < 0)
		return -1;
	return fs_write_atomic(path, 0644, text, strlen(text), e);
}

static void drop_public(const struct sign_public *k)
{
	char AUTO_FREE *path = public_path(k, NULL);

	if (path != NULL)
		unlink(path);
}

/* 0: it is there now; 1: another was faster. */
static int put_secret(const struct sign_secret *k, const char *path, struct err *e)
{
	char *text = sign_secret_text(k, "the secret key of a host's bhyfi images", e);
	char AUTO_FREE *fresh = NULL;
	int r = -1;

	if (text == NULL)
		return -1;
	if (asprintf(&fresh, "%s.%ld", path, (long)getpid()) < 0) {
		fresh = NULL;
		err_sys(e, ENOMEM, "%s", path);
	} else {
		r = fs_write_atomic(fresh, 0600, text, strlen(text), e);
	}
	explicit_bzero(text, strlen(text));
	free(text);
	if (r < 0)
		return -1;
	/* As one step, and never in the place of another's. */
	if (link(fresh, path) < 0)
		r = errno == EEXIST ? 1 : err_sys(e, errno, "%s", path);
	unlink(fresh);
	return r;
}

static int make_host(const char *path, struct sign_secret *k, struct err *e)
{
	int r;

	if (fs_mkdir_p(keyring_paths.secret, 0700, e) < 0 || sign_secret_make(k, e) < 0 ||
	    put_public(&k->public, e) < 0)
		return -1;
	r = put_secret(k, path, e);
	if (r == 0) {
		log_info("made a key for this host's images: %s", path);
		return 0;
	}
	drop_public(&k->public);
	return r < 0 ? -1 : keyring_secret(path, k, e);
}

int keyring_host(struct sign_secret *k, struct err *e)
{
	char AUTO_FREE *path = NULL;

	memset(k, 0, sizeof(*k));
	if (asprintf(&path, "%s/" HOST_KEY_NAME, keyring_paths.secret) < 0) {
		path = NULL;
		return err_sys(e, ENOMEM, "key");
	}
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return make_host(path, k, e);
	return keyring_secret(path, k, e);
}
