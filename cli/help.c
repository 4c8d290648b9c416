/* Help for the terminal and for mdoc(7), from the table of commands. */
#include <ctype.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "out.h"

#define HELP_WIDTH 78

static void print_option(FILE *out, const struct cli_option *o)
{
	char head[80];
	int n = 0;

	if (o->letter != 0)
		n = snprintf(head, sizeof(head), "-%c, ", o->letter);
	snprintf(head + n, sizeof(head) - (size_t)n, "--%s%s%s", o->name,
	    o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
	fprintf(out, "  %s\n", head);
	out_paragraphs(out, o->help, 6, HELP_WIDTH);
}

void cli_print_usage(FILE *out, const struct command *c)
{
	for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++)
		fprintf(out, " [--%s%s%s]", o->name, o->arg != NULL ? " " : "",
		    o->arg != NULL ? o->arg : "");
	if (c->args[0] != '\0')
		fprintf(out, " %s", c->args);
}

static void print_command(FILE *out, const struct command *c)
{
	fprintf(out, "Usage: bhyfi [-i INSTANCE] [--json] %s", c->name);
	cli_print_usage(out, c);
	fprintf(out, "\n\n%s: %s.\n\n", c->name, c->summary);
	out_paragraphs(out, c->help, 0, HELP_WIDTH);
	if (c->options != NULL)
		fprintf(out, "\nOptions:\n");
	for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++)
		print_option(out, o);
}

void cli_print_help(FILE *out, const struct command *c)
{
	if (c != NULL) {
		print_command(out, c);
		return;
	}
	fprintf(out,
	    "Usage: bhyfi [-i INSTANCE] [--json] COMMAND [ARGUMENT ...]\n\n"
	    "Your Wi-Fi card, run by Linux in a small virtual machine, as a network\n"
	    "interface of this host.\n\nCommands:\n");
	for (c = cli_commands; c->name != NULL; c++)
		if (!c->hidden)
			fprintf(out, "  %-10s %s\n", c->name, c->summary);
	fprintf(out, "\nOptions of every command:\n");
	for (const struct cli_option *o = cli_global_options; o->name != NULL; o++)
		print_option(out, o);
	fprintf(out, "\nExit status:\n");
	for (const struct cli_status *s = cli_statuses; s->help != NULL; s++)
		fprintf(out, "  %d  %s\n", (int)s->code, s->help);
	fprintf(out, "\nbhyfi help COMMAND says more; so does bhyfi(8).\n");
}

/* Text as mdoc wants it: no line that starts with a control character, backslashes
 * escaped, an empty line as a new paragraph. */
static void mdoc_escape(FILE *out, const char *text)
{
	bool start = true;

	for (; *text != '\0'; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		start = *text == '\n';
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\n' && text[1] == '\n')
			fputs("\n.Pp", out);
		else
			fputc(*text, out);
	}
}

static void mdoc_text(FILE *out, const char *text)
{
	mdoc_escape(out, text);
	fputc('\n', out);
}

/* Operands as arguments of a macro: "[SERVER[:PORT]]" is Oo Ar SERVER[:PORT] Oc. */
static void mdoc_operands(FILE *out, const char *args)
{
	while (*args != '\0') {
		size_t len = strcspn(args, " ");
		bool open = args[0] == '[';
		size_t skip = open ? 1 : 0, end = len;
		int depth = 0;

		for (size_t i = 0; i < len; i++)
			depth += (args[i] == '[') - (args[i] == ']');
		/* A word that closes what it opened, or what one before it opened. */
		bool close = args[len - 1] == ']' && (open ? depth == 0 : depth < 0);

		if (close)
			end--;
		fprintf(out, "%s Ar %.*s%s", open ? " Oo" : "", (int)(end - skip),
		    args + skip, close ? " Oc" : "");
		args += len;
		args += strspn(args, " ");
	}
}

static void mdoc_option(FILE *out, const struct cli_option *o)
{
	fprintf(out, ".It");
	if (o->letter != 0)
		fprintf(out, " Fl %c ,", o->letter);
	fprintf(out, " Fl \\-%s", o->name);
	if (o->arg != NULL)
		fprintf(out, " Ar %s", o->arg);
	fputc('\n', out);
	mdoc_text(out, o->help);
}

static void mdoc_option_list(FILE *out, const struct cli_option *o)
{
	fprintf(out, ".Bl -tag -width Ds\n");
	for (; o->name != NULL; o++)
		mdoc_option(out, o);
	fprintf(out, ".El\n");
}

void cli_print_mdoc_commands(FILE *out)
{
	for (const struct command *c = cli_commands; c->name != NULL; c++) {
		const struct cli_option *o = c->options;

		fprintf(out, ".It Cm %s", c->name);
		for (; o != NULL && o->name != NULL; o++) {
			fprintf(out, " Oo Fl \\-%s", o->name);
			if (o->arg != NULL)
				fprintf(out, " Ar %s", o->arg);
			fprintf(out, " Oc");
		}
		mdoc_operands(out, c->args);
		/* The summary as a sentence. */
		fprintf(out, "\n%c", toupper((unsigned char)c->summary[0]));
		mdoc_escape(out, c->summary + 1);
		fprintf(out, ".\n.Pp\n");
		mdoc_text(out, c->help);
		if (c->options != NULL)
			mdoc_option_list(out, c->options);
	}
}

void cli_print_mdoc_options(FILE *out)
{
	for (const struct cli_option *o = cli_global_options; o->name != NULL; o++)
		mdoc_option(out, o);
}

void cli_print_mdoc_statuses(FILE *out)
{
	for (const struct cli_status *s = cli_statuses; s->help != NULL; s++) {
		fprintf(out, ".It %d\n", (int)s->code);
		mdoc_text(out, s->help);
	}
}

static json_t *option_json(const struct cli_option *o)
{
	json_t *j = json_pack("{s:s,s:s}", "name", o->name, "help", o->help);

	if (o->letter != 0)
		json_object_set_new(j, "letter", json_stringn(&o->letter, 1));
	if (o->arg != NULL)
		json_object_set_new(j, "arg", json_string(o->arg));
	return j;
}

static json_t *command_json(const struct command *c)
{
	json_t *options = json_array();

	for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++)
		json_array_append_new(options, option_json(o));
	return json_pack("{s:s,s:s,s:s,s:s,s:o}", "name", c->name, "args", c->args,
	    "summary", c->summary, "help", c->help, "options", options);
}

static int help_json(const struct command *c, struct err *e)
{
	json_t *o, *list = json_array();

	if (c != NULL)
		json_array_append_new(list, command_json(c));
	for (const struct command *all = cli_commands; c == NULL && all->name != NULL;
	     all++)
		if (!all->hidden)
			json_array_append_new(list, command_json(all));
	o = json_pack("{s:o}", "commands", list);
	return out_json_end(stdout, o, e);
}

int cmd_help(struct cli *cli, int argc, char **argv, struct err *e)
{
	const struct command *c = NULL;

	if (argc > 1) {
		c = cli_find(argv[1]);
		if (c == NULL) {
			err_set(e, ERR_USAGE, "help: %.40s: no such command", argv[1]);
			return err_hint(e, "bhyfi help lists the commands");
		}
	}
	if (cli->json)
		return help_json(c, e);
	cli_print_help(stdout, c);
	return 0;
}
