/*
 * bhyfi as a process with its output captured, and a daemon that plays a script on a
 * control socket.
 */
#ifndef BHYFI_TEST_CLI_RUN_H
#define BHYFI_TEST_CLI_RUN_H

#include <sys/types.h>

#define OUTPUT_MAX 65536

struct cli_run {
	int status;
	char out[OUTPUT_MAX], err[OUTPUT_MAX];
};

/* Runs cli_main with the arguments (NULL-terminated) in a child. */
void cli_run(struct cli_run *r, const char *const argv[]);
#define RUN(r, ...) cli_run((r), (const char *const[]){"bhyfi", __VA_ARGS__, NULL})

/* A folder that takes PATH_RUN's place, with a folder for the instance. */
void cli_dir_make(const char *instance);
const char *cli_dir(void);
void cli_dir_remove(void);

/* A step: waits for a request that has `expect` in it (NULL: for none), then writes
 * `reply` as it is (NULL: nothing). */
struct step {
	const char *expect, *reply;
};

/* Plays the steps (ends with {NULL, NULL}) to one client after the other; a step
 * {NULL, ""} ends a connection and takes the next. At the end it waits until the
 * client hangs up, or, where the last reply is "!", hangs up first. */
pid_t server_start(const char *instance, const struct step *steps);
/* Fails where the script was not played to its end. */
void server_stop(pid_t pid);

#endif
