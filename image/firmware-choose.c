/*
 * What drivers ask for at run time, as far as .modinfo does not say it. Each table names
 * the file of Linux that it was read from; all are below drivers/net/wireless.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "firmware.h"

#define NAME_MAX_LEN 256

struct wish *wish_add(struct wishes *w, enum wish_kind kind, enum wish_need need,
    const char *name, struct err *e)
{
	struct wish *grown = reallocarray(w->v, w->n + 1, sizeof(*grown));
	struct wish *new;

	if (grown == NULL) {
		err_sys(e, ENOMEM, "firmware");
		return NULL;
	}
	w->v = grown;
	new = &grown[w->n];
	*new = (struct wish){.kind = kind, .need = need, .name = strdup(name)};
	if (new->name == NULL) {
		err_sys(e, ENOMEM, "firmware");
		return NULL;
	}
	w->n++;
	return new;
}

void wishes_free(struct wishes *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].name);
	free(w->v);
	*w = (struct wishes){0};
}

static int add(struct wishes *w, enum wish_need need, unsigned group, struct err *e,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

static int add(struct wishes *w, enum wish_need need, unsigned group, struct err *e,
    const char *format, ...)
{
	char name[NAME_MAX_LEN];
	struct wish *new;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(name))
		return err_set(e, ERR_FAILED, "firmware: name too long");
	new = wish_add(
	    w, strpbrk(name, "*?[") == NULL ? WISH_NAME : WISH_GLOB, need, name, e);
	if (new == NULL)
		return -1;
	new->group = group;
	return 0;
}

/* All that the module names. */
static int choose_named(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	for (size_t i = 0; i < a->names->n; i++)
		if (add(w, WISH_SOME, 0, e, "%s", a->names->v[i]) < 0)
			return -1;
	return 0;
}

/*
 * realtek/rtw89/fw.c, rtw89_early_fw_feature_recognize(): the newest format that the
 * driver knows (what it names), then each older one; format 0 is without a number.
 */
static int choose_rtw89(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	for (size_t i = 0; i < a->names->n; i++) {
		const char *name = a->names->v[i];
		const char *dash = strrchr(name, '-');
		unsigned group = (unsigned)i + 1;
		char *end = NULL;
		unsigned long n = 0;

		if (dash != NULL && isdigit((unsigned char)dash[1]))
			n = strtoul(dash + 1, &end, 10);
		if (end == NULL || strcmp(end, ".bin") != 0 || n > 99) {
			if (add(w, WISH_SOME, group, e, "%s", name) < 0)
				return -1;
			continue;
		}
		for (; n > 0; n--)
			if (add(w, WISH_SOME, group, e, "%.*s-%lu.bin",
				(int)(dash - name), name, n) < 0)
				return -1;
		if (add(w, WISH_SOME, group, e, "%.*s.bin", (int)(dash - name), name) < 0)
			return -1;
	}
	return 0;
}

/* realtek/rtlwifi/rtl8723ae/sw.c: what it asks for, by the chip's version, is not what it
 * names. */
static int choose_rtl8723ae(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	(void)a;
	return add(w, WISH_SOME, 0, e, "rtlwifi/rtl8723fw.bin") < 0 ||
		       add(w, WISH_SOME, 0, e, "rtlwifi/rtl8723fw_B.bin") < 0
		   ? -1
		   : 0;
}

/* What the revisions of a device have their firmware below. */
struct folders {
	uint16_t vendor, device;
	const char *dirs[3];
};

static const struct folders *find_folders(
    const struct folders *table, size_t n, const struct firmware_ask *a)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].vendor == a->vendor && table[i].device == a->device)
			return &table[i];
	return NULL;
}

/* mediatek/mt76/mt7921/pci.c, mt7921_pci_device_table; the other part of each pair by
 * mediatek/mt76/mt792x.h, mt792x_patch_name(). */
static int choose_mt7921(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	static const struct folders parts[] = {
	    {0x14c3, 0x7961, {"WIFI_MT7961_patch_mcu_1_2_hdr", "WIFI_RAM_CODE_MT7961_1"}},
	    {0x14c3, 0x0608, {"WIFI_MT7961_patch_mcu_1_2_hdr", "WIFI_RAM_CODE_MT7961_1"}},
	    {0x14c3, 0x7922, {"WIFI_MT7922_patch_mcu_1_1_hdr", "WIFI_RAM_CODE_MT7922_1"}},
	    {0x0b48, 0x7922, {"WIFI_MT7922_patch_mcu_1_1_hdr", "WIFI_RAM_CODE_MT7922_1"}},
	    {0x14c3, 0x0616, {"WIFI_MT7922_patch_mcu_1_1_hdr", "WIFI_RAM_CODE_MT7922_1"}},
	    {0x14c3, 0x7920,
		{"WIFI_MT7961_patch_mcu_1a_2_hdr", "WIFI_RAM_CODE_MT7961_1a"}},
	};
	const struct folders *f = find_folders(parts, ARRAY_LEN(parts), a);

	if (a->all || f == NULL)
		return choose_named(a, w, e);
	for (size_t i = 0; i < ARRAY_LEN(f->dirs) && f->dirs[i] != NULL; i++)
		if (add(w, WISH_MUST, 0, e, "mediatek/%s.bin", f->dirs[i]) < 0)
			return -1;
	return 0;
}

