/*
 * Changes to the networks file that leave everything else in it as it is, byte for byte:
 * comments, other blocks, other keys of the same block.
 *
 * All work from text to text; what comes out was parsed again and is valid. The text is
 * a secret: whoever gets one wipes it (networks_text_free).
 */
#ifndef BHYFI_NETWORKS_EDIT_H
#define BHYFI_NETWORKS_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "ssid.h"

struct networks_text {
	char *text; /* NUL-terminated */
	size_t len;
};

/* Wipes and frees. */
void networks_text_free(struct networks_text *t);

/* A key of a network block; value NULL: without it. */
struct network_key {
	const char *key;
	const char *value; /* as in the file: with its quotation marks */
};

/*
 * Sets keys in the first block of that name; where there is none, a new block is put at
 * the end. name stands in errors. out is the caller's on success.
 */
int networks_set(const struct networks_text *in, const char *name, const uint8_t *ssid,
    size_t ssid_len, const struct network_key *keys, size_t n, struct networks_text *out,
    struct err *e);

/* Takes out all blocks of that name, or none of another, and the certificate that
 * `connect` keeps for it (the blob ca-HEX) unless another block names it. *removed: how
 * many networks. */
int networks_remove(const struct networks_text *in, const char *name, const uint8_t *ssid,
    size_t ssid_len, struct networks_text *out, size_t *removed, struct err *e);

/*
 * Puts other text (blocks of wpa_supplicant.conf, one of them a network) at the end; a
 * network of the same name goes, as in networks_remove. ssid NULL: whichever it is;
 * *ssid_out (SSID_MAX) and *ssid_out_len say which it is.
 */
int networks_put_block(const struct networks_text *in, const char *name,
    const struct networks_text *block, const char *block_name, const uint8_t *ssid,
    size_t ssid_len, struct networks_text *out, uint8_t *ssid_out, size_t *ssid_out_len,
    struct err *e);

/*
 * The file as it is; one that does not exist is empty text. Refused is what networks_read
 * refuses: a mode that lets others read it, or contents that are not valid.
 */
int networks_text_load(const char *path, struct networks_text *t, struct err *e);

/* Writes it, mode 0600, the owner as it was; all or nothing. */
int networks_text_save(const char *path, const struct networks_text *t, struct err *e);

#endif
