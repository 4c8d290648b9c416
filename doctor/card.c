/* The card: found, whose it is now, and whether it can be passed through. */
#include <string.h>

#include "check.h"
#include "cleanup.h"

#define BOTH (SYSTEM_LINUX | SYSTEM_FREEBSD)

static void found(struct doctor *d)
{
	char id[CARD_TEXT_SIZE];

	if (d->simulated) {
		card_id_text(&d->config.card, id);
		pass(d, "%s, simulated", id);
	} else if (d->cards_error.code != ERR_NONE) {
		skip(d, "%s", d->cards_error.msg);
		fix(d, "%s", d->cards_error.hint);
	} else if (d->card != NULL) {
		card_id_text(&d->card->id, id);
		pass(d, "%s %04x:%04x %s%s", id, d->card->vendor, d->card->device,
		    d->card->name, d->configured ? "" : " (none is configured yet)");
	} else if (d->configured) {
		card_id_text(&d->config.card, id);
		fail(d, "%s is no wireless PCI card of this machine", id);
		fix(d, "bhyfi cards");
	} else {
		fail(d, "this machine has no wireless PCI card");
		fix(d, "set card = sim:wpa2 for a simulated one");
	}
}

/* Whether rc.conf keeps devmatch(8) from loading the driver's module. Some have another
 * name than the driver: if_ath_pci. */
static bool is_blocked(struct doctor *d, const char *driver)
{
	static const char *const behind[] = {"", "_pci", ".ko", "_pci.ko"};
	char module[64], list[512];
	bool found = false;

	if (fact_rc(d, "devmatch_blocklist", list, sizeof(list)) != 1)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(behind); i++) {
		snprintf(module, sizeof(module), "if_%s%s", driver, behind[i]);
		found |= words_have(list, module, " \t\n");
	}
	return found;
}

static void driver_freebsd(struct doctor *d)
{
	if (skip_card(d))
		return;
	if (d->card->driver[0] == '\0' || strcmp(d->card->driver, "ppt") == 0) {
		pass(d, d->card->driver[0] == '\0' ? "no driver of the host has it"
						   : "ppt has it: kept for guests");
		return;
	}
	if (d->card->ifname[0] != '\0' && d->card->why[0] != '\0') {
		warn(d, "%s", d->card->why);
		return;
	}
	if (is_blocked(d, d->card->driver)) {
		pass(d, "%s has it now, and not at the next boot", d->card->driver);
	} else {
		warn(d, "%s takes it at each boot, until up takes it away",
		    d->card->driver);
		fix(d, "bhyfi setup");
	}
}

static void driver_linux(struct doctor *d)
{
	if (skip_card(d))
		return;
	if (d->card->driver[0] == '\0')
		pass(d, "no driver has it");
	else if (strcmp(d->card->driver, "vfio-pci") == 0)
		pass(d, "vfio-pci has it: kept for guests");
	else if (d->card->passable && d->card->why[0] != '\0')
		warn(d, "%s: %s", d->card->driver, d->card->why);
	else
		pass(d, "%s has it until bhyfi up", d->card->driver);
}

static void header(struct doctor *d)
{
	if (skip_card(d))
		return;
	if (!d->card->pci.header_known)
		skip(d, "its configuration space can not be read");
	else if (d->card->pci.header != 0)
		fail(d, "header type %u: a bridge can not be passed through",
		    d->card->pci.header);
	else
		pass(d, "type 0, an endpoint");
}

static void interrupts(struct doctor *d)
{
	const struct pci_facts *p;

	if (skip_card(d))
		return;
	p = &d->card->pci;
	if (!p->caps_known && d->root)
		skip(d, "its capabilities can not be read");
	else if (!p->caps_known)
		skip_root(d, "what the card can");
	else if (!p->msi && !p->msix)
		fail(d,
		    "it has neither MSI nor MSI-X, without which no interrupt arrives");
	else
		pass(d, "%s",
		    p->msi && p->msix ? "MSI and MSI-X"
		    : p->msi          ? "MSI"
				      : "MSI-X");
}

/* bhyve refuses others (cfginitbar in pci_passthru.c); VFIO emulates them, slowly. */
static void bars(struct doctor *d)
{
	bool freebsd = d->system == SYSTEM_FREEBSD;
	const struct pci_bar *odd;

	if (skip_card(d))
		return;
	odd = pci_odd_bar(&d->card->pci);
	if (!d->card->pci.bars_known || d->card->pci.nbars == 0) {
		skip(d, "its BARs can not be read");
	} else if (odd != NULL) {
		(freebsd ? fail : warn)(d,
		    "BAR %02x, %llu bytes at 0x%llx, is not of whole pages%s", odd->reg,
		    (unsigned long long)odd->size, (unsigned long long)odd->base,
		    freebsd ? ": bhyve refuses it" : ": access to it is slow");
	} else {
		pass(d, "whole pages");
	}
}

static void reset(struct doctor *d)
{
	const struct flr_entry *f;

	if (skip_card(d))
		return;
	if (d->flr_error.code != ERR_NONE) {
		if (d->flr_error.code == ERR_PRECONDITION)
			skip(d, "%s", d->flr_error.msg);
		else
			fail(d, "%s", d->flr_error.msg);
		fix(d, "install bhyfi again");
		return;
	}
	f = flr_find(&d->flr, d->card->vendor, d->card->device);
	if (f == NULL) {
		pass(d, "nothing is known against it%s",
		    d->card->pci.caps_known && !d->card->pci.flr
			? ", though it announces no FLR"
			: "");
		return;
	}
	warn(d, "%s: %s (%s)", f->name, flr_kind_text(f->kind), f->source);
	fix(d, "always end with bhyfi down; where the card stays away, power the machine "
	       "off");
}

const struct check card_checks[] = {
    {"card.found", "card", BOTH, found},
    {"card.driver", "card's driver", SYSTEM_FREEBSD, driver_freebsd},
    {"card.driver", "card's driver", SYSTEM_LINUX, driver_linux},
    {"card.header", "card's header", BOTH, header},
    {"card.msi", "card's interrupts", BOTH, interrupts},
    {"card.bars", "card's memory", BOTH, bars},
    {"card.reset", "card's reset", BOTH, reset},
    {.id = NULL},
};