/*
 * ath/ath10k/core.c: ath10k_hw_params_list (folders), ath10k_core_fetch_firmware_files()
 * (API 6 down to 2), ath10k_core_fetch_board_file() (board-2.bin, and board.bin where
 * that does not know the board). A device id can be of more than one revision, which the
 * driver reads from the chip: QCA6174 (003e) is 2.1, 3.0 or 3.2.
 */
static int ath10k_folder(struct wishes *w, const char *dir, unsigned group, struct err *e)
{
	for (int api = 6; api >= 2; api--)
		if (add(w, WISH_SOME, group, e, "ath10k/%s/firmware-%d.bin", dir, api) <
		    0)
			return -1;
	return add(w, WISH_MAY, 0, e, "ath10k/%s/board-2.bin", dir) < 0 ||
		       add(w, WISH_MAY, 0, e, "ath10k/%s/board.bin", dir) < 0
		   ? -1
		   : 0;
}

static int choose_ath10k(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	static const struct folders devices[] = {
	    {0x168c, 0x003c, {"QCA988X/hw2.0"}},
	    {0x0777, 0x11ac, {"QCA988X/hw2.0"}},
	    {0x168c, 0x003e, {"QCA6174/hw3.0", "QCA6174/hw2.1"}},
	    {0x168c, 0x0041, {"QCA6174/hw2.1"}},
	    {0x168c, 0x0040, {"QCA99X0/hw2.0"}},
	    {0x168c, 0x0042, {"QCA9377/hw1.0"}},
	    {0x168c, 0x0046, {"QCA9984/hw1.0"}},
	    {0x168c, 0x0050, {"QCA9887/hw1.0"}},
	    {0x168c, 0x0056, {"QCA9888/hw2.0"}},
	};
	unsigned group = 0;

	if (!a->all && find_folders(devices, ARRAY_LEN(devices), a) == NULL)
		return choose_named(a, w, e);
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		const struct folders *f = &devices[i];

		if (!a->all && (f->vendor != a->vendor || f->device != a->device))
			continue;
		for (size_t j = 0; j < ARRAY_LEN(f->dirs) && f->dirs[j] != NULL; j++)
			if (ath10k_folder(w, f->dirs[j], ++group, e) < 0)
				return -1;
	}
	return 0;
}

/* ath/ath11k/core.c and ath/ath12k/hw.c, hw_params with .fw.dir; fw.c (firmware-2.bin in
 * place of the others), mhi.c (amss.bin), qmi.c (m3.bin), core.c (board, regdb). */
static int ath1x_folder(
    struct wishes *w, const char *driver, const char *dir, unsigned group, struct err *e)
{
	static const char *const more[] = {
	    "m3.bin", "board-2.bin", "board.bin", "regdb.bin"};

	if (add(w, WISH_SOME, group, e, "%s/%s/firmware-2.bin", driver, dir) < 0 ||
	    add(w, WISH_SOME, group, e, "%s/%s/amss.bin", driver, dir) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (add(w, WISH_MAY, 0, e, "%s/%s/%s", driver, dir, more[i]) < 0)
			return -1;
	return 0;
}

static int choose_ath1x(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	static const struct folders devices[] = {
	    {0x17cb, 0x1101, {"QCA6390/hw2.0"}},
	    {0x17cb, 0x1103, {"WCN6855/hw2.0", "WCN6855/hw2.1", "QCA2066/hw2.1"}},
	    {0x17cb, 0x1104, {"QCN9074/hw1.0"}},
	    {0x17cb, 0x1107, {"WCN7850/hw2.0"}},
	    {0x17cb, 0x1109, {"QCN9274/hw2.0", "QCN9274/hw1.0"}},
	};
	bool is12 = strncmp(a->driver, "ath12k", 6) == 0;
	unsigned group = 0;

	if (!a->all && find_folders(devices, ARRAY_LEN(devices), a) == NULL)
		return choose_named(a, w, e);
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		const struct folders *f = &devices[i];

		if ((!a->all && (f->vendor != a->vendor || f->device != a->device)) ||
		    (f->device >= 0x1107) != is12)
			continue;
		for (size_t j = 0; j < ARRAY_LEN(f->dirs) && f->dirs[j] != NULL; j++)
			if (ath1x_folder(w, is12 ? "ath12k" : "ath11k", f->dirs[j],
				++group, e) < 0)
				return -1;
	}
	return 0;
}

