/* From argv to a command of the table, and from its error to an exit status. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "nearest.h"
#include "out.h"

const struct cli_option cli_global_options[] = {
    {"instance", 'i', "INSTANCE",
	"The instance: each card has its own configuration file.\n"
	"Default: " CLI_INSTANCE "."},
    {"json", 0, NULL, "Print JSON for programs instead of text."},
    {"help", 'h', NULL, "Print help on the command."},
    {"version", 0, NULL, "Print the version."},
    {NULL, 0, NULL, NULL},
};

const struct command *cli_find(const char *name)
{
	for (const struct command *c = cli_commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const char *cli_value(const struct cli *cli, const char *name)
{
	const struct cli_option *o = cli->command->options;

	for (int i = 0; o != NULL && o[i].name != NULL; i++)
		if (strcmp(o[i].name, name) == 0)
			return cli->values[i];
	return NULL;
}

int cli_number(const char *text, const char *what, int64_t min, int64_t max, int64_t *out,
    struct err *e)
{
	long long n;
	char *end;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < min ||
	    n > max)
		return err_set(e, ERR_USAGE,
		    "%s: expected a number from %lld to %lld, not \"%.40s\"", what,
		    (long long)min, (long long)max, text);
	*out = n;
	return 0;
}

/* The row that argv[i] names and its value; one step of a parser of options. */
struct match {
	int option;        /* index; -1: not of this table */
	const char *value; /* NULL: a flag */
	int used;          /* arguments: 1 or 2 */
};

static int match_value(struct match *m, const struct cli_option *o, const char *attached,
    int argc, char **argv, int i, struct err *e)
{
	m->used = 1;
	if (o->arg == NULL) {
		if (attached != NULL)
			return err_set(e, ERR_USAGE, "--%s: takes no value", o->name);
		m->value = "";
		return 0;
	}
	if (attached != NULL) {
		m->value = attached;
		return 0;
	}
	if (i + 1 >= argc)
		return err_set(
		    e, ERR_USAGE, "%.40s: expected %s behind it", argv[i], o->arg);
	m->value = argv[i + 1];
	m->used = 2;
	return 0;
}

static int match_option(struct match *m, const struct cli_option *options, int argc,
    char **argv, int i, struct err *e)
{
	const char *arg = argv[i];

	m->option = -1;
	if (options == NULL || arg[0] != '-' || arg[1] == '\0')
		return 0;
	for (int k = 0; options[k].name != NULL; k++) {
		const struct cli_option *o = &options[k];
		const char *attached = NULL;
		size_t len = strlen(o->name);

		if (arg[1] == '-') {
			if (strncmp(arg + 2, o->name, len) != 0 ||
			    (arg[2 + len] != '\0' && arg[2 + len] != '='))
				continue;
			if (arg[2 + len] == '=')
				attached = arg + 2 + len + 1;
		} else {
			if (o->letter == 0 || arg[1] != o->letter)
				continue;
			/* -fx of a flag is no option of ours: flags do not join. */
			if (o->arg == NULL && arg[2] != '\0')
				continue;
			if (arg[2] != '\0')
				attached = arg + 2;
		}
		m->option = k;
		return match_value(m, o, attached, argc, argv, i, e);
	}
	return 0;
}

int cli_parse_globals(
    struct cli *cli, int *argc, char **argv, struct cli_globals *g, struct err *e)
{
	int kept = 1, i = 1;

	*g = (struct cli_globals){false, false};
	while (i < *argc && strcmp(argv[i], "--") != 0) {
		struct match m;

		if (match_option(&m, cli_global_options, *argc, argv, i, e) < 0)
			return -1;
		if (m.option < 0) {
			argv[kept++] = argv[i++];
			continue;
		}
		switch (m.option) {
		case 0:
			cli->instance = m.value;
			break;
		case 1:
			cli->json = true;
			break;
		case 2:
			g->help = true;
			break;
		case 3:
			g->version = true;
			break;
		}
		i += m.used;
	}
	while (i < *argc)
		argv[kept++] = argv[i++];
	argv[kept] = NULL;
	*argc = kept;
	return 0;
}

