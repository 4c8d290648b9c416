/* config.c: keys, values, errors, cards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "config.h"
#include "fs.h"
#include "os/os.h"
#include "paths.h"

static int parse_bytes(struct config *c, const char *text, size_t len, struct err *e)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, len, "r");
	int ret;

	assert_non_null(f);
	assert_int_equal(config_init(c, "wlan", e), 0);
	ret = config_parse(c, f, "t.conf", e);
	fclose(f);
	return ret;
}

static void check_good(struct config *c, const char *text)
{
	struct err e = ERR_INIT;

	if (parse_bytes(c, text, strlen(text), &e) < 0)
		fail_msg("%s: %s", text, e.msg);
}

static void check_bad(const char *text, const char *want, const char *hint)
{
	struct config c;
	struct err e = ERR_INIT;

	assert_int_equal(parse_bytes(&c, text, strlen(text), &e), -1);
	assert_int_equal(e.code, ERR_FAILED);
	if (strstr(e.msg, want) == NULL || strstr(e.hint, hint) == NULL)
		fail_msg("%s: \"%s\" (%s), expected \"%s\" (%s)", text, e.msg, e.hint,
		    want, hint);
}

static void defaults_are_those_of_the_manual(void **state)
{
	struct config c;

	(void)state;
	check_good(&c, "card = sim:wpa2\n");
	assert_int_equal(c.card.kind, CARD_SIM);
	assert_string_equal(c.card.scenario, "wpa2");
	/* A VMM that this system has: FreeBSD's own is bhyve. */
	if (os_is_native("freebsd")) {
		assert_string_equal(c.vmm, "bhyve");
		assert_string_equal(c.interface, "tap0");
		assert_int_equal(c.memory_mib, 256);
	} else {
		assert_string_equal(c.vmm, "qemu");
		assert_string_equal(c.interface, "bhyfi0");
		assert_int_equal(c.memory_mib, 160);
	}
	assert_int_equal(c.mtu, 1500);
	assert_string_equal(c.networks, PATH_ETC "/wpa_supplicant.conf");
	assert_string_equal(c.image, PATH_IMAGES "/current");
	assert_string_equal(c.accel, "auto");
	assert_string_equal(mode_name(c.mode), "clone");
}

static void every_key_is_taken(void **state)
{
	struct config c;

	(void)state;
	check_good(&c,
	    "# a comment\n; another\n\n  card=pci0:3:0:0\nmode = clone\n"
	    "networks = /etc/w.conf ; said inline\ncountry = DE\ninterface = lan.5\n"
	    "mtu = 1280\nimage = /i\nvmm = fake\naccel = tcg\nqemu = /q\nmemory = 200\n"
	    "cpus = 2\nuser = 1000\nvm_user = nobody\ncontrol_group = users\n"
	    "boot_timeout = 7\nstop_timeout = 8\nbeat = 9\nrestarts = 0\n"
	    "log_level = debug");
	assert_int_equal(c.card.kind, CARD_PCI);
	assert_int_equal(c.card.bus, 3);
	assert_string_equal(c.networks, "/etc/w.conf");
	assert_string_equal(c.country, "DE");
	assert_string_equal(c.interface, "lan.5");
	assert_string_equal(c.vmm, "fake");
	assert_int_equal(c.memory_mib, 200);
	assert_int_equal(c.cpus, 2);
	assert_string_equal(c.vm_user, "nobody");
	assert_int_equal(c.boot_timeout_s, 7);
	assert_int_equal(c.stop_timeout_s, 8);
	assert_int_equal(c.beat_s, 9);
	assert_int_equal(c.restarts, 0);
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
}

