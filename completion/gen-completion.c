/*
 * Makes a shell's completion of bhyfi: gen-completion TEMPLATE prints it with the lists
 * that come from the table of commands.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "template.h"

#define WORD_MAX 256

/* What stands for a value in the usage, and what that is. Others are free text. */
static const struct {
	const char *arg, *kind;
} kinds[] = {
    {"FILE", "files"},
    {"DIR", "dirs"},
    {"INSTANCE", "instances"},
    {"CARD", "cards"},
    {"VENDOR:DEVICE", "cards"},
    {"SSID", "networks"},
};

static const char *kind_of(const char *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].arg, arg) == 0)
			return kinds[i].kind;
	return strchr(arg, '|') != NULL ? arg : "none";
}

static const char *option_kind(const struct cli_option *o)
{
	return o->words != NULL ? o->words : kind_of(o->arg);
}

/* The names of all commands, as words. */
static const char *command_words(void)
{
	static char all[2048];
	size_t at = 0;

	for (const struct command *c = cli_commands; c->name != NULL; c++)
		if (!c->hidden && at < sizeof(all))
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s",
			    at > 0 ? "|" : "", c->name);
	if (at >= sizeof(all)) {
		fprintf(stderr, "gen-completion: too many commands\n");
		exit(1);
	}
	return all;
}

/* The kind of operand n, out of "wifibox|vm-bhyve [GUEST]"; NULL behind the last. */
static const char *operand_kind(const struct command *c, int n)
{
	static char word[WORD_MAX];
	const char *p = c->args;
	size_t len;

	for (; n > 0 && *p != '\0'; n--) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	len = strcspn(p, " ");
	if (len == 0)
		return NULL;
	if (p[0] == '[' && memchr(p, ']', len) != NULL) {
		p++;
		len = strcspn(p, " ]");
	}
	snprintf(word, sizeof(word), "%.*s", (int)len, p);
	if (strcmp(word, "COMMAND") == 0)
		return command_words();
	/* What is joined need not be kept yet. */
	if (strcmp(word, "SSID") == 0 && strcmp(c->name, "connect") == 0)
		return "heard";
	return kind_of(word);
}

/* Options that a command parses itself stand only in its help, as --NAME and perhaps a
 * value in capital letters. Calls fn for each the first time. */
static void own_options(const struct command *c,
    void (*fn)(const struct command *c, const struct cli_option *o))
{
	const char *p = c->own_options ? c->help : "";
	char name[WORD_MAX], arg[WORD_MAX], before[WORD_MAX + 3];

	while ((p = strstr(p, "--")) != NULL) {
		struct cli_option o = {.name = name, .help = ""};
		const char *first;
		size_t len;

		p += 2;
		len = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
		if (len == 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		snprintf(before, sizeof(before), "--%s", name);
		first = strstr(c->help, before);
		p += len;
		if (first != p - len - 2)
			continue;
		len = *p == ' ' ? strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ:") : 0;
		snprintf(arg, sizeof(arg), "%.*s", (int)len, p + 1);
		if (len > 1)
			o.arg = arg;
		fn(c, &o);
	}
}

static void each_option(const struct command *c,
    void (*fn)(const struct command *c, const struct cli_option *o))
{
	for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++)
		fn(c, o);
	own_options(c, fn);
}

static void each_of_all(void (*fn)(const struct command *c, const struct cli_option *o))
{
	for (const struct cli_option *o = cli_global_options; o->name != NULL; o++)
		fn(NULL, o);
	for (const struct command *c = cli_commands; c->name != NULL; c++)
		if (!c->hidden)
			each_option(c, fn);
}

/* The first sentence of a help, without what a shell's list would take for syntax. */
static void print_brief(const char *help, const char *escaped)
{
	for (; *help != '\0' && *help != '\n'; help++) {
		if (*help == '.' && (help[1] == '\0' || help[1] == '\n'))
			break;
		if (*help == '\'')
			fputs("'\\''", stdout);
		else if (strchr(escaped, *help) != NULL)
			printf("\\%c", *help);
		else
			putchar(*help);
	}
}

/* bash */

static void bash_value(const struct command *c, const struct cli_option *o)
{
	const char *name = c != NULL ? c->name : "*";

	if (o->arg == NULL)
		return;
	printf("\t%s,--%s", name, o->name);
	if (o->letter != 0)
		printf(" | %s,-%c", name, o->letter);
	printf(") kind='%s' ;;\n", option_kind(o));
}

static void bash_values(void)
{
	each_of_all(bash_value);
}

static void bash_name(const struct command *c, const struct cli_option *o)
{
	(void)c;
	printf(" --%s", o->name);
}

static void bash_globals(void)
{
	for (const struct cli_option *o = cli_global_options; o->name != NULL; o++)
		printf("%s--%s", o == cli_global_options ? "" : " ", o->name);
}

static void bash_options(void)
{
	for (const struct command *c = cli_commands; c->name != NULL; c++) {
		if (c->hidden || (c->options == NULL && !c->own_options))
			continue;
		printf("\t%s) printf '%%s\\n'", c->name);
		each_option(c, bash_name);
		printf(" ;;\n");
	}
}

