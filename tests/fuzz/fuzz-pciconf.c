/* What pciconf prints: any text is understood or refused, by its line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/freebsd-pciconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(const struct pciconf_device *d, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	if (d->pci.nbars > PCI_BARS || d->pci.header > 0x7f || d->bus > 255 ||
	    d->slot > 31 || d->function > 7 ||
	    strnlen(d->driver, sizeof(d->driver)) == sizeof(d->driver) ||
	    strnlen(d->vendor_name, sizeof(d->vendor_name)) == sizeof(d->vendor_name) ||
	    strnlen(d->device_name, sizeof(d->device_name)) == sizeof(d->device_name))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct err e = ERR_INIT;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (pciconf_parse(text, true, check, NULL, &e) < 0 &&
	    strstr(e.msg, "line ") == NULL)
		abort();
	free(text);
	return 0;
}
