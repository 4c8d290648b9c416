#include "kernel-config.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define SYMBOL "CONFIG_"
#define SYMBOLS 8

/* The symbols that make a driver and what it does not select by itself; the vendors'
 * are but folders in Kconfig. Linux 6.1 to 6.12. */
static const struct driver {
	const char *name; /* of the module that claims the card */
	const char *symbols[SYMBOLS];
} drivers[] = {
    {"adm8211", {"WLAN_VENDOR_ADMTEK", "ADM8211"}},
    {"ath10k_pci", {"WLAN_VENDOR_ATH", "ATH10K", "ATH10K_PCI"}},
    {"ath11k_pci", {"WLAN_VENDOR_ATH", "CRYPTO_MICHAEL_MIC", "ATH11K", "ATH11K_PCI"}},
    {"ath12k", {"WLAN_VENDOR_ATH", "CRYPTO_MICHAEL_MIC", "ATH12K"}},
    {"ath5k", {"WLAN_VENDOR_ATH", "ATH5K"}},
    {"ath9k", {"WLAN_VENDOR_ATH", "ATH9K", "ATH9K_PCI"}},
    {"wil6210", {"WLAN_VENDOR_ATH", "WIL6210"}},
    {"b43", {"WLAN_VENDOR_BROADCOM", "BCMA", "BCMA_HOST_PCI", "SSB", "SSB_PCIHOST", "B43",
		"B43_PHY_N", "B43_PHY_HT"}},
    {"bcma", {"WLAN_VENDOR_BROADCOM", "BCMA", "BCMA_HOST_PCI"}},
    {"ssb", {"SSB", "SSB_PCIHOST"}},
    {"brcmfmac", {"WLAN_VENDOR_BROADCOM", "BRCMFMAC", "BRCMFMAC_PCIE"}},
    {"brcmsmac", {"WLAN_VENDOR_BROADCOM", "BCMA", "BCMA_HOST_PCI", "BRCMSMAC"}},
    {"iwl3945", {"WLAN_VENDOR_INTEL", "NEW_LEDS", "LEDS_CLASS", "IWL3945"}},
    {"iwl4965", {"WLAN_VENDOR_INTEL", "NEW_LEDS", "LEDS_CLASS", "IWL4965"}},
    {"iwlwifi", {"WLAN_VENDOR_INTEL", "IWLWIFI", "IWLDVM", "IWLMVM"}},
    {"p54pci", {"WLAN_VENDOR_INTERSIL", "P54_COMMON", "P54_PCI"}},
    {"mwifiex_pcie", {"WLAN_VENDOR_MARVELL", "MWIFIEX", "MWIFIEX_PCIE"}},
    {"mwl8k", {"WLAN_VENDOR_MARVELL", "MWL8K"}},
    {"mt7603e", {"WLAN_VENDOR_MEDIATEK", "MT7603E"}},
    {"mt7615e", {"WLAN_VENDOR_MEDIATEK", "MT7615E"}},
    {"mt76x0e", {"WLAN_VENDOR_MEDIATEK", "MT76x0E"}},
    {"mt76x2e", {"WLAN_VENDOR_MEDIATEK", "MT76x2E"}},
    {"mt7915e", {"WLAN_VENDOR_MEDIATEK", "MT7915E"}},
    {"mt7921e", {"WLAN_VENDOR_MEDIATEK", "MT7921E"}},
    {"mt7925e", {"WLAN_VENDOR_MEDIATEK", "MT7925E"}},
    {"rt2400pci", {"WLAN_VENDOR_RALINK", "RT2X00", "RT2400PCI"}},
    {"rt2500pci", {"WLAN_VENDOR_RALINK", "RT2X00", "RT2500PCI"}},
    {"rt2800pci", {"WLAN_VENDOR_RALINK", "RT2X00", "RT2800PCI", "RT2800PCI_RT33XX",
		      "RT2800PCI_RT35XX", "RT2800PCI_RT53XX", "RT2800PCI_RT3290"}},
    {"rt61pci", {"WLAN_VENDOR_RALINK", "RT2X00", "RT61PCI"}},
    {"rtl818x_pci", {"WLAN_VENDOR_REALTEK", "RTL8180"}},
    {"rtl8188ee", {"WLAN_VENDOR_REALTEK", "RTL_CARDS", "RTL8188EE"}},
    {"rtl8192ce", {"WLAN_VENDOR_REALTEK", "RTL_CARDS", "RTL8192CE"}},
    {"rtl8192de", {"WLAN_VENDOR_REALTEK", "RTL_CARDS", "RTL8192DE"}},
    {"rtl8192ee", {"WLAN_VENDOR_REALTEK", "RTL_CARDS", "RTL8192EE"}},
    {"rtl8192se", {"WLAN_VENDOR_REALTEK", "RTL_CARDS", "RTL8192SE"}},
    {"rtl8723ae", {"WLAN_VENDOR_REALTEK", "RTL_CARDS", "RTL8723AE"}},
    {"rtl8723be", {"WLAN_VENDOR_REALTEK", "RTL_CARDS", "RTL8723BE"}},
    {"rtl8821ae", {"WLAN_VENDOR_REALTEK", "RTL_CARDS", "RTL8821AE"}},
    {"rtw88_8723de", {"WLAN_VENDOR_REALTEK", "RTW88", "RTW88_8723DE"}},
    {"rtw88_8821ce", {"WLAN_VENDOR_REALTEK", "RTW88", "RTW88_8821CE"}},
    {"rtw88_8822be", {"WLAN_VENDOR_REALTEK", "RTW88", "RTW88_8822BE"}},
    {"rtw88_8822ce", {"WLAN_VENDOR_REALTEK", "RTW88", "RTW88_8822CE"}},
    {"rtw89_8851be", {"WLAN_VENDOR_REALTEK", "RTW89", "RTW89_8851BE"}},
    {"rtw89_8852ae", {"WLAN_VENDOR_REALTEK", "RTW89", "RTW89_8852AE"}},
    {"rtw89_8852be", {"WLAN_VENDOR_REALTEK", "RTW89", "RTW89_8852BE"}},
    {"rtw89_8852ce", {"WLAN_VENDOR_REALTEK", "RTW89", "RTW89_8852CE"}},
    {"rtw89_8922ae", {"WLAN_VENDOR_REALTEK", "RTW89", "RTW89_8922AE"}},
};

