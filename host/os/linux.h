/* What the files of os/linux*.c share. */
#ifndef BHYFI_OS_LINUX_H
#define BHYFI_OS_LINUX_H

#include <netinet/in.h>

#include "os.h"

extern const struct os_ops os_linux;

/* Where linux-card.c looks and how it writes to sysfs; tests put a tree and a
 * kernel of their own in place. */
struct linux_env {
	const char *pci;      /* "/sys/bus/pci" */
	const char *dev_vfio; /* "/dev/vfio" */
	const char *pci_ids;
	const char *modprobe;
	int (*write)(const char *path, const char *text, struct err *e);
};
extern struct linux_env linux_env;

int linux_cards(struct card_list *l, struct err *e);
int linux_card_examine(const struct card_id *id, struct card_claim *claim, struct err *e);
int linux_card_claim(const struct card_id *id, uid_t vm_uid,
    const struct card_claim *claim, struct err *e);
int linux_card_release(
    const struct card_id *id, const struct card_claim *claim, struct err *e);
/* The name that pci.ids gives, or "vendor:device" in hex. */
void linux_pci_name(uint16_t vendor, uint16_t device, char *out, size_t size);

/* gateway.h: the default route by that interface with the lowest metric, out of
 * /proc/net/route and /proc/net/ipv6_route. */
bool linux_route4(const char *text, const char *ifname, struct sockaddr_in *sa);
bool linux_route6(const char *text, const char *ifname, struct sockaddr_in6 *sa);

int linux_tap_create(const struct config *c, int *fd, struct err *e);
int linux_tap_set_mac(const char *ifname, const uint8_t mac[6], struct err *e);
int linux_tap_carrier(const char *ifname, bool on, struct err *e);
int linux_tap_destroy(const char *ifname, const char *instance, struct err *e);

#endif
