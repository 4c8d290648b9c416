#include "cli.h"
#include "os/os.h"
#include "out.h"

static json_t *card_json(const struct card *c)
{
	char id[CARD_TEXT_SIZE];
	json_t *o;

	card_id_text(&c->id, id);
	o = json_pack("{s:s,s:i,s:i,s:s,s:s,s:s,s:b,s:s}", "card", id, "vendor",
	    (int)c->vendor, "device", (int)c->device, "name", c->name, "driver",
	    c->driver, "ifname", c->ifname, "passable", (int)c->passable, "why", c->why);
	if (o != NULL && c->iommu_group >= 0)
		json_object_set_new(o, "iommu_group", json_integer(c->iommu_group));
	return o;
}

static int cards_json(const struct card_list *l, struct err *e)
{
	json_t *list = json_array(), *o;
	int ret;

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, card_json(&l->cards[i]));
	o = json_pack("{s:o}", "cards", list);
	ret = out_json(stdout, o, e);
	json_decref(o);
	return ret;
}

static int cards_text(const struct card_list *l, struct err *e)
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
		char id[CARD_TEXT_SIZE], pci[12], pass[200];

		card_id_text(&c->id, id);
		snprintf(pci, sizeof(pci), "%04x:%04x", c->vendor, c->device);
		snprintf(pass, sizeof(pass), "%s%s%s", c->passable ? "yes" : "no",
		    c->why[0] != '\0' ? ": " : "", c->why);
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
	struct card_list l = {.n = 0};

	(void)argc;
	(void)argv;
	if (os_host()->cards(&l, e) < 0)
		return -1;
	return cli->json ? cards_json(&l, e) : cards_text(&l, e);
}
