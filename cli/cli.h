/* The command table and what each command gets. */
#ifndef BHYFI_CLI_H
#define BHYFI_CLI_H

#include <stdbool.h>

#include <jansson.h>

#include "err.h"

struct cli {
	const char *instance; /* -i, default "wlan" */
	bool json;            /* --json */
	bool terminal;        /* standard output is one */
};

struct command {
	const char *name;
	const char *args;    /* "[--wait SEC]" */
	const char *summary; /* one line for help */
	const char *help;    /* paragraphs for `bhyfi help NAME` and the man page (mdoc-free text) */
	/* argv[0] is the command's name. Returns the exit status by way of e->code:
	 * 0 done, -1 with e filled. */
	int (*run)(struct cli *cli, int argc, char **argv, struct err *e);
};

/* In the order of help; ends with name NULL. */
extern const struct command cli_commands[];

int cmd_up(struct cli *, int, char **, struct err *);
int cmd_down(struct cli *, int, char **, struct err *);
int cmd_status(struct cli *, int, char **, struct err *);
int cmd_console(struct cli *, int, char **, struct err *);
int cmd_log(struct cli *, int, char **, struct err *);
int cmd_cards(struct cli *, int, char **, struct err *);
int cmd_plan(struct cli *, int, char **, struct err *);
int cmd_image(struct cli *, int, char **, struct err *);
int cmd_speedtest(struct cli *, int, char **, struct err *);
int cmd_air(struct cli *, int, char **, struct err *);
int cmd_version(struct cli *, int, char **, struct err *);
int cmd_help(struct cli *, int, char **, struct err *);

#endif
