/*
 * Which data path a mode stands for. For `auto` that is found out with each access point:
 * wds where the air shows that it passes on frames with four addresses (proof.h),
 * else clone. In wds the same is looked at, only to say so.
 */
#ifndef BHYFI_GUEST_CHOOSE_H
#define BHYFI_GUEST_CHOOSE_H

#include "path.h"
#include "proof.h"
#include "state.h"

#define CHOOSE_REFUSED 16 /* access points that are remembered */
#define CHOOSE_WHY 160

struct choose_ops {
	/* This path from now on, in place of the other. 0, or why it can not be had. */
	int (*use)(void *arg, const struct path_ops *ops, struct err *e);
	/* Leaves the access point and joins again: it has to forget how we sent. */
	void (*rejoin)(void *arg);
	/* choose_open or the reason are others now. */
	void (*changed)(void *arg);
	void (*complain)(void *arg, const char *text);
};

struct choose {
	const struct choose_ops *ops;
	void *arg;
	bool is_auto, watch; /* the mode: auto; wds */
	bool hopeless;       /* auto, and the radio can not do wds */
	bool open;           /* the path may carry the host's frames */
	bool told;           /* that nothing comes, with this access point */
	const struct path_ops *path;
	uint8_t bssid[6]; /* the one that is joined */
	bool joined;
	uint8_t refused[CHOOSE_REFUSED][6];
	unsigned n_refused;
	char why[CHOOSE_WHY]; /* "": nothing was to be chosen */
	struct proof proof;
};

void choose_init(
    struct choose *c, struct event_base *base, const struct choose_ops *ops, void *arg);
/* The mode's first path; NULL for a mode that there is not. */
const struct path_ops *choose_mode(struct choose *c, const char *mode);
/* The path could not be put in place. True where another one is used instead. */
bool choose_failed(struct choose *c, const struct err *why);
/* After each change of the association; the path is in place. */
void choose_state(struct choose *c, const struct wlan_state *s, const struct radio *r);
/* True while the path, which is in place, may carry the host's frames. */
bool choose_open(const struct choose *c);
void choose_free(struct choose *c);

#endif
