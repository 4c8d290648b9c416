/*
 * Signatures in the format of OpenBSD's signify(1), Ed25519: a line "untrusted comment:
 * ...", then base64 of "Ed", the key's number (8 bytes) and the matter:
 *
 *     public key    32 bytes
 *     signature     64 bytes
 *     secret key    kdf, rounds, salt, checksum, number, seed and public key
 *
 * minisign's public keys have the same form, and its signatures two lines more: a trusted
 * comment, and a signature over the first one and that. Both its kinds are checked, the
 * older one (of the file itself) and the newer (of the file's BLAKE2b-512).
 */
#ifndef BHYFI_IMAGE_SIGN_H
#define BHYFI_IMAGE_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define SIGN_FILE_MAX 8192
#define SIGN_NUMBER 8
#define SIGN_NUMBER_TEXT (2 * SIGN_NUMBER + 1)
#define SIGN_PUBLIC 32
#define SIGN_SIGNATURE 64
#define SIGN_COMMENT_MAX 1024

struct sign_public {
	uint8_t number[SIGN_NUMBER];
	uint8_t key[SIGN_PUBLIC];
};

struct sign_secret {
	struct sign_public public;
	uint8_t seed[32];
};

struct signature {
	uint8_t number[SIGN_NUMBER];
	uint8_t sig[SIGN_SIGNATURE];
	bool hashed;  /* of the BLAKE2b-512 */
	bool trusted; /* minisign's last two lines were there */
	char comment[SIGN_COMMENT_MAX];
	uint8_t global[SIGN_SIGNATURE];
};

int sign_public_parse(const char *text, size_t len, struct sign_public *k, struct err *e);
int sign_parse(const char *text, size_t len, struct signature *s, struct err *e);
/* A key that is locked with a passphrase is an error. The caller wipes it. */
int sign_secret_parse(const char *text, size_t len, struct sign_secret *k, struct err *e);

/* The key's number as signify and minisign show it: 16 capital hex digits. */
void sign_number_text(const uint8_t number[SIGN_NUMBER], char text[SIGN_NUMBER_TEXT]);

/* 0: data is what the owner of the key signed. Whether the numbers are the same is
 * checked, too. */
int sign_check(const struct signature *s, const struct sign_public *k, const void *data,
    size_t len, struct err *e);

/* A new key. The caller wipes it. */
int sign_secret_make(struct sign_secret *k, struct err *e);

/* Each gives a file's text, the caller's to free (and the secret's, to wipe). `comment`
 * stands behind "untrusted comment: ". */
char *sign_public_text(const struct sign_public *k, const char *comment, struct err *e);
char *sign_secret_text(const struct sign_secret *k, const char *comment, struct err *e);
char *sign_text(const struct sign_secret *k, const char *comment, const void *data,
    size_t len, struct err *e);

#endif
