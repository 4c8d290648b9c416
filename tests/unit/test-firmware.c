/* Which firmware each driver's chooser picks, from small trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "firmware.h"
#include "fs.h"

#define FOLDER "usr/lib/firmware/"

static struct err e;
static char top[64];

/* A source that has what is put into it, and nothing more to offer. */
static int need(struct source *s, const struct strv *names, struct err *err)
{
	(void)s;
	return err_set(err, ERR_FAILED, "no package %s", names->v[0]);
}

static const struct source_ops ops = {.name = "test", .need = need};
static struct image_options options;
static struct source source;
static struct tree tree;

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-firmware-XXXXXX");
	assert_non_null(mkdtemp(top));
	source = (struct source){.ops = &ops, .opts = &options};
	tree = (struct tree){0};
	e = (struct err)ERR_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fileset_free(&source.files);
	tree_free(&tree);
	return fs_remove_tree(top, &e);
}

/* A file, below top and in the packages. */
static void have(const char *name)
{
	char disk[256], path[256];

	snprintf(disk, sizeof(disk), "%s/%s", top, name);
	snprintf(path, sizeof(path), "%s", disk);
	*strrchr(path, '/') = '\0';
	assert_int_equal(fs_mkdir_p(path, 0755, &e), 0);
	assert_int_equal(fs_write_atomic(disk, 0644, name, strlen(name), &e), 0);
	snprintf(path, sizeof(path), FOLDER "%s", name);
	assert_int_equal(fileset_add(&source.files, path, disk, NULL, false, 0, &e), 0);
}

#define HAVE(...)                                                                        \
	do {                                                                             \
		const char *const all[] = {__VA_ARGS__};                                 \
		for (size_t k = 0; k < ARRAY_LEN(all); k++)                              \
			have(all[k]);                                                    \
	} while (0)

struct asked {
	const char *driver, *kernel, *names; /* names: words */
	unsigned vendor, device;
	bool all;
	const char *own; /* the user's folder */
};

static int choose(const struct asked *a)
{
	struct strv names = {0};
	struct firmware f;
	char AUTO_FREE *words = strdup(a->names);
	char *save = NULL;
	int r;

	for (char *w = strtok_r(words, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save))
		assert_int_equal(strv_add(&names, w, &e), 0);
	const struct firmware_ask ask = {.driver = a->driver,
	    .names = &names,
	    .kernel = a->kernel,
	    .all = a->all,
	    .vendor = a->vendor,
	    .device = a->device};

	r = firmware_open(&f, &source, &tree, a->own, &e);
	if (r == 0)
		r = firmware_put(&f, &ask, &e);
	firmware_close(&f);
	strv_free(&names);
	return r;
}

/* These files, as words in the order of their names, and no others. */
static void chosen(const char *names)
{
	char text[2048] = "";

	tree_sort(&tree);
	for (size_t i = 0; i < tree.n; i++) {
		if (tree.v[i].type != NODE_FILE && tree.v[i].type != NODE_LINK)
			continue;
		assert_non_null(tree.v[i].why);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
		    text[0] == '\0' ? "" : " ", tree.v[i].path + strlen(FOLDER));
	}
	assert_string_equal(text, names);
}

#define IWL_61                                                                           \
	"iwlwifi-7260-17.ucode iwlwifi-7265-17.ucode iwlwifi-7265D-29.ucode "            \
	"iwlwifi-cc-a0-72.ucode iwlwifi-so-a0-gf-a0-72.ucode "                           \
	"iwlwifi-so-a0-hr-b0-72.ucode iwlwifi-Qu-b0-hr-b0-72.ucode "                     \
	"iwlwifi-QuZ-a0-hr-b0-72.ucode"
#define IWL_612 "iwlwifi-cc-a0-77.ucode iwlwifi-so-a0-gf-a0-89.ucode"