const char *kernel_config_driver(size_t i)
{
	return i < ARRAY_LEN(drivers) ? drivers[i].name : NULL;
}

static const struct driver *find_driver(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(drivers[i].name, name) == 0)
			return &drivers[i];
	return NULL;
}

static int add_symbols(const char *name, struct strv *symbols, struct err *e)
{
	const struct driver *d = find_driver(name);

	if (d == NULL) {
		err_set(e, ERR_PRECONDITION,
		    "kernel small: how to build driver %s is not known", name);
		return err_hint(e, "--kernel distribution has it as a module");
	}
	for (size_t i = 0; i < SYMBOLS && d->symbols[i] != NULL; i++)
		if (strv_add_once(symbols, d->symbols[i], e) < 0)
			return -1;
	return 0;
}

int kernel_config_make(
    const char *fragment, const struct strv *names, char **text, struct err *e)
{
	struct strv symbols = {0};
	size_t size = 0;
	FILE *f = NULL;
	int ret = -1;

	*text = NULL;
	for (size_t i = 0; i < names->n; i++)
		if (add_symbols(names->v[i], &symbols, e) < 0)
			goto out;
	strv_sort(&symbols);
	f = open_memstream(text, &size);
	if (f == NULL) {
		err_sys(e, errno, "kernel small");
		goto out;
	}
	fputs(fragment, f);
	for (size_t i = 0; i < symbols.n; i++)
		fprintf(f, SYMBOL "%s=y\n", symbols.v[i]);
	ret = fclose(f) == 0 ? 0 : err_sys(e, errno, "kernel small");
out:
	strv_free(&symbols);
	return ret;
}

/* The length of a line's symbol and '='; 0: it is another kind of line. */
static size_t symbol_len(const char *line)
{
	size_t n = strlen(SYMBOL);

	if (strncmp(line, SYMBOL, n) != 0)
		return 0;
	while (isalnum((unsigned char)line[n]) || line[n] == '_')
		n++;
	return line[n] == '=' ? n + 1 : 0;
}

/* Whether text has a line of those n bytes, or (n given by a symbol) that starts so. */
static bool has_line(const char *text, const char *line, size_t n, bool whole)
{
	for (const char *p = text; p != NULL && *p != '\0';
	     p = strchr(p, '\n') == NULL ? NULL : strchr(p, '\n') + 1)
		if (strncmp(p, line, n) == 0 && (!whole || p[n] == '\n' || p[n] == '\0'))
			return true;
	return false;
}

static bool satisfied(const char *line, size_t len, size_t symbol, const char *result)
{
	if (len == symbol + 1 && line[symbol] == 'n')
		return !has_line(result, line, symbol, false);
	return has_line(result, line, len, true);
}

int kernel_config_check(const char *wanted, const char *result, struct err *e)
{
	const char *line = wanted;

	while (*line != '\0') {
		size_t len = strcspn(line, "\n"), symbol = symbol_len(line);

		if (symbol > 0 && !satisfied(line, len, symbol, result))
			return err_set(e, ERR_PRECONDITION,
			    "kernel small: %.*s can not be had of this kernel",
			    (int)(len < 80 ? len : 80), line);
		line += len;
		line += *line == '\n';
	}
	return 0;
}
