/* The small kernel: its configuration, and its build with a source that is but a
 * Makefile. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cleanup.h"
#include "cmd.h"
#include "fs.h"
#include "kernel-config.h"
#include "kernel-small.h"

#define NAME "linux-source-9.9"

/* What the kernel's own does, as far as it matters here. */
static const char makefile[] =
    "allnoconfig:\n"
    "\tsed -e /ABSENT/d -e /=n/d $(KCONFIG_ALLCONFIG) > $(O)/.config\n"
    "bzImage modules: both\n"
    "both:\n"
    "\t@test -z \"$$SOURCE_DATE_EPOCH$$KCFLAGS\"\n"
    "\t! grep -q FAILING $(O)/.config\n"
    "\tmkdir -p $(O)/include/config $(O)/arch/x86/boot $(O)/drivers/x\n"
    "\techo 9.9.1-bhyfi > $(O)/include/config/kernel.release\n"
    "\techo '$(KBUILD_BUILD_TIMESTAMP) $(KBUILD_BUILD_USER)' "
    "> $(O)/arch/x86/boot/bzImage\n"
    "\tgrep -q 'nr_added_bufs < 32' drivers/char/virtio_console.c\n"
    "\techo kernel/net/core.ko > $(O)/modules.builtin\n"
    "\techo drivers/x/a.ko > $(O)/modules.order\n"
    "\techo module > $(O)/drivers/x/a.ko\n";

struct lab {
	char dir[64], cache[96], libexec[96], tar[96], log[96];
	struct image_options opts;
	struct steps steps;
	struct source source;
	unsigned reports, stop_at; /* 0: never */
};

static int fake_need(struct source *s, const struct strv *names, struct err *e)
{
	struct lab *l = s->priv;
	struct package *p;

	for (size_t i = 0; i < s->package_count; i++)
		if (strcmp(s->packages[i].name, names->v[0]) == 0)
			return 0;
	p = source_add_package(s, e);
	assert_non_null(p);
	p->name = strdup(names->v[0]);
	p->version = strdup("9.9.1-1");
	p->sha256 = strdup("00ff");
	assert_string_equal(names->v[0], NAME);
	return fileset_add(&s->files, "usr/src/" NAME ".tar.xz", l->tar, NULL, false,
	    s->package_count - 1, e);
}

static const struct source_ops fake_ops = {.name = "debian", .need = fake_need};

static int on_step(
    void *arg, enum image_stage stage, const char *what, size_t done, size_t total)
{
	struct lab *l = arg;

	(void)what, (void)done, (void)total;
	assert_int_equal(stage, IMAGE_STAGE_KERNEL);
	return ++l->reports == l->stop_at;
}

static void add_file(struct archive *a, const char *name, const char *text)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (la_int64_t)strlen(text));
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, text, strlen(text)), strlen(text));
	archive_entry_free(entry);
}

static void make_tar(const struct lab *l)
{
	struct archive *a = archive_write_new();

	archive_write_set_format_pax_restricted(a);
	archive_write_add_filter_xz(a);
	assert_int_equal(archive_write_open_filename(a, l->tar), ARCHIVE_OK);
	add_file(a, NAME "/Makefile", makefile);
	add_file(a, NAME "/sound/core/big.c", "not wanted");
	add_file(a, NAME "/drivers/char/virtio_console.c",
	    "\tdo {\n\t} while (ret > 0);\n\n\treturn nr_added_bufs;\n");
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(fs_write_atomic(path, 0644, text, strlen(text), NULL), 0);
}