static void iwlwifi_takes_the_newest_that_the_driver_knows(void **state)
{
	const struct asked ax200 = {
	    .driver = "iwlwifi", "6.1.0-56-amd64", IWL_61, 0x8086, 0x2723};

	(void)state;
	HAVE("iwlwifi-cc-a0-50.ucode", "iwlwifi-cc-a0-72.ucode", "iwlwifi-cc-a0-77.ucode",
	    "iwlwifi-cc-a0.pnvm", "iwlwifi-7260-17.ucode", "iwlwifi-Qu-b0-hr-b0-72.ucode",
	    "iwlwifi-cc-a0-x.ucode", "iwlwifi-cc-a0-72.bin");
	assert_int_equal(choose(&ax200), 0);
	chosen("iwlwifi-cc-a0-72.ucode");
	assert_string_equal(
	    tree_get(&tree, FOLDER "iwlwifi-cc-a0-72.ucode")->why, "firmware of iwlwifi");
}

static void iwlwifi_goes_down_to_its_lowest_only(void **state)
{
	struct asked ax200 = {
	    .driver = "iwlwifi", "6.12.57-amd64", IWL_612, 0x8086, 0x2723};

	(void)state;
	HAVE("iwlwifi-cc-a0-59.ucode", "iwlwifi-cc-a0-72.ucode");
	/* That driver wants 77 at least. */
	assert_int_equal(choose(&ax200), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "iwlwifi-cc-a0-N.ucode, N from 77 to 77"));
	assert_non_null(strstr(e.hint, "of one age"));
	ax200.kernel = "6.1.0-56-amd64";
	ax200.names = IWL_61;
	assert_int_equal(choose(&ax200), 0);
	chosen("iwlwifi-cc-a0-72.ucode");
}

static void iwlwifi_has_each_radio_that_a_device_can_have(void **state)
{
	const struct asked alder_lake = {
	    .driver = "iwlwifi", "6.1.0-56-amd64", IWL_61, 0x8086, 0x51f0};

	(void)state;
	HAVE("iwlwifi-so-a0-gf-a0-64.ucode", "iwlwifi-so-a0-gf-a0-72.ucode",
	    "iwlwifi-so-a0-gf-a0.pnvm", "iwlwifi-so-a0-hr-b0-68.ucode",
	    "iwlwifi-so-a0-gf4-a0-72.ucode", "iwlwifi-so-a0-gf4-a0.pnvm",
	    "iwlwifi-ty-a0-gf-a0-72.ucode", "iwlwifi-ty-a0-gf-a0.pnvm",
	    "iwlwifi-SoSnj-a0-gf-a0-72.ucode");
	assert_int_equal(choose(&alder_lake), 0);
	chosen("iwlwifi-so-a0-gf-a0-72.ucode iwlwifi-so-a0-gf-a0.pnvm "
	       "iwlwifi-so-a0-gf4-a0-72.ucode iwlwifi-so-a0-gf4-a0.pnvm "
	       "iwlwifi-so-a0-hr-b0-68.ucode");
}

static void iwlwifi_tells_twins_apart_at_run_time(void **state)
{
	const struct asked i7265 = {
	    .driver = "iwlwifi", "6.1.0-56-amd64", IWL_61, 0x8086, 0x095a};

	(void)state;
	HAVE("iwlwifi-7265-17.ucode", "iwlwifi-7265D-29.ucode", "iwlwifi-7265D-27.ucode",
	    "iwlwifi-7260-17.ucode");
	assert_int_equal(choose(&i7265), 0);
	chosen("iwlwifi-7265-17.ucode iwlwifi-7265D-29.ucode");
	assert_true(iwl_wants(0x095a, "iwlmvm"));
	assert_false(iwl_wants(0x095a, "iwldvm"));
	assert_false(iwl_wants(0x095a, "iwlmld"));
	assert_true(iwl_wants(0x0085, "iwldvm"));
	assert_false(iwl_wants(0x0085, "iwlmvm"));
	assert_true(iwl_wants(0x272b, "iwlmld"));
	assert_true(iwl_wants(0xffff, "iwldvm"));
}

static void iwlwifi_takes_all_for_a_device_that_is_not_known(void **state)
{
	const struct asked unknown = {
	    .driver = "iwlwifi", "6.1.0-56-amd64", IWL_61, 0x8086, 0xfff0};

	(void)state;
	HAVE("iwlwifi-7260-17.ucode", "iwlwifi-cc-a0-59.ucode", "iwlwifi-cc-a0-72.ucode",
	    "iwlwifi-other-1.ucode");
	assert_int_equal(choose(&unknown), 0);
	chosen("iwlwifi-7260-17.ucode iwlwifi-cc-a0-72.ucode");
}