static void bash_operands(void)
{
	for (const struct command *c = cli_commands; c->name != NULL; c++)
		for (int n = 0; !c->hidden && operand_kind(c, n) != NULL; n++)
			printf("\t%s,%d) kind='%s' ;;\n", c->name, n, operand_kind(c, n));
}

/* zsh */

static void zsh_commands(void)
{
	for (const struct command *c = cli_commands; c->name != NULL; c++) {
		if (c->hidden)
			continue;
		printf("\t\t'%s:", c->name);
		print_brief(c->summary, "\\:");
		printf("'\n");
	}
}

static void zsh_action(const char *kind)
{
	if (strcmp(kind, "files") == 0)
		printf("_files");
	else if (strcmp(kind, "dirs") == 0)
		printf("_files -/");
	else if (strchr(kind, '|') != NULL)
		for (const char *p = kind; *p != '\0'; p++)
			printf("%s%c%s", p == kind ? "(" : "", *p == '|' ? ' ' : *p,
			    p[1] == '\0' ? ")" : "");
	else if (strcmp(kind, "none") != 0)
		printf("_bhyfi_list %s", kind);
}

static void zsh_option(const struct command *c, const struct cli_option *o)
{
	const char *value = o->arg != NULL ? "=" : "";

	(void)c;
	if (o->letter != 0)
		printf("\t\t'(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter,
		    o->arg != NULL ? "+" : "", o->name, value);
	else
		printf("\t\t'--%s%s[", o->name, value);
	print_brief(o->help[0] != '\0' ? o->help : o->name, "\\:[]");
	printf("]");
	if (o->arg != NULL) {
		printf(":value:");
		zsh_action(option_kind(o));
	}
	printf("'\n");
}

static void zsh_globals(void)
{
	for (const struct cli_option *o = cli_global_options; o->name != NULL; o++)
		zsh_option(NULL, o);
}

static void zsh_arguments(void)
{
	for (const struct command *c = cli_commands; c->name != NULL; c++) {
		const char *kind;

		if (c->hidden)
			continue;
		printf("\t%s)\n\t\tlocal -a its=(\n", c->name);
		each_option(c, zsh_option);
		for (int n = 0; (kind = operand_kind(c, n)) != NULL; n++) {
			printf("\t\t'%d::operand:", n + 1);
			zsh_action(kind);
			printf("'\n");
		}
		printf("\t\t)\n\t\t_arguments $globals $its && ret=0\n\t\t;;\n");
	}
}

/* fish */

static void fish_action(const char *kind)
{
	if (strcmp(kind, "files") == 0)
		printf(" -F");
	else if (strcmp(kind, "dirs") == 0)
		printf(" -a '(__fish_complete_directories)'");
	else if (strchr(kind, '|') != NULL)
		for (const char *p = kind; *p != '\0'; p++)
			printf("%s%c%s", p == kind ? " -a '" : "", *p == '|' ? ' ' : *p,
			    p[1] == '\0' ? "'" : "");
	else if (strcmp(kind, "none") != 0)
		printf(" -a '(__bhyfi_list %s)'", kind);
}

static void fish_option(const struct command *c, const struct cli_option *o)
{
	printf("complete -c bhyfi");
	if (c != NULL)
		printf(" -n '__bhyfi_is %s'", c->name);
	if (o->letter != 0)
		printf(" -s %c", o->letter);
	printf(" -l %s", o->name);
	if (o->arg != NULL) {
		printf(" %s", strcmp(option_kind(o), "files") == 0 ? "-r" : "-x");
		fish_action(option_kind(o));
	}
	if (o->help[0] != '\0') {
		printf(" -d '");
		print_brief(o->help, "\\");
		putchar('\'');
	}
	putchar('\n');
}

static void fish(void)
{
	for (const struct command *c = cli_commands; c->name != NULL; c++) {
		const char *kind = operand_kind(c, 0);

		if (c->hidden)
			continue;
		printf("complete -c bhyfi -n __bhyfi_needs_command -a %s -d '", c->name);
		print_brief(c->summary, "\\");
		printf("'\n");
		if (kind == NULL || strcmp(kind, "none") == 0)
			continue;
		printf("complete -c bhyfi -n '__bhyfi_is %s'", c->name);
		fish_action(kind);
		printf("\n");
	}
	each_of_all(fish_option);
}

static void words_commands(void)
{
	fputs(command_words(), stdout);
}

static const struct template_mark marks[] = {
    {"@BASH_VALUES@\n", .print = bash_values},
    {"@BASH_OPTIONS@\n", .print = bash_options},
    {"@BASH_OPERANDS@\n", .print = bash_operands},
    {"@ZSH_COMMANDS@\n", .print = zsh_commands},
    {"@ZSH_GLOBALS@\n", .print = zsh_globals},
    {"@ZSH_ARGUMENTS@\n", .print = zsh_arguments},
    {"@FISH@\n", .print = fish},
    {"@WORDS_COMMANDS@", .print = words_commands},
    {"@BASH_GLOBALS@", .print = bash_globals},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	return template_main("gen-completion", marks, argc, argv);
}