/* bhyve opens tapN only, and its firmware needs more memory. */
static void the_vmm_has_defaults_of_its_own(void **state)
{
	static const struct {
		const char *text, *interface;
		unsigned memory;
	} rows[] = {{"vmm = qemu\n", "bhyfi0", 160}, {"vmm = bhyve\n", "tap0", 256},
	    {"memory = 160\nvmm = bhyve\n", "tap0", 160},
	    {"vmm = bhyve\nmemory = 300\ninterface = tap7\n", "tap7", 300},
	    {"interface = bhyfi0\nvmm = bhyve\n", "bhyfi0", 256}};
	/* FreeBSD's taps are called so, whoever opens them. */
	bool taps = os_is_native("freebsd");
	struct err e = ERR_INIT;
	char text[128];
	struct config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(text, sizeof(text), "card = sim:open\n%s", rows[i].text);
		FILE *f = fmemopen(text, strlen(text), "r");

		assert_int_equal(config_init(&c, "wlan", &e), 0);
		assert_int_equal(config_parse(&c, f, "t.conf", &e), 0);
		assert_string_equal(
		    c.interface, taps && i == 0 ? "tap0" : rows[i].interface);
		assert_int_equal(c.memory_mib, rows[i].memory);
		fclose(f);
	}
	assert_int_equal(config_init(&c, "other", &e), 0);
	config_set_vmm(&c, "bhyve");
	assert_int_equal(strncmp(c.interface, "tap", 3), 0);
	assert_int_equal(c.memory_mib, 256);
	config_set_vmm(&c, "qemu");
	if (taps)
		assert_int_equal(strncmp(c.interface, "tap", 3), 0);
	else
		assert_string_equal(c.interface, "bhyfi-other");
	assert_int_equal(c.memory_mib, 160);
}

static void wrong_values_name_file_line_key_and_what_is_expected(void **state)
{
	(void)state;
	check_bad("\n\nmemory = lots\n",
	    "t.conf:3: memory: expected a number from 64 to 65536, not \"lots\"", "");
	check_bad("memory = 63\n", "t.conf:1: memory: expected a number", "");
	check_bad("memory = 99999999999999999999\n", "memory: expected a number", "");
	check_bad("memory = -1\n", "memory: expected a number", "");
	check_bad("memory = \n", "memory: expected a number", "");
	check_bad("memory = 160 MiB\n", "memory: expected a number", "");
	check_bad("card = pci9\n", "t.conf:1: card: expected pci0:3:0:0", "");
	check_bad("networks = wpa.conf\n", "networks: expected an absolute path", "");
	check_bad("interface = a/b\n", "interface: expected an interface name", "");
	check_bad("interface = sixteen-letters-\n", "interface: expected", "");
	check_bad("country = de\n", "country: expected two capital letters", "");
	check_bad("accel = hvf\n", "accel: expected auto, kvm or tcg", "");
	check_bad("vmm = xen\n", "vmm: expected one of qemu, bhyve, fake", "");
	check_bad("user = a b\n", "user: expected a user's name", "");
	check_bad("log_level = loud\n", "log_level: expected error, warn", "");
	check_bad("country = \x1b[1m\n", "not \"\\x1b[1m\"", "");
}

static void nat_is_told_what_to_forward(void **state)
{
	static const char *const ports[] = {"tcp", "tcp 0", "tcp 65536", "sctp 22",
	    "tcp 22 0", "tcp 22 23 24", "tcp 22,", "tcp 22 -1", "tcp 0x16",
	    "tcp 22 80, tcp 22 81", "tcp  22"};
	static const char *const subnets[] = {"192.168.1.0", "192.168.1.0/16",
	    "192.168.1.7/24", "8.8.8.0/24", "10.0.0.0/24x", "10.0.0/24",
	    "10.0.0.0000000000000/24"};
	char text[128];
	struct config c;

	(void)state;
	check_good(&c, "card = sim:wpa2\nmode = nat\nsubnet = 10.9.8.0/24\n"
		       "forward = tcp 2222 22,udp 5000 , udp 2222\n");
	assert_int_equal(c.mode, MODE_NAT);
	assert_int_equal(c.forwards.n, 3);
	assert_false(c.forwards.list[0].udp);
	assert_int_equal(c.forwards.list[0].port, 2222);
	assert_int_equal(c.forwards.list[0].to, 22);
	assert_true(c.forwards.list[1].udp);
	assert_int_equal(c.forwards.list[1].to, 5000);
	assert_string_equal(c.subnet, "10.9.8.0");
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		snprintf(text, sizeof(text), "forward = %s\n", ports[i]);
		check_bad(text, "forward: expected up to 16", "");
	}
	for (size_t i = 0; i < sizeof(subnets) / sizeof(subnets[0]); i++) {
		snprintf(text, sizeof(text), "subnet = %s\n", subnets[i]);
		check_bad(text, "subnet: expected a private /24", "");
	}
	check_bad("mode = bridge\n", "mode: expected clone", "");
}

