/* sysfs' resource attribute, and configuration space. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "os/pci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pci_facts *f)
{
	const struct pci_bar *odd = pci_odd_bar(f);

	if (f->nbars > PCI_BARS || f->header > 0x7f)
		__builtin_trap();
	if (odd != NULL && (odd < f->bars || odd >= f->bars + f->nbars))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pci_facts f = {.header = 0};
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	pci_parse_resource(&f, text);
	check(&f);
	free(text);
	/* Of the real size: a read beyond it is found. */
	uint8_t *config = malloc(size + 1);
	if (config == NULL)
		return 0;
	memcpy(config, data, size);
	config = realloc(config, size > 0 ? size : 1);
	f = (struct pci_facts){.header = 0};
	pci_parse_config(&f, config, size);
	check(&f);
	free(config);
	return 0;
}