int cli_parse_options(struct cli *cli, int *argc, char **argv, struct err *e)
{
	const struct command *c = cli->command;
	int kept = 1, i = 1;

	while (i < *argc) {
		struct match m;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (match_option(&m, c->options, *argc, argv, i, e) < 0)
			return err_prefix(e, "%s", c->name);
		if (m.option >= 0) {
			cli->values[m.option] = m.value;
			i += m.used;
			continue;
		}
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			err_set(
			    e, ERR_USAGE, "%s: %.40s: no such option", c->name, argv[i]);
			return err_hint(e, "bhyfi help %s", c->name);
		}
		argv[kept++] = argv[i++];
	}
	while (i < *argc)
		argv[kept++] = argv[i++];
	argv[kept] = NULL;
	*argc = kept;
	if (kept - 1 < c->min_args)
		err_set(e, ERR_USAGE, "%s: expected %s", c->name, c->args);
	else if (kept - 1 > c->max_args)
		err_set(e, ERR_USAGE, "%s: %.40s: one argument too many", c->name,
		    argv[1 + c->max_args]);
	else
		return 0;
	return err_hint(e, "bhyfi help %s", c->name);
}

static const char *command_name(unsigned i, void *arg)
{
	(void)arg;
	return cli_commands[i].name;
}

static int unknown_command(const char *word, struct err *e)
{
	const char *near;
	unsigned n = 0;

	while (cli_commands[n].name != NULL)
		n++;
	near = nearest_name(word, n, command_name, NULL);
	if (word[0] == '-')
		err_set(e, ERR_USAGE, "%.40s: no such option", word);
	else
		err_set(e, ERR_USAGE, "%.40s: no such command", word);
	if (near != NULL && word[0] != '-')
		return err_hint(e, "did you mean %s?", near);
	return err_hint(e, "bhyfi help lists the commands");
}

static int dispatch(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct cli_globals g;

	if (cli_parse_globals(cli, &argc, argv, &g, e) < 0)
		return -1;
	if (!config_instance_valid(cli->instance)) {
		struct config c;

		return config_init(&c, cli->instance, e);
	}
	/* The command's own row stands for the two that may come without one. */
	if (g.version) {
		cli->command = cli_find("version");
		char *args[] = {argv[0], NULL};
		return cmd_version(cli, 1, args, e);
	}
	if (argc < 2 || strcmp(argv[1], "--") == 0) {
		if (g.help) {
			char *args[] = {argv[0], NULL};
			return cmd_help(cli, 1, args, e);
		}
		err_set(e, ERR_USAGE, "no command given");
		return err_hint(e, "bhyfi help lists the commands");
	}
	cli->command = cli_find(argv[1]);
	if (cli->command == NULL)
		return unknown_command(argv[1], e);
	if (g.help) {
		char *args[] = {argv[0], argv[1], NULL};
		return cmd_help(cli, 2, args, e);
	}
	argc--, argv++;
	if (!cli->command->own_options && cli_parse_options(cli, &argc, argv, e) < 0)
		return -1;
	return cli->command->run(cli, argc, argv, e);
}

/* Closed standard descriptors would be taken by the next socket. What stands in
 * for them fails when it is used, as the closed one would. */
static void open_standard(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(ERR_FAILED);
}

int cli_main(int argc, char **argv)
{
	struct cli cli = {.instance = CLI_INSTANCE};
	struct err e = ERR_INIT, write_error = ERR_INIT;
	int ret;

	open_standard();
	signal(SIGPIPE, SIG_IGN);
	out_init();
	cli.terminal = isatty(STDOUT_FILENO);
	ret = dispatch(&cli, argc, argv, &e);
	if (out_flush(stdout, &write_error) < 0 && ret == 0) {
		e = write_error;
		ret = -1;
	}
	if (ret < 0) {
		if (e.code == ERR_NONE)
			e.code = ERR_FAILED;
		/* Without a message: the command has said it itself. */
		if (e.msg[0] != '\0')
			out_error(&cli, stdout, stderr, &e);
	}
	json_decref(cli.error_members);
	return ret < 0 ? (int)e.code : 0;
}