static void wrong_lines_are_named(void **state)
{
	(void)state;
	check_bad("card = sim:open\nmemroy = 160\n", "t.conf:2: memroy: no such key",
	    "did you mean memory?");
	check_bad("xyzzy = 1\n", "xyzzy: no such key", "bhyfi.conf(5)");
	check_bad(
	    "card = sim:open\ncard = sim:wpa2\n", "t.conf:2: card: given twice", "");
	check_bad("card = sim:open\n  wpa2\n", "t.conf:2: expected KEY = VALUE", "");
	check_bad(
	    "[wlan]\ncard = sim:open\n", "t.conf:1: expected KEY = VALUE: there are", "");
	check_bad("card = sim:open\n[x]\n", "t.conf:2: ", "");
	check_bad("\xef\xbb\xbf[x]\ncard = sim:open\n", "no sections", "");
	check_bad("memory = 160\n", "t.conf: card: missing", "bhyfi cards");
	check_bad("\n", "t.conf: card: missing", "");
}

static void sizes_are_bounded(void **state)
{
	struct config c;
	struct err e = ERR_INIT;
	char line[400];
	AUTO_FREE char *big = malloc(CONFFILE_MAX + 100);

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "image = /", 9);
	line[sizeof(line) - 1] = '\0';
	check_bad(line, "t.conf:1: expected lines of at most", "");
	assert_non_null(big);
	memset(big, '\n', CONFFILE_MAX + 100);
	for (size_t i = 0; i < CONFFILE_MAX + 100; i += 2)
		big[i] = '#';
	assert_int_equal(parse_bytes(&c, big, CONFFILE_MAX + 100, &e), -1);
	assert_non_null(strstr(e.msg, "more than"));
	assert_int_equal(parse_bytes(&c, "card = sim:o\0pen\n", 17, &e), -1);
	assert_non_null(strstr(e.msg, "t.conf:1: a NUL byte"));
}

