#include "linux.h"

#include <string.h>

static void plan_card(const struct config *c, enum os_step step, uid_t vm_uid, FILE *out)
{
	const struct card_id *id = &c->card;
	char dev[32];

	if (id->kind != CARD_PCI)
		return;
	snprintf(dev, sizeof(dev), "%04x:%02x:%02x.%x", id->domain, id->bus, id->slot,
	    id->function);
	if (step == OS_STEP_PREPARE) {
		fprintf(out, "modprobe vfio-pci\n");
		fprintf(out, "echo vfio-pci > /sys/bus/pci/devices/%s/driver_override\n",
		    dev);
		fprintf(
		    out, "echo %s > /sys/bus/pci/devices/%s/driver/unbind\n", dev, dev);
		fprintf(out, "echo %s > /sys/bus/pci/drivers_probe\n", dev);
		fprintf(out,
		    "chown %u /dev/vfio/$(basename $(readlink "
		    "/sys/bus/pci/devices/%s/iommu_group))\n",
		    (unsigned)vm_uid, dev);
	} else if (step == OS_STEP_RELEASE) {
		fprintf(out,
		    "chown 0 /dev/vfio/$(basename $(readlink "
		    "/sys/bus/pci/devices/%s/iommu_group))\n",
		    dev);
		fprintf(out, "echo > /sys/bus/pci/devices/%s/driver_override\n", dev);
		fprintf(out, "echo %s > /sys/bus/pci/drivers/vfio-pci/unbind\n", dev);
		fprintf(out, "echo %s > /sys/bus/pci/drivers_probe\n", dev);
	}
}

static void linux_plan(const struct config *c, enum os_step step, uid_t vm_uid, FILE *out)
{
	const char *tap = c->interface;

	switch (step) {
	case OS_STEP_PREPARE:
		plan_card(c, step, vm_uid, out);
		fprintf(out, "ip tuntap add dev %s mode tap vnet_hdr user %u\n", tap,
		    (unsigned)vm_uid);
		fprintf(out, "ip link set dev %s mtu %u carrier off alias 'bhyfi %s'\n",
		    tap, c->mtu, c->instance);
		return;
	case OS_STEP_ONLINE:
		fprintf(out, "ip link set dev %s address $MAC\n", tap);
		fprintf(out, "ip link set dev %s carrier on\n", tap);
		fprintf(out, "ip link set dev %s up\n", tap);
		return;
	case OS_STEP_RELEASE:
		fprintf(out, "ip link del dev %s\n", tap);
		plan_card(c, step, vm_uid, out);
		return;
	}
}

const struct os_ops os_linux = {
    .name = "linux",
    .cards = linux_cards,
    .card_examine = linux_card_examine,
    .card_claim = linux_card_claim,
    .card_release = linux_card_release,
    .tap_create = linux_tap_create,
    .tap_set_mac = linux_tap_set_mac,
    .tap_carrier = linux_tap_carrier,
    .tap_destroy = linux_tap_destroy,
    .plan = linux_plan,
};
