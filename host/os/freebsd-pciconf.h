/* What pciconf -l with -v, -b and -c prints (FreeBSD's usr.sbin/pciconf). */
#ifndef BHYFI_OS_FREEBSD_PCICONF_H
#define BHYFI_OS_FREEBSD_PCICONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define PCICONF_BARS 6

struct pciconf_device {
	unsigned domain, bus, slot, function;
	char driver[24]; /* "" none */
	unsigned unit;
	unsigned class;  /* 0x028000 */
	unsigned header; /* type: 0 endpoint, 1 bridge, 2 CardBus */
	uint16_t vendor, device;
	char vendor_name[96], device_name[96]; /* as printed; "" not told */
	bool msi, msix, flr;
	struct pciconf_bar {
		unsigned reg; /* 0x10 ... */
		bool memory;
		uint64_t base, size;
	} bars[PCICONF_BARS];
	size_t nbars;
};

/*
 * Calls each() for every device, in order. -1 with a line that is not as pciconf
 * prints them, or what each() returned where that is negative.
 */
int pciconf_parse(const char *text,
    int (*each)(const struct pciconf_device *d, void *arg, struct err *e), void *arg,
    struct err *e);

#endif