static void instances_have_names_and_interfaces_of_their_own(void **state)
{
	static const char *const good[] = {
	    "wlan", "a", "lab-2", "0_x", "abcdefghijklmno"};
	static const char *const bad[] = {
	    "", "abcdefghijklmnop", "../x", "A", "-a", "a b", ".", "a\n"};
	struct config a, b;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(config_init(&a, good[i], &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(config_init(&a, bad[i], &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		for (size_t k = 0; k < i; k++) {
			config_init(&a, good[i], &e);
			config_init(&b, good[k], &e);
			assert_string_not_equal(a.interface, b.interface);
			assert_true(config_hash(&a) != config_hash(&b));
		}
	}
}

static void cards_are_read_in_both_notations(void **state)
{
	static const char *const bad[] = {"", "sim:", "sim:../x", "sim:UP", "pci0:3:0",
	    "pci0:3:0:8", "pci0:3:32:0", "pci0:256:0:0", "pci0:3:0:0x", "pci-1:0:0:0",
	    "pci 0:3:0:0", "0000:03:00", "0000:03:00.8", "03:00.0", "0000:zz:00.0",
	    "sim:abcdefghijklmnop", "pci0:3:0:0 "};
	struct card_id id;
	char text[CARD_TEXT_SIZE];
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(card_id_parse("pci0:3:10:1", &id, &e), 0);
	assert_int_equal(id.slot, 10);
	card_id_text(&id, text);
	assert_string_equal(text, "pci0:3:10:1");
	assert_int_equal(card_id_parse("0001:0a:1f.7", &id, &e), 0);
	card_id_text(&id, text);
	assert_string_equal(text, "pci1:10:31:7");
	assert_int_equal(card_id_parse("sim:wpa3", &id, &e), 0);
	card_id_text(&id, text);
	assert_string_equal(text, "sim:wpa3");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (card_id_parse(bad[i], &id, &e) == 0)
			fail_msg("%s was taken for a card", bad[i]);
}

static void users_are_resolved_but_never_root(void **state)
{
	struct err e = ERR_INIT;
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(config_resolve_user("26970", &uid, &gid, &e), 0);
	assert_int_equal(uid, 26970);
	assert_int_equal(gid, 26970);
	assert_int_equal(config_resolve_user("nobody", &uid, &gid, &e), 0);
	assert_true(uid != 0);
	assert_int_equal(config_resolve_user("root", &uid, &gid, &e), -1);
	assert_int_equal(config_resolve_user("0", &uid, &gid, &e), -1);
	assert_int_equal(config_resolve_user("4294967295", &uid, &gid, &e), -1);
	assert_int_equal(config_resolve_user("no-such-user-here", &uid, &gid, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_int_equal(config_resolve_group("no-such-group", &gid, &e), -1);
}

/* Where the prefix can be written (a build for tests), the real path. */
static void files_of_others_are_refused(void **state)
{
	static const char path[] = PATH_ETC "/unit-test.conf";
	struct config c;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(config_load(&c, "no-such-file", &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.hint, "card = "));
	if (strncmp(PATH_ETC, "/etc", 4) == 0 || strncmp(PATH_ETC, "/usr", 4) == 0 ||
	    fs_mkdir_p(PATH_ETC, 0755, &e) < 0 ||
	    fs_write_atomic(path, 0644, "card = sim:open\n", 16, &e) < 0) {
		print_message("# no private prefix to write to\n");
		skip();
	}
	int good = config_load(&c, "unit-test", &e);
	chmod(path, 0664);
	int writable = config_load(&c, "unit-test", &e);
	unlink(path);
	mkdir(path, 0755);
	struct err dir = ERR_INIT;
	int folder = config_load(&c, "unit-test", &dir);
	rmdir(path);
	assert_int_equal(good, 0);
	assert_int_equal(writable, -1);
	assert_non_null(strstr(e.msg, "others can write it"));
	assert_int_equal(folder, -1);
	assert_non_null(strstr(dir.msg, "not a regular file"));
}

static void the_manual_has_every_key(void **state)
{
	char text[16384] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	(void)state;
	config_print_mdoc(f);
	fclose(f);
	assert_non_null(strstr(text, ".It Cm card\n"));
	assert_non_null(strstr(text, ".It Cm log_level\n"));
	assert_non_null(strstr(text, "One of qemu, bhyve, fake.\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_those_of_the_manual),
	    cmocka_unit_test(every_key_is_taken),
	    cmocka_unit_test(the_vmm_has_defaults_of_its_own),
	    cmocka_unit_test(wrong_values_name_file_line_key_and_what_is_expected),
	    cmocka_unit_test(nat_is_told_what_to_forward),
	    cmocka_unit_test(wrong_lines_are_named),
	    cmocka_unit_test(sizes_are_bounded),
	    cmocka_unit_test(instances_have_names_and_interfaces_of_their_own),
	    cmocka_unit_test(cards_are_read_in_both_notations),
	    cmocka_unit_test(users_are_resolved_but_never_root),
	    cmocka_unit_test(files_of_others_are_refused),
	    cmocka_unit_test(the_manual_has_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
