/*
 * The keys of a host: whose images it starts (PATH_KEYS/NAME.pub, each one file of
 * signify's or minisign's), and with which it signs its own.
 */
#ifndef BHYFI_IMAGE_KEYRING_H
#define BHYFI_IMAGE_KEYRING_H

#include "paths.h"
#include "sign.h"

#define PATH_KEYS PATH_ETC "/keys"
#define PATH_SECRET_KEYS PATH_DB "/keys"
#define HOST_KEY_NAME "host.sec"

/* PATH_KEYS and PATH_SECRET_KEYS, but in tests. */
struct keyring_paths {
	const char *public, *secret;
};
extern struct keyring_paths keyring_paths;

/*
 * Which of the keys in `dir` (NULL: PATH_KEYS) made the signature of data: its number
 * goes to `number`. ERR_PRECONDITION where that key is not there, or the data is not what
 * was signed; `name` stands in the error. A file that holds no key is passed over with a
 * warning, and so is one that everybody can write.
 */
int keyring_check(const char *name, const struct signature *s, const void *data,
    size_t len, char number[SIGN_NUMBER_TEXT], struct err *e);

/* Reads a secret key. The caller wipes it, also after an error. */
int keyring_secret(const char *path, struct sign_secret *k, struct err *e);

/*
 * The host's own key, made where there is none; its public half is then put where
 * keyring_check looks. The caller wipes it, also after an error.
 */
int keyring_host(struct sign_secret *k, struct err *e);

/* "bhyfi-NUMBER.pub": what the public half of a key is called. */
#define KEYRING_NAME_MAX 32
void keyring_name(const struct sign_public *k, char name[KEYRING_NAME_MAX]);

#endif
