/*
 * Images for real cards, from the distribution's real packages: what firmware they hold,
 * how large they are, and that a guest of theirs which does not find its card says
 * so, on its console and to bhyfid, and ends cleanly. The host is the double of FreeBSD
 * (tests/doubles), whose bhyve starts the disk with UEFI, without a card: nothing plays
 * it.
 *
 * The images are built before we enter the namespaces, which have no network. Where the
 * packages can not be reached that is said and the tests are skipped.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/fbsd-tree.h"
#include "cleanup.h"
#include "cmd.h"
#include "fbsd-lab.h"
#include "fetch.h"
#include "fs.h"
#include "harness.h"
#include "image.h"

#define BHYFI BHYFI_TEST_BIN "/bhyfi"
#define BUILD_MS (15 * 60 * 1000) /* with what is downloaded: kernels, firmware */
#define COMPILED_MS (60 * 60 * 1000)
#define SIZE_MAX_BYTES (24 << 20) /* of kernel and initrd */

struct row {
	const char *test; /* its name */
	const char *card;
	const char *firmware[4]; /* some of the files that have to be in it */
	bool own_firmware;       /* the user's: no package has it */
	bool small;              /* with the small kernel, its driver built in */
};

static const struct row rows[] = {
    {"an_ax200_that_is_not_there", "8086:2723", {"iwlwifi-cc-a0-72.ucode"}, false},
    {"long_an_mt7921_that_is_not_there", "14c3:7961",
	{"mediatek/WIFI_RAM_CODE_MT7961_1.bin",
	    "mediatek/WIFI_MT7961_patch_mcu_1_2_hdr.bin"},
	false},
    /* Its driver is newer than that kernel. */
    {"long_an_rtl8852be_that_is_not_there", "10ec:b852", {"rtw89/rtw8852b_fw.bin"},
	false},
    {"long_a_qca6174_that_is_not_there", "168c:003e",
	{"ath10k/QCA6174/hw3.0/firmware-6.bin", "ath10k/QCA6174/hw3.0/board-2.bin"},
	false},
    {"long_a_bcm4331_that_is_not_there", "14e4:4331",
	{"b43/ucode29_mimo.fw", "b43/ht0initvals29.fw", "b43/ht0bsinitvals29.fw"}, true},
    {"long_a_small_kernel_without_its_ax200", "8086:2723", {"iwlwifi-cc-a0-72.ucode"},
	.small = true},
};

static char top[] = "/tmp/bhyfi-cards-XXXXXX";
static char why_not[ERR_MSG_MAX]; /* the packages can not be reached; "" they can */
static char mirror[256], suite[64];

static void at(char out[PATH_MAX], const char *name)
{
	snprintf(out, PATH_MAX, "%s/%.200s", top, name);
}

/* The Debian of this system, as apt knows it. */
static int find_mirror(struct err *e)
{
	static const char *const argv[] = {"apt-get", "indextargets", "--format",
	    "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages", NULL};
	char AUTO_FREE *text = NULL;
	char *save = NULL, component[32];

	if (cmd_run(argv, NULL, &text, NULL, e) < 0)
		return -1;
	for (char *l = strtok_r(text, "\n", &save); l != NULL;
	     l = strtok_r(NULL, "\n", &save))
		if (sscanf(l, "%255s %63s %31s", mirror, suite, component) == 3 &&
		    strcmp(component, "main") == 0 && strchr(suite, '-') == NULL)
			return 0;
	return err_set(e, ERR_PRECONDITION, "apt's sources name no Debian");
}

static int reach(struct err *e)
{
	struct fetch *f = NULL;
	char url[512], path[PATH_MAX];
	int r;

	snprintf(url, sizeof(url), "%s/dists/%s/InRelease", mirror, suite);
	at(path, "InRelease");
	if (fetch_open(&f, NULL, e) < 0)
		return -1;
	fetch_timeouts(f, 10, 20);
	r = fetch_file(f, IMAGE_STAGE_LISTS, url, path, 1 << 20, NULL, e);
	fetch_close(f);
	return r;
}

