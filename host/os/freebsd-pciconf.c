#include "freebsd-pciconf.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_LEN 1024
#define CAP_MSI 0x05
#define CAP_EXPRESS 0x10
#define CAP_MSIX 0x11

struct parser {
	struct pciconf_device d;
	bool have;    /* d is one */
	bool express; /* the last capability was PCI Express: its lines go on */
};

/* "iwlwifi0" apart into driver and unit; "none3" is no driver. */
static bool driver_name(const char *name, struct pciconf_device *d)
{
	size_t len = strlen(name), digits = len;

	while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
		digits--;
	if (digits == 0 || digits == len || digits >= sizeof(d->driver) ||
	    len - digits > 6 ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO"
			 "PQRSTUVWXYZ0123456789_") != len)
		return false;
	sscanf(name + digits, "%u", &d->unit);
	if (digits == 4 && strncmp(name, "none", 4) == 0)
		digits = 0;
	snprintf(d->driver, sizeof(d->driver), "%.*s", (int)digits, name);
	return true;
}

/* "iwlwifi0@pci0:3:0:0:	class=0x028000 rev=0x1a hdr=0x00 vendor=0x8086 ..." */
static bool head_line(const char *line, struct pciconf_device *d)
{
	unsigned rev, vendor, device, subvendor, subdevice;
	char name[32];
	int used = 0;

	memset(d, 0, sizeof(*d));
	if (sscanf(line,
		"%31[^@ ]@pci%u:%u:%u:%u:\tclass=0x%6x rev=0x%2x hdr=0x%2x "
		"vendor=0x%4x device=0x%4x subvendor=0x%4x subdevice=0x%4x%n",
		name, &d->domain, &d->bus, &d->slot, &d->function, &d->class, &rev,
		&d->pci.header, &vendor, &device, &subvendor, &subdevice, &used) != 12 ||
	    line[used] != '\0' || d->bus > 255 || d->slot > 31 || d->function > 7)
		return false;
	/* The top bit tells of several functions. */
	d->pci.header &= 0x7f;
	d->pci.subvendor = (uint16_t)subvendor;
	d->pci.subdevice = (uint16_t)subdevice;
	d->pci.header_known = d->pci.bars_known = true;
	d->vendor = (uint16_t)vendor;
	d->device = (uint16_t)device;
	return driver_name(name, d);
}

/* "    vendor     = 'Intel Corporation'" */
static bool name_line(const char *value, char *out, size_t size)
{
	size_t len = strlen(value);

	if (len < 2 || value[0] != '\'' || value[len - 1] != '\'')
		return false;
	snprintf(out, size, "%.*s", (int)len - 2, value + 1);
	return true;
}

/* "    bar   [10] = type Memory, range 32, base 0xfe440000, size 131072, enabled" */
static bool bar_line(const char *line, struct pci_facts *d)
{
	struct pci_bar b;
	char type[24], state[12];
	int range, used = 0;

	/* A base of 0 has no 0x. */
	if (d->nbars == PCI_BARS ||
	    sscanf(line,
		" bar [%2x] = type %23[^,], range %d, base %" SCNx64 ", size %" SCNu64
		", %11[a-z]%n",
		&b.reg, type, &range, &b.base, &b.size, state, &used) != 6 ||
	    line[used] != '\0')
		return false;
	b.memory = strcmp(type, "I/O Port") != 0;
	if (b.memory && strcmp(type, "Memory") != 0 &&
	    strcmp(type, "Prefetchable Memory") != 0)
		return false;
	d->bars[d->nbars++] = b;
	return true;
}

/* "    cap 05[d0] = MSI supports 1 message, 64 bit" */
static bool cap_line(struct parser *p, const char *line)
{
	unsigned id, at;
	int used = 0;

	if (sscanf(line, " cap %2x[%2x] = %n", &id, &at, &used) != 2 || used == 0)
		return false;
	p->d.pci.msi |= id == CAP_MSI;
	p->d.pci.msix |= id == CAP_MSIX;
	p->express = id == CAP_EXPRESS;
	return true;
}

static bool has_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = line; (s = strstr(s, word)) != NULL; s += n)
		if (s > line && s[-1] == ' ' && (s[n] == ' ' || s[n] == '\0'))
			return true;
	return false;
}

static bool detail_line(struct parser *p, const char *line)
{
	const char *text = line + strspn(line, " \t");
	const char *value = strstr(text, " = ");
	bool key = value != NULL && strncmp(line, "    ", 4) == 0 && line[4] != ' ';

	if (!p->have)
		return false;
	if (key) {
		value += 3;
		p->express = false;
		if (strncmp(text, "vendor ", 7) == 0)
			return name_line(
			    value, p->d.vendor_name, sizeof(p->d.vendor_name));
		if (strncmp(text, "device ", 7) == 0)
			return name_line(
			    value, p->d.device_name, sizeof(p->d.device_name));
		if (strncmp(text, "bar ", 4) == 0 && !bar_line(line, &p->d.pci))
			return false;
		if (strncmp(text, "cap ", 4) == 0 && !cap_line(p, line))
			return false;
	}
	p->d.pci.flr |= p->express && has_word(line, "FLR");
	return true;
}

int pciconf_parse(const char *text, bool caps,
    int (*each)(const struct pciconf_device *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	struct parser p = {.have = false};
	char line[LINE_MAX_LEN];

	for (unsigned number = 1; *text != '\0'; number++) {
		size_t n = strcspn(text, "\n");
		bool ok = n < sizeof(line);
		int r = 0;

		snprintf(line, sizeof(line), "%.*s", (int)(ok ? n : 0), text);
		text += n + (text[n] == '\n');
		if (ok && (line[0] == ' ' || line[0] == '\t')) {
			ok = detail_line(&p, line);
		} else if (ok) {
			r = p.have ? each(&p.d, arg, e) : 0;
			if (r < 0)
				return r;
			p = (struct parser){.have = true};
			ok = head_line(line, &p.d);
			p.d.pci.caps_known = caps;
		}
		if (!ok)
			return err_set(e, ERR_FAILED,
			    "pciconf: line %u is not as it prints them: \"%.120s\"",
			    number, line);
	}
	return p.have ? each(&p.d, arg, e) : 0;
}
