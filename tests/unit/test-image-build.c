/*
 * The image builder as a whole, from a root made up here: a kernel whose payload is a few
 * bytes, modules that are nothing but a .modinfo section, programs without code.
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "cmd.h"
#include "deb.h"
#include "fs.h"
#include "image-root.h"
#include "image.h"
#include "keyring.h"
#include "killed.h"
#include "log.h"
#include "pe.h"
#include "profile.h"

WRAP(link, (const char *a, const char *b), (a, b))
WRAP(fs_write_all, (int fd, const void *d, size_t n, struct err *why), (fd, d, n, why))

/* Not inlined: gcc 12 then takes what is returned for the address of buf. */
static __attribute__((noinline)) char *slurp(const char *path, size_t *len)
{
	char *buf = NULL;
	int ret = fs_read_file(path, 64 << 20, &buf, len, &e);

	assert_int_equal(ret, 0);
	return buf;
}

static void assert_same_file(const char *a, const char *b)
{
	size_t n, m;
	char *x = slurp(at(a), &n), *y = slurp(at(b), &m);

	assert_int_equal(n, m);
	assert_memory_equal(x, y, n);
	free(x);
	free(y);
}

static void the_same_input_gives_the_same_bytes(void **state)
{
	static const char *const names[] = {"vmlinuz", "vmlinux", "initrd", "air.initrd",
	    "air.initrd.cpio", "uki.efi", "esp.img", "stub.efi", "sbom.json",
	    "manifest.json"};
	struct image img;

	(void)state;
	assert_int_equal(build("one", NULL, true, NULL), 0);
	assert_int_equal(build("two", NULL, true, NULL), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char a[64], b[64];

		snprintf(a, sizeof(a), "one/%s", names[i]);
		snprintf(b, sizeof(b), "two/%s", names[i]);
		assert_same_file(a, b);
	}
	assert_int_equal(image_verify(at("one"), &e), 0);
	assert_int_equal(image_open(at("one"), &img, &e), 0);
	assert_string_equal(img.kernel_version, VERSION);
	assert_non_null(img.air_initrd);
	assert_non_null(img.esp);
	image_close(&img);
	assert_clean();
}

static void the_air_is_in_the_overlay_only(void **state)
{
	json_t *m;

	(void)state;
	assert_int_equal(build("air", "sim", false, NULL), 0);
	m = json_load_file(at("air/manifest.json"), 0, NULL);
	assert_non_null(m);
	assert_non_null(listed(m, "initrd", "/usr/sbin/wpa_supplicant"));
	assert_non_null(listed(m, "initrd", "/usr/lib/firmware/regulatory.db"));
	assert_non_null(listed(m, "initrd", "/dev/console"));
	assert_null(listed(m, "initrd", "/usr/sbin/hostapd"));
	assert_null(listed(m, "initrd", "/usr/lib/modules/" VERSION "/kernel/x/veth.ko"));
	assert_non_null(listed(m, "air", "/usr/sbin/hostapd"));
	assert_non_null(
	    listed(m, "initrd", "/usr/lib/modules/" VERSION "/kernel/x/bridge.ko"));
	assert_non_null(
	    listed(m, "initrd", "/usr/lib/modules/" VERSION "/kernel/x/stp.ko"));
	assert_non_null(
	    listed(m, "air", "/usr/lib/modules/" VERSION "/kernel/x/veth.ko"));
	assert_null(
	    listed(m, "air", "/usr/lib/modules/" VERSION "/kernel/x/mac80211.ko"));
	assert_non_null(listed(m, "air", "/air/scenarios/open.conf"));
	json_decref(m);
	assert_int_equal(build("plain", NULL, false, NULL), 0);
	assert_int_not_equal(access(at("plain/air.initrd"), F_OK), 0);
}

