/* modlist.c: the image's list of modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modlist.h"

static int add(struct modlist *ml, const char *text, struct err *e)
{
	return modlist_add(ml, strdup(text), strlen(text), e);
}

static const char example[] = "builtin bridge\n"
			      "builtin nf-tables\n"
			      "module virtio kernel/drivers/virtio/virtio.ko\n"
			      "boot\n"
			      "module virtio_net kernel/drivers/net/virtio_net.ko\n"
			      "boot\n"
			      "dep virtio\n"
			      "softdep failover\n"
			      "alias virtio:d00000001v*\n"
			      "module iwlwifi kernel/net/iwlwifi.ko\n"
			      "alias pci:v00008086d00002725sv*sd*bc*sc*i*\n"
			      "alias pci:v00008086d0000[0-9]*sv*\n";

static void list_is_read(void **state)
{
	struct modlist ml = {0};
	struct err e = ERR_INIT;
	struct mod *m;

	(void)state;
	assert_int_equal(add(&ml, example, &e), 0);
	assert_int_equal(ml.mod_count, 5);
	m = modlist_find(&ml, "virtio-net");
	assert_non_null(m);
	assert_string_equal(m->path, "kernel/drivers/net/virtio_net.ko");
	assert_true(m->boot);
	assert_int_equal(m->dep_count, 2);
	assert_string_equal(ml.deps[m->first_dep].name, "virtio");
	assert_false(ml.deps[m->first_dep].soft);
	assert_true(ml.deps[m->first_dep + 1].soft);
	assert_false(modlist_find(&ml, "iwlwifi")->boot);
	assert_null(modlist_find(&ml, "none"));
	/* Nothing is to be done for what the kernel has itself. */
	m = modlist_find(&ml, "nf_tables");
	assert_non_null(m);
	assert_true(m->loaded);
	assert_null(m->path);
	assert_false(modlist_find(&ml, "iwlwifi")->loaded);
	modlist_free(&ml);
}

static void aliases_match(void **state)
{
	struct modlist ml = {0};
	size_t at = 0;

	(void)state;
	assert_int_equal(add(&ml, example, NULL), 0);
	assert_string_equal(
	    modlist_match(&ml, "virtio:d00000001v00001AF4", &at)->name, "virtio_net");
	assert_null(modlist_match(&ml, "virtio:d00000001v00001AF4", &at));
	at = 0;
	assert_string_equal(
	    modlist_match(&ml, "pci:v00008086d00002725sv0sd0bc02sc80i00", &at)->name,
	    "iwlwifi");
	assert_string_equal(
	    modlist_match(&ml, "pci:v00008086d00002725sv0sd0bc02sc80i00", &at)->name,
	    "iwlwifi");
	assert_null(modlist_match(&ml, "pci:v00008086d00002725sv0sd0bc02sc80i00", &at));
	modlist_free(&ml);
}

static void overlay_may_depend_on_the_main_list(void **state)
{
	struct modlist ml = {0};

	(void)state;
	assert_int_equal(add(&ml, example, NULL), 0);
	assert_int_equal(add(&ml, "module sim kernel/sim.ko\ndep virtio\n", NULL), 0);
	assert_int_equal(modlist_find(&ml, "sim")->dep_count, 1);
	/* Lines before a module of this file belong to nobody. */
	assert_int_equal(add(&ml, "boot\n", NULL), -1);
	modlist_free(&ml);
}

static void names_are_normalised(void **state)
{
	char out[64];

	(void)state;
	assert_true(modlist_normalise("crypto-ccm(aes)", out, sizeof(out)));
	assert_string_equal(out, "crypto_ccm(aes)");
	assert_true(modlist_normalise("a-[0-9]-b", out, sizeof(out)));
	assert_string_equal(out, "a_[0-9]_b");
	assert_false(modlist_normalise("12345", out, 5));
	assert_true(modlist_normalise("1234", out, 5));
}

static void malformed_lines_are_named(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
	    {"boot\n", "line 1: boot before any module"},
	    {"builtin\n", "line 1: builtin takes one word"},
	    {"builtin x y\n", "line 1: builtin takes one word"},
	    {"module x\n", "line 1: a module without a path"},
	    {"module x /etc/passwd\n", "line 1: bad module name or path"},
	    {"module x ../../etc/passwd\n", "line 1: bad module name or path"},
	    {"module x a/../b\n", "line 1: bad module name or path"},
	    {"module x a b\n", "line 1: bad module name or path"},
	    {"module x y\ndep\n", "line 2: dep takes one word"},
	    {"module x y\nalias a b\n", "line 2: alias takes one word"},
	    {"module x y\nboot now\n", "line 2: boot takes nothing"},
	    {"module x y\n# no\n", "line 2: unknown word '#'"},
	    {"module x y", "line 1: cut off or too long"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct modlist ml = {0};
		struct err e = ERR_INIT;

		assert_int_equal(add(&ml, rows[i].text, &e), -1);
		assert_string_equal(e.msg, rows[i].error);
		modlist_free(&ml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_is_read),
	    cmocka_unit_test(aliases_match),
	    cmocka_unit_test(overlay_may_depend_on_the_main_list),
	    cmocka_unit_test(names_are_normalised),
	    cmocka_unit_test(malformed_lines_are_named),
	};

	return cmocka_run_group_tests_name("guest-modlist", tests, NULL, NULL);
}
