/*
 * Clear-signed files (RFC 9580, 7), verified by gpgv. Only what gpgv writes out as the
 * signed text is used: the file itself is never parsed.
 */
#ifndef BHYFI_IMAGE_DEBVERIFY_H
#define BHYFI_IMAGE_DEBVERIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* Where Debian's own package puts the archive's keys. */
#define DEB_KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"

/*
 * Verifies path with the keys of `keys`: a keyring, a file of armoured keys, a folder of
 * either, or NULL for DEB_KEYRING. dir is a folder to work in, which is left as it was.
 * *text gets what was signed, the caller's to free. At least one signature has to be good
 * and none may be bad; one by a key that is not at hand does not count. SHA-1 and older
 * digests count as bad. Anything before or behind the signed text is an error.
 */
int deb_verify(const char *path, const char *keys, const char *dir, char **text,
    size_t *len, struct err *e);

/* Whether a file is one clear-signed message and nothing else. */
bool deb_is_clearsigned(const char *text, size_t len);

/* What gpgv's --status-fd says; 0 if it is enough for deb_verify. */
int deb_verify_status(const char *status, struct err *e);

/* The keys of an armoured file as gpgv takes them; *out is fresh. */
int deb_dearmour(
    const char *text, size_t len, unsigned char **out, size_t *out_len, struct err *e);

#endif