/* A folder like the one that b43-fwcutter makes; what is in the files is not theirs. */
static int make_b43(char dir[PATH_MAX], struct err *e)
{
	static const char *const names[] = {
	    "ucode29_mimo", "ht0initvals29", "ht0bsinitvals29", "ucode5"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[PATH_MAX], name[64];

		at(path, "firmware/b43");
		if (fs_mkdir_p(path, 0755, e) < 0)
			return -1;
		snprintf(name, sizeof(name), "firmware/b43/%s.fw", names[i]);
		at(path, name);
		if (fs_write_atomic(path, 0644, name, strlen(name), e) < 0)
			return -1;
	}
	at(dir, "firmware");
	return 0;
}

static int build(const struct row *row, struct err *e)
{
	struct cmd_opts o = {.timeout_ms = row->small ? COMPILED_MS : BUILD_MS};
	char dir[PATH_MAX], own[PATH_MAX];
	const char *argv[] = {BHYFI, "image", "build", "--card", row->card, "--mirror",
	    mirror, "--suite", suite, "--output", dir, NULL, NULL, NULL};

	at(dir, row->test);
	if (row->own_firmware) {
		if (make_b43(own, e) < 0)
			return -1;
		argv[11] = "--firmware";
		argv[12] = own;
	}
	if (row->small) {
		argv[11] = "--kernel";
		argv[12] = "small";
	}
	return cmd_run(argv, &o, NULL, NULL, e);
}

static bool is_asked_for(const struct row *row)
{
	const char *pattern = getenv("BHYFI_TEST");

	return pattern == NULL ? strncmp(row->test, "long_", 5) != 0
			       : fnmatch(pattern, row->test, 0) == 0;
}

static int build_images(struct err *e)
{
	struct err why = ERR_INIT;

	if (mkdtemp(top) == NULL)
		return err_sys(e, errno, "%s", top);
	if (find_mirror(&why) < 0 || reach(&why) < 0) {
		snprintf(why_not, sizeof(why_not), "%s", why.msg);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_asked_for(&rows[i]) && build(&rows[i], e) < 0)
			return err_prefix(e, "%s", rows[i].card);
	return 0;
}

/* What `image info --json` says of it. */
static json_t *describe(const struct inst *i, const char *dir)
{
	struct err e = ERR_INIT;
	json_t *o = inst_json(i, COMMAND_MS, &e, "image", "info", "--files", dir, NULL);

	ok(o == NULL, &e);
	return o;
}

static const json_t *find_file(const json_t *info, const char *path)
{
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(info, "files"), i, f)
		if (strcmp(text_at(f, "path"), path) == 0)
			return f;
	return NULL;
}

/* Each file is there for a reason, and the largest come first. */
static void all_have_reasons(const json_t *info)
{
	double last = -1;
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(info, "files"), i, f) {
		double size =
		    strcmp(text_at(f, "type"), "file") == 0 ? number_at(f, "size") : 0;

		if (text_at(f, "why")[0] == '\0')
			fail_msg("%s: no reason", text_at(f, "path"));
		assert_true(i == 0 || size <= last);
		last = size;
	}
	assert_true(i > 20);
}

static void holds_one_card(const struct inst *i, const struct row *row, const char *dir)
{
	json_t *info = describe(i, dir);
	double boot = number_at(info, "boot_bytes");

	assert_string_equal(text_at(info, "card"), row->card);
	assert_string_equal(
	    text_at(info, "kernel_kind"), row->small ? "small" : "distribution");
	for (size_t k = 0; k < ARRAY_LEN(row->firmware) && row->firmware[k] != NULL;
	     k++) {
		char path[256];

		snprintf(path, sizeof(path), "/usr/lib/firmware/%s", row->firmware[k]);
		if (find_file(info, path) == NULL)
			fail_msg("%s: not in the image", path);
	}
	all_have_reasons(info);
	print_message("%s: kernel %s, %.1f MiB, %zu files, %zu of firmware\n", row->card,
	    text_at(info, "kernel"), boot / (1 << 20),
	    (size_t)number_at(info, "file_count"),
	    json_array_size(json_object_get(info, "firmware")));
	assert_true(boot > 0 && boot <= SIZE_MAX_BYTES);
	json_decref(info);
}

/* The host's card gets the numbers of the row's. */
static void plug_card(const char *card)
{
	json_t *s = fbsd_state(), *o = fbsd_card(s);
	unsigned vendor, device;

	assert_int_equal(sscanf(card, "%x:%x", &vendor, &device), 2);
	json_object_set_new(o, "vendor", json_integer(vendor));
	json_object_set_new(o, "device", json_integer(device));
	fbsd_save(s);
}

