/* How far the host gets by its interface: an address, and what stands in the way of the
 * Internet (a captive portal). */
#ifndef BHYFI_REACH_H
#define BHYFI_REACH_H

#include <stddef.h>

#include "err.h"

#define REACH_URL_MAX 512

/* Waits for an address that is not link-local; into addr, without its prefix length.
 * ERR_TIMEOUT where none came. */
int reach_address(
    const char *ifname, int timeout_ms, char *addr, size_t size, struct err *e);

/*
 * Fetches the URL (http only), which answers 204 where nothing is in the way, from that
 * address. 0: so it is. 1: something else answers; portal (REACH_URL_MAX) has where it
 * leads. -1: no answer.
 */
int reach_portal(const char *url, const char *from, char *portal, struct err *e);

/* The head of an HTTP answer: its status, and where it leads ("" : nowhere). -1 where it
 * is none, 0 where it is not complete yet. */
int reach_parse(const char *text, size_t len, char location[REACH_URL_MAX]);

#endif
