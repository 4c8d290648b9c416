/*
 * iwlwifi. Its files are PREFIX-API.ucode: it asks for the highest API that it knows
 * (those it names in .modinfo) and goes down to a lowest, which .modinfo does not say.
 * From AX210 on there is PREFIX.pnvm too (fw/pnvm.h, iwl_pnvm_get_fs_name()).
 *
 * Which prefix it is follows from the MAC and the radio that it finds behind the PCI
 * device (iwl-drv.c, iwl_drv_get_fwname_pre(); pcie/drv.c, iwl_dev_info_table): the table
 * below has for each PCI device the MACs that it can be, and takes what there is for any
 * radio of them. Read from Linux 6.1 and 6.12: pcie/drv.c (iwl_hw_card_ids,
 * iwl_dev_info_table, iwl_pci_probe()) and cfg/<family>.c (fw_name_pre, fw_name_mac,
 * UCODE_API_MIN).
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "firmware.h"

#define INTEL 0x8086
#define START "iwlwifi-"

enum family { DVM, F7000, F8000, F9000, F22000, AX210, BZ, SC, DR };

/* The lowest API of a family, by Linux's version; the last row that is not newer than
 * the kernel counts. */
static const struct floor {
	enum family family;
	unsigned major, minor, api;
} floors[] = {
    {F7000, 0, 0, 17},
    {F8000, 0, 0, 22},
    {F9000, 0, 0, 30},
    {F22000, 6, 1, 39},
    {F22000, 6, 12, 77},
    {AX210, 6, 1, 39},
    {AX210, 6, 12, 77},
    {BZ, 6, 1, 39},
    {BZ, 6, 12, 90},
    {SC, 6, 12, 90},
    {DR, 6, 12, 96},
};