static void says_on_its_console(const struct inst *i, const char *text)
{
	char AUTO_FREE *console = NULL;
	struct err e = ERR_INIT;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/console.log", i->run);
	ok(fs_read_file(path, 1 << 20, &console, NULL, &e), &e);
	if (strstr(console, text) == NULL)
		fail_msg("%s: not on the console", text);
}

static void says_so(struct inst *i, const struct row *row)
{
	char text[128];
	json_t *o;

	snprintf(text, sizeof(text),
	    "no wireless card in this guest (the image is for "
	    "card %s)",
	    row->card);
	lab_refuses(i, ERR_FAILED, (const char *const[]){"up", "--wait", "110", NULL},
	    (const char *const[]){text, "bhyfi cards", NULL});
	says_on_its_console(i, text);
	o = lab_status(i);
	assert_string_equal(text_at(o, "state"), "failed");
	json_decref(o);
	/* Its guest stopped it. */
	assert_false(fbsd_has_vm(i->name));
}

/* Without --card the image is for the instance's; here that is as far as it gets. */
static void is_the_machines_own(const struct inst *i, const struct row *row)
{
	struct err e = ERR_INIT;
	char text[64], output[PATH_MAX];
	struct child c;

	at(output, "own");
	ok(inst_run(i, &c, COMMAND_MS, &e, "image", "build", "--source", "dir", "--root",
	       "/nonexistent", "--output", output, NULL),
	    &e);
	snprintf(
	    text, sizeof(text), "for the card %s of instance %s", row->card, i->name);
	if (c.status == 0 || strstr(c.err, text) == NULL)
		fail_msg("status %d: %s", c.status, c.err);
	child_free(&c);
}

static void not_there(void **state, const struct row *row)
{
	struct inst *i = lab_inst(state, "wpa2");
	char dir[PATH_MAX];

	at(dir, row->test);
	holds_one_card(i, row, dir);
	plug_card(row->card);
	snprintf(i->tap, sizeof(i->tap), "tap0");
	snprintf(i->settings, sizeof(i->settings),
	    "card = pci0:3:0:0\ninterface = tap0\nvmm = bhyve\nsysroot = %s\n"
	    "image = %.1000s\nnetworks = %.1000s\nrestarts = 0\n",
	    fbsd_root, dir, i->networks);
	lab_write(i);
	is_the_machines_own(i, row);
	says_so(i, row);
	lab_down(i);
	assert_string_equal(fbsd_driver(), "iwlwifi");
}

static void an_ax200_that_is_not_there(void **state)
{
	not_there(state, &rows[0]);
}

static void long_an_mt7921_that_is_not_there(void **state)
{
	not_there(state, &rows[1]);
}

static void long_an_rtl8852be_that_is_not_there(void **state)
{
	not_there(state, &rows[2]);
}

static void long_a_qca6174_that_is_not_there(void **state)
{
	not_there(state, &rows[3]);
}

static void long_a_bcm4331_that_is_not_there(void **state)
{
	not_there(state, &rows[4]);
}

static void long_a_small_kernel_without_its_ax200(void **state)
{
	not_there(state, &rows[5]);
}

#define CARD_TEST(f) cmocka_unit_test_setup_teardown(f, fbsd_lab_setup, fbsd_lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {CARD_TEST(an_ax200_that_is_not_there),
	    CARD_TEST(long_an_mt7921_that_is_not_there),
	    CARD_TEST(long_an_rtl8852be_that_is_not_there),
	    CARD_TEST(long_a_qca6174_that_is_not_there),
	    CARD_TEST(long_a_bcm4331_that_is_not_there),
	    CARD_TEST(long_a_small_kernel_without_its_ax200)};
	struct err e = ERR_INIT;
	int r;

	if (build_images(&e) == 0 && why_not[0] != '\0') {
		printf("1..0 # SKIP the packages can not be reached: %s\n", why_not);
		r = 0;
	} else if (e.code != ERR_NONE) {
		printf("1..1\nnot ok 1 - %s: %s\n", e.msg, e.hint);
		r = ERR_FAILED;
	} else {
		r = lab_main("card", tests, ARRAY_LEN(tests));
	}
	fs_remove_tree(top, NULL);
	return r;
}
