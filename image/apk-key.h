/* Trusted keys and the signatures that they make, for apk-file.c. */
#ifndef BHYFI_IMAGE_APK_KEY_H
#define BHYFI_IMAGE_APK_KEY_H

#include <openssl/evp.h>

#include "apk.h"

#define APK_SIGNATURES_MAX 16
#define APK_SIGNATURE_MAX 2048 /* bytes: RSA of 16384 bits */

struct apk_signature {
	const EVP_MD *md;
	char key[APK_WORD_MAX]; /* the name of the key's file */
	unsigned char data[APK_SIGNATURE_MAX];
	size_t len;
};

/*
 * What an entry's name says: ".SIGN.RSA256.NAME". 0: not a signature's name; else 1,
 * with md NULL for an algorithm that is not taken (DSA).
 */
int apk_signature_name(const char *entry, struct apk_signature *s);

/*
 * Whether one of the signatures is good for the bytes of fd from `from` to its end, by a
 * trusted key of its name. The error says which key is missing, or which signature wrong.
 */
int apk_keys_verify(const struct apk_keys *keys, const struct apk_signature *s, size_t n,
    int fd, uint64_t from, struct err *e);

/* Feeds the bytes [from, to) of fd; to 0: to the end. */
int apk_digest_range(int fd, uint64_t from, uint64_t to,
    int (*update)(void *arg, const void *data, size_t len), void *arg, struct err *e);

#endif
