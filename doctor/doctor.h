/*
 * Every precondition of `bhyfi up` as a check of its own: passed, worth a warning,
 * failed, or not to be told from here; with the reason and the command that
 * mends it. Nothing is changed. doc/doctor.md lists the checks.
 */
#ifndef BHYFI_DOCTOR_H
#define BHYFI_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "config.h"
#include "err.h"
#include "os/os.h"

enum check_status {
	CHECK_PASS,
	CHECK_WARN, /* it works, but heed this */
	CHECK_FAIL, /* `up` can not work */
	CHECK_SKIP, /* not asked or not to be told here; why says which */
};
#define CHECK_STATUSES (CHECK_SKIP + 1)

struct check_result {
	const char *id, *title; /* of the table */
	enum check_status status;
	char why[320];
	char fix[320]; /* a command, or what to do; "": nothing */
};

struct doctor_options {
	const char *instance; /* a valid name */
	const char *os;       /* "freebsd", "linux"; NULL: the configuration's */
	const char *root;     /* of that system's programs and files; NULL: as os */
	bool running;         /* the instance's daemon answers */
	const char *flr_path; /* the list of cards with a broken reset */
	const char *etc; /* of the configurations; NULL: below root that system's own,
			  * else ours */

	/* In the place of what is read and asked; for tests. NULL: none. */
	const struct config *config;
	const struct card_list *cards;
	const char *only; /* the id of the one check to run */
};

/*
 * Runs the checks of the chosen system in the table's order; report gets each result
 * as it is there. -1 only where nothing could be checked: a system that does not
 * exist.
 */
int doctor_run(const struct doctor_options *o,
    void (*report)(void *arg, const struct check_result *r), void *arg, struct err *e);

/* "pass", "warn", "fail", "skip" */
const char *check_status_name(enum check_status s);

#endif
