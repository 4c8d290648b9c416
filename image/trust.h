/* Whether an image's manifest is signed by a key that this host trusts. */
#ifndef BHYFI_IMAGE_TRUST_H
#define BHYFI_IMAGE_TRUST_H

#include "sign.h"

/*
 * Checks the text of the manifest of `dir` against manifest.json.sig (signify), or
 * manifest.json.minisig, there. The key's number goes to signer. All errors that speak
 * of the image are ERR_PRECONDITION, with what to do as the hint.
 */
int trust_check(const char *dir, const char *manifest, size_t len,
    char signer[SIGN_NUMBER_TEXT], struct err *e);

#endif
