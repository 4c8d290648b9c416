/* FreeBSD: everything through the base system's own programs. */
#include "freebsd.h"

#include "log.h"

/* The same functions as up and down run, with their commands written down. */
static int plan_step(
    const struct config *c, enum os_step step, uid_t vm_uid, FILE *out, struct err *e)
{
	const struct card_claim claim = {.claimed = true};
	bool pci = c->card.kind == CARD_PCI;
	int fd;

	switch (step) {
	case OS_STEP_PREPARE:
		if (pci && freebsd_card_claim(&c->card, vm_uid, &claim, e) < 0)
			return -1;
		return freebsd_tap_create(c, &fd, e);
	case OS_STEP_ONLINE:
		if (freebsd_tap_set_mac(c->interface, NULL, e) < 0)
			return -1;
		fprintf(out,
		    "# each time that the radio is associated; the last two where "
		    "rc.conf has DHCP, accept_rtadv for %s:\n",
		    c->interface);
		if (freebsd_tap_carrier(c->interface, true, e) < 0 ||
		    freebsd_tap_renew(c->interface, e) < 0)
			return -1;
		fprintf(out, "# each time that it is not any more:\n# ");
		return freebsd_tap_carrier(c->interface, false, e);
	case OS_STEP_RELEASE:
		if (freebsd_tap_destroy(c->interface, c->instance, e) < 0)
			return -1;
		return pci ? freebsd_card_release(&c->card, &claim, e) : 0;
	}
	return 0;
}

static void freebsd_plan(
    const struct config *c, enum os_step step, uid_t vm_uid, FILE *out)
{
	struct err e = ERR_INIT;

	freebsd_record(out);
	if (plan_step(c, step, vm_uid, out, &e) < 0)
		fprintf(out, "# %s\n", e.msg);
	freebsd_record(NULL);
}

const struct os_ops os_freebsd = {
    .name = "freebsd",
    .cards = freebsd_cards,
    .card_examine = freebsd_card_examine,
    .card_claim = freebsd_card_claim,
    .card_release = freebsd_card_release,
    .tap_create = freebsd_tap_create,
    .tap_set_mac = freebsd_tap_set_mac,
    .tap_carrier = freebsd_tap_carrier,
    .tap_renew = freebsd_tap_renew,
    .tap_destroy = freebsd_tap_destroy,
    .before_sleep = freebsd_before_sleep,
    .plan = freebsd_plan,
};
