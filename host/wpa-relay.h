/*
 * Commands of wpa_supplicant's control protocol to the guest, and its answers: numbers
 * them, gives each answer to who asked, and bounds both. What comes back is hostile
 * text, made harmless to a terminal.
 */
#ifndef BHYFI_WPA_RELAY_H
#define BHYFI_WPA_RELAY_H

#include <event2/event.h>
#include <jansson.h>

#include "err.h"

#define WPA_RELAY_PENDING 64 /* commands that wait for their answer */
#define WPA_RELAY_CMD_MAX 4095
#define WPA_RELAY_MS 10000 /* for an answer; as long as wpa_cli waits */

struct wpa_relay;

/* Takes the reference to a `wpa` message for the guest. */
typedef int wpa_relay_send_fn(void *arg, json_t *o, struct err *e);
/* reply NULL: there is none, why says it. Called once; it may ask again. */
typedef void wpa_reply_fn(void *arg, const char *reply, const char *why);

/* NULL without memory. */
struct wpa_relay *wpa_relay_new(
    struct event_base *base, wpa_relay_send_fn *send, void *arg);
/* Answers nobody any more. */
void wpa_relay_free(struct wpa_relay *r);

/* cmd: a secret, perhaps; it is not kept. fn is called at once where it can not be
 * sent. */
void wpa_relay_ask(
    struct wpa_relay *r, const char *cmd, size_t len, wpa_reply_fn *fn, void *arg);
/* Whoever asked with this arg is gone. */
void wpa_relay_forget(struct wpa_relay *r, const void *arg);

/* A `wpa-reply` of the guest. */
void wpa_relay_reply(struct wpa_relay *r, const json_t *o);
/* The guest is gone: all are answered with that. */
void wpa_relay_gone(struct wpa_relay *r);

/*
 * Lines of a guest made harmless: newlines and tabs stay, what moves a cursor or is no
 * UTF-8 becomes \xNN. Cut off at size; the length written.
 */
size_t wpa_relay_clean(const char *text, char *dst, size_t size);

#endif
