/* Takes programs with their libraries, and files, from a source into a tree. */
#ifndef BHYFI_IMAGE_COLLECT_H
#define BHYFI_IMAGE_COLLECT_H

#include "profile.h"
#include "source.h"
#include "tree.h"

struct collect {
	struct source *source;
	struct tree *out;
	const struct tree
	    *below;      /* what is in this tree is not added again; NULL: none */
	const char *why; /* of programs and files that are asked for; NULL: not said */
};

/* Adds a file at `path` with what is found at `from`, both without their links: the
 * link's own path becomes a link to the file's. */
int collect_file(struct collect *c, const char *path, const char *from, struct err *e);

/*
 * Adds programs, their interpreter and all libraries (DT_NEEDED, over and over).
 * Where one is not in the packages at hand, the source brings those that the
 * package depends on.
 */
int collect_programs(struct collect *c, const struct strv *paths, struct err *e);

/* A program of ours from the disk, which has to be a static one. */
int collect_static(struct collect *c, const char *path, const char *disk, struct err *e);

/* A file's whole content. */
int collect_read(const struct file *f, char **data, size_t *len, struct err *e);

#endif