static void iwlwifi_for_all_cards_has_what_modinfo_omits(void **state)
{
	const struct asked any = {
	    .driver = "iwlwifi", "6.1.0-56-amd64", IWL_61, .all = true};

	(void)state;
	HAVE("iwlwifi-Qu-c0-jf-b0-72.ucode", "iwlwifi-Qu-c0-jf-b0-59.ucode",
	    "iwlwifi-so-a0-gf-a0-72.ucode", "iwlwifi-so-a0-gf-a0.pnvm",
	    "iwlwifi-sc-a0-gf-a0-93.ucode");
	assert_int_equal(choose(&any), 0);
	chosen("iwlwifi-Qu-c0-jf-b0-72.ucode iwlwifi-so-a0-gf-a0-72.ucode "
	       "iwlwifi-so-a0-gf-a0.pnvm");
}

#define MT7921                                                                           \
	"mediatek/WIFI_MT7922_patch_mcu_1_1_hdr.bin "                                    \
	"mediatek/WIFI_RAM_CODE_MT7922_1.bin "                                           \
	"mediatek/WIFI_MT7961_patch_mcu_1_2_hdr.bin mediatek/WIFI_RAM_CODE_MT7961_1.bin"

static void mt7921e_has_its_patch_and_its_code(void **state)
{
	struct asked a = {.driver = "mt7921e", "6.1.0", MT7921, 0x14c3, 0x7961};

	(void)state;
	HAVE("mediatek/WIFI_MT7961_patch_mcu_1_2_hdr.bin",
	    "mediatek/BT_RAM_CODE_MT7961_1_2_hdr.bin",
	    "mediatek/WIFI_MT7922_patch_mcu_1_1_hdr.bin",
	    "mediatek/WIFI_RAM_CODE_MT7922_1.bin");
	/* One without the other is of no use. */
	assert_int_equal(choose(&a), -1);
	assert_non_null(strstr(e.msg, "WIFI_RAM_CODE_MT7961_1.bin"));
	have("mediatek/WIFI_RAM_CODE_MT7961_1.bin");
	assert_int_equal(choose(&a), 0);
	chosen("mediatek/WIFI_MT7961_patch_mcu_1_2_hdr.bin "
	       "mediatek/WIFI_RAM_CODE_MT7961_1.bin");
}

static void rtw89_goes_down_to_the_format_without_a_number(void **state)
{
	const struct asked a = {
	    .driver = "rtw89_8852b", "6.12.0", "rtw89/rtw8852b_fw-1.bin", 0x10ec, 0xb852};

	(void)state;
	HAVE("rtw89/rtw8852b_fw.bin", "rtw89/rtw8852a_fw.bin");
	assert_int_equal(choose(&a), 0);
	chosen("rtw89/rtw8852b_fw.bin");
}

static void rtw89_prefers_the_newest_format(void **state)
{
	const struct asked a = {
	    .driver = "rtw89_8852b", "6.12.0", "rtw89/rtw8852b_fw-1.bin", 0x10ec, 0xb852};

	(void)state;
	HAVE("rtw89/rtw8852b_fw.bin", "rtw89/rtw8852b_fw-1.bin",
	    "rtw89/rtw8852b_fw-2.bin");
	assert_int_equal(choose(&a), 0);
	chosen("rtw89/rtw8852b_fw-1.bin");
}

static void ath10k_has_the_folders_of_the_devices_revisions(void **state)
{
	const struct asked a = {.driver = "ath10k_pci",
	    "6.1.0",
	    "ath10k/QCA988X/hw2.0/firmware-5.bin",
	    0x168c,
	    0x003e};

	(void)state;
	HAVE("ath10k/QCA6174/hw3.0/firmware-4.bin", "ath10k/QCA6174/hw3.0/firmware-6.bin",
	    "ath10k/QCA6174/hw3.0/firmware-sdio-6.bin",
	    "ath10k/QCA6174/hw3.0/board-2.bin", "ath10k/QCA6174/hw2.1/firmware-5.bin",
	    "ath10k/QCA988X/hw2.0/firmware-5.bin", "ath10k/QCA988X/hw2.0/board.bin");
	assert_int_equal(choose(&a), 0);
	chosen("ath10k/QCA6174/hw2.1/firmware-5.bin ath10k/QCA6174/hw3.0/board-2.bin "
	       "ath10k/QCA6174/hw3.0/firmware-6.bin");
}

