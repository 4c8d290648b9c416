/* `bhyfi import`: the other set-up as a list of what becomes of it, then our files. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "import.h"
#include "os/os.h"
#include "out.h"

/* The four lists, in the order in which they are shown. */
static const struct {
	enum import_result result;
	const char *title;
	enum out_style style;
} lists[] = {
    {IMPORT_TAKEN, "Taken over", OUT_GOOD},
    {IMPORT_NEEDLESS, "Not needed any more", OUT_PLAIN},
    {IMPORT_CANNOT, "Not taken over", OUT_WARN},
    {IMPORT_TODO, "Left to do by hand", OUT_BOLD},
};

/* Files of ours that would be, or were, written. */
static const char *file_verb(const struct import_file *f, bool dry_run, bool force)
{
	switch (f->state) {
	case IMPORT_FILE_NONE:
		break;
	case IMPORT_FILE_NEW:
		return dry_run ? "would be written" : "written";
	case IMPORT_FILE_SAME:
		return "is there already, the same";
	case IMPORT_FILE_MERGE:
		return dry_run ? "is there already: would be completed" : "completed";
	case IMPORT_FILE_OTHER:
		if (!dry_run)
			return "replaced";
		return force ? "would be replaced"
			     : "is there already, with other content";
	}
	return "none";
}

static void print_item(const struct import_item *it)
{
	char safe[1200], line[900];

	if (it->line > 0)
		snprintf(line, sizeof(line), "%s:%u", it->file, it->line);
	else
		snprintf(line, sizeof(line), "%s", it->file);
	out_safe(line, safe, sizeof(safe));
	printf("  %s", safe);
	if (it->setting != NULL) {
		out_safe(it->setting, safe, sizeof(safe));
		printf("  %s", safe);
	}
	out_safe(it->text, safe, sizeof(safe));
	printf("\n      %s\n", safe);
}

static void print_list(const struct import *im, size_t list)
{
	bool first = true;

	for (size_t i = 0; i < im->n; i++) {
		if (im->items[i].result != lists[list].result)
			continue;
		if (first)
			printf("%s%s%s\n", out_style(stdout, lists[list].style),
			    lists[list].title, out_style(stdout, OUT_PLAIN));
		first = false;
		print_item(&im->items[i]);
	}
}

static void print_file(const struct import_file *f, bool dry_run, bool force)
{
	char safe[1200];

	if (f->state == IMPORT_FILE_NONE)
		return;
	out_safe(f->path, safe, sizeof(safe));
	printf("%s: %s", safe, file_verb(f, dry_run, force));
	if (f->backup != NULL) {
		out_safe(f->backup, safe, sizeof(safe));
		printf("; the former one is %s", safe);
	}
	printf("\n");
}

static int print_text(
    const struct import *im, const struct import_options *o, bool dry_run, struct err *e)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		print_list(im, i);
	print_file(&im->networks, dry_run, o->force);
	print_file(&im->config, dry_run, o->force);
	if (im->config.state != IMPORT_FILE_NONE) {
		printf("\n");
		/* It holds no secret. */
		out_safe_text(stdout, im->config.text);
	}
	return out_flush(stdout, e);
}

static json_t *safe_string(const char *text)
{
	char safe[1200];

	if (text == NULL)
		return json_null();
	out_safe(text, safe, sizeof(safe));
	return json_string(safe);
}

static json_t *file_json(const struct import_file *f, bool written)
{
	static const char *const states[] = {"none", "new", "same", "merge", "other"};
	json_t *o;

	if (f->state == IMPORT_FILE_NONE)
		return json_null();
	o = json_pack("{s:o,s:s,s:b}", "path", safe_string(f->path), "state",
	    states[f->state], "written", (int)written);
	if (f->backup != NULL)
		json_object_set_new(o, "backup", safe_string(f->backup));
	return o;
}

static int print_json(const struct import *im, const char *from, const struct cli *cli,
    bool written, struct err *e)
{
	json_t *items = json_array(), *o, *config;

	for (size_t i = 0; i < im->n; i++) {
		const struct import_item *it = &im->items[i];

		json_array_append_new(
		    items, json_pack("{s:s,s:o,s:i,s:o,s:o}", "result",
			       import_result_name(it->result), "file",
			       safe_string(it->file), "line", (int)it->line, "setting",
			       safe_string(it->setting), "text", safe_string(it->text)));
	}
	config = file_json(&im->config, written);
	if (json_is_object(config))
		json_object_set_new(config, "text", json_string(im->config.text));
	o = json_pack("{s:s,s:s,s:b,s:o,s:o,s:I,s:o}", "from", from, "instance",
	    cli->instance, "written", (int)written, "config", config, "networks",
	    file_json(&im->networks, written), "networks_count",
	    (json_int_t)im->networks_n, "items", items);
	return out_json_end(stdout, o, e);
}

static int check_os(struct import_options *o, const char *name, struct err *e)
{
	const struct os_ops *os;

	if (name == NULL)
		return 0;
	if (os_select(name, "", &os, e) < 0)
		return err_prefix(e, "import: --os");
	/* Of another system than ours, ours has to be told. */
	o->freebsd = !os_is_native(os->name) && strcmp(os->name, "freebsd") == 0;
	return 0;
}

static int read_options(
    struct import_options *o, const struct cli *cli, int argc, char **argv, struct err *e)
{
	const char *root = cli_value(cli, "root");

	*o = (struct import_options){.instance = cli->instance,
	    .root = root != NULL && strcmp(root, "/") != 0 ? root : "",
	    .etc = cli_value(cli, "output"),
	    .card = cli_value(cli, "card"),
	    .networks = cli_value(cli, "networks"),
	    .vm_dir = cli_value(cli, "vm-dir"),
	    .force = cli_value(cli, "force") != NULL,
	    .guest = argc > 2 ? argv[2] : NULL};
	if (o->root[0] != '\0' && o->root[0] != '/')
		return err_set(e, ERR_USAGE, "import: --root: expected an absolute path");
	if (o->guest != NULL && strcmp(argv[1], "vm-bhyve") != 0)
		return err_set(
		    e, ERR_USAGE, "import %s: %s: not expected", argv[1], o->guest);
	return check_os(o, cli_value(cli, "os"), e);
}

int cmd_import(struct cli *cli, int argc, char **argv, struct err *e)
{
	bool dry_run = cli_value(cli, "dry-run") != NULL, wifibox;
	struct err print_error = ERR_INIT;
	struct import_options o;
	struct import im = {.n = 0};
	int ret;

	wifibox = strcmp(argv[1], "wifibox") == 0;
	if (!wifibox && strcmp(argv[1], "vm-bhyve") != 0)
		return err_set(e, ERR_USAGE,
		    "import: expected wifibox or vm-bhyve, not \"%.40s\"", argv[1]);
	if (read_options(&o, cli, argc, argv, e) < 0)
		return -1;
	ret = wifibox ? import_wifibox(&o, &im, e) : import_vm_bhyve(&o, &im, e);
	if (ret == 0 && !dry_run)
		ret = import_write(&o, &im, e);
	/* Also after an error: what was found tells more about it. */
	if (!cli->json && (ret == 0 || im.n > 0)) {
		if (print_text(&im, &o, dry_run || ret < 0, &print_error) < 0 &&
		    ret == 0) {
			*e = print_error;
			ret = -1;
		}
	} else if (ret == 0) {
		ret = print_json(&im, argv[1], cli, !dry_run, e);
	}
	import_free(&im);
	return ret;
}
