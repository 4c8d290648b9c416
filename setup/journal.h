/*
 * Changes that are made all or not at all, and can be taken back: DB/setup/.
 *
 *     lock          flock: one setup at a time
 *     N/K.old       the bytes of file K before (none: it was not there), N/K.new after
 *     N/journal.json  what was changed, and how far it got; without it N is rubbish
 *
 * States: "applying" until all is done, "done", and of an undo "undone". A run that
 * finds "applying" takes it back first; one that finds "undone" ends what was begun.
 */
#ifndef BHYFI_SETUP_JOURNAL_H
#define BHYFI_SETUP_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "change.h"
#include "err.h"

#define JOURNAL_ENTRIES_MAX 1000

enum journal_state {
	JOURNAL_APPLYING,
	JOURNAL_DONE,
	JOURNAL_UNDONE,
};
extern const char *const journal_state_names[];

struct journal_entry {
	unsigned number;
	enum journal_state state;
	bool rubbish; /* no journal.json */
	struct change_list changes;
	char **dirs; /* folders that were made, topmost first */
	size_t ndirs;
};

struct journal {
	char dir[PATH_MAX];
	int lock;
	struct journal_entry *entry; /* oldest first */
	size_t n;
	char **dirs; /* that journal_open made */
	size_t ndirs;
};

/* A line for the user. */
typedef void setup_report(void *arg, const char *text);

/*
 * Opens DB/setup below os_root() and locks it. With create it is made where it is
 * missing; else j stays empty (lock -1) then. Another setup that runs is an error.
 * writing false: it is only looked at, and not locked.
 */
int journal_open(
    struct journal *j, const char *db, bool create, bool writing, struct err *e);
void journal_close(struct journal *j);

/* Whether an entry tells of a run that was interrupted. */
bool journal_interrupted(const struct journal *j);

/* Takes back, or brings to its end, what was interrupted, and says so. 1 where no entry
 * is left: the folder and its lock are gone then. */
int journal_recover(struct journal *j, setup_report *report, void *arg, struct err *e);

/*
 * Makes the changes. On failure all is as before, or e says what is not; the entry
 * then stays for journal_recover. undo: afterwards no entry is left.
 */
int journal_apply(struct journal *j, struct change_list *l, bool undo, struct err *e);

/*
 * The changes that put back what was there before the oldest entry. A file that its
 * user changed since loses only our lines; *conflict (the caller's) is a diff to be
 * undone by hand where they can not be told apart, and then the result is -1.
 */
int journal_undo_changes(const struct journal *j, struct change_list *out,
    setup_report *report, void *arg, char **conflict, struct err *e);

#endif