static const struct iwl_device {
	uint16_t device;
	enum family family;
	const char *prefixes[3]; /* behind "iwlwifi-" */
} devices[] = {
    {0x0082, DVM, {"6000g2a-"}},
    {0x0083, DVM, {"1000-"}},
    {0x0084, DVM, {"1000-"}},
    {0x0085, DVM, {"6000g2a-"}},
    {0x0087, DVM, {"6050-"}},
    {0x0089, DVM, {"6050-"}},
    {0x008a, DVM, {"6000g2b-"}},
    {0x008b, DVM, {"6000g2b-"}},
    {0x0090, DVM, {"6000g2b-"}},
    {0x0091, DVM, {"6000g2b-"}},
    {0x0885, DVM, {"6050-"}},
    {0x0886, DVM, {"6050-"}},
    {0x0887, DVM, {"2030-"}},
    {0x0888, DVM, {"2030-"}},
    {0x088e, DVM, {"6000g2b-"}},
    {0x088f, DVM, {"6000g2b-"}},
    {0x0890, DVM, {"2000-"}},
    {0x0891, DVM, {"2000-"}},
    {0x0892, DVM, {"135-"}},
    {0x0893, DVM, {"135-"}},
    {0x0894, DVM, {"105-"}},
    {0x0895, DVM, {"105-"}},
    {0x0896, DVM, {"6000g2b-"}},
    {0x0897, DVM, {"6000g2b-"}},
    {0x08ae, DVM, {"100-"}},
    {0x08af, DVM, {"100-"}},
    {0x422b, DVM, {"6000-"}},
    {0x422c, DVM, {"6000-"}},
    {0x4232, DVM, {"5000-"}},
    {0x4235, DVM, {"5000-"}},
    {0x4236, DVM, {"5000-"}},
    {0x4237, DVM, {"5000-"}},
    {0x4238, DVM, {"6000-"}},
    {0x4239, DVM, {"6000-"}},
    {0x423a, DVM, {"5000-"}},
    {0x423b, DVM, {"5000-"}},
    {0x423c, DVM, {"5150-"}},
    {0x423d, DVM, {"5150-"}},
    {0x08b1, F7000, {"7260-"}},
    {0x08b2, F7000, {"7260-"}},
    {0x08b3, F7000, {"3160-"}},
    {0x08b4, F7000, {"3160-"}},
    /* 7265D has the PCI devices of 7265. */
    {0x095a, F7000, {"7265-", "7265D-"}},
    {0x095b, F7000, {"7265-", "7265D-"}},
    {0x24fb, F7000, {"3168-"}},
    {0x3165, F7000, {"7265D-"}},
    {0x3166, F7000, {"7265D-"}},
    {0x24f3, F8000, {"8000C-", "8265-"}},
    {0x24f4, F8000, {"8000C-"}},
    {0x24f5, F8000, {"8000C-"}},
    {0x24f6, F8000, {"8000C-"}},
    {0x24fd, F8000, {"8265-"}},
    {0x2526, F9000, {"9260-th-b0-jf-b0-", "9000-pu-b0-jf-b0-"}},
    {0x271b, F9000, {"9260-th-b0-jf-b0-"}},
    {0x271c, F9000, {"9260-th-b0-jf-b0-"}},
    {0x30dc, F9000, {"9000-pu-b0-jf-b0-"}},
    {0x31dc, F9000, {"9000-pu-b0-jf-b0-"}},
    {0x9df0, F9000, {"9000-pu-b0-jf-b0-"}},
    {0xa370, F9000, {"9000-pu-b0-jf-b0-"}},
    /* What says Qu in the table can be a QuZ (iwl_pci_probe()). */
    {0x02f0, F22000, {"Qu-*", "QuZ-*"}},
    {0x06f0, F22000, {"Qu-*", "QuZ-*"}},
    {0x34f0, F22000, {"Qu-*", "QuZ-*"}},
    {0x3df0, F22000, {"Qu-*", "QuZ-*"}},
    {0x43f0, F22000, {"Qu-*", "QuZ-*"}},
    {0x4df0, F22000, {"Qu-*", "QuZ-*"}},
    {0xa0f0, F22000, {"Qu-*", "QuZ-*"}},
    {0x2720, F22000, {"QuQnj-*"}},
    {0x2723, F22000, {"cc-a0-"}},
    /* By their subsystem's number some are another, which VENDOR:DEVICE does not say. */
    {0x2725, AX210, {"ty-a0-gf-a0-", "so-a0-gf-a0-", "SoSnj-a0-gf4-a0-"}},
    {0x2726, AX210, {"SoSnj-*", "so-a0-gf-a0-"}},
    {0x51f0, AX210, {"so-*"}},
    {0x51f1, AX210, {"so-*"}},
    {0x54f0, AX210, {"so-*"}},
    {0x7a70, AX210, {"so-*"}},
    {0x7af0, AX210, {"so-*"}},
    {0x7f70, AX210, {"so-*"}},
    {0x2729, AX210, {"ma-*"}},
    {0x7e40, AX210, {"ma-*"}},
    {0x2727, BZ, {"bz-*", "gl-*"}},
    {0x272b, BZ, {"gl-*", "bz-*"}},
    {0x272d, BZ, {"gl-*", "bz-*", "BzBnj-*"}},
    {0x4d40, BZ, {"bz-*"}},
    {0x7740, BZ, {"bz-*"}},
    {0xa840, BZ, {"bz-*"}},
    {0x6e70, SC, {"sc-*", "sc2-*", "sc2f-*"}},
    {0xd340, SC, {"sc-*", "sc2-*", "sc2f-*"}},
    {0xe340, SC, {"sc-*", "sc2-*", "sc2f-*"}},
    {0xe440, SC, {"sc-*", "sc2-*", "sc2f-*"}},
    {0x272f, DR, {"dr-*", "br-*"}},
};

static const struct iwl_device *find_device(unsigned vendor, unsigned device)
{
	for (size_t i = 0; vendor == INTEL && i < ARRAY_LEN(devices); i++)
		if (devices[i].device == device)
			return &devices[i];
	return NULL;
}

static unsigned lowest(enum family family, const char *kernel)
{
	unsigned major = 0, minor = 0, api = 1;

	if (sscanf(kernel, "%u.%u", &major, &minor) != 2)
		return api;
	for (size_t i = 0; i < ARRAY_LEN(floors); i++)
		if (floors[i].family == family &&
		    (floors[i].major < major ||
			(floors[i].major == major && floors[i].minor <= minor)))
			api = floors[i].api;
	return api;
}

