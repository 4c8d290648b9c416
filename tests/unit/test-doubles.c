/*
 * The doubles of the programs that setup and doctor ask, and the start of the machine:
 * they refuse what FreeBSD's own ones refuse, with their messages and exit statuses.
 * Those of up and down are tested with what uses them (test-os-freebsd.c,
 * test-vmm-bhyve.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cmd.h"
#include "fbsd-tree.h"

#define ARGS_MAX 6

/* What a program says, on both outputs; it has to end with that status. */
static char *run(const char *path, const char *const args[ARGS_MAX], int status)
{
	const char *argv[ARGS_MAX + 6] = {
	    "/bin/sh", "-c", "\"$@\" 2>&1", "sh", fbsd_at(path)};
	const struct cmd_opts opts = {.ok_status = status};
	struct err e = ERR_INIT;
	char *out = NULL;
	int got = -1;

	memcpy(argv + 5, args, ARGS_MAX * sizeof(args[0]));
	if (cmd_run(argv, &opts, &out, &got, &e) < 0 || got != status)
		fail_msg("%s %s: status %d: %s", path, args[0] != NULL ? args[0] : "",
		    got, e.msg);
	return out;
}

#define RUN(status, path, ...)                                                           \
	run(path, (const char *const[ARGS_MAX]){__VA_ARGS__}, status)

static void they_refuse(void **state)
{
	static const struct {
		const char *path, *args[ARGS_MAX];
		int status;
		const char *text;
	} rows[] = {
	    {"/sbin/zfs", {"list", "-q"}, 2, "invalid option 'q'"},
	    {"/sbin/zfs", {"list", "-o", "nam"}, 2, "invalid property 'nam'"},
	    {"/sbin/zfs", {"list", "zroot/none"}, 1,
		"cannot open 'zroot/none': dataset does not exist"},
	    {"/sbin/zfs", {"create", "zroot/a/b"}, 1, "parent does not exist"},
	    {"/sbin/zfs", {"create", "pool/a"}, 1, "no such pool 'pool'"},
	    {"/sbin/zfs", {"create", "zroot/home"}, 1, "dataset already exists"},
	    {"/sbin/zfs", {"create", "-o", "mountpoint=x", "zroot/x"}, 1,
		"'mountpoint' must be an absolute path"},
	    {"/sbin/zfs", {"create", "zroot/x", "-u"}, 2, "too many arguments"},
	    {"/sbin/zfs", {"destroy", "zroot/ROOT"}, 1, "filesystem has children"},
	    {"/sbin/zfs", {"destroy", "zroot/home"}, 1, "pool or dataset is busy"},
	    {"/sbin/mount", {"-x"}, 1, "usage: mount"},
	    {"/bin/kenv", {"none"}, 255, "kenv: unable to get none"},
	    {"/bin/kenv", {"-l", "-s"}, 1, "usage: kenv"},
	    {"/bin/kenv", {"a=b", "c=d"}, 1, "usage: kenv"},
	    {"/sbin/devmatch", {"-p", "? at vendor=0x8086"}, 1, "No bus found"},
	    {"/sbin/devmatch", {"-p", "vendor=0x8086 on pci3"}, 1, "Malformed NOMATCH"},
	    {"/sbin/devmatch", {"-z"}, 1, "devmatch [-adv] [-p nomatch]"},
	    {"/usr/sbin/acpidump", {"-t", "-T", "DMARS"}, 1, "Illegal table name"},
	    {"/usr/sbin/acpidump", {NULL}, 1, "usage: "},
	    {"/sbin/sysctl", {"hw.model=x"}, 1, "oid 'hw.model' is read only"},
	    {"/sbin/sysctl", {"-n", "hw.vmm.iommu.initialized"}, 1, "unknown oid"},
	    {"/sbin/dhclient", {"-x", "tap0"}, 1, "usage: dhclient"},
	};
	json_t *s = fbsd_state();

	(void)state;
	json_object_set_new(json_object_get(json_object_get(s, "zfs"), "zroot/home"),
	    "busy", json_true());
	fbsd_save(s);
	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		AUTO_FREE char *said = run(rows[k].path, rows[k].args, rows[k].status);

		if (strstr(said, rows[k].text) == NULL)
			fail_msg("%s %s: %s", rows[k].path,
			    rows[k].args[0] != NULL ? rows[k].args[0] : "", said);
	}
}

static void says(char *said, const char *text)
{
	assert_string_equal(said, text);
	free(said);
}

static void datasets_are_folders(void **state)
{
	(void)state;
	fbsd_write("/etc/rc.d/below", "x");
	says(RUN(0, "/sbin/zfs", "create", "-o", "mountpoint=/etc/rc.d", "zroot/x"), "");
	says(RUN(0, "/sbin/zfs", "list", "-H", "-o", "name,mounted", "zroot/x"),
	    "zroot/x\tyes\n");
	/* It covers what was there until it is gone. */
	assert_false(fbsd_has("/etc/rc.d/below"));
	fbsd_write("/etc/rc.d/inside", "x");
	says(RUN(0, "/sbin/zfs", "destroy", "zroot/x"), "");
	assert_true(fbsd_has("/etc/rc.d/below"));
	assert_false(fbsd_has("/etc/rc.d/inside"));
}

static void a_start_reads_the_files(void **state)
{
	char *said;

	(void)state;
	fbsd_write("/boot/loader.conf", "vmm_load=\"YES\" # x\nnmdm_load=NO\n"
					"pptdevs=\"3/0/0\"\nhw.vmm.amdvi.enable=1\n");
	fbsd_reboot();
	assert_string_equal(fbsd_driver(), "ppt");
	says(RUN(0, "/sbin/sysctl", "-n", "hw.vmm.amdvi.enable"), "1\n");
	said = RUN(0, "/sbin/kldstat", NULL);
	assert_non_null(strstr(said, "vmm.ko"));
	assert_null(strstr(said, "nmdm.ko"));
	free(said);
	/* devmatch brings the card's driver, unless it is told not to. */
	fbsd_write("/boot/loader.conf", "");
	fbsd_reboot();
	assert_string_equal(fbsd_driver(), "iwlwifi");
	fbsd_write("/etc/rc.conf", "devmatch_blocklist='if_x if_iwlwifi.ko'\n");
	fbsd_reboot();
	assert_string_equal(fbsd_driver(), "");
	says(RUN(0, "/sbin/devmatch", NULL), "if_iwlwifi.ko\n");
}

static int fresh(void **state)
{
	(void)state;
	fbsd_install();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(they_refuse, fresh),
	    cmocka_unit_test_setup(datasets_are_folders, fresh),
	    cmocka_unit_test_setup(a_start_reads_the_files, fresh),
	};
	int ret;

	if (!fbsd_enter()) {
		printf("1..0 # SKIP needs root, namespaces and /dev/net/tun\n");
		return 0;
	}
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	fbsd_leave();
	return ret;
}
