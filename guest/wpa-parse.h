/*
 * What wpa_supplicant says: unsolicited events, and replies to STATUS. Its text
 * carries what access points sent, so everything here is bounded.
 */
#ifndef BHYFI_GUEST_WPA_PARSE_H
#define BHYFI_GUEST_WPA_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

#define WPA_EVENT_MAX 4096

enum wpa_event_type {
	WPA_EVENT_OTHER,
	WPA_EVENT_CONNECTED,
	WPA_EVENT_DISCONNECTED,
	WPA_EVENT_SCAN_STARTED,
	WPA_EVENT_SCAN_RESULTS,
	WPA_EVENT_SCAN_FAILED,
	WPA_EVENT_ASSOCIATING, /* "Trying to associate", SME: authenticate */
	WPA_EVENT_ASSOC_REJECT,
	WPA_EVENT_AUTH_REJECT,
	WPA_EVENT_TEMP_DISABLED,
	WPA_EVENT_NOT_FOUND,
	WPA_EVENT_TERMINATING,
	WPA_EVENT_EAP_FAILURE,
	WPA_EVENT_EAP_CERT, /* the server's certificate is not accepted */
};

struct wpa_event {
	enum wpa_event_type type;
	int level; /* of <N> */
	uint8_t bssid[6];
	bool has_bssid;
	int id;         /* of the network, -1: not said */
	int reason;     /* reason= of a disconnection, 0: none */
	int status;     /* status_code=, 0: none */
	int auth_type;  /* 3: SAE */
	int duration_s; /* of a temporary disabling */
	char why[32];   /* reason=WORD of a temporary disabling */
	char err[64];   /* err='TEXT' of a certificate that is refused */
	bool locally_generated;
	const char *text; /* behind <N>, into the caller's line */
};

/* One event line with a NUL at its end. Never fails: what it does not know is
 * WPA_EVENT_OTHER. */
void wpa_event_parse(const char *line, struct wpa_event *ev);

/* Whether it says that the passphrase is wrong. */
bool wpa_event_wrong_key(const struct wpa_event *ev);

/* Takes the event into the state. True when the state changed in a way that the
 * host is to hear of. A connection's details come with STATUS. */
bool wpa_event_apply(const struct wpa_event *ev, struct wlan_state *s);

/* Takes a reply to STATUS into the state; false where it has no wpa_state. */
bool wpa_status_parse(const char *reply, struct wlan_state *s);

/*
 * One line of wpa_supplicant's own output made fit for a log: values, which may
 * be secrets, are cut off. False where nothing worth saying is left.
 */
bool wpa_output_clean(const char *line, char *dst, size_t size);

#endif
