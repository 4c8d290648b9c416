/*
 * From one wpa_supplicant.conf to the next without a new process: which commands of the
 * control protocol change the networks of a running supplicant, so that a connection
 * that has nothing to do with the change stays. (Its own RECONFIGURE leaves the network
 * in every case.) No I/O.
 */
#ifndef BHYFI_GUEST_WPA_SYNC_H
#define BHYFI_GUEST_WPA_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ssid.h"
#include "wpa-ctrl.h"

#define WPA_NETS_MAX 256
#define WPA_SYNC_CMD_MAX WPA_CTRL_CMD_MAX /* a line of the file, or a blob in hex */

/* A network block of a file: the lines between its braces. */
struct wpa_net {
	const char *text; /* into the file */
	size_t len;
	int id; /* the supplicant's */
	uint8_t ssid[SSID_MAX];
	size_t ssid_len; /* 0: any, or none that can be read */
	bool disabled;
};

struct wpa_nets {
	struct wpa_net list[WPA_NETS_MAX];
	size_t n;
};

/* The networks of a file, with the numbers that a supplicant gives them when it reads
 * it. False where there are too many. */
bool wpa_nets_find(const char *conf, struct wpa_nets *nets);

/* The first of that name, NULL: none. */
const struct wpa_net *wpa_nets_named(
    const struct wpa_nets *nets, const uint8_t *ssid, size_t len);

enum wpa_sync_phase {
	WPA_SYNC_BLOB, /* certificates that are new or another */
	WPA_SYNC_REMOVE,
	WPA_SYNC_ADJUST, /* priority and disabled of a network that stays */
	WPA_SYNC_ADD,
	WPA_SYNC_DONE,
};

struct wpa_sync {
	struct wpa_nets old, now;
	const char *old_conf, *blob; /* BLOB: where to look on in the new file */
	bool gone[WPA_NETS_MAX];     /* of old */
	int match[WPA_NETS_MAX];     /* of now: the index in old, -1: new */
	bool adjust[WPA_NETS_MAX];   /* of now: the two differ */
	enum wpa_sync_phase phase;
	size_t net;       /* at which network of the phase */
	const char *line; /* ADD: the next line of it; NULL: ADD_NETWORK itself */
	unsigned part;    /* ADJUST: which of its commands */
	bool asked_id;    /* ADD: the reply under way is the number */
};

/*
 * old: as the supplicant has them, with their numbers; they and both files are borrowed
 * until the end. False where only a new process will do: other lines than networks and
 * blobs differ, or a new blob is not one that `connect` made (ca-HEX) or too large. One
 * that is no longer in the file stays with the supplicant, which has no command for that
 * and no use for it.
 */
bool wpa_sync_init(struct wpa_sync *s, const char *old_conf, const struct wpa_nets *old,
    const char *conf);

/* The next command into cmd (WPA_SYNC_CMD_MAX); false where all is done, and s->now has
 * the networks with their numbers. It may hold a secret. */
bool wpa_sync_next(struct wpa_sync *s, char *cmd);

/* What the supplicant said to it. False where it can not be gone on with. */
bool wpa_sync_reply(struct wpa_sync *s, const char *reply);

#endif