static int set_up(void **state)
{
	struct lab *l = calloc(1, sizeof(*l));
	char path[128];

	assert_non_null(l);
	snprintf(l->dir, sizeof(l->dir), "/tmp/bhyfi-kernel-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	snprintf(l->cache, sizeof(l->cache), "%s/cache", l->dir);
	snprintf(l->libexec, sizeof(l->libexec), "%s/libexec", l->dir);
	snprintf(l->tar, sizeof(l->tar), "%s/source.tar.xz", l->dir);
	snprintf(l->log, sizeof(l->log), "%s/log", l->dir);
	snprintf(path, sizeof(path), "%s/kernel", l->libexec);
	assert_int_equal(fs_mkdir_p(path, 0755, NULL), 0);
	put(l->libexec, "kernel/small.config", "# text\nCONFIG_A=y\nCONFIG_B=n\n");
	make_tar(l);
	l->opts = (struct image_options){
	    .cache = l->cache, .libexec = l->libexec, .kernel = "small"};
	l->steps = (struct steps){on_step, l};
	l->source = (struct source){
	    .ops = &fake_ops, .opts = &l->opts, .steps = &l->steps, .priv = l};
	l->source.kernel = strdup("9.9.0-56-amd64");
	*state = l;
	return 0;
}

static int fake_close_done(struct lab *l)
{
	l->source.ops = NULL; /* none of ours to close */
	source_close(&l->source);
	fs_remove_tree(l->dir, NULL);
	free(l);
	return 0;
}

static int tear_down(void **state)
{
	return fake_close_done(*state);
}

/* How many entries the cache's folder of kernels has, whole or not. */
static unsigned kernels(const struct lab *l)
{
	char path[128];
	unsigned n = 0;
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "%s/kernel/built", l->cache);
	d = opendir(path);
	while (d != NULL && (entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

static int run(struct lab *l, const char *driver, struct err *e)
{
	struct strv drivers = {0};
	int r;

	if (driver != NULL)
		assert_int_equal(strv_add(&drivers, driver, NULL), 0);
	*e = (struct err)ERR_INIT;
	r = kernel_small(&l->source, &drivers, e);
	if (r < 0)
		print_message("# %s\n", e->msg);
	strv_free(&drivers);
	return r;
}

static void built_once_and_kept(void **state)
{
	struct lab *l = *state;
	const struct file *f;
	char *text;
	struct err e;
	unsigned before;

	setenv("KCFLAGS", "-O0", 1);
	assert_int_equal(run(l, NULL, &e), 0);
	unsetenv("KCFLAGS");
	assert_string_equal(l->source.kernel, "9.9.1-bhyfi");
	f = fileset_resolve(&l->source.files, "boot/vmlinuz-9.9.1-bhyfi");
	assert_non_null(f);
	assert_string_equal(l->source.packages[f->package].name, NAME);
	assert_int_equal(fs_read_file(f->disk, 1000, &text, NULL, &e), 0);
	assert_string_equal(text, "Thu Jan  1 00:00:00 UTC 1970 bhyfi\n");
	free(text);
	assert_non_null(fileset_resolve(
	    &l->source.files, "usr/lib/modules/9.9.1-bhyfi/kernel/drivers/x/a.ko"));
	assert_non_null(fileset_resolve(
	    &l->source.files, "usr/lib/modules/9.9.1-bhyfi/modules.builtin"));
	assert_int_equal(kernels(l), 1);
	before = l->reports;
	assert_true(before > 3);
	assert_int_equal(run(l, NULL, &e), 0);
	assert_int_equal(l->reports, before);
	/* Another card is another kernel. */
	assert_int_equal(run(l, "iwlwifi", &e), 0);
	assert_true(l->reports > before);
	assert_int_equal(kernels(l), 2);
}

/* Whenever it is stopped: nothing is left that the next one would take for a kernel. */
static void stopped_leaves_nothing(void **state)
{
	struct lab *l = *state;
	struct err e;

	for (l->stop_at = 1; run(l, NULL, &e) < 0; l->stop_at++) {
		assert_non_null(strstr(e.msg, "cancelled"));
		assert_int_equal(kernels(l), 0);
		assert_string_equal(l->source.kernel, "9.9.0-56-amd64");
		l->reports = 0;
	}
	assert_true(l->stop_at > 3);
	assert_int_equal(kernels(l), 1);
}

static void failed_leaves_nothing(void **state)
{
	struct lab *l = *state;
	struct err e;

	put(l->libexec, "kernel/small.config", "CONFIG_FAILING=y\n");
	assert_int_equal(run(l, NULL, &e), -1);
	assert_int_equal(e.code, ERR_FAILED);
	assert_int_equal(kernels(l), 0);
	put(l->libexec, "kernel/small.config", "CONFIG_ABSENT=y\n");
	assert_int_equal(run(l, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "CONFIG_ABSENT=y"));
	assert_int_equal(kernels(l), 0);
}

/* A build that was killed leaves KEY.tmp; the next one makes it anew. */
static void killed_is_done_again(void **state)
{
	struct lab *l = *state;
	char path[256];
	struct dirent *entry;
	struct err e;
	DIR *d;

	assert_int_equal(run(l, NULL, &e), 0);
	snprintf(path, sizeof(path), "%s/kernel/built", l->cache);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		char tmp[300];

		if (entry->d_name[0] == '.' || strchr(entry->d_name, '.') != NULL)
			continue;
		snprintf(tmp, sizeof(tmp), "%s.tmp", entry->d_name);
		assert_int_equal(renameat(dirfd(d), entry->d_name, dirfd(d), tmp), 0);
		break;
	}
	closedir(d);
	assert_int_equal(run(l, NULL, &e), 0);
	assert_int_equal(kernels(l), 1);
}

static void missing_tool_is_named(void **state)
{
	static const char *const tools[] = {
	    "gcc", "ld", "make", "flex", "bison", "perl", "gzip", "awk"};
	struct lab *l = *state;
	char bin[128], to[160], from[64], AUTO_FREE *path = strdup(getenv("PATH"));
	struct err e;

	snprintf(bin, sizeof(bin), "%s/bin", l->dir);
	assert_int_equal(mkdir(bin, 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		snprintf(to, sizeof(to), "%s/%s", bin, tools[i]);
		snprintf(from, sizeof(from), "/usr/bin/%s", tools[i]);
		assert_int_equal(symlink(from, to), 0);
	}
	setenv("PATH", bin, 1);
	assert_int_equal(run(l, NULL, &e), -1);
	setenv("PATH", path, 1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(
	    strstr(e.msg, "needs flex") != NULL ? e.msg : strstr(e.msg, "bc"));
	assert_int_equal(l->source.package_count, 0); /* nothing was downloaded */
}

static void other_sources_have_none(void **state)
{
	static const struct source_ops other = {.name = "dir"};
	struct lab *l = *state;
	struct err e;

	l->source.ops = &other;
	assert_int_equal(run(l, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	l->source.ops = &fake_ops;
}

static void kinds(void **state)
{
	struct image_options o = {0};
	struct err e = ERR_INIT;
	bool small;

	(void)state;
	assert_int_equal(kernel_is_small(&o, &small, &e), 0);
	assert_false(small);
	o.kernel = "distribution";
	assert_int_equal(kernel_is_small(&o, &small, &e), 0);
	assert_false(small);
	o.kernel = "small";
	assert_int_equal(kernel_is_small(&o, &small, &e), 0);
	assert_true(small);
	o.all_cards = true;
	assert_int_equal(kernel_is_small(&o, &small, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	o.all_cards = false;
	o.kernel = "tiny";
	assert_int_equal(kernel_is_small(&o, &small, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
}

static void symbols_of_drivers(void **state)
{
	struct strv names = {0};
	struct err e = ERR_INIT;
	char *text;

	(void)state;
	assert_int_equal(strv_add(&names, "iwlwifi", &e), 0);
	assert_int_equal(strv_add(&names, "rtw88_8822ce", &e), 0);
	assert_int_equal(kernel_config_make("CONFIG_A=y\n", &names, &text, &e), 0);
	assert_string_equal(text,
	    "CONFIG_A=y\nCONFIG_IWLDVM=y\nCONFIG_IWLMVM=y\nCONFIG_IWLWIFI=y\n"
	    "CONFIG_RTW88=y\nCONFIG_RTW88_8822CE=y\nCONFIG_WLAN_VENDOR_INTEL=y\n"
	    "CONFIG_WLAN_VENDOR_REALTEK=y\n");
	free(text);
	assert_int_equal(strv_add(&names, "no_such", &e), 0);
	assert_int_equal(kernel_config_make("", &names, &text, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_null(text);
	strv_free(&names);
	for (size_t i = 0; kernel_config_driver(i) != NULL; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(
			    kernel_config_driver(i), kernel_config_driver(k));
}

static void checked_against_the_result(void **state)
{
	static const char result[] = "# CONFIG_C is not set\nCONFIG_A=y\nCONFIG_N=32\n"
				     "CONFIG_S=\"x\"\nCONFIG_AB=m";
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(kernel_config_check("# CONFIG_Z=y\n\nCONFIG_A=y\nCONFIG_C=n\n"
					     "CONFIG_N=32\nCONFIG_S=\"x\"\nCONFIG_AB=m",
			     result, &e),
	    0);
	assert_int_equal(kernel_config_check("CONFIG_A=m\n", result, &e), -1);
	assert_int_equal(kernel_config_check("CONFIG_A=n\n", result, &e), -1);
	assert_int_equal(kernel_config_check("CONFIG_N=3\n", result, &e), -1);
	assert_int_equal(kernel_config_check("CONFIG_C=y\n", result, &e), -1);
	assert_int_equal(kernel_config_check("CONFIG_B=y\n", result, &e), -1);
	assert_non_null(strstr(e.msg, "CONFIG_B=y"));
}

static int count_bytes(void *arg, const char *data, size_t len, struct err *e)
{
	size_t *n = arg;

	(void)data;
	*n += len;
	return *n > 100000 ? err_set(e, ERR_FAILED, "enough") : 0;
}

/* cmd_run's watch: all of the output as it comes, and an end to a program without one. */
static void output_is_watched(void **state)
{
	static const char *const some[] = {"seq", "1000", NULL};
	static const char *const endless[] = {"yes", NULL};
	size_t n = 0;
	const struct cmd_opts opts = {.watch = count_bytes, .watch_arg = &n};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(cmd_run(some, &opts, NULL, NULL, &e), 0);
	assert_int_equal(n, 3893);
	assert_int_equal(cmd_run(endless, &opts, NULL, NULL, &e), -1);
	assert_string_equal(e.msg, "enough");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(symbols_of_drivers),
	    cmocka_unit_test(checked_against_the_result),
	    cmocka_unit_test(output_is_watched),
	    cmocka_unit_test_setup_teardown(built_once_and_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(stopped_leaves_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(failed_leaves_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(killed_is_done_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(missing_tool_is_named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(other_sources_have_none, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
