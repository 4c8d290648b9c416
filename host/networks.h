/*
 * The networks file: an ordinary wpa_supplicant.conf, checked here before it goes
 * to the guest, so that a mistake is one clear line on the host. networks-edit.h
 * changes it.
 */
#ifndef BHYFI_NETWORKS_H
#define BHYFI_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "err.h"
#include "ssid.h"

#define NETWORKS_FILE_MAX (32 * 1024)
#define NETWORKS_MAX 256

struct network {
	uint8_t ssid[SSID_MAX];
	size_t ssid_len; /* 0: any network (no ssid given) */
	bool has_secret, disabled, hidden;
	char key_mgmt[64]; /* as written; "" : wpa_supplicant's default */
	int priority;
	unsigned line;     /* where its block begins */
	size_t begin, end; /* of its lines in the text that was parsed */
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

/* "open", "owe", "wpa2", "wpa3", "wpa2+wpa3", "eap", "wep": what its key_mgmt stands
 * for. */
const char *network_security(const struct network *net);

/* The first network of that name; NULL: none. */
const struct network *networks_find(
    const struct networks *n, const uint8_t *ssid, size_t len);

/* The networks of a file without their secrets, a list of objects: ssid (escaped),
 * ssid_hex, security, priority, autoconnect, hidden, connected. joined: SSID in hex, or
 * "". A new reference. */
json_t *networks_json(const struct networks *n, const char *joined);

/* Wipes and frees. */
void networks_free(struct networks *n);

#endif
