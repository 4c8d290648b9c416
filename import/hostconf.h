/* What of rc.conf, loader.conf and other files of the host belongs to a set-up that is
 * left behind. Items only: bhyfi changes none of them (`bhyfi setup` does). */
#ifndef BHYFI_IMPORT_HOSTCONF_H
#define BHYFI_IMPORT_HOSTCONF_H

#include "found.h"

struct hostconf_rule {
	const char *name; /* of the setting; a * at its end: any that begins so */
	/* Looks at one setting; NULL: it is to be removed by sysrc, text says why. */
	void (*look)(struct finder *f, const char *file, const struct assign *s);
	const char *text;
};

/* rc.conf and rc.conf.local, by rules that end with name NULL. word: an interface
 * whose mention in another setting is shown; NULL: none. */
int hostconf_rc(struct finder *f, const struct hostconf_rule *rules, const char *word);

/* The value that rc.conf and rc.conf.local give a variable; the caller's. NULL: none. */
char *hostconf_rc_get(struct finder *f, const char *name);

/* /boot/loader.conf: reserved devices and modules. */
int hostconf_loader(struct finder *f);

/* Lines of a file that have a word in them, each to do with text. */
int hostconf_mentions(
    struct finder *f, const char *path, const char *word, const char *text);

#endif
