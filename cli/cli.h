/*
 * The command table and what each command gets.
 *
 * A row says all that help, the manual page and the parser of options need, so
 * a command's code reads values and never argv's syntax.
 */
#ifndef BHYFI_CLI_H
#define BHYFI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "err.h"

#define CLI_OPTIONS_MAX 16
#define CLI_INSTANCE "wlan"

struct cli_option {
	const char *name; /* "wait" for --wait */
	char letter;      /* 'f' for -f too; 0: none */
	const char *arg;  /* "SEC"; NULL: a flag */
	const char *help; /* whole sentences */
	/* All that it may be, "yes|no"; NULL: what arg says. For completion. */
	const char *words;
};

struct cli {
	const char *instance; /* -i, default "wlan"; a valid name */
	bool json;            /* --json */
	bool terminal;        /* standard output is one */
	const struct command *command;
	/* Of command->options, in their order: NULL not given, "" for a flag. */
	const char *values[CLI_OPTIONS_MAX];
	/* Joins the JSON object of an error (state of what is not running); NULL:
	 * nothing. Freed by cli_main. */
	json_t *error_members;
};

struct command {
	const char *name;
	const char *args;    /* operands: "[SERVER[:PORT]]"; "" none */
	const char *summary; /* one line for help */
	/* Paragraphs for `bhyfi help NAME` and the manual page: plain text, an empty
	 * line between paragraphs, a new line for each sentence. */
	const char *help;
	const struct cli_option *options; /* ends with name NULL; NULL: none */
	bool own_options; /* argv is passed on with its options: the command parses */
	bool hidden;      /* left out of the short help */
	int min_args, max_args;
	/* argv[0] is the command's name, behind it only operands (but own_options).
	 * 0: done. -1 with e filled: e->code is the exit status; an empty message: the
	 * command has said what there is to say. */
	int (*run)(struct cli *cli, int argc, char **argv, struct err *e);
};

/* In the order of help; ends with name NULL. */
extern const struct command cli_commands[];

/* Options that every command takes. */
extern const struct cli_option cli_global_options[];

struct cli_status {
	enum err_code code;
	const char *help;
};
/* The exit statuses; ends with help NULL. */
extern const struct cli_status cli_statuses[];

/* NULL where there is none. */
const struct command *cli_find(const char *name);

/* The value of an option of the running command ("" for a flag), NULL where it
 * was not given. */
const char *cli_value(const struct cli *cli, const char *name);

/* A decimal number from min to max; what stands in the error (ERR_USAGE). */
int cli_number(const char *text, const char *what, int64_t min, int64_t max, int64_t *out,
    struct err *e);

struct cli_globals {
	bool help, version;
};
/* Takes the global options out of argv wherever they stand before "--". */
int cli_parse_globals(
    struct cli *cli, int *argc, char **argv, struct cli_globals *g, struct err *e);

/* Takes command->options out of argv, into cli->values. */
int cli_parse_options(struct cli *cli, int *argc, char **argv, struct err *e);

/* All of main(): returns the exit status. */
int cli_main(int argc, char **argv);

/* " [--wait SEC] ...": what stands behind the command's name. */
void cli_print_usage(FILE *out, const struct command *c);
/* The short help, or that of one command. */
void cli_print_help(FILE *out, const struct command *c);
/* For the manual page: list items of mdoc(7). */
void cli_print_mdoc_commands(FILE *out);
void cli_print_mdoc_options(FILE *out);
void cli_print_mdoc_statuses(FILE *out);

int cmd_up(struct cli *, int, char **, struct err *);
int cmd_down(struct cli *, int, char **, struct err *);
int cmd_reload(struct cli *, int, char **, struct err *);
int cmd_suspend(struct cli *, int, char **, struct err *);
int cmd_resume(struct cli *, int, char **, struct err *);
int cmd_scan(struct cli *, int, char **, struct err *);
int cmd_connect(struct cli *, int, char **, struct err *);
int cmd_forget(struct cli *, int, char **, struct err *);
int cmd_networks(struct cli *, int, char **, struct err *);
int cmd_status(struct cli *, int, char **, struct err *);
int cmd_monitor(struct cli *, int, char **, struct err *);
int cmd_console(struct cli *, int, char **, struct err *);
int cmd_log(struct cli *, int, char **, struct err *);
int cmd_cards(struct cli *, int, char **, struct err *);
int cmd_doctor(struct cli *, int, char **, struct err *);
int cmd_plan(struct cli *, int, char **, struct err *);
int cmd_setup(struct cli *, int, char **, struct err *);
int cmd_import(struct cli *, int, char **, struct err *);
int cmd_image(struct cli *, int, char **, struct err *);
int cmd_speedtest(struct cli *, int, char **, struct err *);
int cmd_air(struct cli *, int, char **, struct err *);
int cmd_complete(struct cli *, int, char **, struct err *);
int cmd_version(struct cli *, int, char **, struct err *);
int cmd_help(struct cli *, int, char **, struct err *);

#endif
