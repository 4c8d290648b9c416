#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "config.h"
#include "os/os.h"
#include "out.h"
#include "priv.h"

static int check_os(const char *name, struct err *e)
{
	if (strcmp(name, "linux") != 0 && strcmp(name, "freebsd") != 0)
		return err_set(e, ERR_USAGE,
		    "plan: --os: expected linux or freebsd, not \"%.40s\"", name);
	if (strcmp(name, os_host()->name) == 0)
		return 0;
	err_set(e, ERR_PRECONDITION, "plan: --os %s: not in this version on %s", name,
	    os_host()->name);
	return err_hint(e, "run it on a host with %s", name);
}

static int load(struct config *c, const struct cli *cli, struct err *e)
{
	const char *card = cli_value(cli, "card");
	struct err why = ERR_INIT;

	if (config_load(c, cli->instance, &why) < 0) {
		/* With a card given there is enough to go by. */
		if (why.code != ERR_PRECONDITION || card == NULL) {
			if (e != NULL)
				*e = why;
			return -1;
		}
		if (config_init(c, cli->instance, e) < 0)
			return -1;
	}
	if (card != NULL && card_id_parse(card, &c->card, e) < 0)
		return err_prefix(e, "plan: --card");
	return 0;
}

static int print_json(const struct cli *cli, char *text, struct err *e)
{
	json_t *steps = json_array(), *o;
	char *save = NULL;
	int ret;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		json_array_append_new(steps, json_string(line));
	o = json_pack("{s:s,s:s,s:o}", "instance", cli->instance, "os", os_host()->name,
	    "steps", steps);
	ret = out_json(stdout, o, e);
	json_decref(o);
	return ret;
}

int cmd_plan(struct cli *cli, int argc, char **argv, struct err *e)
{
	const char *os = cli_value(cli, "os");
	AUTO_FREE char *text = NULL;
	struct config c;
	size_t len;
	FILE *f;
	int ret;

	(void)argc;
	(void)argv;
	if ((os != NULL && check_os(os, e) < 0) || load(&c, cli, e) < 0)
		return -1;
	/* All of it or nothing: half a plan is worse than none. */
	f = open_memstream(&text, &len);
	if (f == NULL)
		return err_sys(e, errno, "plan");
	ret = priv_plan(&c, f, e);
	if (fclose(f) != 0 && ret == 0)
		ret = err_sys(e, errno, "plan");
	if (ret < 0)
		return -1;
	if (cli->json)
		return print_json(cli, text, e);
	out_safe_text(stdout, text);
	return 0;
}
