/*
 * What pass-through asks of a PCI function: an endpoint, message interrupts, memory of
 * whole pages. From configuration space and sysfs, or as pciconf(8) prints them.
 */
#ifndef BHYFI_DOCTOR_PCI_H
#define BHYFI_DOCTOR_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/os.h"

#define PCI_BARS 6

struct pci_facts {
	bool header_known, caps_known, bars_known;
	unsigned header; /* type: 0 endpoint, 1 bridge, 2 CardBus */
	bool msi, msix;
	bool flr; /* announces a function level reset */
	struct pci_bar {
		unsigned reg; /* 0x10 ... */
		bool memory;
		uint64_t base, size;
	} bars[PCI_BARS];
	size_t nbars; /* those that it has */
};

/* Of a card of the selected system, by its programs or sysfs. */
void pci_read(struct pci_facts *f, const struct os_ops *os, const struct card_id *id);

/*
 * pciconf -l, -lb, -lbc of one device into f, which is zero; nothing where that is not as
 * pciconf prints it. caps: -c was among the options, so that a capability which is not
 * printed is not there.
 */
void pci_parse_pciconf(struct pci_facts *f, const char *text, bool caps);

/* Configuration space as far as it can be read: 64 bytes as a user, 256 as root. */
void pci_parse_config(struct pci_facts *f, const uint8_t *config, size_t len);

/* Linux' attribute resource: a line with first and last byte and flags for each BAR. */
void pci_parse_resource(struct pci_facts *f, const char *text);

/* The first memory BAR that is not of whole pages; NULL: none. */
const struct pci_bar *pci_odd_bar(const struct pci_facts *f, uint64_t page);

#endif
