/* An instance of bhyfi under test: its configuration and its commands. */
#ifndef BHYFI_TEST_INST_H
#define BHYFI_TEST_INST_H

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "child.h"
#include "err.h"

#define INST_EXTRA_MAX 4096
#define PASSPHRASE "correct horse battery" /* of the scenarios' networks */

struct inst {
	char name[16], tap[16];
	char conf[PATH_MAX], networks[PATH_MAX], run[PATH_MAX];
	char settings[INST_EXTRA_MAX];     /* of the configuration file */
	char network_text[INST_EXTRA_MAX]; /* of the networks file */
	bool settled;                      /* it was seen that nothing is left */
};

/* The scenario's network (or all of them) configured, on tap NAME0. */
void inst_init(struct inst *i, const char *name, const char *scenario);
/* Adds a line to the configuration. */
void inst_set(struct inst *i, const char *key, const char *value);
/* Adds a network block: lines of wpa_supplicant.conf between the braces. */
void inst_network(struct inst *i, const char *lines);
/* Writes both files, with modes 0644 and 0600. */
int inst_write(const struct inst *i, struct err *e);
/* Removes both, and the folder with logs. */
void inst_remove(const struct inst *i);

/* Runs bhyfi -i NAME with these arguments, NULL at the end. */
int inst_run(const struct inst *i, struct child *c, int timeout_ms, struct err *e, ...)
    __attribute__((sentinel));
/* The same with the arguments as a list. */
int inst_run_list(const struct inst *i, struct child *c, int timeout_ms,
    const char *const command[], struct err *e);
/* As inst_run, in the background. */
int inst_start(const struct inst *i, struct child *c, struct err *e, ...)
    __attribute__((sentinel));

/* The same with --json: what it printed, a new reference. NULL unless it ended
 * with status 0. */
json_t *inst_json(const struct inst *i, int timeout_ms, struct err *e, ...)
    __attribute__((sentinel));

/* A member by its path: "wlan.ssid". NULL where there is none. */
json_t *json_at(const json_t *o, const char *path);
/* "" and -1 where there is none. */
const char *text_at(const json_t *o, const char *path);
double number_at(const json_t *o, const char *path);

#endif
