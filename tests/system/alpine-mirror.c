#include "alpine-mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "cleanup.h"
#include "collect.h"
#include "elfread.h"
#include "kmod.h"
#include "profile.h"
#include "source.h"

#define LIBRARIES "usr/lib/x86_64-linux-gnu"
#define ENTRIES_MAX 512
#define TEXT_MAX 2048

/* A package as it comes together. */
struct making {
	struct apk_entry entries[ENTRIES_MAX];
	size_t n;
	char depends[TEXT_MAX];
};

struct mirror {
	struct apk_repo *repo;
	struct source from; /* this machine's */
	struct strv done;   /* sonames that have a package */
};

static struct err e;

#define good(call)                                                                       \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s", e.msg);                                           \
	} while (0)

static void put(struct making *m, const char *path, char *data, size_t len, bool exec)
{
	assert_true(m->n < ENTRIES_MAX);
	m->entries[m->n].path = strdup(path);
	m->entries[m->n].kind = exec ? APK_EXEC : APK_FILE;
	m->entries[m->n].data = data;
	m->entries[m->n++].len = len;
}

static void put_link(struct making *m, const char *path, const char *target)
{
	assert_true(m->n < ENTRIES_MAX);
	m->entries[m->n].path = strdup(path);
	m->entries[m->n].kind = APK_LINK;
	m->entries[m->n++].data = strdup(target);
}

/* The package's archive is written; what it was made of goes. */
static void finish(struct mirror *m, struct making *k, const char *name,
    const char *provides, const char *version)
{
	apk_repo_add(m->repo, &(struct apk_spec){.name = name,
				  .version = version,
				  .depends = k->depends[0] == '\0' ? NULL : k->depends,
				  .provides = provides,
				  .entries = k->entries,
				  .count = k->n});
	for (size_t i = 0; i < k->n; i++) {
		free((void *)(uintptr_t)k->entries[i].path);
		free((void *)(uintptr_t)k->entries[i].data);
	}
	*k = (struct making){.n = 0};
}

/* A file of this machine under the path that it has there, or `as`. */
static char *take(struct mirror *m, struct making *k, const char *path, const char *as,
    bool exec, size_t *len)
{
	const struct file *f = fileset_resolve(&m->from.files, path);
	char *data;

	if (f == NULL)
		fail_msg("%s is not there", path);
	good(collect_read(f, &data, len, &e));
	put(k, as, data, *len, exec);
	return data;
}

static void add_library(struct mirror *m, const char *soname);

/* What an ELF file needs, as abuild finds it out: packages for it, and "so:" names. */
static void depend(
    struct mirror *m, struct making *k, const char *elf, size_t len, size_t package)
{
	struct elf_dynamic d = {0};
	char path[512];

	good(elf_dynamic_read(elf, len, &d, &e));
	/* As the builder asks for them. */
	for (size_t i = 0; i < d.needed.n; i++) {
		snprintf(path, sizeof(path), LIBRARIES "/%s", d.needed.v[i]);
		if (fileset_resolve(&m->from.files, path) == NULL)
			good(m->from.ops->need_deps(&m->from, package, true, &e));
	}
	for (size_t i = 0; i < d.needed.n; i++) {
		size_t used = strlen(k->depends);

		snprintf(k->depends + used, sizeof(k->depends) - used, "%sso:%s",
		    used == 0 ? "" : " ", d.needed.v[i]);
	}
	for (size_t i = 0; i < d.needed.n; i++)
		add_library(m, d.needed.v[i]);
	elf_dynamic_free(&d);
}

static size_t package_of(struct mirror *m, const char *path)
{
	const struct file *f = fileset_resolve(&m->from.files, path);

	return f == NULL ? NO_PACKAGE : f->package;
}

static void add_library(struct mirror *m, const char *soname)
{
	struct making *k = calloc(1, sizeof(*k));
	char path[512], real[512], provides[256], *data;
	size_t len;

	if (strv_has(&m->done, soname) || strncmp(soname, "ld-linux", 8) == 0) {
		free(k);
		return;
	}
	good(strv_add(&m->done, soname, &e));
	/* The soname is a link, as it is in packages. */
	snprintf(path, sizeof(path), LIBRARIES "/%s", soname);
	snprintf(real, sizeof(real), LIBRARIES "/%s.9", soname);
	snprintf(provides, sizeof(provides), "so:%s=1.0", soname);
	data = take(m, k, path, real, true, &len);
	depend(m, k, data, len, package_of(m, path));
	snprintf(real, sizeof(real), "%s.9", soname);
	put_link(k, path, real);
	if (strcmp(soname, "libc.so.6") == 0) {
		take(m, k, "lib64/ld-linux-x86-64.so.2", "lib64/ld-linux-x86-64.so.2",
		    true, &len);
		snprintf(provides, sizeof(provides),
		    "so:libc.so.6=1.0 so:ld-linux-x86-64.so.2=1.0");
	}
	finish(m, k, soname, provides, NULL);
	free(k);
}

