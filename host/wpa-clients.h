/*
 * The programs behind the door (wpa_cli, wpa_gui): who of them hears events, and whose
 * answer it is that comes back.
 */
#ifndef BHYFI_WPA_CLIENTS_H
#define BHYFI_WPA_CLIENTS_H

#include <event2/event.h>

#include "wpa-relay.h"

#define WPA_CLIENT_ASKS 4 /* commands of one client that wait for the guest */

struct wpa_clients;

/* fd: main's end of the door, which becomes ours; -1: there is none. relay is borrowed.
 * NULL without memory. */
struct wpa_clients *wpa_clients_new(
    struct event_base *base, int fd, struct wpa_relay *relay);
/* Waits until the door has taken its sockets away. */
void wpa_clients_free(struct wpa_clients *c);

/* "<3>CTRL-EVENT-...": to all that have attached themselves and want this level. */
void wpa_clients_event(struct wpa_clients *c, const char *text);

#endif
