/*
 * /lib/bhyfi/modules.list and /lib/bhyfi/modules.d/NAME.list: what the guest
 * knows of its modules. Line-based text, '\n' at each end, no comments:
 *
 *     builtin NAME           the kernel has it: who asks for it, has it loaded
 *     module NAME PATH       NAME with '_' for '-'; PATH relative to
 *                            /lib/modules/VERSION, without a leading '/'
 *     boot                   load it at start, in the order of the file
 *     dep NAME               a module to load first; all of them, in load order
 *     softdep NAME           load it first too if it can be had (no error if not)
 *     alias PATTERN          fnmatch pattern of a modalias or a request_module name,
 *                            with '_' for '-' outside of brackets
 *
 * The lines after `module` belong to it and come in this order. Modules are
 * sorted by name, except that those with `boot` come first in load order. A
 * file in modules.d may name a module of modules.list as a dependency but does
 * not repeat it.
 */
#ifndef BHYFI_IMAGE_MODLIST_H
#define BHYFI_IMAGE_MODLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define MODLIST_PATH "/lib/bhyfi/modules.list"
#define MODLIST_DIR "/lib/bhyfi/modules.d"
#define MODLIST_LINE_MAX 1024 /* without the newline; longer is an error */

struct modlist_entry {
	const char *name;
	const char *path; /* NULL: built in */
	bool boot;
	const char *const *deps; /* each of these ends with NULL */
	const char *const *softdeps;
	const char *const *aliases;
};

/*
 * Writes the list as text into *text (fresh, the caller's to free) in the order
 * given. A name, path or pattern with a space, a control character or too long
 * for a line is an error.
 */
int modlist_write(const struct modlist_entry *entries, size_t count, char **text,
    size_t *len, struct err *e);

#endif
