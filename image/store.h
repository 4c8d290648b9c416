/*
 * The folder in which images lie side by side, and which of them is started.
 *
 *     ID/           an image
 *     current       link: what starts, unless there is a candidate
 *     candidate     link: a new build, tried at the next start
 *     good          link: the last that proved itself
 *     previous      link: the good one before that, for a rollback
 *     refused/ID    why an image is not tried again (a line for people)
 *     .tries        "ID N": starts of one that has not proved itself yet
 *     .lock         held while any of this is changed
 *
 * Each change is a series of single steps (rename, unlink) in such an order that after
 * each of them `current` or `good` is startable; store_settle ends what was cut off. It
 * goes by three rules: a candidate that is current has proved itself; a candidate that is
 * refused is none; a refused current one gives way to the last good.
 */
#ifndef BHYFI_IMAGE_STORE_H
#define BHYFI_IMAGE_STORE_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"

#define STORE_ID_MAX 208
#define STORE_KEEP 3
#define STORE_TRIES_MAX 3

/* "": there is none. */
struct store {
	char current[STORE_ID_MAX], candidate[STORE_ID_MAX], good[STORE_ID_MAX],
	    previous[STORE_ID_MAX];
};

/* Whether a configured image ("/var/db/bhyfi/images/current") is the link of such a
 * folder, not one image; the folder's name goes to dir. */
bool store_of(const char *image, char *dir, size_t size);

/*
 * What the links say, as if settled; changes nothing and needs no rights but to read. A
 * folder that does not exist holds nothing. Links to nothing are none.
 */
int store_read(const char *dir, struct store *s, struct err *e);
/* What would be started: the candidate, else the current one; "" none. */
const char *store_next(const struct store *s);
/* Where a start that fails with `id` would fall back to; "": nowhere. */
const char *store_fallback(const struct store *s, const char *id);

enum store_place {
	STORE_CURRENT,   /* it is the current one now, or was before */
	STORE_CANDIDATE, /* it is tried at the next start */
	STORE_REFUSED,   /* it was refused before, and is not tried again */
};

/* A build made `id`. at_once: it becomes the current one and counts as good, whatever was
 * refused. */
int store_publish(const char *dir, const char *id, bool at_once, enum store_place *place,
    struct err *e);

/* `id` is going to be started, and has not proved itself: counts. 1: it was started
 * STORE_TRIES_MAX times and each time cut off; 0: go on. */
int store_try(const char *dir, const char *id, struct err *e);
/* A try has ended without a verdict (the user's stop), which is no fault. */
int store_untry(const char *dir, struct err *e);

/* `id` ran as an image should: it is the current and the good one from now on. 1: it
 * became that, 0: it was that or is none of ours. */
int store_proved(const char *dir, const char *id, struct err *e);

/*
 * `id` failed. 1: it is refused, another will start; 0: there is no other, nothing was
 * changed.
 */
int store_refuse(const char *dir, const char *id, const char *why, struct err *e);
/* What it fell back to failed, too: `id` was not to blame, and is the candidate again. */
int store_acquit(const char *dir, const char *id, struct err *e);
/* Why it was refused, the caller's to free; NULL: it was not. */
char *store_refusal(const char *dir, const char *id);

/*
 * Back to `id`, by default to the one before: a candidate that was not tried yet is
 * dropped, else the previous one becomes the current. What it gives way to is refused.
 * The new current one's id goes to now.
 */
int store_rollback(
    const char *dir, const char *id, char now[STORE_ID_MAX], struct err *e);

/* Removes all images but the STORE_KEEP newest, those with a link, and those that a VM
 * in `run` (PATH_RUN) was started from. */
int store_prune(const char *dir, const char *run, struct err *e);

/* Ends what was cut off. All that change something do it first. */
int store_settle(const char *dir, struct err *e);

/* All images, the newest first: [{id, kernel, current, candidate, good, previous,
 * refused}]. A new reference. */
json_t *store_list(const char *dir, struct err *e);

#endif
