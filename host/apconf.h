/*
 * The access point's file: an ordinary hostapd.conf, checked here before it goes to the
 * guest. What is not in the table of keys (apconf.c) is an error; lines that are the
 * guest's own business (interface, bridge, driver, control socket, logs) are left out.
 */
#ifndef BHYFI_APCONF_H
#define BHYFI_APCONF_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define APCONF_FILE_MAX (16 * 1024)

struct apconf {
	char *text; /* what goes to the guest; holds secrets */
	uint8_t ssid[32];
	size_t ssid_len;
	char warning[256]; /* "" none */
};

/* Errors are "NAME:LINE: ..." and never hold a value that is secret. On success the
 * caller ends it with apconf_free. */
int apconf_parse(
    const char *text, size_t len, const char *name, struct apconf *a, struct err *e);

/* From an open descriptor or a path; nobody but the owner may read the file. */
int apconf_read(int fd, const char *name, struct apconf *a, struct err *e);
int apconf_load(const char *path, struct apconf *a, struct err *e);

/* Wipes and frees. */
void apconf_free(struct apconf *a);

#endif
