/*
 * Makes a manual page: gen-man TEMPLATE prints it with the lists that come from the
 * tables of commands and of configuration keys, and with the paths of this build.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "paths.h"

/* A line that is just this becomes a list. */
static const struct {
	const char *line;
	void (*print)(FILE *out);
} lists[] = {
    {"@COMMANDS@\n", cli_print_mdoc_commands},
    {"@OPTIONS@\n", cli_print_mdoc_options},
    {"@STATUSES@\n", cli_print_mdoc_statuses},
    {"@KEYS@\n", config_print_mdoc},
};

/* A word within a line. */
static const struct {
	const char *word, *text;
} words[] = {
    {"@ETC@", PATH_ETC},
    {"@RUN@", PATH_RUN},
    {"@DB@", PATH_DB},
    {"@VERSION@", BHYFI_VERSION},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool print_list(const char *line)
{
	for (size_t i = 0; i < COUNT(lists); i++)
		if (strcmp(line, lists[i].line) == 0) {
			lists[i].print(stdout);
			return true;
		}
	return false;
}

static void print_line(const char *line)
{
	while (*line != '\0') {
		size_t i;

		for (i = 0; i < COUNT(words); i++)
			if (strncmp(line, words[i].word, strlen(words[i].word)) == 0)
				break;
		if (i < COUNT(words)) {
			fputs(words[i].text, stdout);
			line += strlen(words[i].word);
		} else {
			putchar(*line++);
		}
	}
}

int main(int argc, char **argv)
{
	char line[1024];
	FILE *f;

	if (argc != 2) {
		fprintf(stderr, "usage: gen-man TEMPLATE\n");
		return 2;
	}
	f = fopen(argv[1], "r");
	if (f == NULL) {
		fprintf(stderr, "gen-man: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), f) != NULL)
		if (!print_list(line))
			print_line(line);
	if (ferror(f) || fclose(f) != 0 || fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "gen-man: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
