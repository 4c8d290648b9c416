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
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "cmd.h"
#include "deb.h"
#include "fs.h"
#include "image.h"
#include "log.h"
#include "pe.h"
#include "profile.h"

#define VERSION "6.1.0-9-test"

static struct err e;
static char top[64];

/* top/NAME; good until the fourth call after it. */
static const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *p = paths[next++ % 4];

	snprintf(p, sizeof(paths[0]), "%s/%s", top, name);
	return p;
}

static void put(const char *name, const void *data, size_t len)
{
	char dir[512];

	snprintf(dir, sizeof(dir), "%s", at(name));
	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdir_p(dir, 0755, &e), 0);
	assert_int_equal(fs_write_atomic(at(name), 0755, data, len, &e), 0);
}

static void elf_header(uint8_t *f)
{
	memcpy(f,
	    "\x7f"
	    "ELF\2\1\1",
	    7);
	put_le16(f + 18, EM_X86_64);
}

static void put_program(const char *name)
{
	/* Its one segment is the whole of the file. */
	uint8_t f[64 + sizeof(Elf64_Phdr)] = {0}, *segment = f + 64;

	elf_header(f);
	put_le64(f + 32, 64);
	put_le16(f + 54, sizeof(Elf64_Phdr));
	put_le16(f + 56, 1);
	put_le32(segment, PT_LOAD);
	put_le64(segment + 32, sizeof(f));
	put(name, f, sizeof(f));
}

static void put_module(const char *path, const char *info, size_t len)
{
	static const char names[] = "\0.modinfo\0.shstrtab";
	uint8_t f[1024] = {0};
	char name[256];

	elf_header(f);
	memcpy(f + 64, info, len);
	memcpy(f + 512, names, sizeof(names));
	put_le64(f + 40, 640);
	put_le16(f + 58, 64);
	put_le16(f + 60, 3);
	put_le16(f + 62, 2);
	put_le32(f + 704, 1);
	put_le32(f + 708, SHT_PROGBITS);
	put_le64(f + 704 + 24, 64);
	put_le64(f + 704 + 32, len);
	put_le32(f + 768, 10);
	put_le32(f + 772, SHT_STRTAB);
	put_le64(f + 768 + 24, 512);
	put_le64(f + 768 + 32, sizeof(names));
	snprintf(name, sizeof(name), "root/lib/modules/" VERSION "/kernel/%s.ko", path);
	put(name, f, sizeof(f));
}

#define MODULE(path, info) put_module(path, info, sizeof(info))

/* The payload as the kernel's build makes it: compressed, then the length. */
static void put_kernel(void)
{
	uint8_t f[8192] = {0}, payload[1024], elf[200000] = {0};
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t used;

	elf_header(elf);
	memset(elf + 150000, 7, 100);
	archive_write_set_format_raw(a);
	archive_write_add_filter_xz(a);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(
	    archive_write_open_memory(a, payload, sizeof(payload), &used), 0);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), 0);
	assert_int_equal(archive_write_data(a, elf, sizeof(elf)), sizeof(elf));
	assert_int_equal(archive_write_close(a), 0);
	archive_entry_free(entry);
	archive_write_free(a);
	f[0x1f1] = 1;
	put_le16(f + 0x1fe, 0xaa55);
	memcpy(f + 0x202, "HdrS", 4);
	put_le16(f + 0x206, 0x20f);
	put_le16(f + 0x20e, 0x100);
	memcpy(f + 0x300, VERSION " (x)", sizeof(VERSION) + 4);
	put_le32(f + 0x248, 0);
	put_le32(f + 0x24c, (uint32_t)used + 4);
	memcpy(f + 1024, payload, used);
	put_le32(f + 1024 + used, sizeof(elf));
	put("root/boot/vmlinuz-test", f, sizeof(f));
}

static void put_stub(void)
{
	uint8_t f[1024] = {'M', 'Z'};
	uint8_t *coff = f + 64, *opt = coff + 24, *s = opt + 112;

	put_le32(f + 0x3c, 64);
	memcpy(coff, "PE\0\0", 4);
	put_le16(coff + 4, 0x8664);
	put_le16(coff + 6, 1);
	put_le16(coff + 20, 112);
	put_le16(opt, 0x20b);
	put_le32(opt + 32, 4096);
	put_le32(opt + 36, 512);
	put_le32(opt + 60, 512);
	put_le32(s + 8, 16);
	put_le32(s + 12, 4096);
	put_le32(s + 16, 512);
	put_le32(s + 20, 512);
	put("root/" PROFILE_STUB_PATH, f, sizeof(f));
}