/* "iwlwifi-so-a0-gf-a0-72.ucode": 72, with what is before it. 0: another form. Newer
 * files may have "c101" there. */
static unsigned api_of(const char *name, size_t *before)
{
	const char *dash = strrchr(name, '-'), *digits;
	unsigned long api;
	char *end;

	if (dash == NULL)
		return 0;
	digits = dash + 1 + (dash[1] == 'c');
	if (!isdigit((unsigned char)*digits))
		return 0;
	api = strtoul(digits, &end, 10);
	if (strcmp(end, ".ucode") != 0 || api > 9999)
		return 0;
	*before = (size_t)(dash + 1 - name);
	return (unsigned)api;
}

/* The highest API that the module names for prefixes that begin so. */
static unsigned highest(const struct firmware_ask *a, const char *prefix)
{
	size_t n = strcspn(prefix, "*"), before;
	unsigned max = 0;

	for (size_t i = 0; i < a->names->n; i++) {
		const char *name = a->names->v[i];
		unsigned api = api_of(name, &before);

		if (strncmp(name, START, strlen(START)) == 0 &&
		    strncmp(name + strlen(START), prefix, n) == 0 && api > max &&
		    (prefix[n] == '*' || before == strlen(START) + n))
			max = api;
	}
	return max;
}

static int add_prefix(struct wishes *w, const char *prefix, enum family family,
    unsigned min, unsigned max, struct err *e)
{
	char name[160];
	struct wish *new;

	snprintf(name, sizeof(name), START "%s", prefix);
	new = wish_add(w, WISH_NEWEST, WISH_SOME, name, e);
	if (new == NULL)
		return -1;
	new->min = min;
	new->max = max;
	new->suffix = ".ucode";
	new->beside = family >= AX210 ? ".pnvm" : NULL;
	return 0;
}

/* A device's prefixes, but for those that are wished for already. */
static int add_device(const struct firmware_ask *a, const struct iwl_device *d,
    struct wishes *w, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(d->prefixes) && d->prefixes[i] != NULL; i++) {
		unsigned max = highest(a, d->prefixes[i]);
		bool there = max == 0; /* another kernel's driver knows it */

		for (size_t j = 0; j < w->n; j++)
			there |=
			    strcmp(w->v[j].name + strlen(START), d->prefixes[i]) == 0;
		if (!there && add_prefix(w, d->prefixes[i], d->family,
				  lowest(d->family, a->kernel), max, e) < 0)
			return -1;
	}
	return 0;
}

/* A device that is in no table: all that the module names. */
static int all_prefixes(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	for (size_t i = 0; i < a->names->n; i++) {
		const char *name = a->names->v[i];
		char prefix[128];
		size_t before, start = strlen(START);
		unsigned api = api_of(name, &before);

		if (api == 0 || before <= start || before - start >= sizeof(prefix) ||
		    strncmp(name, START, start) != 0)
			continue;
		memcpy(prefix, name + start, before - start);
		prefix[before - start] = '\0';
		if (add_prefix(w, prefix, AX210, 1, api, e) < 0)
			return -1;
	}
	return 0;
}

int firmware_iwl(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	const struct iwl_device *d = find_device(a->vendor, a->device);

	for (size_t i = 0; a->all && i < ARRAY_LEN(devices); i++)
		if (add_device(a, &devices[i], w, e) < 0)
			return -1;
	if (!a->all && d != NULL && add_device(a, d, w, e) < 0)
		return -1;
	return w->n > 0 ? 0 : all_prefixes(a, w, e);
}

bool iwl_wants(unsigned device, const char *module)
{
	const struct iwl_device *d = find_device(INTEL, device);

	if (d == NULL)
		return true;
	if (strcmp(module, "iwldvm") == 0)
		return d->family == DVM;
	/* Newer kernels have it, for Bz and later with firmware that is new enough. */
	if (strcmp(module, "iwlmld") == 0)
		return d->family >= BZ;
	return d->family != DVM;
}
