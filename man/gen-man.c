/*
 * Makes a manual page: gen-man TEMPLATE prints it with the lists that come from the
 * tables of commands and of configuration keys, and with the paths of this build.
 */
#include <stdio.h>

#include "cli.h"
#include "config.h"
#include "paths.h"
#include "template.h"

static void commands(void)
{
	cli_print_mdoc_commands(stdout);
}

static void options(void)
{
	cli_print_mdoc_options(stdout);
}

static void statuses(void)
{
	cli_print_mdoc_statuses(stdout);
}

static void keys(void)
{
	config_print_mdoc(stdout);
}

static const struct template_mark marks[] = {
    {"@COMMANDS@\n", .print = commands},
    {"@OPTIONS@\n", .print = options},
    {"@STATUSES@\n", .print = statuses},
    {"@KEYS@\n", .print = keys},
    {"@ETC@", .text = PATH_ETC},
    {"@RUN@", .text = PATH_RUN},
    {"@DB@", .text = PATH_DB},
    {"@VERSION@", .text = BHYFI_VERSION},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	return template_main("gen-man", marks, argc, argv);
}