static void put_modules(void)
{
	static const char builtin[] = "kernel/drivers/virtio/virtio.ko\n";
	char name[128], info[128];

	for (const struct profile_module *m = profile_base.modules; m->name != NULL;
	     m++) {
		int n = snprintf(info, sizeof(info), "name=%s%cdepends=%s", m->name, 0,
		    strcmp(m->name, "mac80211") == 0 ? "cfg80211,virtio"
		    : strcmp(m->name, "bridge") == 0 ? "stp"
						     : "");

		snprintf(name, sizeof(name), "x/%s", m->name);
		put_module(name, info, (size_t)n + 1);
	}
	MODULE("x/stp", "depends=\0name=stp");
	MODULE("x/veth", "name=veth");
	MODULE("x/mac80211_hwsim", "depends=mac80211\0name=mac80211_hwsim");
	MODULE("drivers/net/wireless/toy",
	    "depends=mac80211\0alias=pci:v00001234d00005678sv*sd*bc*sc*i*\0firmware=toy."
	    "bin");
	put("root/lib/modules/" VERSION "/modules.builtin", builtin, sizeof(builtin) - 1);
}

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-image-XXXXXX");
	assert_non_null(mkdtemp(top));
	put_kernel();
	put_stub();
	put_modules();
	put_program("libexec/bhyfi-guest");
	put_program("libexec/bhyfi-modprobe");
	put_program("libexec/bhyfi-air");
	put("libexec/air/open.conf", "x", 1);
	put_program("root/usr/sbin/wpa_supplicant");
	put_program("root/usr/sbin/hostapd");
	put_program("root/usr/sbin/dnsmasq");
	put_program("root/usr/bin/iperf3");
	put("root/lib/firmware/regulatory.db-debian", "db", 2);
	put("root/lib/firmware/regulatory.db.p7s-debian", "sig", 3);
	assert_int_equal(
	    symlink("regulatory.db-debian", at("root/lib/firmware/regulatory.db")), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return fs_remove_tree(top, &e);
}

static int build(const char *output, const char *card, bool air, image_progress_fn *fn)
{
	struct image_options o = {.source = "dir", .card = card, .air = air};
	struct image_result r;
	char root[128], out[128], libexec[128];
	int ret;

	snprintf(root, sizeof(root), "%s", at("root"));
	snprintf(out, sizeof(out), "%s", at(output));
	snprintf(libexec, sizeof(libexec), "%s", at("libexec"));
	o.root = root;
	o.output = out;
	o.libexec = libexec;
	ret = image_build(&o, fn, NULL, &r, &e);
	image_close(&r.image);
	return ret;
}

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

/* No workspace is left in top. */
static void assert_clean(void)
{
	DIR *d = opendir(top);
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		assert_int_not_equal(strncmp(entry->d_name, ".build", 6), 0);
	closedir(d);
}

static void the_same_input_gives_the_same_bytes(void **state)
{
	static const char *const names[] = {"vmlinuz", "vmlinux", "initrd", "air.initrd",
	    "air.initrd.cpio", "uki.efi", "esp.img", "stub.efi", "manifest.json"};
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

/* Looks for a path in the manifest's list of an archive. */
static const json_t *listed(const json_t *m, const char *archive, const char *path)
{
	const json_t *list = json_object_get(json_object_get(m, "files"), archive), *o;
	size_t i;

	json_array_foreach (list, i, o)
		if (strcmp(json_string_value(json_object_get(o, "path")), path) == 0)
			return o;
	return NULL;
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

static void a_card_brings_its_driver_and_firmware(void **state)
{
	json_t *m;

	(void)state;
	assert_int_equal(build("card", "1234:5678", false, NULL), -1);
	assert_int_equal(e.code, ERR_PRECONDITION); /* no firmware */
	put("root/lib/firmware/toy.bin", "fw", 2);
	assert_int_equal(build("card", "1234:5678", false, NULL), 0);
	m = json_load_file(at("card/manifest.json"), 0, NULL);
	assert_non_null(listed(m, "initrd", "/usr/lib/firmware/toy.bin"));
	assert_non_null(listed(m, "initrd",
	    "/usr/lib/modules/" VERSION "/kernel/drivers/net/wireless/toy.ko"));
	json_decref(m);
	assert_int_equal(build("card2", "1234:9999", false, NULL), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_int_equal(build("card2", "1234", false, NULL), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_clean();
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
	    cmocka_unit_test(a_card_brings_its_driver_and_firmware),
	    cmocka_unit_test(damage_is_found_and_named),
	    cmocka_unit_test(a_cancelled_build_leaves_nothing),
	    cmocka_unit_test(a_dead_builds_folder_is_removed),
	    cmocka_unit_test(a_folder_of_somebody_else_is_left_alone),
	    cmocka_unit_test(what_is_missing_is_named),
	    cmocka_unit_test(the_esp_is_a_sound_file_system),
	    cmocka_unit_test(a_start_has_its_own_esp),
	    cmocka_unit_test(a_hostile_package_is_refused),
	};

	log_set_sink(quiet, NULL);
	return cmocka_run_group_tests(tests, setup, teardown);
}