static void a_link_is_kept_and_its_file_taken_once(void **state)
{
	const struct asked a = {.driver = "ath11k_pci",
	    "6.1.0",
	    "ath11k/QCA6390/hw2.0/amss.bin",
	    0x17cb,
	    0x1103};

	(void)state;
	HAVE("ath11k/WCN6855/hw2.0/amss.bin", "ath11k/WCN6855/hw2.0/m3.bin",
	    "ath11k/QCA6390/hw2.0/amss.bin");
	assert_int_equal(fileset_add(&source.files, FOLDER "ath11k/WCN6855/hw2.1", NULL,
			     "hw2.0", false, 0, &e),
	    0);
	assert_int_equal(choose(&a), 0);
	chosen("ath11k/WCN6855/hw2.0/amss.bin ath11k/WCN6855/hw2.0/m3.bin "
	       "ath11k/WCN6855/hw2.1/amss.bin ath11k/WCN6855/hw2.1/m3.bin");
	assert_int_equal(
	    tree_get(&tree, FOLDER "ath11k/WCN6855/hw2.1/amss.bin")->type, NODE_LINK);
}

/* Packed by the distribution, plain in the image; a link to a packed file too. */
static void packed_files_are_unpacked(void **state)
{
	static const unsigned char xz[] = {0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04,
	    0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00, 0x00, 0x74,
	    0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x04, 0x70, 0x6c, 0x61, 0x69, 0x6e, 0x00, 0x00,
	    0x00, 0x00, 0xe5, 0x25, 0x01, 0x2a, 0x9c, 0x61, 0x9b, 0x1c, 0x00, 0x01, 0x1d,
	    0x05, 0xb8, 0x2d, 0x80, 0xaf, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00,
	    0x00, 0x04, 0x59, 0x5a};
	const struct asked a = {
	    .driver = "iwlwifi", "6.1.0-56-amd64", IWL_61, 0x8086, 0x2723};
	const struct node *n;
	char disk[256];

	(void)state;
	HAVE("iwlwifi-cc-a0-59.ucode.xz", "intel/iwlwifi/iwlwifi-cc-a0-72.ucode.xz");
	snprintf(disk, sizeof(disk), "%s/intel/iwlwifi/iwlwifi-cc-a0-72.ucode.xz", top);
	assert_int_equal(fs_write_atomic(disk, 0644, xz, sizeof(xz), &e), 0);
	assert_int_equal(
	    fileset_add(&source.files, FOLDER "iwlwifi-cc-a0-72.ucode.xz", NULL,
		"intel/iwlwifi/iwlwifi-cc-a0-72.ucode.xz", false, 0, &e),
	    0);
	assert_int_equal(choose(&a), 0);
	chosen("intel/iwlwifi/iwlwifi-cc-a0-72.ucode iwlwifi-cc-a0-72.ucode");
	n = tree_get(&tree, FOLDER "iwlwifi-cc-a0-72.ucode");
	assert_string_equal(n->data, "/" FOLDER "intel/iwlwifi/iwlwifi-cc-a0-72.ucode");
	n = tree_get(&tree, FOLDER "intel/iwlwifi/iwlwifi-cc-a0-72.ucode");
	assert_int_equal(n->len, 5);
	assert_memory_equal(n->data, "plain", 5);
	/* Damaged. */
	tree_free(&tree);
	assert_int_equal(fs_write_atomic(disk, 0644, xz, sizeof(xz) / 2, &e), 0);
	assert_int_equal(choose(&a), -1);
	assert_non_null(strstr(e.msg, "iwlwifi-cc-a0-72.ucode.xz"));
}

