/*
 * Settings out of other programs' configuration files, without running them.
 *
 * Two grammars. Shell assignments: what sh(1) would assign where the text is nothing
 * but NAME=VALUE with quotes and comments (rc.conf, loader.conf, wifibox's files). What
 * a shell would have to run or expand is never guessed: it becomes an entry with
 * `problem` set. And vm-bhyve's own files, which look alike but are read by grep and
 * awk, see assigns_parse_vm.
 */
#ifndef BHYFI_IMPORT_ASSIGN_H
#define BHYFI_IMPORT_ASSIGN_H

#include <stddef.h>

#include "err.h"

#define ASSIGN_FILE_MAX (256 * 1024)
#define ASSIGN_MAX 4096

struct assign {
	char *name;          /* "" where a problem has none */
	char *value;         /* "" with a problem */
	unsigned line;       /* where the name stands, from 1 */
	const char *problem; /* why there is no value; NULL: there is one. Static. */
};

struct assigns {
	struct assign *list; /* in the file's order */
	size_t n;
};

/*
 * name stands in errors. On success the caller ends it with assigns_free; on failure
 * (too large, a NUL byte, no memory) there is nothing to free. Behind a compound command
 * (if, case, a function) nothing more is read: the entry that says so is the last.
 */
int assigns_parse(
    const char *text, size_t len, const char *name, struct assigns *a, struct err *e);

/*
 * As vm-bhyve's config::load reads: lines that begin with a small letter, up to a #
 * wherever it stands, without blanks at the end and without any double quote; the name
 * is what stands before the first =. Nothing is expanded.
 */
int assigns_parse_vm(
    const char *text, size_t len, const char *name, struct assigns *a, struct err *e);

void assigns_free(struct assigns *a);

/* The assignment that counts in a shell: the last of that name. NULL: none, or it has
 * a problem. */
const struct assign *assigns_last(const struct assigns *a, const char *name);
/* The one that counts for vm-bhyve: the first. */
const struct assign *assigns_first(const struct assigns *a, const char *name);

#endif
