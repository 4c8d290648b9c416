/*
 * One try to join one network, judged by what the supplicant says: joined, or why not.
 * No I/O and no clock.
 */
#ifndef BHYFI_GUEST_WPA_JOIN_H
#define BHYFI_GUEST_WPA_JOIN_H

#include "wpa-parse.h"

enum wpa_join_result {
	WPA_JOIN_GOING,
	WPA_JOIN_DONE,
	/* The rest are failures. */
	WPA_JOIN_UNKNOWN,    /* not one of the networks of the configuration */
	WPA_JOIN_NOT_FOUND,  /* no AP of that name, or none with security that fits */
	WPA_JOIN_PASSPHRASE, /* wrong */
	WPA_JOIN_REFUSED,    /* by the AP; the reason has its status code in words */
	WPA_JOIN_EAP,        /* by the authentication server, or its certificate is not */
	WPA_JOIN_TIMEOUT,
	WPA_JOIN_FAILED, /* the supplicant does not work */
};

/* "joined", "not-found" ... */
const char *wpa_join_name(enum wpa_join_result r);

struct wpa_join {
	int id; /* the supplicant's number of the network */
	unsigned not_found, refused, dropped;
	bool scans, scanned; /* one was begun since; its results are there */
	bool heard;          /* an AP of it */
	enum wpa_join_result result;
	char reason[160]; /* of a failure, for people */
};

void wpa_join_init(struct wpa_join *j, int id);

/* Takes an event; the result so far. Once it is not GOING it stays. */
enum wpa_join_result wpa_join_event(struct wpa_join *j, const struct wpa_event *ev);

/* The time is up. */
void wpa_join_timeout(struct wpa_join *j);

/* Ends it with a failure of ours. */
void wpa_join_fail(struct wpa_join *j, enum wpa_join_result result, const char *reason);

#endif
