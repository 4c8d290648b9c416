#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "out.h"
#include "setup.h"

struct run {
	struct cli *cli;
	bool dry_run, yes, undo, ask;
	json_t *found; /* what was reported */
};

static void report(void *arg, const char *text)
{
	struct run *r = arg;

	json_array_append_new(r->found, json_string(text));
	if (r->cli->json)
		return;
	out_safe_text(stdout, text);
	fputc('\n', stdout);
}

/* The answer to a question, one line; false at the end of the input. */
static bool read_answer(char *out, size_t size)
{
	fflush(stdout);
	if (fgets(out, (int)size, stdin) == NULL)
		return false;
	out[strcspn(out, "\n")] = '\0';
	return true;
}

static int choose(void *arg, const struct card_list *cards, struct err *e)
{
	char answer[32], id[CARD_TEXT_SIZE];
	int64_t n;

	(void)arg;
	printf("Which card is it to be?\n");
	for (size_t i = 0; i < cards->n; i++) {
		card_id_text(&cards->cards[i].id, id);
		printf("  %zu  %s  ", i + 1, id);
		out_safe_text(stdout, cards->cards[i].name);
		fputc('\n', stdout);
	}
	printf("Number: ");
	if (!read_answer(answer, sizeof(answer)))
		return err_set(e, ERR_FAILED, "no card chosen: nothing changed");
	if (cli_number(answer, "card", 1, (int64_t)cards->n, &n, e) < 0)
		return -1;
	return (int)n - 1;
}

/* A diff: raw where a program reads it, safe and coloured on a terminal. */
static void print_diff(const struct cli *cli, const char *text)
{
	if (!cli->terminal) {
		fputs(text, stdout);
		return;
	}
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		AUTO_FREE char *line = strndup(text, len);
		enum out_style style = text[0] == '+'   ? OUT_GOOD
				       : text[0] == '-' ? OUT_BAD
				       : text[0] == '@' ? OUT_DIM
							: OUT_PLAIN;

		if (strncmp(text, "--- ", 4) == 0 || strncmp(text, "+++ ", 4) == 0)
			style = OUT_BOLD;
		fputs(out_style(stdout, style), stdout);
		if (line != NULL)
			out_safe_text(stdout, line);
		fputs(out_style(stdout, OUT_PLAIN), stdout);
		fputc('\n', stdout);
		text += len + (text[len] == '\n');
	}
}

static void print_command(const struct setup_command *c)
{
	printf("    ");
	for (size_t i = 0; c->argv[i] != NULL; i++)
		printf("%s%s", i > 0 ? " " : "", c->argv[i]);
	printf("    # %s\n", c->why);
}

static int print_plan(const struct cli *cli, const struct setup_plan *p, struct err *e)
{
	for (size_t i = 0; i < p->changes.n; i++) {
		AUTO_FREE char *text = NULL;

		if (setup_change_text(&p->changes.change[i], &text, e) < 0)
			return -1;
		print_diff(cli, text);
	}
	if (p->ncommands > 0)
		printf("Then these make it hold at once:\n");
	for (size_t i = 0; i < p->ncommands; i++)
		print_command(&p->command[i]);
	for (size_t i = 0; i < p->nnotes; i++) {
		out_safe_text(stdout, p->note[i]);
		fputc('\n', stdout);
	}
	return 0;
}

static void print_end(const struct setup_plan *p)
{
	if (p->undo)
		return;
	for (size_t i = 0; i < p->nreboots; i++) {
		printf("Restart this host: ");
		out_safe_text(stdout, p->reboot[i]);
		fputc('\n', stdout);
	}
	if (p->nreboots == 0)
		printf("No restart of this host is needed. bhyfi up starts.\n");
}

static json_t *text_json(const char *text)
{
	json_t *s = json_string(text);
	char *safe = NULL;
	size_t len;
	FILE *f;

	if (s != NULL || (f = open_memstream(&safe, &len)) == NULL)
		return s;
	/* Not UTF-8: as a terminal would show it. */
	out_safe_text(f, text);
	fclose(f);
	s = json_string(safe);
	free(safe);
	return s;
}

static json_t *changes_json(const struct setup_plan *p, struct err *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->changes.n; i++) {
		const struct change *c = &p->changes.change[i];
		AUTO_FREE char *text = NULL;
		const char *action = c->old.text == NULL   ? "create"
				     : c->new.text == NULL ? "remove"
							   : "change";

		if (setup_change_text(c, &text, e) < 0) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:o}", "kind", change_kind_names[c->kind],
			"path", c->path, "action", action, "diff", text_json(text)));
	}
	return list;
}

static json_t *lines_json(char *const *lines, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, text_json(lines[i]));
	return list;
}

static json_t *command_json(const struct setup_command *c)
{
	json_t *argv = json_array();

	for (size_t i = 0; c->argv[i] != NULL; i++)
		json_array_append_new(argv, json_string(c->argv[i]));
	return json_pack(
	    "{s:o, s:s, s:s}", "argv", argv, "why", c->why, "state", "planned");
}

