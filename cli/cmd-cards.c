#include <stdlib.h>

#include "cli.h"
#include "flr.h"
#include "os/os.h"
#include "out.h"
#include "paths.h"

static json_t *reset_json(const struct flr_entry *f)
{
	return f == NULL ? json_null()
			 : json_pack("{s:s,s:s,s:s}", "kind", flr_kind_name(f->kind),
			       "text", flr_kind_text(f->kind), "source", f->source);
}

static json_t *bars_json(const struct pci_facts *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->nbars; i++)
		json_array_append_new(
		    list, json_pack("{s:i,s:b,s:I,s:I}", "register", (int)p->bars[i].reg,
			      "memory", (int)p->bars[i].memory, "base",
			      (json_int_t)p->bars[i].base, "size",
			      (json_int_t)p->bars[i].size));
	return list;
}

/* What can not be read is null: configuration space beyond its head is root's. */
static json_t *known(bool is_known, json_t *value)
{
	if (is_known)
		return value;
	json_decref(value);
	return json_null();
}

static void add_pci(json_t *o, const struct pci_facts *p)
{
	json_object_set_new(o, "header", known(p->header_known, json_integer(p->header)));
	json_object_set_new(o, "msi", known(p->caps_known, json_boolean(p->msi)));
	json_object_set_new(o, "msix", known(p->caps_known, json_boolean(p->msix)));
	json_object_set_new(o, "flr", known(p->caps_known, json_boolean(p->flr)));
	json_object_set_new(o, "bars", known(p->bars_known, bars_json(p)));
}

static json_t *card_json(const struct card *c, const struct flr_list *flr)
{
	char id[CARD_TEXT_SIZE];
	json_t *o;

	card_id_text(&c->id, id);
	o = json_pack("{s:s,s:i,s:i,s:s,s:s,s:s,s:b,s:s,s:o}", "card", id, "vendor",
	    (int)c->vendor, "device", (int)c->device, "name", c->name, "driver",
	    c->driver, "ifname", c->ifname, "passable", (int)c->passable, "why", c->why,
	    "broken_reset", reset_json(flr_find(flr, c->vendor, c->device)));
	if (o != NULL && c->iommu_group >= 0)
		json_object_set_new(o, "iommu_group", json_integer(c->iommu_group));
	if (o != NULL)
		add_pci(o, &c->pci);
	return o;
}

static int cards_json(
    const struct card_list *l, const struct flr_list *flr, struct err *e)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, card_json(&l->cards[i], flr));
	o = json_pack("{s:o}", "cards", list);
	return out_json_end(stdout, o, e);
}

/* "yes", "no: why", and what to heed. */
static void pass_text(
    const struct card *c, const struct flr_entry *f, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s%s", c->passable ? "yes" : "no",
	    c->why[0] != '\0' ? ": " : "", c->why,
	    f == NULL           ? ""
	    : c->why[0] != '\0' ? "; "
				: ", but ",
	    f != NULL ? flr_kind_text(f->kind) : "");
}

static int cards_text(
    const struct card_list *l, const struct flr_list *flr, struct err *e)
{
	static const char *const header[] = {
	    "CARD", "ID", "NAME", "DRIVER", "INTERFACE", "PASS-THROUGH"};
	struct table *t;
	int ret;

	if (l->n == 0) {
		printf("This machine has no wireless PCI card.\n"
		       "A simulated one works everywhere: card = sim:wpa2\n");
		return 0;
	}
	t = table_new(6);
	table_row(t, header);
	for (size_t i = 0; i < l->n; i++) {
		const struct card *c = &l->cards[i];
		char id[CARD_TEXT_SIZE], pci[12], pass[300];

		card_id_text(&c->id, id);
		snprintf(pci, sizeof(pci), "%04x:%04x", c->vendor, c->device);
		pass_text(c, flr_find(flr, c->vendor, c->device), pass, sizeof(pass));
		table_row(t, (const char *const[]){id, pci, c->name,
				 c->driver[0] != '\0' ? c->driver : "-",
				 c->ifname[0] != '\0' ? c->ifname : "-", pass});
	}
	ret = table_print(t, stdout, true, e);
	table_free(t);
	return ret;
}

int cmd_cards(struct cli *cli, int argc, char **argv, struct err *e)
{
	const char *root = cli_value(cli, "root");
	const struct os_ops *os;
	struct card_list l = {.n = 0};
	struct flr_list *flr = calloc(1, sizeof(*flr));
	struct err missing = ERR_INIT;
	int ret = -1;

	(void)argc;
	(void)argv;
	if (flr == NULL)
		return err_set(e, ERR_FAILED, "cards: out of memory");
	if (os_select(cli_value(cli, "os"), root != NULL ? root : "", &os, e) < 0 ||
	    os->cards(&l, e) < 0)
		goto out;
	/* Without the list nothing is known against any card; a damaged one is told. */
	if (flr_load(flr, PATH_SHARE "/flr-broken", &missing) < 0 &&
	    missing.code != ERR_PRECONDITION) {
		*e = missing;
		goto out;
	}
	ret = cli->json ? cards_json(&l, flr, e) : cards_text(&l, flr, e);
out:
	free(flr);
	return ret;
}
