/*
 * `bhyfi setup`: what a host needs beside the programs so that its card is bhyfi's
 * from now on. A plan is made of what is there, shown, and carried out all or not at
 * all (journal.h). doc/setup.md says what is written where.
 */
#ifndef BHYFI_SETUP_H
#define BHYFI_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "change.h"
#include "config.h"
#include "err.h"
#include "os/os.h"

#define SETUP_LINES_MAX 32
#define SETUP_COMMANDS_MAX 16
#define SETUP_ARGS_MAX 8

struct setup_request {
	const char *os;   /* "freebsd", "linux"; NULL: the host's own */
	const char *root; /* "" or an absolute folder */
	const char *instance;
	const char *card;  /* NULL: the configured one, or the only one there is */
	bool bind_at_boot; /* the card's own driver never gets it */
	/* Called where there are several cards; its index, -1 with e. NULL: an error. */
	int (*choose)(void *arg, const struct card_list *cards, struct err *e);
	void (*report)(
	    void *arg, const char *text); /* what was found and done; or NULL */
	void *arg;
};

/* A program that makes the changes hold at once. */
struct setup_command {
	const char *argv[SETUP_ARGS_MAX]; /* argv[0]: absolute; NULL at the end */
	const char *why;
};

struct setup_plan {
	const char *os;
	char instance[INSTANCE_MAX];
	char card[CARD_TEXT_SIZE]; /* as in the configuration; "" of an undo */
	char interface[IFNAME_MAX];
	char etc[PATH_MAX], db[PATH_MAX]; /* without the root */
	bool undo;
	bool pending; /* an undo with something to forget, even if no file changes */
	struct change_list changes;
	struct setup_command command[SETUP_COMMANDS_MAX];
	size_t ncommands;
	/* Sentences: what to heed, and why the host has to start anew (none: it has
	 * not). Owned. */
	char *note[SETUP_LINES_MAX], *reboot[SETUP_LINES_MAX];
	size_t nnotes, nreboots;
};

/* Where bhyfi of a system has its configurations and images, below the root: the
 * native system's were chosen when it was built, another one's are as its package has
 * them. */
struct setup_folders {
	const char *etc, *db;
};
struct setup_folders setup_folders(const char *os);

/*
 * What is to be done; the caller's setup_plan_free. An earlier run that was
 * interrupted is taken back first, unless look_only: then *interrupted is true and
 * the plan is empty. ERR_PRECONDITION without a card.
 */
int setup_plan_make(const struct setup_request *r, bool look_only, bool *interrupted,
    struct setup_plan **plan, struct err *e);

/* The same for what takes everything back. *conflict (the caller's) is a diff that
 * belongs to an error. */
int setup_plan_undo(const struct setup_request *r, bool look_only, bool *interrupted,
    struct setup_plan **plan, char **conflict, struct err *e);

void setup_plan_free(struct setup_plan *p);

/* Makes the changes, all or none. */
int setup_apply(struct setup_plan *p, struct err *e);

/* Runs command i: it helps, but its failure is for the user to judge. */
int setup_command_run(const struct setup_plan *p, size_t i, struct err *e);

/* A change as a unified diff (a file), or one line; the caller's. */
int setup_change_text(const struct change *c, char **out, struct err *e);

#endif