static void brcmfmac_has_its_chips_files_only(void **state)
{
	const struct asked a = {.driver = "brcmfmac",
	    "6.1.0",
	    "brcm/brcmfmac*-pcie.*.txt brcm/brcmfmac4356-sdio.bin",
	    0x14e4,
	    0x43ec};

	(void)state;
	HAVE("brcm/brcmfmac4356-pcie.bin", "brcm/brcmfmac4356-pcie.clm_blob",
	    "brcm/brcmfmac4356-pcie.gpd-win-pocket.txt", "brcm/brcmfmac4356-sdio.bin",
	    "brcm/brcmfmac4358-pcie.bin");
	assert_int_equal(choose(&a), 0);
	chosen("brcm/brcmfmac4356-pcie.bin brcm/brcmfmac4356-pcie.clm_blob "
	       "brcm/brcmfmac4356-pcie.gpd-win-pocket.txt");
}

static void b43_takes_the_users_own(void **state)
{
	struct asked a = {
	    .driver = "b43", "6.1.0", "b43/ucode29_mimo.fw", 0x14e4, 0x4331};
	char own[128];

	(void)state;
	assert_int_equal(choose(&a), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.hint, "--firmware"));
	HAVE("own/b43/ucode29_mimo.fw", "own/b43/ht0initvals29.fw",
	    "own/b43/ht0bsinitvals29.fw", "own/b43/ucode5.fw");
	snprintf(own, sizeof(own), "%s/own", top);
	a.own = own;
	assert_int_equal(choose(&a), 0);
	chosen("b43/ht0bsinitvals29.fw b43/ht0initvals29.fw b43/ucode29_mimo.fw");
}

static void the_users_folder_may_be_the_drivers(void **state)
{
	struct asked a = {.driver = "b43", "6.1.0", "b43/ucode5.fw", 0x14e4, 0x4318};
	char own[128];

	(void)state;
	HAVE("own/b43/ucode5.fw", "own/b43/pcm5.fw", "own/b43/readme");
	snprintf(own, sizeof(own), "%s/own/b43", top);
	a.own = own;
	assert_int_equal(choose(&a), 0);
	chosen("b43/pcm5.fw b43/ucode5.fw");
	snprintf(own, sizeof(own), "%s/nothing", top);
	assert_int_equal(choose(&a), -1);
	assert_int_equal(e.code, ERR_USAGE);
}

static void other_drivers_get_what_they_name(void **state)
{
	struct asked a = {.driver = "toy", "6.1.0", "toy/a.bin toy/b.bin toy/c-*.bin"};

	(void)state;
	HAVE("toy/a.bin", "toy/c-1.bin", "toy/c-2.bin", "toy/d.bin");
	assert_int_equal(choose(&a), 0);
	chosen("toy/a.bin toy/c-1.bin toy/c-2.bin");
	a.names = "none.bin";
	assert_int_equal(choose(&a), -1);
	assert_non_null(strstr(e.msg, "driver toy of kernel 6.1.0"));
	a.all = true;
	assert_int_equal(choose(&a), 0);
	a.names = "../../etc/passwd";
	assert_int_equal(choose(&a), -1);
	a.names = "";
	assert_int_equal(choose(&a), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(iwlwifi_takes_the_newest_that_the_driver_knows),
	    TEST(iwlwifi_goes_down_to_its_lowest_only),
	    TEST(iwlwifi_has_each_radio_that_a_device_can_have),
	    TEST(iwlwifi_tells_twins_apart_at_run_time),
	    TEST(iwlwifi_takes_all_for_a_device_that_is_not_known),
	    TEST(iwlwifi_for_all_cards_has_what_modinfo_omits),
	    TEST(mt7921e_has_its_patch_and_its_code),
	    TEST(rtw89_goes_down_to_the_format_without_a_number),
	    TEST(rtw89_prefers_the_newest_format),
	    TEST(ath10k_has_the_folders_of_the_devices_revisions),
	    TEST(a_link_is_kept_and_its_file_taken_once),
	    TEST(packed_files_are_unpacked),
	    TEST(brcmfmac_has_its_chips_files_only),
	    TEST(b43_takes_the_users_own),
	    TEST(the_users_folder_may_be_the_drivers),
	    TEST(other_drivers_get_what_they_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
