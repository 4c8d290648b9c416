/* What `bhyfi connect` puts into the networks file for a network; no I/O but the files
 * that its options name. */
#ifndef BHYFI_CONNECT_H
#define BHYFI_CONNECT_H

#include <stdbool.h>

#include "cli.h"
#include "escape.h"
#include "netfile.h"
#include "passphrase.h"

enum wifi_kind {
	WIFI_AUTO, /* as the access point has it */
	WIFI_OPEN,
	WIFI_OWE,
	WIFI_PERSONAL, /* WPA2 or WPA3, as the access point has it */
	WIFI_WPA2,
	WIFI_WPA3,
	WIFI_EAP,
};

struct connect {
	uint8_t ssid[SSID_MAX];
	size_t ssid_len;
	char shown[ESCAPE_SIZE(SSID_MAX)], hex[SSID_HEX_SIZE];

	enum wifi_kind kind;
	bool hidden, ask, save;
	const char *secret_file; /* NULL: none */
	const char *block;       /* a file with a network block; NULL: none */
	const char *eap, *identity, *ca_cert, *domain;
	char priority[PRIORITY_SIZE]; /* "" : as it is */
	int64_t wait_s;
	const char *check_url; /* NULL: it is not looked how far the host gets */

	char secret[PASSPHRASE_SIZE]; /* "" : none */
};

/* Of the command line; ERR_USAGE. SSID may be missing where there is a block. */
int connect_options(
    struct connect *k, const struct cli *cli, const char *ssid, struct err *e);
/* Wipes. */
void connect_free(struct connect *k);

/* What kind an access point's security (as the daemon says it) asks for; error where
 * nothing of ours fits, or it is another than was asked for. */
int connect_kind_of(
    const struct connect *k, const char *security, enum wifi_kind *kind, struct err *e);
bool connect_needs_secret(enum wifi_kind kind);
/* 802.1X in a tunnel to whoever says that he is the server. */
bool connect_is_unverified(const struct connect *k);

/* The passphrase is one for this kind; ERR_USAGE says what was expected. */
int connect_check_secret(const struct connect *k, enum wifi_kind kind, struct err *e);

/* The file's text with the network in it. out is the caller's. */
int connect_text(const struct connect *k, enum wifi_kind kind, const struct netfile *f,
    struct networks_text *out, struct err *e);

#endif
