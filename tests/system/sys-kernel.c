/*
 * Little memory, with both kernels: online, the simulated WLAN included, in 64 MiB with
 * the small one and in 112 with the distribution's, BHYFI_STARTS times (2).
 *
 * The small kernel's image is built before we enter the namespaces, which have no
 * network. Only the long run builds the kernel itself: where the cache has none, the
 * tests of it are skipped.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "fs.h"
#include "harness.h"
#include "paths.h"

#define BHYFI BHYFI_TEST_BIN "/bhyfi"
#define CACHED_MS (90 * 1000)
#define COMPILED_MS (60 * 60 * 1000)
#define LOG_MAX (8u << 20)

static char top[] = "/tmp/bhyfi-kernel-XXXXXX";
static char image[PATH_MAX];
static char why_not[ERR_MSG_MAX]; /* "": there is a small kernel's image */

static int starts(void)
{
	const char *text = getenv("BHYFI_STARTS");

	return text == NULL ? 2 : atoi(text);
}

static bool in_cache(void)
{
	DIR *d = opendir(PATH_DB "/cache/kernel/built");
	struct dirent *entry;
	bool found = false;

	while (d != NULL && (entry = readdir(d)) != NULL)
		found |= strchr(entry->d_name, '.') == NULL;
	if (d != NULL)
		closedir(d);
	return found;
}

/* A kernel of the cache that is another one (an older recipe, a new version of the
 * source) would be compiled: the time-out stops that, and it leaves nothing. */
static int build_image(struct err *e)
{
	const bool compile = getenv("BHYFI_STARTS") != NULL;
	const struct cmd_opts o = {.timeout_ms = compile ? COMPILED_MS : CACHED_MS};
	const char *const argv[] = {BHYFI, "image", "build", "--air", "--kernel", "small",
	    "--output", image, NULL};
	struct err why = ERR_INIT;

	if (mkdtemp(top) == NULL)
		return err_set(e, ERR_FAILED, "%s can not be made", top);
	snprintf(image, sizeof(image), "%s/image", top);
	if (!compile && !in_cache()) {
		snprintf(why_not, sizeof(why_not),
		    "no small kernel in the cache: make check-long builds it");
		return 0;
	}
	if (cmd_run(argv, &o, NULL, NULL, &why) == 0)
		return 0;
	if (compile || why.code != ERR_TIMEOUT) {
		*e = why;
		return -1;
	}
	snprintf(
	    why_not, sizeof(why_not), "the small kernel in the cache is another one");
	return 0;
}

static struct inst *with_memory(void **state, const char *mib, bool small)
{
	struct inst *i = lab_inst(state, "wpa2");

	if (small)
		inst_set(i, "image", image);
	inst_set(i, "memory", mib);
	/* A start that needs a second one has failed. */
	inst_set(i, "restarts", "0");
	lab_write(i);
	return i;
}

static char *read_console(const struct inst *i)
{
	char path[PATH_MAX + 64], *text;
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/console.log", i->run);
	ok(fs_read_file(path, LOG_MAX, &text, NULL, &e), &e);
	return text;
}

static void console_says(const struct inst *i, const char *what)
{
	AUTO_FREE char *text = read_console(i);

	if (strstr(text, what) == NULL)
		fail_msg("not on the console: %s", what);
}

static void start_again_and_again(struct inst *i, int n)
{
	double least = 1e9;

	for (int k = 0; k < n; k++) {
		json_t *o;

		lab_up(i);
		if (k == 0)
			lab_lan_works(i);
		o = lab_air(i, "meminfo");
		if (number_at(o, "available_kib") < least)
			least = number_at(o, "available_kib");
		json_decref(o);
		lab_down(i);
	}
	console_says(i, "driver mac80211_hwsim unloaded");
	print_message("# %d starts; at least %.1f MiB were available\n", n, least / 1024);
}

static void small_kernel_in_64_mib(void **state)
{
	start_again_and_again(with_memory(state, "64", true), starts());
}

static void distribution_kernel_in_112_mib(void **state)
{
	struct inst *i = with_memory(state, "112", false);
	struct err e = ERR_INIT;
	json_t *o = inst_json(i, COMMAND_MS, &e, "image", "info", NULL);

	ok(o == NULL, &e);
	assert_string_equal(text_at(o, "kernel_kind"), "distribution");
	json_decref(o);
	start_again_and_again(i, starts());
}

/* What each mode needs of a kernel: filters and actions of tc, BPF, nftables, a bridge.
 */
static void works_in_mode(void **state, const char *mode, const char *scenario)
{
	struct inst *i;
	struct err e = ERR_INIT;
	double ms;

	i = lab_inst(state, scenario);
	inst_set(i, "image", image);
	inst_set(i, "mode", mode);
	lab_write(i);
	lab_up(i);
	lab_lan_works(i);
	ok(net_ping("192.0.2.1", 10000, &ms, &e), &e);
	lab_down(i);
}

static void small_kernel_in_mode_macnat(void **state)
{
	works_in_mode(state, "macnat", "wpa2");
}

static void small_kernel_in_mode_nat(void **state)
{
	works_in_mode(state, "nat", "wpa2");
}

static void small_kernel_in_mode_wds(void **state)
{
	works_in_mode(state, "wds", "wds");
}

/* Its driver is built in, which nobody loads. */
static void small_kernel_has_a_power_button(void **state)
{
	struct err e = ERR_INIT;
	struct child log, order;
	struct inst *i;

	i = with_memory(state, "96", true);
	lab_up(i);
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	/* The agent, which would bring the answer, may be too quick to stop. */
	ok(inst_start(i, &order, &e, "air", "kill", "what=agent", "signal=STOP", NULL),
	    &e);
	ok(child_wait_text(&log, "pressing the power button", UP_MS, &e), &e);
	child_free(&order);
	child_free(&log);
	lab_down(i);
	console_says(i, "release: power button");
}

int main(void)
{
	/* The first does without a small kernel. */
	const struct CMUnitTest tests[] = {
	    LAB_TEST(distribution_kernel_in_112_mib),
	    LAB_TEST(small_kernel_in_64_mib),
	    LAB_TEST(small_kernel_in_mode_macnat),
	    LAB_TEST(small_kernel_in_mode_nat),
	    LAB_TEST(small_kernel_in_mode_wds),
	    LAB_TEST(small_kernel_has_a_power_button),
	};
	struct err e = ERR_INIT;
	int rc;

	if (build_image(&e) < 0) {
		printf("1..1\nnot ok 1 - %s: %s\n", e.msg, e.hint);
		return ERR_FAILED;
	}
	if (why_not[0] != '\0')
		printf("# only the distribution's kernel: %s\n", why_not);
	rc = lab_main("kern", tests, why_not[0] != '\0' ? 1 : ARRAY_LEN(tests));
	fs_remove_tree(top, NULL);
	return rc;
}
