#include "profile.h"

#include "firmware.h"

static const struct profile_program base_programs[] = {
    {"/sbin/wpa_supplicant", "wpasupplicant"},
    {0},
};

static const struct profile_file base_files[] = {
    /* The kernel's own keys verify it. Debian's package holds two, and a link made
     * when it is installed chooses: its own key's. */
    {"/lib/firmware/regulatory.db",
	{"lib/firmware/regulatory.db", "lib/firmware/regulatory.db-debian"},
	"wireless-regdb", false},
    {"/lib/firmware/regulatory.db.p7s",
	{"lib/firmware/regulatory.db.p7s", "lib/firmware/regulatory.db.p7s-debian"},
	"wireless-regdb", false},
    /* MD4 for MSCHAPv2 (PEAP), which OpenSSL 3 has put away into a module. */
    {"/usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so",
	{"usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so"}, NULL, true},
    {"/usr/lib/ossl-modules/legacy.so", {"usr/lib/ossl-modules/legacy.so"}, NULL, true},
    {0},
};

static const struct profile_module base_modules[] = {
    {"virtio_mmio", .boot = true},
    {"virtio_pci", .boot = false},
    {"virtio_console", .boot = true},
    {"virtio_net", .boot = false},
    {"virtio_rng", .boot = false, .optional = true},
    /* The power button, by which a VMM asks for a clean stop. */
    {"button", .boot = false},
    {"evdev", .boot = false},
    /* Built into Debian's kernel, not into Alpine's. */
    {"af_packet", .boot = false, .optional = true},
    {"ipv6", .boot = true, .optional = true},
    /* The data path. */
    {"sch_ingress", .boot = false},
    {"cls_matchall", .boot = false},
    {"cls_flower", .boot = false},
    {"cls_bpf", .boot = false},
    {"act_mirred", .boot = false},
    {"act_gact", .boot = false},
    {"bridge", .boot = false},
    /* nat: nft's core has the rest of what its rules say. It needs libcrc32c, and that
     * a driver of the crypto API. */
    {"crc32c_generic", .boot = false, .optional = true}, /* not in Linux 6.15 and later */
    {"nf_tables", .boot = false},
    {"nft_ct", .boot = false},
    {"nft_nat", .boot = false},
    {"nft_masq", .boot = false},
    {"nft_chain_nat", .boot = false},
    {"nf_flow_table_inet", .boot = false},
    {"nft_flow_offload", .boot = false},
    {"cfg80211", .boot = false},
    {"mac80211", .boot = false},
    /* What mac80211 asks the crypto API for: CCMP, GCMP, and the management frames'
     * integrity (BIP). */
    {"ccm", .boot = false},
    {"gcm", .boot = false},
    {"cmac", .boot = false},
    {"ctr", .boot = false},
    {0},
};

const struct profile profile_base = {"base", base_programs, base_files, base_modules};

static const struct profile_program ap_programs[] = {
    {"/usr/sbin/hostapd", "hostapd"},
    {0},
};

static const struct profile_file no_files[] = {
    {0},
};

static const struct profile_module no_modules[] = {
    {0},
};

const struct profile profile_ap = {"ap", ap_programs, no_files, no_modules};

static const struct profile_program air_programs[] = {
    {"/usr/sbin/hostapd", "hostapd"},
    {"/usr/sbin/dnsmasq", "dnsmasq-base"},
    {"/usr/bin/iperf3", "iperf3"},
    {0},
};

static const struct profile_module air_modules[] = {
    {"mac80211_hwsim", .boot = false},
    {"veth", .boot = false},
    {0},
};

const struct profile profile_air = {"air", air_programs, no_files, air_modules};

const struct profile_driver profile_drivers[] = {
    {"iwlwifi", {"iwlmvm", "iwldvm", "iwlmld"}, iwl_wants},
    {"ath11k_pci", {"qrtr_mhi"}, NULL},
    {"ath12k", {"qrtr_mhi"}, NULL},
    {"brcmfmac", {"brcmfmac_wcc", "brcmfmac_cyw", "brcmfmac_bca"}, NULL},
    {0},
};

/* drivers/bcma and drivers/ssb; the wireless core is 0x812 on both. */
const struct profile_bus profile_buses[] = {
    {"kernel/drivers/bcma/", "bcma:m04BFid0812rev"},
    {"kernel/drivers/ssb/", "ssb:v4243id0812rev"},
    {0},
};

/* What b43 and brcmsmac say of these cards when they find them. */
const struct profile_core profile_cores[] = {
    {0x14e4, 0x4331, 0x1d},
    {0},
};

const struct profile_since profile_since[] = {
    {0x10ec, 0xb852, "rtw89_8852be", "6.2"},
    {0x14c3, 0x7925, "mt7925e", "6.7"},
    {0x17cb, 0x1107, "ath12k", "6.3"},
    {0},
};

const struct profile_firmware profile_firmware[] = {
    {"iwlwifi-", {"firmware-iwlwifi"}},
    {"ipw2", {"firmware-ipw2x00"}},
    {"ath", {"firmware-atheros"}},
    {"qca/", {"firmware-atheros"}},
    {"rtlwifi/", {"firmware-realtek"}},
    {"rtw", {"firmware-realtek"}},
    {"brcm/", {"firmware-brcm80211"}},
    {"mediatek/", {"firmware-mediatek", "firmware-misc-nonfree"}},
    {"mt76", {"firmware-mediatek", "firmware-misc-nonfree"}},
    {"rt2", {"firmware-misc-nonfree"}},
    {"wil6210", {"firmware-misc-nonfree"}},
    {"mrvl/", {"firmware-libertas"}},
    {"mwl8k/", {"firmware-libertas"}},
    {"ti-connectivity/", {"firmware-ti-connectivity"}},
    {0},
};
