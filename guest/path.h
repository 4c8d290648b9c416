/*
 * The data path between the radio and the host's interface: one back end per
 * mode, in a named table.
 */
#ifndef BHYFI_GUEST_PATH_H
#define BHYFI_GUEST_PATH_H

#include <net/if.h>
#include <stdbool.h>

#include "rtnl.h"
#include "settings.h"
#include "state.h"
#include "wlan.h"

#define PATH_BRIDGE "br0"

struct event_base;

struct path;

struct path_ops {
	const char *name;
	const char *const *modules; /* to be loaded before; ends with NULL */
	/* Puts it in place and reads it back. Half of it may stand after an error. */
	int (*install)(struct path *p, struct err *e);
	/* Takes away what install did, or a part of it. */
	void (*remove)(struct path *p);
	/* While it is in place: the association changed; the settings did. NULL: that is
	 * nothing to it. */
	void (*state)(struct path *p);
	void (*configure)(struct path *p);
};

struct path {
	struct nl_sock *sk;
	struct wlan *wlan;          /* open by the time of install */
	const struct path_ops *ops; /* NULL: none chosen */
	void *state;                /* the mode's own, from install to remove */
	char host_if[IFNAMSIZ], air_if[IFNAMSIZ];
	unsigned host_index, air_index; /* 0: not known yet */
	bool installed;
	bool waits;    /* in place, but not to be used yet */
	char why[160]; /* what there is to say of it; "" */

	/* The owner's, for those who use more than the kernel. */
	struct event_base *base;
	const struct settings *settings; /* NULL: none yet */
	const struct wlan_state *wlan_state;
	void (*changed)(void *arg); /* waits or why are others now */
	void (*complain)(void *arg, const char *text);
	void *arg;
};

/* The mode's row; NULL for one that this guest does not have. */
const struct path_ops *path_find(const char *mode);

int path_init(struct path *p, struct wlan *wlan, struct err *e);

/* The interface towards the host: that of the virtio_net driver. True if found. */
bool path_find_host_if(struct path *p);

/* Puts the path in place between both interfaces, which must be known. */
int path_install(struct path *p, struct err *e);
void path_remove(struct path *p);

/* To be called after each change of them. */
void path_state(struct path *p);
void path_configure(struct path *p);

/* Leaves the kernel's part as it is. */
void path_close(struct path *p);

/* Keeps the interface free of addresses of its own; before it is brought up. */
void path_quiet(const char *ifname);

/* PATH_BRIDGE with the host's interface in it, and with the radio's. */
int path_bridge(struct path *p, bool with_air, struct err *e);
void path_unbridge(struct path *p);

/* Both interfaces up, and open to what is not addressed to them: the host's to frames to
 * the radio's address or to its hosts', the radio's to all groups. */
int path_hear_all(struct path *p, struct err *e);
/* Takes the filters of both interfaces away, and that wider reception. */
void path_unfilter(struct path *p);

extern const struct path_ops path_clone, path_wds, path_ap, path_macnat, path_nat;

#endif
