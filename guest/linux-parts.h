/*
 * What the files of the back end for a real radio share: linux.c (what happens), and
 * linux-path.c (the data path and the radio's address).
 */
#ifndef BHYFI_GUEST_LINUX_PARTS_H
#define BHYFI_GUEST_LINUX_PARTS_H

#include "agent.h"
#include "air.h"
#include "ap.h"
#include "choose.h"
#include "macs.h"
#include "modules.h"
#include "path.h"
#include "wlan.h"
#include "wpa.h"

struct linux_guest {
	struct agent *a;
	struct event_base *base;
	struct modules modules;
	int init_fd, uevent_fd;
	struct event *init_ev, *uevent_ev, *child_ev, *step_ev, *radio_late, *idle;
	unsigned step;
	bool channel_open, channel_failed;

	const struct settings *settings; /* NULL: none yet */
	struct wlan wlan;
	struct radio radio;
	bool has_radio, announced, releasing;
	bool supplicant_ran; /* from then on the data path is put in place */
	bool devices_seen;   /* what they ask for was loaded; from then on at once */
	struct air air;
	bool with_air, air_radio;
	bool rescan; /* the APs came on during a scan, perhaps too late for it */
	char air_if[IFNAMSIZ];
	struct wpa wpa;
	struct ap ap;
	bool is_ap;   /* the mode is ap: hostapd instead of the supplicant */
	bool started; /* with the settings as they are */
	struct wlan_state state;
	struct path path;
	struct choose choose;
	bool leaving;        /* what state says of an association is about to end */
	unsigned reconnects; /* how often that was asked for in a row */
	struct macs macs;
	struct event *country_ev; /* looks which one holds; NULL: none was ever set */
	bool path_suspended;      /* while the air measures */
	json_int_t suspend_id;
};

/* The choice between paths works by these. */
extern const struct choose_ops choose_callbacks;

/* Gives the path what it needs of us. */
void link_path(struct linux_guest *g);
/* Tells the host whether the path carries its frames, where that has changed. */
void tell_path(struct linux_guest *g);
/* Puts the path in place if all that it needs is there. */
void put_path(struct linux_guest *g);
/* Another path from now on. */
void change_path(struct linux_guest *g, const struct path_ops *ops);
/* Address, country and MTU of the radio, as the settings say. */
void set_up_radio(struct linux_guest *g);
/* An event of the supplicant's: the network that it says to be joining may want another
 * address. Then the attempt is broken off; the supplicant finds the network again. */
void check_mac(struct linux_guest *g, const char *event);

#endif
