/*
 * Running other programs: an argument vector, never a shell. The child gets
 * /dev/null as standard input, no descriptor but 0-2, and default signals.
 */
#ifndef BHYFI_CMD_H
#define BHYFI_CMD_H

#include <stddef.h>

#include "err.h"

struct cmd_opts {
	int timeout_ms; /* 0: none. At the end the child's group is killed. */
	size_t
	    max_output;  /* bytes of standard output kept; 0: 64 KiB. More is an error. */
	const char *cwd; /* NULL: as ours */
	const char *const *env; /* NULL: as ours */
	int ok_status; /* another exit status that is as good as 0; *status tells */
	int quiet;     /* discard standard error, else its last line joins the error */
	/* Gets standard output as it comes, in place of *out; anything but 0, with e
	 * filled, ends the program. */
	int (*watch)(void *arg, const char *data, size_t len, struct err *e);
	void *watch_arg;
};

/*
 * Runs argv[0] (looked up in PATH) and waits. Standard output goes to *out
 * (fresh, NUL-terminated, the caller's to free; out NULL discards it). Returns
 * 0 when it exited with status 0. Anything else is an error that says the
 * program, how it ended and the last line that it wrote to standard error; a
 * missing program is ERR_PRECONDITION, time that ran out ERR_TIMEOUT. *status,
 * if not NULL, gets the exit status, -1 where there is none.
 */
int cmd_run(const char *const argv[], const struct cmd_opts *opts, char **out,
    int *status, struct err *e);

/* argv as one line that a POSIX shell would read back the same; the caller's to
 * free, NULL without memory. For logs and `plan`, never to be run. */
char *cmd_quote(const char *const argv[]);

#endif
