/*
 * The networks file: an ordinary wpa_supplicant.conf, checked here before it goes
 * to the guest, so that a mistake is one clear line on the host. Read only.
 */
#ifndef BHYFI_NETWORKS_H
#define BHYFI_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define NETWORKS_FILE_MAX (32 * 1024)
#define NETWORKS_MAX 256
#define SSID_MAX 32

struct network {
	uint8_t ssid[SSID_MAX];
	size_t ssid_len; /* 0: any network (no ssid given) */
	bool has_secret, disabled, hidden;
	char key_mgmt[64]; /* as written; "" : wpa_supplicant's default */
	unsigned line;     /* where its block begins */
};

struct networks {
	struct network *list;
	size_t n;
	/* What goes to the guest: without the lines that are the host's business
	 * (ctrl_interface..., update_config). Holds secrets. */
	char *text;
	size_t text_len;
	char warning[256]; /* the first thing that is legal but hardly meant; "" none */
};

/*
 * Parses len bytes. name stands in errors, which are "NAME:LINE: ..." and never hold
 * a secret. On success the caller ends it with networks_free; on failure there is
 * nothing to free.
 */
int networks_parse(
    const char *text, size_t len, const char *name, struct networks *n, struct err *e);

/* From an open descriptor: checks owner and mode (nobody else may read it), size
 * and content. Leaves fd open. */
int networks_read(int fd, const char *name, struct networks *n, struct err *e);

/* From a path. A missing file is ERR_PRECONDITION. */
int networks_load(const char *path, struct networks *n, struct err *e);

/* Wipes and frees. */
void networks_free(struct networks *n);

/*
 * An SSID or another string value as wpa_supplicant reads it: "text", P"text with
 * escapes" or an even number of hex digits. Returns its length, -1 if it is none of
 * these or longer than size.
 */
int networks_string(const char *value, uint8_t *out, size_t size);

#endif
