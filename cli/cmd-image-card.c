/* For which card an image is built. */
#include <stdio.h>
#include <string.h>

#include "cmd-image.h"
#include "log.h"
#include "os/os.h"

static int same_card(const struct card_id *a, const struct card_id *b)
{
	char x[CARD_TEXT_SIZE], y[CARD_TEXT_SIZE];

	card_id_text(a, x);
	card_id_text(b, y);
	return strcmp(x, y) == 0;
}

static void take_numbers(
    struct image_options *o, const struct card *c, char card[IMAGE_CARD_SIZE])
{
	snprintf(
	    card, IMAGE_CARD_SIZE, "%04x:%04x", c->vendor & 0xffffu, c->device & 0xffffu);
	o->card = card;
}

/* The card with that address, on the system of those operations. */
static int find_card(const struct os_ops *os, const struct card_id *id,
    struct image_options *o, char card[IMAGE_CARD_SIZE], struct err *e)
{
	struct card_list list = {.n = 0};
	char text[CARD_TEXT_SIZE];

	if (os->cards(&list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (same_card(&list.cards[i].id, id)) {
			take_numbers(o, &list.cards[i], card);
			return 0;
		}
	card_id_text(id, text);
	err_set(e, ERR_PRECONDITION, "image build: no card %s in this machine", text);
	return err_hint(e, "bhyfi cards lists them; or --card VENDOR:DEVICE");
}

int image_take_card(
    struct image_options *o, const char *text, char card[IMAGE_CARD_SIZE], struct err *e)
{
	const struct os_ops *os;
	struct card_id id;

	if (strncmp(text, "sim", 3) == 0 && (text[3] == '\0' || text[3] == ':')) {
		o->card = "sim";
		return text[3] == '\0' ? 0 : card_id_parse(text, &id, e);
	}
	o->card = text;
	/* lspci's form of an address has a point, VENDOR:DEVICE none. */
	if (strncmp(text, "pci", 3) != 0 && strchr(text, '.') == NULL)
		return 0;
	if (card_id_parse(text, &id, e) < 0 || os_select(NULL, "", &os, e) < 0)
		return -1;
	return find_card(os, &id, o, card, e);
}

/* Of a machine whose bhyfi is not configured yet. */
static int only_card(struct image_options *o, char card[IMAGE_CARD_SIZE], struct err *e)
{
	struct card_list list = {.n = 0};
	struct err why = ERR_INIT;
	const struct os_ops *os;

	if (os_select(NULL, "", &os, &why) < 0 || os->cards(&list, &why) < 0) {
		log_debug("no card looked for: %s", why.msg);
		return 0;
	}
	if (list.n == 1) {
		take_numbers(o, &list.cards[0], card);
		log_info("for this machine's card %s, %s", card, list.cards[0].name);
	}
	if (list.n <= 1)
		return 0;
	err_set(e, ERR_USAGE, "image build: this machine has %zu wireless cards", list.n);
	return err_hint(e, "--card says for which one (bhyfi cards), or --all-cards");
}

int image_own_card(const struct cli *cli, struct image_options *o,
    char card[IMAGE_CARD_SIZE], struct err *e)
{
	const struct os_ops *os;
	struct config c;

	if (o->card != NULL || o->air || o->all_cards)
		return 0;
	if (config_load(&c, cli->instance, NULL) < 0)
		return only_card(o, card, e);
	if (c.card.kind != CARD_PCI)
		return 0;
	os = os_for(&c, e);
	if (os == NULL || find_card(os, &c.card, o, card, e) < 0)
		return -1;
	log_info("for the card %s of instance %s", card, cli->instance);
	return 0;
}
