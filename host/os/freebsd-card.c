/*
 * PCI cards by pciconf(8) and devctl(8).
 *
 * Claim: vmm.ko brings the driver ppt, `devctl set driver -f` takes the present driver
 * off and binds ppt; that is kept until `devctl clear driver -f`, after which the
 * drivers bid for the card again. A card that loader.conf's pptdevs gives to ppt has it
 * from boot on, and is left so. The kernel refuses both (EBUSY) while a VM has the card.
 *
 * pciconf names the driver that a device is meant for, attached or not; devctl's exit
 * status tells whether it did attach.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "escape.h"
#include "freebsd-pciconf.h"
#include "freebsd.h"
#include "log.h"

#define CLASS_WIRELESS 0x0280 /* network controller, other */
#define PPT "ppt"

#define PCICONF "/usr/sbin/pciconf"
#define DEVCTL "/usr/sbin/devctl"

/* What bhyve asks of a card (usr.sbin/bhyve/pci_passthru.c), and ppt. */
static int check_device(const struct pci_facts *f, struct err *e)
{
	const struct pci_bar *odd = pci_odd_bar(f);

	if (f->header == 0 && odd != NULL) {
		err_set(e, ERR_PRECONDITION,
		    "its memory at BAR %02x (%#" PRIx64 ", %" PRIu64
		    " bytes) is not of whole pages",
		    odd->reg, odd->base, odd->size);
		return err_hint(e, "try the card in another slot");
	}
	return pci_check(f, e);
}

/*
 * The interface that is on top of a driver: "wlan0" of "iwlwifi0", or the driver's own
 * if it has one. *up: that one is up; a wlan counts as used in any case, since
 * its driver has to go through more to lose it. "" where there is none.
 */
static int interface_of(
    const struct pciconf_device *d, char ifname[IFNAME_MAX], bool *up, struct err *e)
{
	/* Without wlan(4) there is no such name: -i. */
	const char *const wlans[] = {"/sbin/sysctl", "-i", "net.wlan", NULL};
	char AUTO_FREE *list = NULL, *shown = NULL;
	char name[40], parent[40], *save = NULL;
	unsigned n;

	memset(ifname, 0, IFNAME_MAX);
	*up = false;
	if (d->driver[0] == '\0' || strcmp(d->driver, PPT) == 0)
		return 0;
	snprintf(name, sizeof(name), "%s%u", d->driver, d->unit);
	if (freebsd_ask(wlans, &list, e) < 0)
		return -1;
	for (char *line = strtok_r(list, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "net.wlan.%4u.%%parent: %39s", &n, parent) == 2 &&
		    strcmp(parent, name) == 0) {
			snprintf(ifname, IFNAME_MAX, "wlan%u", n % 10000);
			*up = true;
			return 0;
		}
	if (strlen(name) >= IFNAME_MAX)
		return 0;
	const char *const argv[] = {"/sbin/ifconfig", name, NULL};
	int status = freebsd_ask(argv, &shown, e);
	if (status == 0) {
		const char *flags = strchr(shown, '<');

		snprintf(ifname, IFNAME_MAX, "%.15s", name);
		*up = flags != NULL &&
		      (strncmp(flags, "<UP,", 4) == 0 || strncmp(flags, "<UP>", 4) == 0);
	}
	return status < 0 ? -1 : 0;
}

static void show_name(const struct pciconf_device *d, struct card *c)
{
	char text[224], shown[ESCAPE_SIZE(sizeof(text))];

	if (d->device_name[0] != '\0')
		snprintf(text, sizeof(text), "%s%s%s", d->vendor_name,
		    d->vendor_name[0] != '\0' ? " " : "", d->device_name);
	else
		snprintf(text, sizeof(text), "%s%s%04x:%04x", d->vendor_name,
		    d->vendor_name[0] != '\0' ? " " : "", d->vendor, d->device);
	escape_text(text, strlen(text), shown, sizeof(shown));
	snprintf(c->name, sizeof(c->name), "%.*s", (int)sizeof(c->name) - 1, shown);
}