static void damage_is_found_and_named(void **state)
{
	struct image img;
	char *data, *card;
	size_t len;

	(void)state;
	assert_int_equal(build("bad", NULL, false, NULL), 0);
	data = slurp(at("bad/initrd"), &len);
	data[len / 2] ^= 1;
	put("bad/initrd", data, len);
	assert_int_equal(image_verify(at("bad"), &e), -1);
	assert_non_null(strstr(e.msg, "/initrd"));
	put("bad/initrd", data, len - 1);
	assert_int_equal(image_open(at("bad"), &img, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	image_close(&img);
	free(data);
	data = slurp(at("bad/manifest.json"), &len);
	card = strstr(data, "\"card\": \"none\"");
	assert_non_null(card);
	card[10] = 'i'; /* "nine" */
	put("bad/manifest.json", data, len);
	assert_int_equal(image_verify(at("bad"), &e), -1);
	assert_non_null(strstr(e.msg, "manifest"));
	free(data);
	assert_int_equal(image_open(at("nothing"), &img, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	image_close(&img);
}

static enum image_stage stop_at;

static int stopper(
    void *arg, enum image_stage stage, const char *what, size_t done, size_t total)
{
	(void)arg;
	(void)what;
	(void)done;
	(void)total;
	return stage == stop_at;
}

static void a_cancelled_build_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned s = IMAGE_STAGE_PACKAGES; s < IMAGE_STAGE_COUNT; s++) {
		stop_at = (enum image_stage)s;
		assert_int_equal(build("never", NULL, true, stopper), -1);
		assert_non_null(strstr(e.msg, "cancelled"));
		assert_int_not_equal(access(at("never"), F_OK), 0);
		assert_clean();
	}
}

static void a_dead_builds_folder_is_removed(void **state)
{
	(void)state;
	put(".build-dead/initrd", "x", 1);
	assert_int_equal(build("next", NULL, false, NULL), 0);
	assert_clean();
}

static void a_folder_of_somebody_else_is_left_alone(void **state)
{
	(void)state;
	put("mine/letter", "x", 1);
	assert_int_equal(build("mine", NULL, false, NULL), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(access(at("mine/letter"), F_OK), 0);
}

static void what_is_missing_is_named(void **state)
{
	char from[128], to[128];

	(void)state;
	snprintf(from, sizeof(from), "%s", at("root/usr/sbin/wpa_supplicant"));
	snprintf(to, sizeof(to), "%s", at("kept"));
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(build("m", NULL, false, NULL), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "wpa_supplicant"));
	/* A link out of the root is none to a file of the root. */
	assert_int_equal(symlink("../../../../../../../../bin/true", from), 0);
	assert_int_equal(build("m", NULL, false, NULL), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_int_equal(unlink(from), 0);
	assert_int_equal(rename(to, from), 0);
	/* Our own programs: known before the source is asked for anything. */
	snprintf(from, sizeof(from), "%s", at("libexec/bhyfi-air"));
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(build("m", "sim", false, NULL), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.hint, "--guest DIR"));
	assert_int_equal(rename(to, from), 0);
	assert_clean();
}

static void the_esp_is_a_sound_file_system(void **state)
{
	char image[160], copy[128];
	const char *const mcopy[] = {
	    "mcopy", "-n", "-i", image, "::/EFI/BOOT/BOOTX64.EFI", copy, NULL};
	struct cmd_opts o = {.quiet = 1};

	(void)state;
	assert_int_equal(build("esp", NULL, false, NULL), 0);
	snprintf(image, sizeof(image), "%s@@1M", at("esp/esp.img"));
	snprintf(copy, sizeof(copy), "%s", at("copy.efi"));
	if (cmd_run(mcopy, &o, NULL, NULL, &e) < 0 && e.code == ERR_PRECONDITION)
		skip(); /* no mtools here */
	assert_same_file("copy.efi", "esp/uki.efi");

	char part[128];
	const char *const fsck[] = {"/sbin/fsck.vfat", "-n", part, NULL};
	size_t len;
	char *data = slurp(at("esp/esp.img"), &len);

	snprintf(part, sizeof(part), "%s", at("part.img"));
	put("part.img", data + (1 << 20), len - (1 << 20));
	free(data);
	if (access(fsck[0], X_OK) < 0)
		skip(); /* no dosfstools here */
	assert_int_equal(cmd_run(fsck, &o, NULL, NULL, &e), 0);
}

/* The section's content, fresh. */
static char *section(const char *pe, size_t len, const char *name, size_t *size)
{
	size_t off;
	char *s;

	assert_int_equal(pe_section(pe, len, name, &off, size, &e), 0);
	s = malloc(*size + 1);
	assert_non_null(s);
	memcpy(s, pe + off, *size);
	s[*size] = '\0';
	return s;
}

/* What one start boots from: the image's parts, and a command line of its own. */
static void a_start_has_its_own_esp(void **state)
{
	static const char cmdline[] = "console=ttyS0 bhyfi.channel=ttyS1";
	size_t len, n, size, found;
	struct image img;
	char *disk, *efi, *part, *file;

	(void)state;
	assert_int_equal(build("start", NULL, true, NULL), 0);
	assert_int_equal(image_open(at("start"), &img, &e), 0);
	assert_non_null(img.stub);
	assert_int_equal(image_esp(&img, true, cmdline, at("start.img"), &e), 0);
	disk = slurp(at("start.img"), &len);
	file = slurp(at("start/air.initrd"), &n);
	/* The program lies in one piece, at a cluster's start. */
	for (found = 0; found < len; found += 512)
		if (memcmp(disk + found, "MZ", 2) == 0)
			break;
	assert_true(found < len);
	efi = disk + found;
	part = section(efi, len - found, ".cmdline", &size);
	assert_string_equal(part, cmdline);
	free(part);
	part = section(efi, len - found, ".initrd", &size);
	assert_int_equal(size, n);
	assert_memory_equal(part, file, n);
	free(part);
	free(file);
	free(disk);
	image_close(&img);
	/* Without the overlay there is no simulated card; without a stub nothing. */
	assert_int_equal(build("plain", NULL, false, NULL), 0);
	assert_int_equal(image_open(at("plain"), &img, &e), 0);
	assert_int_equal(image_esp(&img, true, cmdline, at("x.img"), &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	free(img.stub);
	img.stub = NULL;
	assert_int_equal(image_esp(&img, false, cmdline, at("x.img"), &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_int_equal(access(at("x.img"), F_OK), -1);
	image_close(&img);
	assert_clean();
}

/* A package of two tars, the second with the one entry given. */
static size_t make_deb(
    uint8_t *out, size_t size, const char *path, int type, const char *target)
{
	static const char control[] = "Package: x\nVersion: 1\n";
	uint8_t tars[2][20480];
	size_t used[2], total;
	struct archive *a;
	struct archive_entry *entry;

	for (int i = 0; i < 2; i++) {
		a = archive_write_new();
		entry = archive_entry_new();
		archive_write_set_format_gnutar(a);
		archive_write_open_memory(a, tars[i], sizeof(tars[i]), &used[i]);
		archive_entry_set_pathname(entry, i == 0 ? "./control" : path);
		archive_entry_set_filetype(entry, i == 0 ? AE_IFREG : (unsigned)type);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, i == 0 ? (int64_t)strlen(control) : 0);
		if (i == 1 && target != NULL && type == AE_IFLNK)
			archive_entry_set_symlink(entry, target);
		else if (i == 1 && target != NULL)
			archive_entry_set_hardlink(entry, target);
		assert_int_equal(archive_write_header(a, entry), 0);
		if (i == 0)
			archive_write_data(a, control, strlen(control));
		archive_write_close(a);
		archive_entry_free(entry);
		archive_write_free(a);
	}
	a = archive_write_new();
	archive_write_set_format_ar_svr4(a);
	archive_write_open_memory(a, out, size, &total);
	for (int i = 0; i < 2; i++) {
		entry = archive_entry_new();
		archive_entry_set_pathname(entry, i == 0 ? "control.tar" : "data.tar");
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_size(entry, (int64_t)used[i]);
		assert_int_equal(archive_write_header(a, entry), 0);
		archive_write_data(a, tars[i], used[i]);
		archive_entry_free(entry);
	}
	archive_write_close(a);
	archive_write_free(a);
	return total;
}

static bool everything(const char *path)
{
	(void)path;
	return true;
}

static int unpack(const char *path, int type, const char *target)
{
	static uint8_t deb[65536];
	size_t len = make_deb(deb, sizeof(deb), path, type, target);
	int r;

	assert_int_equal(fs_remove_tree(at("deb"), &e), 0);
	assert_int_equal(mkdir(at("deb"), 0755), 0);
	r = deb_unpack_memory(deb, len, at("deb"), everything, &e);
	return r;
}

static void a_hostile_package_is_refused(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(unpack("./usr/lib/x", AE_IFREG, NULL), 0);
	assert_int_equal(access(at("deb/root/usr/lib/x"), F_OK), 0);
	assert_int_equal(unpack("../../x", AE_IFREG, NULL), -1);
	assert_int_equal(unpack("usr/../../../x", AE_IFREG, NULL), -1);
	assert_int_equal(unpack("dev/sda", AE_IFBLK, NULL), -1);
	assert_int_equal(unpack("fifo", AE_IFIFO, NULL), -1);
	assert_int_equal(unpack("a\x01", AE_IFREG, NULL), -1);
	assert_int_equal(unpack("hard", AE_IFREG, "../../etc/passwd"), -1);
	/* Links are written down, not made; "/x" is in the root, not on the disk. */
	assert_int_equal(unpack("/lib/y", AE_IFLNK, "/etc/passwd"), 0);
	assert_int_not_equal(lstat(at("deb/root/lib/y"), &st), 0);
}

/* Into a folder of images, signed. */
static int build_into(const char *images, bool air)
{
	struct image_options o = {.source = "dir", .sign = "", .air = air};
	struct image_result r;
	char root[128], dir[128], libexec[128];
	int ret;

	snprintf(root, sizeof(root), "%s", at("root"));
	snprintf(dir, sizeof(dir), "%s", at(images));
	snprintf(libexec, sizeof(libexec), "%s", at("libexec"));
	o.root = root;
	o.images = dir;
	o.libexec = libexec;
	ret = image_build(&o, NULL, NULL, &r, &e);
	image_close(&r.image);
	return ret;
}

/* What would start is whole, signed, and there. */
static struct store startable(const char *images)
{
	char path[512], signer[17];
	struct store s;

	assert_int_equal(store_read(at(images), &s, &e), 0);
	assert_string_not_equal(s.current, "");
	for (int i = 0; i < 2; i++) {
		const char *id = i == 0 ? s.current : store_next(&s);

		snprintf(path, sizeof(path), "%s/%s", at(images), id);
		assert_int_equal(image_verify(path, &e), 0);
		assert_int_equal(image_trusted(path, signer, &e), 0);
	}
	return s;
}

/* A build that is killed before its nth change; whether it was. */
static bool build_killed(int n, bool air)
{
	pid_t pid = fork();
	int st;

	assert_true(pid >= 0);
	if (pid == 0) {
		left = n;
		_exit(build_into("images", air) < 0 ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	if (!WIFSIGNALED(st))
		assert_int_equal(WEXITSTATUS(st), 0);
	return WIFSIGNALED(st);
}

static void a_build_is_killed_at_each_step(void **state)
{
	char keys[128], secret[128], first[STORE_ID_MAX];
	struct store s;
	bool killed;
	int n = 0;

	(void)state;
	snprintf(keys, sizeof(keys), "%s", at("keys"));
	snprintf(secret, sizeof(secret), "%s", at("secret"));
	keyring_paths = (struct keyring_paths){keys, secret};
	/* The first of a host, with its key, until it is there. */
	do {
		killed = build_killed(n++, false);
		assert_int_equal(store_read(at("images"), &s, &e), 0);
		if (s.current[0] != '\0')
			startable("images");
	} while (killed);
	print_message("# the first: killed before each of %d changes\n", n - 1);
	memcpy(first, startable("images").current, sizeof(first));
	assert_int_equal(store_proved(at("images"), first, &e), 1);
	n = 0;
	do {
		killed = build_killed(n++, true);
		s = startable("images");
		assert_string_equal(s.current, first);
		assert_string_equal(s.good, first);
	} while (killed);
	assert_string_not_equal(s.candidate, "");
	print_message("# the next: killed before each of %d changes\n", n - 1);
	/* Nothing of the others is left. */
	strcat(top, "/images");
	assert_clean();
	*strrchr(top, '/') = '\0';
}

static void quiet(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_input_gives_the_same_bytes),
	    cmocka_unit_test(the_air_is_in_the_overlay_only),
	    cmocka_unit_test(damage_is_found_and_named),
	    cmocka_unit_test(a_cancelled_build_leaves_nothing),
	    cmocka_unit_test(a_dead_builds_folder_is_removed),
	    cmocka_unit_test(a_folder_of_somebody_else_is_left_alone),
	    cmocka_unit_test(what_is_missing_is_named),
	    cmocka_unit_test(the_esp_is_a_sound_file_system),
	    cmocka_unit_test(a_start_has_its_own_esp),
	    cmocka_unit_test(a_hostile_package_is_refused),
	    cmocka_unit_test(a_build_is_killed_at_each_step),
	};

	log_set_sink(quiet, NULL);
	return cmocka_run_group_tests(tests, image_root_setup, image_root_teardown);
}