/* broadcom/brcm80211/brcmfmac/pcie.c: brcmf_pcie_devid_table and, by the chip that it
 * finds then, brcmf_pcie_fwnames. Some PCI devices are of two chip revisions. */
static int choose_brcmfmac(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	static const struct folders devices[] = {
	    {0x14e4, 0x43a3, {"4350", "4350c2"}},
	    {0x14e4, 0x43dc, {"4355", "4355c1"}},
	    {0x14e4, 0x43ec, {"4356"}},
	    {0x14e4, 0x43d3, {"43570"}},
	    {0x14e4, 0x43d9, {"43570"}},
	    {0x14e4, 0xaa31, {"43570"}},
	    {0x14e4, 0x43e9, {"4358"}},
	    {0x14e4, 0x43ef, {"4359", "4359c"}},
	    {0x14e4, 0x43ba, {"43602"}},
	    {0x14e4, 0x43bb, {"43602"}},
	    {0x14e4, 0x43bc, {"43602"}},
	    {0x14e4, 0x4464, {"4364", "4364b2", "4364b3"}},
	    {0x14e4, 0x43ca, {"4365b", "4365c"}},
	    {0x14e4, 0x43cb, {"4365b", "4365c"}},
	    {0x14e4, 0x43cc, {"4365b", "4365c"}},
	    {0x14e4, 0x43c3, {"4366b", "4366c"}},
	    {0x14e4, 0x43c4, {"4366b", "4366c"}},
	    {0x14e4, 0x43c5, {"4366b", "4366c"}},
	    {0x14e4, 0x440d, {"4371"}},
	    {0x14e4, 0x4488, {"4377b3"}},
	    {0x14e4, 0x4425, {"4378b1", "4378b3"}},
	    {0x14e4, 0x4433, {"4387c2"}},
	};
	const struct folders *f = find_folders(devices, ARRAY_LEN(devices), a);

	/* Not those of SDIO and USB chips, which the module names too. */
	if (a->all || f == NULL)
		return add(w, WISH_SOME, 0, e, "brcm/brcmfmac*-pcie*");
	for (size_t i = 0; i < ARRAY_LEN(f->dirs) && f->dirs[i] != NULL; i++)
		if (add(w, WISH_SOME, 0, e, "brcm/brcmfmac%s-pcie.*", f->dirs[i]) < 0)
			return -1;
	return 0;
}

/*
 * broadcom/b43/main.c, b43_try_request_fw(): by the wireless core's revision and the
 * kind of PHY. BCM4331 is core 29 with an HT PHY. The files are nobody's to pass on: they
 * are cut out of Broadcom's driver (b43-fwcutter). Other devices get what the user has.
 */
static int choose_b43(const struct firmware_ask *a, struct wishes *w, struct err *e)
{
	static const char *const bcm4331[] = {
	    "ucode29_mimo", "ht0initvals29", "ht0bsinitvals29"};

	if (a->all || a->vendor != 0x14e4 || a->device != 0x4331)
		return add(w, WISH_SOME, 0, e, "%s/*.fw", a->driver);
	for (size_t i = 0; i < ARRAY_LEN(bcm4331); i++)
		if (add(w, WISH_MUST, 0, e, "b43/%s.fw", bcm4331[i]) < 0)
			return -1;
	return 0;
}

int firmware_wishes(const struct firmware_ask *ask, struct wishes *w, struct err *e)
{
	static const struct {
		const char *driver; /* '*' at its end: all that begin so */
		int (*choose)(
		    const struct firmware_ask *a, struct wishes *w, struct err *e);
	} choosers[] = {
	    {"iwlwifi", firmware_iwl},
	    {"mt7921e", choose_mt7921},
	    {"rtw89_*", choose_rtw89},
	    {"rtl8723ae", choose_rtl8723ae},
	    {"ath10k_pci", choose_ath10k},
	    {"ath11k_pci", choose_ath1x},
	    {"ath12k*", choose_ath1x},
	    {"brcmfmac", choose_brcmfmac},
	    {"b43*", choose_b43},
	};

	*w = (struct wishes){0};
	for (size_t i = 0; i < ARRAY_LEN(choosers); i++) {
		const char *name = choosers[i].driver;
		size_t n = strlen(name);

		if (name[n - 1] == '*' ? strncmp(ask->driver, name, n - 1) == 0
				       : strcmp(ask->driver, name) == 0)
			return choosers[i].choose(ask, w, e);
	}
	return choose_named(ask, w, e);
}
