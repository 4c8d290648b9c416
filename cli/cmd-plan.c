#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "config.h"
#include "os/os.h"
#include "out.h"
#include "priv.h"
#include "vm-bhyve.h"

static int check_os(const char *name, struct err *e)
{
	const struct os_ops *os;

	return os_select(name, "", &os, e) < 0 ? err_prefix(e, "plan: --os") : 0;
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

/* Another system than the configuration's: with the VMM that is used there. */
static void choose_vmm(struct config *c, const char *os)
{
	const struct vmm_ops *vmm = vmm_find(c->vmm);
	bool freebsd = vmm != NULL && vmm->os != NULL && strcmp(vmm->os, "freebsd") == 0;

	if (os == NULL || freebsd == (strcmp(os, "freebsd") == 0))
		return;
	config_set_vmm(c, freebsd ? "qemu" : "bhyve");
}

static int print_json(
    const struct cli *cli, const char *os_name, char *text, struct err *e)
{
	json_t *steps = json_array(), *o;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		json_array_append_new(steps, json_string(line));
	o = json_pack(
	    "{s:s,s:s,s:o}", "instance", cli->instance, "os", os_name, "steps", steps);
	return out_json_end(stdout, o, e);
}

int cmd_plan(struct cli *cli, int argc, char **argv, struct err *e)
{
	bool vm_bhyve = cli_value(cli, "vm-bhyve") != NULL;
	const char *os = cli_value(cli, "os");
	AUTO_FREE char *text = NULL;
	struct config c;
	size_t len;
	FILE *f;
	int ret;

	(void)argc;
	(void)argv;
	if (cli_value(cli, "output") != NULL && !vm_bhyve)
		return err_set(e, ERR_USAGE, "plan: --output: only with --vm-bhyve");
	if ((os != NULL && check_os(os, e) < 0) || load(&c, cli, e) < 0)
		return -1;
	choose_vmm(&c, os);
	/* All of it or nothing: half a plan is worse than none. */
	f = open_memstream(&text, &len);
	if (f == NULL)
		return err_sys(e, errno, "plan");
	ret = vm_bhyve ? vm_bhyve_write(&c, cli_value(cli, "output"), f, e)
		       : priv_plan(&c, f, e);
	if (fclose(f) != 0 && ret == 0)
		ret = err_sys(e, errno, "plan");
	if (ret < 0)
		return -1;
	if (cli->json)
		return print_json(
		    cli, vm_bhyve ? "freebsd" : os_for(&c, NULL)->name, text, e);
	out_safe_text(stdout, text);
	return 0;
}
