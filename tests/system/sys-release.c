/* The end: clean, or by force after a stated time. Secrets. Two at once. */
#include <archive.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "harness.h"
#include "paths.h"

#define SECRET "zX9-nobody-may-read-this"
#define FILE_MAX_BYTES (256u * 1024 * 1024)

static char *read_console(const struct inst *i)
{
	char path[PATH_MAX + 64], *text;
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/console.log", i->run);
	ok(fs_read_file(path, 8 * 1024 * 1024, &text, NULL, &e), &e);
	return text;
}

static void down_unbinds_the_driver(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char *text, *supplicant, *unbound, *off;

	lab_up(i);
	lab_down(i);
	text = read_console(i);
	supplicant = strstr(text, "release: supplicant stopped");
	unbound = strstr(text, " unbound from ");
	if (!unbound)
		unbound = strstr(text, "driver mac80211_hwsim unloaded");
	off = strstr(text, "power off");
	if (!supplicant || !unbound || !off || supplicant > unbound || unbound > off) {
		print_error("the guest's last words: %s\n", text);
		fail();
	}
	free(text);
}

static void hung_vm_is_killed_in_time(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	int64_t start;

	inst_set(i, "stop_timeout", "4");
	lab_write(i);
	lab_up(i);
	assert_int_equal(kill(lab_vmm(i), SIGSTOP), 0);
	start = clock_ms();
	lab_down(i);
	/* The agent's time, half of it again for the power button, some to spare. */
	assert_in_range(clock_ms() - start, 3500, 12000);
}

static bool contains(const char *data, size_t len, const char *what)
{
	return memmem(data, len, what, strlen(what)) != NULL;
}

static const char *only_here; /* the one file that may hold the secret */

/* Every file under the prefix, as it lies on the disk. */
static int search_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	AUTO_FREE char *data = NULL;
	size_t len = 0;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || strcmp(path, only_here) == 0)
		return 0;
	/* Another program's instance may take its files away under our eyes. */
	if (fs_read_file(path, FILE_MAX_BYTES, &data, &len, NULL))
		return 0;
	if (!contains(data, len, SECRET))
		return 0;
	print_error("the passphrase is in %s\n", path);
	return 1;
}

/* One archive of an initrd, decompressed. */
static void search_archive(const char *packed, size_t len)
{
	AUTO_FREE char *data = malloc(FILE_MAX_BYTES);
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	size_t have = 0;
	la_ssize_t n;

	assert_non_null(data);
	archive_read_support_filter_all(a);
	archive_read_support_format_raw(a);
	assert_int_equal(archive_read_open_memory(a, packed, len), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
	while (have < FILE_MAX_BYTES &&
	       (n = archive_read_data(a, data + have, FILE_MAX_BYTES - have)) > 0)
		have += (size_t)n;
	archive_read_free(a);
	assert_true(have > len);
	assert_false(contains(data, have, SECRET));
}

/* air.initrd is initrd, zeros up to a multiple of 4, the overlay. */
static void search_initrds(void)
{
	const char path[] = PATH_IMAGES "/current/air.initrd";
	AUTO_FREE char *data = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	size_t len;

	assert_int_equal(stat(PATH_IMAGES "/current/initrd", &st), 0);
	ok(fs_read_file(path, FILE_MAX_BYTES, &data, &len, &e), &e);
	search_archive(data, (size_t)st.st_size);
	st.st_size = (st.st_size + 3) / 4 * 4;
	search_archive(data + st.st_size, len - (size_t)st.st_size);
}

static void search_processes(void)
{
	const char *const files[] = {"cmdline", "environ"};
	struct err e = ERR_INIT;
	struct process *list;
	size_t n;

	ok(process_list(&list, &n, &e), &e);
	assert_true(n >= 3); /* two of bhyfid, QEMU */
	for (size_t k = 0; k < 2 * n; k++) {
		AUTO_FREE char *data = NULL;
		char path[64];
		size_t len = 0;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)list[k / 2].pid,
		    files[k % 2]);
		if (!fs_read_file(path, 1024 * 1024, &data, &len, NULL))
			assert_false(contains(data, len, SECRET));
	}
	free(list);
}

static void search_command(const struct inst *i, const char *command)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_run(i, &c, COMMAND_MS, &e, command, NULL), &e);
	assert_null(strstr(c.out, SECRET));
	assert_null(strstr(c.err, SECRET));
	child_free(&c);
}

static void no_secret_leaks(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	inst_set(i, "log_level", "debug");
	inst_network(i, "\tssid=\"elsewhere\"\n\tpsk=\"" SECRET "\"\n");
	lab_write(i);
	lab_up(i);
	search_processes();
	search_command(i, "status");
	search_command(i, "plan");
	search_command(i, "log");
	search_command(i, "console");
	only_here = i->networks;
	assert_int_equal(nftw(BHYFI_TEST_PREFIX, search_file, 16, FTW_PHYS), 0);
	lab_down(i);
	assert_int_equal(nftw(BHYFI_TEST_PREFIX, search_file, 16, FTW_PHYS), 0);
	search_initrds();
}

/* Each passphrase only in the files of those who may read it. */
static void nothing_of_ours_is_open_to_others(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	const char *const names[] = {"log", "console.log", "control", "vm.json"};
	struct stat st;

	lab_up(i);
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		char path[PATH_MAX + 64];

		snprintf(path, sizeof(path), "%s/%s", i->run, names[k]);
		assert_int_equal(lstat(path, &st), 0);
		if (st.st_mode & 0022) {
			print_error("%s: mode %o\n", path, (unsigned)st.st_mode);
			fail();
		}
	}
	lab_down(i);
}

static void two_at_once(void **state)
{
	struct inst *a = lab_inst(state, "wpa2"), *b = lab_inst(state, "open");
	struct err e = ERR_INIT;
	struct child up[2];
	uint8_t mac[2][6];
	json_t *o;

	ok(inst_start(a, &up[0], &e, "up", "--wait", "110", NULL), &e);
	ok(inst_start(b, &up[1], &e, "up", "--wait", "110", NULL), &e);
	for (int k = 0; k < 2; k++) {
		ok(child_wait(&up[k], UP_MS, &e), &e);
		assert_int_equal(up[k].status, 0);
		child_free(&up[k]);
	}
	ok(net_mac(a->tap, mac[0], &e), &e);
	ok(net_mac(b->tap, mac[1], &e), &e);
	assert_memory_not_equal(mac[0], mac[1], 6);
	lab_lan_works(a);
	/* One goes, the other stays. */
	o = inst_json(a, DOWN_MS, &e, "down", NULL);
	ok(o ? 0 : -1, &e);
	json_decref(o);
	assert_false(net_exists(a->tap));
	o = lab_status(b);
	assert_string_equal(text_at(o, "state"), "online");
	json_decref(o);
	lab_lan_works(b);
	lab_down(b);
	lab_nothing_left(a);
}

LAB_MAIN("rel", LAB_TEST(down_unbinds_the_driver), LAB_TEST(hung_vm_is_killed_in_time),
    LAB_TEST(no_secret_leaks), LAB_TEST(nothing_of_ours_is_open_to_others),
    LAB_TEST(two_at_once))
