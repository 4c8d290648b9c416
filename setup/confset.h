/*
 * The files that together say what a variable is, in the order in which they are read:
 * rc.conf and rc.conf.local, or loader.conf, loader.conf.d and loader.conf.local. The
 * last assignment counts.
 */
#ifndef BHYFI_SETUP_CONFSET_H
#define BHYFI_SETUP_CONFSET_H

#include "change.h"
#include "confdoc.h"

#define CONFSET_FILES 32

struct confset {
	enum conf_syntax syntax;
	const char *heading; /* a comment line before what is appended */
	struct confset_file {
		struct change change; /* as it was read: old */
		struct confdoc doc;
		bool appended;
	} file[CONFSET_FILES];
	size_t n;
	size_t base; /* where new variables go */
	/* Files that others read with `.`; paths as written there. */
	struct confset_file include[CONFSET_FILES];
	size_t includes;
};

enum conf_known {
	CONF_UNSET,
	CONF_KNOWN,  /* value, perhaps with expansions */
	CONF_UNSURE, /* something that names it may have changed it */
	CONF_LOST,   /* something may have changed anything */
};

struct conf_value {
	enum conf_known known;
	const char *value; /* CONF_KNOWN; borrowed until the next change */
	bool literal;
	const struct confdoc *doc; /* where; NULL: CONF_UNSET */
	size_t file;               /* of the set, or from which it was read */
	size_t event;
	bool included; /* doc is read by file */
	unsigned line;
	const char *why;
};

/* /etc/rc.conf and what rc_conf_files names. The caller's to free. */
int confset_load_rc(struct confset *s, struct err *e);
/* /boot/loader.conf, what loader_conf_files names, loader.conf.d, loader.conf.local. */
int confset_load_loader(struct confset *s, struct err *e);
void confset_free(struct confset *s);

int confset_find(
    struct confset *s, const char *variable, struct conf_value *v, struct err *e);

/* Makes value the variable's last one. same (may be NULL) tells of another spelling
 * that it is as good. */
int confset_set(struct confset *s, const char *variable, const char *value,
    bool (*same)(const char *present), struct err *e);

/* Makes word one of the variable's words. suffix (may be ""): word with it is the same
 * one (".ko"). */
int confset_add_word(struct confset *s, const char *variable, const char *word,
    const char *suffix, struct err *e);

/* Whether text, words separated by blanks, has the word. */
bool confset_has_word(const char *text, const char *word, const char *suffix);

/* The files that are changed, as changes. */
int confset_changes(const struct confset *s, struct change_list *l, struct err *e);

#endif