/* What to heed of a card that can be passed through. */
static void remark(struct card *c, const char *ifname, bool up)
{
	if (up)
		snprintf(c->why, sizeof(c->why),
		    "%s uses it now: ifconfig %s %s, or bhyfi setup", ifname, ifname,
		    strncmp(ifname, "wlan", 4) == 0 ? "destroy" : "down");
	else if (!c->pci.caps_known)
		snprintf(c->why, sizeof(c->why),
		    "only root can see whether it has MSI or MSI-X");
}

static int add_card(const struct pciconf_device *d, void *arg, struct err *e)
{
	struct card_list *l = arg;
	struct err why = ERR_INIT;
	char ifname[IFNAME_MAX];
	struct card *c;
	bool up;

	if (d->class >> 8 != CLASS_WIRELESS || l->n == CARDS_MAX)
		return 0;
	c = &l->cards[l->n];
	*c = (struct card){.id = {.kind = CARD_PCI,
			       .domain = d->domain,
			       .bus = d->bus,
			       .slot = d->slot,
			       .function = d->function},
	    .vendor = d->vendor,
	    .device = d->device,
	    .iommu_group = -1,
	    .pci = d->pci};
	show_name(d, c);
	snprintf(c->driver, sizeof(c->driver), "%s", d->driver);
	if (interface_of(d, ifname, &up, e) < 0)
		return -1;
	memcpy(c->ifname, ifname, sizeof(c->ifname));
	c->passable = check_device(&d->pci, &why) == 0;
	if (c->passable)
		remark(c, ifname, up);
	else
		snprintf(
		    c->why, sizeof(c->why), "%.*s", (int)sizeof(c->why) - 1, why.msg);
	l->n++;
	return 0;
}

int freebsd_cards(struct card_list *l, struct err *e)
{
	/* Capabilities are read through /dev/pci open for writing. */
	bool caps = geteuid() == 0;
	const char *const argv[] = {PCICONF, caps ? "-lvbc" : "-lvb", NULL};
	char AUTO_FREE *text = NULL;

	memset(l, 0, sizeof(*l));
	if (freebsd_run(argv, &text, NULL, e) < 0)
		return -1;
	return pciconf_parse(text, caps, add_card, l, e);
}

static int take_device(const struct pciconf_device *d, void *arg, struct err *e)
{
	struct pciconf_device *out = arg;

	(void)e;
	*out = *d;
	return 0;
}

/* 1: *d is filled, 0: there is no such device. */
static int get_device(const char *selector, struct pciconf_device *d, struct err *e)
{
	const char *const argv[] = {PCICONF, "-lbc", selector, NULL};
	char AUTO_FREE *text = NULL;

	memset(d, 0, sizeof(*d));
	if (freebsd_run(argv, &text, NULL, e) < 0 ||
	    pciconf_parse(text, true, take_device, d, e) < 0)
		return -1;
	return text[0] != '\0';
}

int freebsd_card_examine(
    const struct card_id *id, struct card_claim *claim, struct err *e)
{
	char selector[CARD_TEXT_SIZE], ifname[IFNAME_MAX];
	struct pciconf_device d;
	bool up;
	int got;

	memset(claim, 0, sizeof(*claim));
	card_id_text(id, selector);
	got = get_device(selector, &d, e);
	if (got < 0)
		return err_prefix(e, "card %s", selector);
	if (got == 0) {
		err_set(
		    e, ERR_PRECONDITION, "card %s: there is no such device", selector);
		return err_hint(e, "bhyfi cards lists those of this machine");
	}
	if (check_device(&d.pci, e) < 0 || interface_of(&d, ifname, &up, e) < 0)
		return err_prefix(e, "card %s", selector);
	if (up) {
		err_set(e, ERR_PRECONDITION, "card %s: %s%u is in use by %s", selector,
		    d.driver, d.unit, ifname);
		return err_hint(e,
		    "ifconfig %s %s; bhyfi setup keeps the host's driver off", ifname,
		    strncmp(ifname, "wlan", 4) == 0 ? "destroy" : "down");
	}
	snprintf(claim->former_driver, sizeof(claim->former_driver), "%s", d.driver);
	claim->claimed = true;
	return 0;
}