static void add_program(struct mirror *m, const char *name, const char *path)
{
	struct making *k = calloc(1, sizeof(*k));
	size_t len;
	char *data;

	data = take(m, k, path, path + 1, true, &len);
	depend(m, k, data, len, package_of(m, path));
	snprintf(k->depends + strlen(k->depends), sizeof(k->depends) - strlen(k->depends),
	    " !%s-none", name);
	finish(m, k, name, NULL, "2.10-r3");
	free(k);
}

static void add_plain(struct mirror *m, const char *name, const char *const paths[][2])
{
	struct making *k = calloc(1, sizeof(*k));
	size_t len;

	for (; paths[0][0] != NULL; paths++)
		take(m, k,
		    fileset_resolve(&m->from.files, paths[0][0]) != NULL ? paths[0][0]
									 : paths[0][1],
		    paths[0][0], false, &len);
	finish(m, k, name, NULL, NULL);
	free(k);
}

/* As CONFIG_MODULE_COMPRESS_GZIP leaves them. */
static void put_module(struct making *k, const char *version, const struct kmod *mod)
{
	char path[1024], *raw, *packed;
	size_t len;
	z_stream z = {0};

	good(kmod_load(mod, &raw, &len, &e));
	assert_int_equal(
	    deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	packed = malloc(deflateBound(&z, len));
	z.next_in = (unsigned char *)raw;
	z.avail_in = (unsigned)len;
	z.next_out = (unsigned char *)packed;
	z.avail_out = (unsigned)deflateBound(&z, len);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	snprintf(path, sizeof(path), "lib/modules/%s/%s.gz", version, mod->path);
	put(k, path, packed, z.total_out, false);
	deflateEnd(&z);
	free(raw);
}

/* The modules that the tables name, with what these need, and the kernel's names. */
static void add_kernel(struct mirror *m)
{
	static const struct profile *const profiles[] = {&profile_base, &profile_air};
	struct making *k = calloc(1, sizeof(*k));
	const char *version = m->from.kernel;
	struct strv order = {0};
	char path[512], from[512];
	struct kmods kmods;
	struct kmod *mod;
	size_t len;

	good(kmods_open(&kmods, &m->from.files, version, &e));
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
		for (const struct profile_module *p = profiles[i]->modules;
		     p->name != NULL; p++)
			if (kmods_get(&kmods, p->name, &mod, NULL) == 0)
				good(kmods_closure(&kmods, p->name, &order, &e));
	for (size_t i = 0; i < order.n; i++)
		if (kmods_get(&kmods, order.v[i], &mod, NULL) == 0)
			put_module(k, version, mod);
	kmods_close(&kmods);
	strv_free(&order);
	snprintf(from, sizeof(from), "boot/vmlinuz-%s", version);
	take(m, k, from, "boot/vmlinuz-lts", false, &len);
	snprintf(path, sizeof(path), "lib/modules/%s/modules.builtin", version);
	take(m, k, path, path, false, &len);
	/* As Alpine's: met by a package that nobody has to bring. */
	snprintf(
	    k->depends, sizeof(k->depends), "initramfs-generator linux-firmware-any");
	finish(m, k, "linux-lts", "linux-lts-kernel", "6.1.0-r56");
	free(k);
}

static void open_debian(struct mirror *m, const struct image_options *o)
{
	struct strv names = {0};

	good(source_open(&m->from, o, NULL, &e));
	good(m->from.ops->kernel(&m->from, &e));
	for (const struct profile_program *p = profile_base.programs; p->path; p++)
		good(strv_add_once(&names, p->package, &e));
	for (const struct profile_program *p = profile_air.programs; p->path; p++)
		good(strv_add_once(&names, p->package, &e));
	good(strv_add_once(&names, "wireless-regdb", &e));
	good(strv_add_once(&names, PROFILE_STUB_PACKAGE, &e));
	good(m->from.ops->need(&m->from, &names, &e));
	strv_free(&names);
}

void alpine_mirror_fill(struct apk_repo *r)
{
	static const char *const regdb[][2] = {
	    {"lib/firmware/regulatory.db", "lib/firmware/regulatory.db-debian"},
	    {"lib/firmware/regulatory.db.p7s", "lib/firmware/regulatory.db.p7s-debian"},
	    {NULL, NULL}};
	static const char *const stub[][2] = {{PROFILE_STUB_PATH, NULL}, {NULL, NULL}};
	static const struct image_options debian = {.source = "debian"};
	struct mirror m = {.repo = r};

	open_debian(&m, &debian);
	add_program(&m, "wpa_supplicant", "/sbin/wpa_supplicant");
	add_program(&m, "hostapd", "/usr/sbin/hostapd");
	add_program(&m, "dnsmasq", "/usr/sbin/dnsmasq");
	add_program(&m, "iperf3", "/usr/bin/iperf3");
	add_plain(&m, "wireless-regdb", regdb);
	add_plain(&m, "systemd-efistub", stub);
	add_kernel(&m);
	apk_repo_add(r, &(struct apk_spec){.name = "mkinitfs",
			    .provides = "initramfs-generator=1",
			    .depends = "linux-lts"});
	apk_repo_add(r, &(struct apk_spec){.name = "linux-firmware-none",
			    .provides = "linux-firmware-any",
			    .priority = 1});
	apk_repo_index(r, "RSA", INDEX_GOOD);
	strv_free(&m.done);
	source_close(&m.from);
}
