/*
 * What pass-through asks of a PCI function: an endpoint, message interrupts, memory of
 * whole pages. From configuration space and sysfs here; freebsd-pciconf.h fills the
 * same from what pciconf(8) prints.
 */
#ifndef BHYFI_OS_PCI_H
#define BHYFI_OS_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define PCI_BARS 6
#define PCI_PAGE 4096

struct pci_facts {
	/* What could be read: a user sees no capabilities. */
	bool header_known, caps_known, bars_known;
	unsigned header; /* type: 0 endpoint, 1 bridge, 2 CardBus */
	uint16_t subvendor, subdevice;
	bool msi, msix;
	bool flr; /* announces a function level reset */
	struct pci_bar {
		unsigned reg; /* 0x10 ... */
		bool memory;
		uint64_t base, size;
	} bars[PCI_BARS];
	size_t nbars; /* those that it has */
};

/* Configuration space as far as it can be read: 64 bytes as a user, 256 as root. */
void pci_parse_config(struct pci_facts *f, const uint8_t *config, size_t len);

/* Linux' attribute resource: a line with first and last byte and flags for each BAR. */
void pci_parse_resource(struct pci_facts *f, const char *text);

/* The first memory BAR that is not of whole pages; NULL: none. */
const struct pci_bar *pci_odd_bar(const struct pci_facts *f);

/* ERR_PRECONDITION for a bridge, and for a card that is known to have neither MSI nor
 * MSI-X. */
int pci_check(const struct pci_facts *f, struct err *e);

#endif
