/* What setup changes: files, links and ZFS datasets, each from one state to another. */
#ifndef BHYFI_SETUP_CHANGE_H
#define BHYFI_SETUP_CHANGE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

enum change_kind {
	CHANGE_FILE,    /* state: the bytes */
	CHANGE_LINK,    /* state: the target */
	CHANGE_DATASET, /* state: the dataset's name; path is where it is mounted */
};
extern const char *const change_kind_names[]; /* "file", "link", "dataset" */

/* NULL text: it is not there. */
struct change_state {
	char *text;
	size_t len;
};

struct change {
	enum change_kind kind;
	char path[PATH_MAX]; /* as its own system names it: without the root */
	char real[PATH_MAX]; /* below the root, symbolic links followed */
	struct change_state old, new;
	mode_t mode; /* of a file */
	uid_t uid;
	gid_t gid;
	bool set_owner;
	bool keep; /* undo leaves it alone once its user changed it */
};

struct change_list {
	struct change *change;
	size_t n;
};

void change_state_free(struct change_state *s);
/* Copies; NULL text stays NULL. */
int change_state_set(struct change_state *s, const char *text, size_t len, struct err *e);
bool change_state_same(const struct change_state *a, const struct change_state *b);

/* One more, all zero; NULL without memory. Pointers to others become stale. */
struct change *change_add(
    struct change_list *l, enum change_kind kind, const char *path, struct err *e);
void change_list_free(struct change_list *l);

/*
 * Finds c->real from c->path. A link is followed, but not out of the root (os_root());
 * a file with other names (hard links) is refused, as they would no longer be one.
 */
int change_resolve(struct change *c, struct err *e);

/* The state now, of c->kind at c->real; of a file also mode and owner into c if into
 * is c's own state `old`. Nothing there is no error. */
int change_read(struct change *c, struct change_state *into, struct err *e);

/* Folders that are missing above c->real: the topmost first; n of them. The caller's
 * change_parents_free. */
int change_parents(const char *real, char ***out, size_t *n, struct err *e);
void change_parents_free(char **paths, size_t n);

#endif
