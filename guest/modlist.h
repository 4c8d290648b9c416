/*
 * What the image says of its modules: /lib/bhyfi/modules.list and the overlays'
 * modules.d. The format is described in image/modlist.h, which writes it.
 */
#ifndef BHYFI_GUEST_MODLIST_H
#define BHYFI_GUEST_MODLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define MODLIST_TEXT_MAX (4 * 1024 * 1024)
#define MODLIST_LINE_BYTES 1024
#define MODLIST_FILES_MAX 16
#define MODLIST_ENTRIES_MAX 65535 /* of modules, of dependencies, of aliases */

struct mod_dep {
	const char *name;
	bool soft; /* its absence is no error */
};

struct mod {
	const char *name; /* with '_' for '-' */
	const char *path; /* relative to /lib/modules/VERSION; NULL: built in */
	uint32_t first_dep, dep_count;
	bool boot;
	bool loaded;
};

struct mod_alias {
	const char *pattern;
	uint32_t mod;
};

struct modlist {
	struct mod *mods;
	struct mod_dep *deps;
	struct mod_alias *aliases;
	size_t mod_count, dep_count, alias_count;
	size_t mod_room, dep_room, alias_room;
	char *texts[MODLIST_FILES_MAX];
	size_t text_count;
};

/*
 * Adds a file's text of len bytes with a NUL behind it. Takes the text, also
 * when it fails: all strings point into it. A malformed line is an error that
 * gives its number; what stood before it stays in the list.
 */
int modlist_add(struct modlist *ml, char *text, size_t len, struct err *e);
void modlist_free(struct modlist *ml);

/* By name, '-' and '_' being the same; NULL where the image has none. */
struct mod *modlist_find(struct modlist *ml, const char *name);

/*
 * The next module, from alias number *at on, one of whose patterns matches the
 * modalias (or name that the kernel asks for); NULL: no more. *at is moved on.
 */
struct mod *modlist_match(struct modlist *ml, const char *alias, size_t *at);

/* Writes src with '_' for '-' outside of brackets; false where it does not fit. */
bool modlist_normalise(const char *src, char *dst, size_t size);

#endif
