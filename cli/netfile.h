/*
 * The networks file as connect, forget and networks change it: read, changed, written in
 * one piece, and the daemon told.
 */
#ifndef BHYFI_NETFILE_H
#define BHYFI_NETFILE_H

#include "cli.h"
#include "client.h"
#include "config.h"
#include "escape.h"
#include "networks-edit.h"
#include "networks.h"

struct netfile {
	struct config config;
	const char *path; /* of the file */
	struct networks_text text;
	struct networks parsed; /* of text */
	bool known; /* text is what the file holds; false: no right to read it */
};

/*
 * Reads configuration and file. Where the file may not be read by us, and optional is
 * set, that is no error. To be ended with netfile_free in every case.
 */
int netfile_load(struct netfile *f, const struct cli *cli, bool optional, struct err *e);
void netfile_free(struct netfile *f);

/* Writes a new text; an error where the file has changed since it was read. */
int netfile_save(
    const struct netfile *f, const struct networks_text *text, struct err *e);

/*
 * The daemon's client, or NULL with e clear where none runs: it reads the file when it
 * is started. Any other error is one (NULL, e filled).
 */
struct client *netfile_daemon(const struct cli *cli, struct err *e);
/* Has the daemon take the file over. */
int netfile_reload(struct client *c, struct err *e);

/* An SSID as an operand: the bytes themselves, or hex:DIGITS. */
int netfile_ssid(
    const char *command, const char *arg, uint8_t *ssid, size_t *len, struct err *e);

/* The option --priority, as the file has it; "" where it is not given. */
#define PRIORITY_SIZE 24
int netfile_priority(const struct cli *cli, char out[PRIORITY_SIZE], struct err *e);

/* A name as it is shown: escaped; "(hidden)" for none. size: ESCAPE_SIZE(SSID_MAX). */
void netfile_show(const uint8_t *ssid, size_t len, char *out, size_t size);

/* "2.4 GHz", "5 GHz", "6 GHz", "60 GHz". */
const char *wifi_band(int mhz);
/* "WPA2/WPA3" and the like for what network_security and the daemon call it. */
const char *wifi_security(const char *name);

#endif
