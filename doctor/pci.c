#include "pci.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "os/freebsd-pciconf.h"
#include "run.h"

/* Offsets and ids of PCI Local Bus 3.0, chapter 6, and PCI Express 3.0, 7.8. */
#define STATUS 0x06
#define STATUS_CAPS 0x10
#define HEADER_TYPE 0x0e
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

static void add_bar(
    struct pci_facts *f, unsigned reg, bool memory, uint64_t base, uint64_t size)
{
	if (f->nbars < PCI_BARS && size > 0)
		f->bars[f->nbars++] = (struct pci_bar){reg, memory, base, size};
}

static int take_device(const struct pciconf_device *d, void *arg, struct err *e)
{
	struct pci_facts *f = arg;

	(void)e;
	f->header = d->header;
	f->header_known = f->bars_known = true;
	f->msi = d->msi;
	f->msix = d->msix;
	f->flr = d->flr;
	for (size_t i = 0; i < d->nbars; i++)
		add_bar(f, d->bars[i].reg, d->bars[i].memory, d->bars[i].base,
		    d->bars[i].size);
	return 0;
}

void pci_parse_pciconf(struct pci_facts *f, const char *text, bool caps)
{
	if (pciconf_parse(text, take_device, f, NULL) < 0)
		*f = (struct pci_facts){.header = 0};
	f->caps_known = caps && f->header_known;
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
		if ((flags & (RESOURCE_IO | RESOURCE_MEM)) != 0 && last >= first)
			add_bar(f, 0x10 + 4 * i, (flags & RESOURCE_MEM) != 0, first,
			    last - first + 1);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

const struct pci_bar *pci_odd_bar(const struct pci_facts *f, uint64_t page)
{
	for (size_t i = 0; i < f->nbars; i++)
		if (f->bars[i].memory &&
		    ((f->bars[i].base | f->bars[i].size) & (page - 1)) != 0)
			return &f->bars[i];
	return NULL;
}

static void pci_freebsd(const struct card_id *id, struct pci_facts *f)
{
	bool root = geteuid() == 0;
	char selector[CARD_TEXT_SIZE];
	AUTO_FREE char *text = NULL;

	/* Capabilities are read from the device, which only root may. */
	const char *const argv[] = {
	    "/usr/sbin/pciconf", root ? "-lbc" : "-lb", selector, NULL};

	card_id_text(id, selector);
	if (run_program(argv, &text, NULL) == 0 && text != NULL)
		pci_parse_pciconf(f, text, root);
}

static void pci_linux(const struct card_id *id, struct pci_facts *f)
{
	AUTO_FREE char *resource = NULL, *config = NULL;
	char path[PATH_MAX], attribute[128];
	size_t len;
	int n = snprintf(attribute, sizeof(attribute),
	    "/sys/bus/pci/devices/%04x:%02x:%02x.%x/", id->domain & 0xffff,
	    id->bus & 0xff, id->slot & 0x1f, id->function & 7);

	snprintf(attribute + n, sizeof(attribute) - (size_t)n, "resource");
	if (os_path(path, sizeof(path), attribute, NULL) == 0 &&
	    fs_read_file(path, 4096, &resource, NULL, NULL) == 0)
		pci_parse_resource(f, resource);
	snprintf(attribute + n, sizeof(attribute) - (size_t)n, "config");
	if (os_path(path, sizeof(path), attribute, NULL) == 0 &&
	    fs_read_file(path, 4096, &config, &len, NULL) == 0)
		pci_parse_config(f, (const uint8_t *)config, len);
}

void pci_read(struct pci_facts *f, const struct os_ops *os, const struct card_id *id)
{
	memset(f, 0, sizeof(*f));
	if (strcmp(os->name, "freebsd") == 0)
		pci_freebsd(id, f);
	else
		pci_linux(id, f);
}