static json_t *plan_json(
    const struct run *r, const struct setup_plan *p, bool interrupted, struct err *e)
{
	json_t *commands = json_array(), *changes = changes_json(p, e);

	for (size_t i = 0; i < p->ncommands; i++)
		json_array_append_new(commands, command_json(&p->command[i]));
	if (changes == NULL) {
		json_decref(commands);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:O, s:o, s:o, s:o, s:b, "
			 "s:o}",
	    "os", p->os, "instance", p->instance, "card", p->card, "interface",
	    p->interface, "undo", (int)p->undo, "interrupted", (int)interrupted,
	    "applied", 0, "found", r->found, "changes", changes, "commands", commands,
	    "notes", lines_json(p->note, p->nnotes), "reboot", p->nreboots > 0,
	    "reboot_why", lines_json(p->reboot, p->nreboots));
}

/* The commands after the changes: one that fails is told, and no reason to stop. */
static void run_commands(const struct run *r, const struct setup_plan *p, json_t *o)
{
	json_t *list = json_object_get(o, "commands");

	for (size_t i = 0; i < p->ncommands; i++) {
		json_t *row = json_array_get(list, i);
		struct err why = ERR_INIT;
		bool ok = setup_command_run(p, i, &why) == 0;

		json_object_set_new(row, "state", json_string(ok ? "done" : "failed"));
		if (ok)
			continue;
		json_object_set_new(row, "error", text_json(why.msg));
		if (r->cli->json)
			continue;
		printf("That failed, and holds after the next start only: ");
		out_safe_text(stdout, why.msg);
		fputc('\n', stdout);
	}
}

static int confirm(const struct run *r, const struct setup_plan *p, struct err *e)
{
	char answer[16];

	if (r->yes)
		return 0;
	if (!r->ask) {
		err_set(e, ERR_USAGE, "nobody can be asked here: nothing changed");
		return err_hint(e, "--yes makes the changes, --dry-run only shows them");
	}
	printf(p->undo ? "Put this back? [y/N] " : "Make these changes? [y/N] ");
	if (!read_answer(answer, sizeof(answer)) ||
	    (strcasecmp(answer, "y") != 0 && strcasecmp(answer, "yes") != 0))
		return err_set(e, ERR_FAILED, "not confirmed: nothing changed");
	return 0;
}

static int carry_out(
    const struct run *r, struct setup_plan *p, bool interrupted, struct err *e)
{
	const struct cli *cli = r->cli;
	bool any = p->changes.n > 0 || p->ncommands > 0 || p->pending;
	json_t *o = plan_json(r, p, interrupted, e);
	int ret = 0;

	if (o == NULL)
		return err_sys(e, ENOMEM, "setup");
	if (!cli->json)
		ret = print_plan(cli, p, e);
	if (!cli->json && !any)
		printf("Nothing to %s.\n", p->undo ? "undo" : "do");
	if (ret == 0 && any && !r->dry_run && (r->yes || !cli->json)) {
		ret = confirm(r, p, e);
		if (ret == 0)
			ret = setup_apply(p, e);
		if (ret == 0) {
			run_commands(r, p, o);
			json_object_set_new(o, "applied", json_true());
			if (!cli->json)
				printf("Done.\n");
		}
	}
	if (ret == 0 && !cli->json)
		print_end(p);
	if (ret == 0 && cli->json)
		ret = out_json(stdout, o, e);
	json_decref(o);
	return ret;
}

static int run_setup(struct run *r, const struct setup_request *q, struct err *e)
{
	AUTO_FREE char *conflict = NULL;
	struct setup_plan *p;
	bool interrupted = false, look = r->dry_run || (r->cli->json && !r->yes);
	int ret;

	ret = r->undo ? setup_plan_undo(q, look, &interrupted, &p, &conflict, e)
		      : setup_plan_make(q, look, &interrupted, &p, e);
	if (ret < 0) {
		if (conflict != NULL && !r->cli->json)
			print_diff(r->cli, conflict);
		return -1;
	}
	if (interrupted && look)
		report(r,
		    "An earlier setup was interrupted: without --dry-run it is put "
		    "right first, and only then it can be told what is left to do.");
	if (interrupted && look && !r->cli->json)
		ret = 0;
	else
		ret = carry_out(r, p, interrupted, e);
	setup_plan_free(p);
	return ret;
}

int cmd_setup(struct cli *cli, int argc, char **argv, struct err *e)
{
	const char *root = cli_value(cli, "root");
	struct run r = {.cli = cli,
	    .dry_run = cli_value(cli, "dry-run") != NULL,
	    .yes = cli_value(cli, "yes") != NULL,
	    .undo = cli_value(cli, "undo") != NULL,
	    .ask = !cli->json && cli->terminal && isatty(STDIN_FILENO)};
	struct setup_request q = {.os = cli_value(cli, "os"),
	    .root = root != NULL ? root : "",
	    .instance = cli->instance,
	    .card = cli_value(cli, "card"),
	    .bind_at_boot = cli_value(cli, "bind-at-boot") != NULL ||
			    cli_value(cli, "pptdevs") != NULL,
	    .choose = r.ask ? choose : NULL,
	    .report = report,
	    .arg = &r};
	int ret;

	(void)argc;
	(void)argv;
	if (r.undo && (q.card != NULL || q.bind_at_boot))
		return err_set(e, ERR_USAGE,
		    "setup: --undo takes back everything: no --card or --bind-at-boot "
		    "with it");
	if (r.dry_run && r.yes)
		return err_set(
		    e, ERR_USAGE, "setup: --dry-run and --yes exclude one another");
	r.found = json_array();
	ret = run_setup(&r, &q, e);
	json_decref(r.found);
	return ret < 0 ? err_prefix(e, "setup") : 0;
}
