/*
 * The door: sockets on the host that speak wpa_supplicant's control protocol, for
 * wpa_cli and wpa_gui.
 *
 * Those programs are answered at sockets of their own, anywhere in the file system and
 * of any user; bhyfid main, unprivileged and chrooted, can reach none of them. So a
 * process of its own carries datagrams between the sockets and main, and nothing else:
 * it looks into none.
 */
#ifndef BHYFI_WPA_DOOR_H
#define BHYFI_WPA_DOOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/* A socket of the door; the folder's last part and the name are what programs are
 * given: `wpa_cli -p RUN/wpa -i wlan0`. */
struct wpa_door_socket {
	const char *dir, *name;
};
/* In the order of their numbers in packets. */
extern const struct wpa_door_socket wpa_door_sockets[];
#define WPA_DOOR_SOCKETS 1

#define WPA_DOOR_CLIENTS 32
#define WPA_DOOR_DATA_MAX 8192

enum wpa_door_kind {
	WPA_DOOR_DATA,
	WPA_DOOR_GONE, /* to main: the client is not there any more */
};

/* What goes between the door and main, as one packet: head and datagram. */
struct wpa_door_head {
	uint32_t client; /* the door's number of it, never 0, never again */
	uint16_t kind;   /* enum wpa_door_kind */
	uint16_t socket;
};
struct wpa_door_packet {
	struct wpa_door_head head;
	char data[WPA_DOOR_DATA_MAX];
};

/*
 * Makes the sockets below the working directory and starts the process, as root. The
 * group may use them, nobody else (gid -1: root only). Returns main's end, a
 * SOCK_SEQPACKET socket that does not block; when that is closed the process takes the
 * sockets away and ends, which closes the other end.
 */
int wpa_door_start(gid_t gid, struct err *e);

/* Closes main's end and waits until the process is done. */
void wpa_door_close(int fd);

#endif
