/*
 * Theory of operation. A try begins with SELECT_NETWORK: nothing else is looked for
 * until it ends, so every event but a few is about this network. What is certain ends
 * the try at once (a wrong key); what may be chance (an AP that is full, a scan that
 * missed a beacon) only when it happened twice or thrice.
 */
#include "wpa-join.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "wpa-words.h"

#define NOT_FOUND_MAX 2
#define REFUSED_MAX 2
#define DROPPED_MAX 3

static const char *const names[] = {
    [WPA_JOIN_GOING] = "going",
    [WPA_JOIN_DONE] = "joined",
    [WPA_JOIN_UNKNOWN] = "unknown",
    [WPA_JOIN_NOT_FOUND] = "not-found",
    [WPA_JOIN_PASSPHRASE] = "wrong-passphrase",
    [WPA_JOIN_REFUSED] = "refused",
    [WPA_JOIN_EAP] = "eap",
    [WPA_JOIN_TIMEOUT] = "timeout",
    [WPA_JOIN_FAILED] = "failed",
};
static_assert(ARRAY_LEN(names) == WPA_JOIN_FAILED + 1, "a name for each result");

const char *wpa_join_name(enum wpa_join_result r)
{
	return names[r];
}

void wpa_join_init(struct wpa_join *j, int id)
{
	memset(j, 0, sizeof(*j));
	j->id = id;
}

void wpa_join_fail(struct wpa_join *j, enum wpa_join_result result, const char *reason)
{
	if (j->result != WPA_JOIN_GOING)
		return;
	j->result = result;
	snprintf(j->reason, sizeof(j->reason), "%s", reason);
}

void wpa_join_timeout(struct wpa_join *j)
{
	if (j->reason[0] != '\0')
		j->result = WPA_JOIN_REFUSED;
	else if (j->heard)
		wpa_join_fail(j, WPA_JOIN_TIMEOUT, "the access point does not answer");
	else
		wpa_join_fail(j, WPA_JOIN_NOT_FOUND, "no such network is heard");
}

/* A refusal that counts; the reason of the last is told. */
static void refused(struct wpa_join *j, const char *what, int status)
{
	snprintf(j->reason, sizeof(j->reason),
	    "the access point refused %s: %s (status %d)", what, wpa_status_text(status),
	    status);
	if (++j->refused >= REFUSED_MAX)
		j->result = WPA_JOIN_REFUSED;
}

static void auth_reject(struct wpa_join *j, const struct wpa_event *ev)
{
	if (wpa_event_wrong_key(ev))
		wpa_join_fail(j, WPA_JOIN_PASSPHRASE, "wrong passphrase");
	else
		refused(j, "authentication", ev->status);
}

static void disconnected(struct wpa_join *j, const struct wpa_event *ev)
{
	/* Leaving the former network, or an end of which the AP has told the reason. */
	if (!j->heard || ev->locally_generated)
		return;
	snprintf(j->reason, sizeof(j->reason),
	    "the access point ended it: %s (reason %d)", wpa_reason_text(ev->reason),
	    ev->reason);
	if (++j->dropped >= DROPPED_MAX)
		j->result = WPA_JOIN_REFUSED;
}

static void disabled(struct wpa_join *j, const struct wpa_event *ev)
{
	if (ev->id != j->id)
		return;
	if (wpa_event_wrong_key(ev))
		wpa_join_fail(j, WPA_JOIN_PASSPHRASE, "wrong passphrase");
	else if (j->reason[0] != '\0')
		j->result = WPA_JOIN_REFUSED;
	else
		wpa_join_fail(j, WPA_JOIN_REFUSED, "authentication failed");
}

enum wpa_join_result wpa_join_event(struct wpa_join *j, const struct wpa_event *ev)
{
	if (j->result != WPA_JOIN_GOING)
		return j->result;
	switch (ev->type) {
	case WPA_EVENT_CONNECTED:
		if (ev->id == j->id)
			j->result = WPA_JOIN_DONE;
		break;
	case WPA_EVENT_ASSOCIATING:
		j->heard = true;
		break;
	case WPA_EVENT_NOT_FOUND:
		/* What was heard before is looked through first. */
		if (j->scanned && ++j->not_found >= NOT_FOUND_MAX && !j->heard)
			wpa_join_fail(j, WPA_JOIN_NOT_FOUND,
			    "no such network is heard, or its security is another");
		j->scanned = false;
		break;
	case WPA_EVENT_ASSOC_REJECT:
		refused(j, "association", ev->status);
		break;
	case WPA_EVENT_AUTH_REJECT:
		auth_reject(j, ev);
		break;
	case WPA_EVENT_DISCONNECTED:
		disconnected(j, ev);
		break;
	case WPA_EVENT_TEMP_DISABLED:
		disabled(j, ev);
		break;
	case WPA_EVENT_EAP_FAILURE:
		if (j->reason[0] == '\0')
			snprintf(j->reason, sizeof(j->reason),
			    "the authentication server refused identity or password");
		j->result = WPA_JOIN_EAP;
		break;
	case WPA_EVENT_EAP_CERT:
		snprintf(j->reason, sizeof(j->reason),
		    "the server's certificate is not accepted: %s", ev->err);
		break;
	case WPA_EVENT_TERMINATING:
		wpa_join_fail(j, WPA_JOIN_FAILED, "wpa_supplicant ended");
		break;
	case WPA_EVENT_SCAN_STARTED:
		j->scans = true;
		break;
	case WPA_EVENT_SCAN_RESULTS:
		j->scanned = j->scans;
		j->scans = false;
		break;
	case WPA_EVENT_SCAN_FAILED:
	case WPA_EVENT_OTHER:
		break;
	}
	return j->result;
}
