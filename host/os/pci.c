#include "pci.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Offsets and ids of PCI Local Bus 3.0, chapter 6, and PCI Express 3.0, 7.8. */
#define STATUS 0x06
#define STATUS_CAPS 0x10
#define HEADER_TYPE 0x0e
#define SUBVENDOR 0x2c
#define SUBDEVICE 0x2e
#define CAP_PTR 0x34
#define CAP_MSI 0x05
#define CAP_PCIE 0x10
#define CAP_MSIX 0x11
#define PCIE_DEVICE_CAP 4
#define PCIE_DEVICE_CAP_FLR (1u << 28)
#define CONFIG_SIZE 256
#define CAPS_MAX 48

/* include/linux/ioport.h */
#define RESOURCE_IO 0x100u
#define RESOURCE_MEM 0x200u

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void pci_parse_config(struct pci_facts *f, const uint8_t *config, size_t len)
{
	size_t at;

	if (len < 64)
		return;
	f->header = config[HEADER_TYPE] & 0x7f;
	f->header_known = true;
	if (f->header == 0) {
		f->subvendor = get16(config + SUBVENDOR);
		f->subdevice = get16(config + SUBDEVICE);
	}
	f->caps_known = len >= CONFIG_SIZE || !(config[STATUS] & STATUS_CAPS);
	if (!(config[STATUS] & STATUS_CAPS) || len < CONFIG_SIZE)
		return;
	at = config[CAP_PTR] & 0xfcu;
	for (int hops = 0; at >= 64 && hops < CAPS_MAX; hops++) {
		uint8_t id = config[at];

		f->msi |= id == CAP_MSI;
		f->msix |= id == CAP_MSIX;
		if (id == CAP_PCIE && at + PCIE_DEVICE_CAP + 4 <= CONFIG_SIZE)
			f->flr |= (get32(config + at + PCIE_DEVICE_CAP) &
				      PCIE_DEVICE_CAP_FLR) != 0;
		at = config[at + 1] & 0xfcu;
	}
}

void pci_parse_resource(struct pci_facts *f, const char *text)
{
	uint64_t first, last, flags;

	for (unsigned i = 0; i < PCI_BARS; i++) {
		if (sscanf(text, " 0x%" SCNx64 " 0x%" SCNx64 " 0x%" SCNx64, &first, &last,
			&flags) != 3)
			return;
		f->bars_known = true;
		if ((flags & (RESOURCE_IO | RESOURCE_MEM)) != 0 && last >= first &&
		    last - first < UINT64_MAX)
			f->bars[f->nbars++] = (struct pci_bar){0x10 + 4 * i,
			    (flags & RESOURCE_MEM) != 0, first, last - first + 1};
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

const struct pci_bar *pci_odd_bar(const struct pci_facts *f)
{
	for (size_t i = 0; i < f->nbars; i++)
		if (f->bars[i].memory &&
		    ((f->bars[i].base | f->bars[i].size) & (PCI_PAGE - 1)) != 0)
			return &f->bars[i];
	return NULL;
}

int pci_check(const struct pci_facts *f, struct err *e)
{
	if (f->header_known && f->header != 0)
		return err_set(e, ERR_PRECONDITION, "it is a bridge");
	if (f->caps_known && !f->msi && !f->msix)
		return err_set(e, ERR_PRECONDITION, "it has neither MSI nor MSI-X");
	return 0;
}
