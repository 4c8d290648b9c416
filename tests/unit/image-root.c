/* A root made up for the image builder; see image-root.h. */
#include "image-root.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "fs.h"
#include "profile.h"

struct err e;
char top[64];

/* top/NAME; good until the fourth call after it. */
const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *p = paths[next++ % 4];

	snprintf(p, sizeof(paths[0]), "%s/%s", top, name);
	return p;
}

void put(const char *name, const void *data, size_t len)
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

void put_program(const char *name)
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

void put_module(const char *path, const char *info, size_t len)
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

int image_root_setup(void **state)
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

int image_root_teardown(void **state)
{
	(void)state;
	return fs_remove_tree(top, &e);
}

int build_with(struct image_options o, const char *output, image_progress_fn *fn)
{
	struct image_result r;
	char root[128], out[128], libexec[128];
	int ret;

	snprintf(root, sizeof(root), "%s", at("root"));
	snprintf(out, sizeof(out), "%s", at(output));
	snprintf(libexec, sizeof(libexec), "%s", at("libexec"));
	o.source = "dir";
	o.root = root;
	o.output = out;
	o.libexec = libexec;
	ret = image_build(&o, fn, NULL, &r, &e);
	image_close(&r.image);
	return ret;
}

int build(const char *output, const char *card, bool air, image_progress_fn *fn)
{
	return build_with((struct image_options){.card = card, .air = air}, output, fn);
}

/* No workspace is left in top. */
void assert_clean(void)
{
	DIR *d = opendir(top);
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		assert_int_not_equal(strncmp(entry->d_name, ".build", 6), 0);
	closedir(d);
}

/* Looks for a path in the manifest's list of an archive. */
const json_t *listed(const json_t *m, const char *archive, const char *path)
{
	const json_t *list = json_object_get(json_object_get(m, "files"), archive), *o;
	size_t i;

	json_array_foreach (list, i, o)
		if (strcmp(json_string_value(json_object_get(o, "path")), path) == 0)
			return o;
	return NULL;
}