static int clear_driver(const char *selector, struct err *e)
{
	const char *const argv[] = {DEVCTL, "clear", "driver", "-f", selector, NULL};

	return freebsd_run(argv, NULL, NULL, e);
}

/* Whether it has ppt (taken for granted in a plan); *d is what was seen. */
static bool has_ppt(const char *selector, struct pciconf_device *d)
{
	return freebsd_recording() ||
	       (get_device(selector, d, NULL) == 1 && strcmp(d->driver, PPT) == 0);
}

static int bind_ppt(const char *selector, struct err *e)
{
	const char *const argv[] = {DEVCTL, "set", "driver", "-f", selector, PPT, NULL};
	struct err back = ERR_INIT;
	struct pciconf_device d;

	if (freebsd_run(argv, NULL, NULL, e) == 0) {
		if (has_ppt(selector, &d))
			return 0;
		err_set(e, ERR_FAILED, PPT " did not take it%s%s",
		    d.driver[0] != '\0' ? ", it has " : "", d.driver);
	}
	/* The former driver may be off already. */
	if (clear_driver(selector, &back) < 0)
		log_error("card %s: %s", selector, back.msg);
	return -1;
}

int freebsd_card_claim(
    const struct card_id *id, uid_t vm_uid, const struct card_claim *claim, struct err *e)
{
	static const char *const modules[] = {"vmm", NULL};
	char selector[CARD_TEXT_SIZE];
	struct pciconf_device d;

	(void)vm_uid; /* bhyve reaches it through /dev/vmm, as root */
	card_id_text(id, selector);
	if (freebsd_modules(modules, e) < 0)
		return err_prefix(e, "card %s", selector);
	/* From pptdevs on; but another driver may have taken it while vmm was not loaded
	 * (freebsd-sleep.c). */
	if (strcmp(claim->former_driver, PPT) == 0 && has_ppt(selector, &d))
		return 0;
	if (bind_ppt(selector, e) < 0)
		return err_prefix(e, "card %s", selector);
	return 0;
}

int freebsd_card_release(
    const struct card_id *id, const struct card_claim *claim, struct err *e)
{
	char selector[CARD_TEXT_SIZE];
	struct pciconf_device d;
	int got;

	if (!claim->claimed || strcmp(claim->former_driver, PPT) == 0)
		return 0;
	card_id_text(id, selector);
	if (freebsd_recording())
		return clear_driver(selector, e);
	got = get_device(selector, &d, e);
	if (got < 0)
		return err_prefix(e, "card %s", selector);
	/* Gone, or put back before: a record is written before the change is made. */
	if (got == 0 || strcmp(d.driver, PPT) != 0)
		return 0;
	if (clear_driver(selector, e) < 0) {
		if (e != NULL && strstr(e->msg, "Device busy") != NULL)
			err_hint(e, "a VM has it: ls /dev/vmm, and bhyvectl --vm=NAME "
				    "--destroy when its bhyve has ended");
		return err_prefix(e, "card %s", selector);
	}
	if (get_device(selector, &d, e) < 0)
		return err_prefix(e, "card %s", selector);
	if (claim->former_driver[0] == '\0' ||
	    strcmp(d.driver, claim->former_driver) == 0)
		return 0;
	return err_set(e, ERR_FAILED, "card %s: %s did not take it back%s%s", selector,
	    claim->former_driver, d.driver[0] != '\0' ? ", it has " : "", d.driver);
}
