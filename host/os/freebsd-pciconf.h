/* What pciconf -l with -v, -b and -c prints (FreeBSD's usr.sbin/pciconf). */
#ifndef BHYFI_OS_FREEBSD_PCICONF_H
#define BHYFI_OS_FREEBSD_PCICONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "pci.h"

struct pciconf_device {
	unsigned domain, bus, slot, function;
	char driver[24]; /* "" none */
	unsigned unit;
	unsigned class; /* 0x028000 */
	uint16_t vendor, device;
	char vendor_name[96], device_name[96]; /* as printed; "" not told */
	struct pci_facts pci; /* header and, by -b, bars; caps only with -c */
};

/*
 * Calls each() for every device, in order. caps: -c was among the options, so that a
 * capability which is not printed is not there; -b is taken for granted. -1 with a line
 * that is not as pciconf prints them, or what each() returned where that is negative.
 */
int pciconf_parse(const char *text, bool caps,
    int (*each)(const struct pciconf_device *d, void *arg, struct err *e), void *arg,
    struct err *e);

#endif
