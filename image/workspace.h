/*
 * The folder in which an image is built, next to where it will be, so that the last
 * step is a rename. A build holds a lock on its own; one without a lock is
 * what a build that was killed left, and the next build removes it.
 */
#ifndef BHYFI_IMAGE_WORKSPACE_H
#define BHYFI_IMAGE_WORKSPACE_H

#include <stdbool.h>

#include "err.h"

struct workspace {
	char *parent;
	char *dir; /* NULL once it is published */
	int lock;
};

/* Makes parent if needed and a fresh folder in it. workspace_close in any case. */
int workspace_open(struct workspace *w, const char *parent, struct err *e);

/*
 * Gives the folder its name. What had that name before is removed (`replace`) or is
 * an error.
 */
int workspace_publish(struct workspace *w, const char *name, bool replace, struct err *e);

/* Points parent/link to name, atomically. */
int workspace_link(
    const struct workspace *w, const char *link, const char *name, struct err *e);

/* Removes the folder if it was not published. */
void workspace_close(struct workspace *w);

#endif
