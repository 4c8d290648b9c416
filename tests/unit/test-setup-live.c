/*
 * bhyfi setup on a FreeBSD that runs: what it asks of the system's programs, and what it
 * has them do. The programs here know the command lines of FreeBSD's manual pages that
 * setup is to use, with state in files; any other one is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "dataset.h"
#include "fs.h"
#include "io.h"
#include "journal.h"
#include "os/freebsd.h"
#include "plan.h"
#include "run.h"
#include "setup-tree.h"

/* $S: a folder with the state. Behind each: usage, for everything else. */
static const struct {
	const char *path, *script;
} programs[] = {
    {"/sbin/kldstat", "[ \"$1\" = -q ] && [ $# = 3 ] || usage\n"
		      "case $2 in\n"
		      "-m) [ -e $S/kld/$3 ] || [ -e $S/kernel/$3 ];;\n"
		      "-n) [ -e $S/kld/${3%.ko} ];;\n"
		      "*) usage;; esac; exit $?\n"},
    {"/sbin/kldload", "[ \"$1\" = -n ] && [ $# = 2 ] || usage\n"
		      "[ -e $S/refuse ] && { echo \"kldload: an error occurred while "
		      "loading module $2. Please check dmesg(8) for more details.\" >&2; "
		      "exit 1; }\n"
		      "[ $2 = vmm ] && cp $S/kenv $S/amdvi 2>/dev/null\n"
		      "touch $S/kld/$2\nexit 0\n"},
    {"/bin/kenv",
	"[ $# = 1 ] || usage\n"
	"case $1 in *=*) echo \"${1#*=}\" >$S/kenv; echo \"${1%%=*}=\\\"${1#*=}\\\"\"; "
	"exit 0;; esac\n"},
    {"/sbin/sysctl",
	"[ \"$1\" = -n ] && [ $# = 2 ] || usage\n"
	"case $2 in\n"
	"hw.model) cat $S/model; exit 0;;\n"
	"hw.vmm.amdvi.enable) [ -e $S/kld/vmm ] && { cat $S/amdvi 2>/dev/null "
	"|| echo 0; exit 0; };; esac\n"
	"echo \"sysctl: unknown oid '$2'\" >&2; exit 1\n"},
    {"/sbin/devmatch",
	"[ \"$1\" = -p ] && [ $# = 2 ] || usage\n"
	"case $2 in *'vendor=0x8086 device=0x2723 '*' on pci'[0-9]*)\n"
	"echo if_iwlwifi.ko; echo if_iwm.ko; echo if_iwm.ko;; esac; exit 0\n"},
    {"/sbin/mount", "[ \"$*\" = -p ] || usage\ncat $S/mounts; exit 0\n"},
    {"/sbin/zfs",
	"case $1 in\n"
	"create) [ \"$2 $4 $6\" = '-o -o zroot/bhyfi-images' ] && [ $# = 6 ] || usage\n"
	"  [ -e $S/zfs ] && { echo \"cannot create '$6': dataset already exists\" >&2; "
	"exit 1; }\n"
	"  mkdir -p \"$R${3#mountpoint=}\"\n"
	"  printf '%s\\t%s\\t%s\\n' $6 \"${3#mountpoint=}\" \"${5#*=}\" >$S/zfs;;\n"
	"destroy) [ \"$2\" = zroot/bhyfi-images ] && [ $# = 2 ] || usage\n"
	"  [ -e $S/zfs ] || exit 1\n"
	"  rmdir $R$(cut -f2 $S/zfs) && rm $S/zfs;;\n"
	"list) case \"$*\" in\n"
	"  'list -H -t filesystem -o name,mountpoint,bhyfi:made-by')\n"
	"    printf 'zroot\\tnone\\t-\\n'; cat $S/zfs 2>/dev/null || true;;\n"
	"  'list -H -o name zroot/bhyfi-images') [ -e $S/zfs ] || exit 1;;\n"
	"  *) usage;; esac;;\n"
	"*) usage;; esac; exit 0\n"},
};

static void state_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/state/%s", name);
	put(path, text);
}

static void forget(const char *name)
{
	char path[128], full[PATH_MAX];

	snprintf(path, sizeof(path), "/state/%s", name);
	full_path(full, path);
	assert_int_equal(unlink(full), 0);
}

static int live_tree(void **state)
{
	if (new_tree(state) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		AUTO_FREE char *text = NULL;

		assert_true(
		    asprintf(&text,
			"#!/bin/sh\nR=%s S=%s/state\necho \"${0##*/} $*\" >>$S/log\n"
			"usage() { echo \"usage: ${0##*/}\" >&2; exit 64; }\n%susage\n",
			root, root, programs[i].script) > 0);
		put_mode(programs[i].path, text, 0755);
	}
	state_file("model", "AMD Ryzen 7 5800U with Radeon Graphics\n");
	state_file("mounts", "zroot/ROOT/default /  zfs rw,noatime 0 0\n"
			     "devfs\t/dev\tdevfs rw 0 0\n");
	state_file("kernel/if_tuntap", "");
	state_file("kld/none", "");
	run_live = true;
	return 0;
}

static struct setup_plan *make_plan(struct err *e)
{
	struct setup_plan *p = calloc(1, sizeof(*p));
	struct setup_request r = {.root = root, .instance = "wlan"};
	struct card c = {.vendor = 0x8086, .device = 0x2723, .driver = "iwm"};
	struct card_list cards = {.n = 0};
	struct plan_input in = {
	    .request = &r, .cards = &cards, .config = ETC "/wlan.conf", .found = &c};

	p->os = "freebsd";
	snprintf(p->instance, sizeof(p->instance), "wlan");
	snprintf(p->etc, sizeof(p->etc), ETC);
	snprintf(p->db, sizeof(p->db), DB);
	assert_int_equal(card_id_parse("pci0:3:0:0", &in.card, e), 0);
	card_id_text(&in.card, p->card);
	in.config_exists = plan_exists(in.config);
	if (plan_freebsd(p, &in, e) == 0)
		return p;
	setup_plan_free(p);
	return NULL;
}

static struct setup_plan *good_plan(void)
{
	struct err e = ERR_INIT;
	struct setup_plan *p = make_plan(&e);

	if (p == NULL)
		fail_msg("%s", e.msg);
	return p;
}

static void carry_out(struct setup_plan *p)
{
	struct err e = ERR_INIT;

	if (setup_apply(p, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < p->ncommands; i++)
		if (setup_command_run(p, i, &e) < 0)
			fail_msg("%s", e.msg);
}

static void undo(void)
{
	struct setup_plan p = {.undo = true, .pending = true};
	struct err e = ERR_INIT;
	char *conflict;
	struct journal j;

	snprintf(p.db, sizeof(p.db), DB);
	assert_int_equal(journal_open(&j, DB, false, false, &e), 0);
	if (journal_undo_changes(&j, &p.changes, NULL, NULL, &conflict, &e) < 0)
		fail_msg("%s", e.msg);
	journal_close(&j);
	if (setup_apply(&p, &e) < 0)
		fail_msg("%s", e.msg);
	change_list_free(&p.changes);
}

static bool has(const char *path, const char *text)
{
	AUTO_FREE char *now = get(path);

	return now != NULL && strstr(now, text) != NULL;
}

static void nothing_waits_for_a_restart(void **state)
{
	struct setup_plan *p = good_plan();

	(void)state;
	assert_int_equal(p->nreboots, 0);
	assert_int_equal(p->ncommands, 3);
	/* vmm reads the tunable when it is loaded. */
	assert_string_equal(p->command[0].argv[1], "hw.vmm.amdvi.enable=1");
	assert_string_equal(p->command[1].argv[2], "vmm");
	assert_string_equal(p->command[2].argv[2], "nmdm");
	carry_out(p);
	setup_plan_free(p);
	assert_true(has("/state/amdvi", "1"));
	assert_true(has("/boot/loader.conf", "hw.vmm.amdvi.enable=\"1\"\n"));
	/* The kernel has it. */
	assert_false(has("/boot/loader.conf", "tuntap"));
	assert_true(
	    has("/etc/rc.conf", "devmatch_blocklist=\"if_xy if_iwlwifi if_iwm\"\n"));
	assert_true(has("/state/zfs", "zroot/bhyfi-images\t" DB "/images\tsetup"));
	p = good_plan();
	assert_int_equal(p->changes.n + p->ncommands + p->nreboots, 0);
	setup_plan_free(p);
	undo();
	assert_false(there("/state/zfs"));
	assert_false(there("/var"));
}

/* Its commands are FreeBSD's programs as those of `up` are: they can be written down. */
static void commands_are_recorded(void **state)
{
	struct setup_plan *p = good_plan();
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	forget("log");
	freebsd_record(f);
	for (size_t i = 0; i < p->ncommands; i++)
		assert_int_equal(setup_command_run(p, i, NULL), 0);
	freebsd_record(NULL);
	fclose(f);
	setup_plan_free(p);
	assert_string_equal(text, "/bin/kenv hw.vmm.amdvi.enable=1\n"
				  "/sbin/kldload -n vmm\n/sbin/kldload -n nmdm\n");
	free(text);
	assert_false(there("/state/log"));
}

static int countdown;

static int die_at(const char *op, const char *path)
{
	(void)op;
	(void)path;
	if (--countdown == 0)
		_exit(KILLED);
	return 0;
}

static void killed_anywhere_the_dataset_is_repaired_too(void **state)
{
	AUTO_FREE char *before = look();
	int status = KILLED;

	(void)state;
	for (int step = 1; status == KILLED; step++) {
		struct err e = ERR_INIT;
		struct journal j;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (pid == 0) {
			struct setup_plan *p = good_plan();

			countdown = step;
			io_hook = die_at;
			_exit(setup_apply(p, &e) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		assert_int_equal(journal_open(&j, DB, false, true, &e), 0);
		if (j.lock >= 0 && journal_recover(&j, NULL, NULL, &e) < 0)
			fail_msg("step %d: %s", step, e.msg);
		journal_close(&j);
		/* Killed behind the last word of the journal, it is done. */
		if (there(ETC "/wlan.conf"))
			undo();
		assert_false(there("/state/zfs"));
		forget("log");
		AUTO_FREE char *after = look();
		assert_string_equal(after, before);
	}
	assert_int_equal(status, 0);
}

static void a_dataset_with_images_stays(void **state)
{
	struct setup_plan *p = good_plan();

	(void)state;
	carry_out(p);
	setup_plan_free(p);
	put(DB "/images/x/manifest.json", "{}");
	undo();
	assert_true(there("/state/zfs"));
	assert_true(there(DB "/images/x/manifest.json"));
	assert_false(there(DB "/setup"));
}

static void images_that_are_there_get_no_dataset(void **state)
{
	struct setup_plan *p;

	(void)state;
	put(DB "/images/x/manifest.json", "{}");
	p = good_plan();
	carry_out(p);
	setup_plan_free(p);
	assert_false(there("/state/zfs"));
	undo();
	assert_true(there(DB "/images/x/manifest.json"));
}

static void ufs_gets_no_dataset(void **state)
{
	struct setup_plan *p;

	(void)state;
	state_file("mounts", "/dev/ada0p2 / ufs rw 1 1\nzroot/x /x zfs rw 0 0\n");
	p = good_plan();
	for (size_t i = 0; i < p->changes.n; i++)
		assert_int_equal(p->changes.change[i].kind, CHANGE_FILE);
	setup_plan_free(p);
}

static void a_vmm_without_the_iommu_needs_a_restart(void **state)
{
	struct setup_plan *p;

	(void)state;
	state_file("kld/vmm", "");
	p = good_plan();
	assert_int_equal(p->nreboots, 1);
	assert_non_null(strstr(p->reboot[0], "vmm is loaded already"));
	setup_plan_free(p);
	state_file("model", "Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz\n");
	p = good_plan();
	assert_int_equal(p->nreboots, 0);
	carry_out(p);
	setup_plan_free(p);
	assert_false(has("/boot/loader.conf", "amdvi"));
}

static void a_command_that_fails_is_told(void **state)
{
	struct setup_plan *p = good_plan();
	struct err e = ERR_INIT;

	(void)state;
	state_file("refuse", "");
	assert_int_equal(setup_apply(p, &e), 0);
	assert_int_equal(setup_command_run(p, 1, &e), -1);
	assert_non_null(strstr(e.msg, "an error occurred while loading module vmm"));
	setup_plan_free(p);
	forget("refuse");
	/* The next run does what is left. */
	p = good_plan();
	assert_int_equal(p->changes.n, 0);
	assert_int_equal(p->ncommands, 3);
	setup_plan_free(p);
}

static void what_else_loads_the_driver_is_named(void **state)
{
	struct setup_plan *p;
	bool kld = false, loader = false;

	(void)state;
	put("/etc/rc.conf", "x=1\nkld_list=\"i915kms if_iwm\"\n");
	put("/boot/loader.conf", "if_iwlwifi_load=\"YES\"\n");
	p = good_plan();
	for (size_t i = 0; i < p->nnotes; i++) {
		kld |=
		    strstr(p->note[i], "/etc/rc.conf:2: kld_list loads if_iwm") != NULL;
		loader |= strstr(p->note[i], "loader.conf:1: if_iwlwifi_load") != NULL;
	}
	assert_true(kld && loader);
	setup_plan_free(p);
}

static void the_lists_old_name_is_heeded(void **state)
{
	struct setup_plan *p;
	struct err e = ERR_INIT;

	(void)state;
	put("/etc/rc.conf", "devmatch_blacklist='if_xy'\n");
	put("/etc/rc.conf.d/devmatch", "");
	p = good_plan();
	carry_out(p);
	assert_non_null(
	    strstr(p->note[0], "/etc/rc.conf.d/devmatch is read after rc.conf"));
	setup_plan_free(p);
	assert_true(
	    has("/etc/rc.conf", "devmatch_blocklist=\"if_xy if_iwlwifi if_iwm\"\n"));
	put("/etc/rc.conf", "devmatch_blacklist=\"$x\"\n");
	assert_null(make_plan(&e));
	assert_non_null(strstr(e.msg, "/etc/rc.conf:1: what devmatch_blacklist is"));
}

/* A tap that others make is left to them. */
static void a_free_tap_is_chosen(void **state)
{
	struct setup_plan *p;

	(void)state;
	put("/etc/rc.conf", "cloned_interfaces=\"bridge0 tap0\"\n");
	put(ETC "/other.conf", "card = sim:wpa2\ninterface = tap1\n");
	p = good_plan();
	assert_string_equal(p->interface, "tap2");
	carry_out(p);
	setup_plan_free(p);
	assert_true(has(ETC "/wlan.conf", "\ninterface = tap2\n"));
	assert_true(has("/etc/rc.conf", "ifconfig_tap2=\"DHCP\"\n"));
}

static void what_the_user_set_for_the_tap_stays(void **state)
{
	struct setup_plan *p;

	(void)state;
	put("/etc/rc.conf", "ifconfig_tap0='SYNCDHCP mtu 1400'\nbhyfi_enable=on\n");
	p = good_plan();
	carry_out(p);
	setup_plan_free(p);
	assert_true(
	    has("/etc/rc.conf", "ifconfig_tap0='SYNCDHCP mtu 1400'\nbhyfi_enable=on\n#"));
	assert_false(has("/etc/rc.conf", "ifconfig_tap0=\"DHCP\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TREE(test) cmocka_unit_test_setup_teardown(test, live_tree, drop_tree)
	    TREE(nothing_waits_for_a_restart),
	    TREE(commands_are_recorded),
	    TREE(killed_anywhere_the_dataset_is_repaired_too),
	    TREE(a_dataset_with_images_stays),
	    TREE(images_that_are_there_get_no_dataset),
	    TREE(ufs_gets_no_dataset),
	    TREE(a_vmm_without_the_iommu_needs_a_restart),
	    TREE(a_command_that_fails_is_told),
	    TREE(what_else_loads_the_driver_is_named),
	    TREE(the_lists_old_name_is_heeded),
	    TREE(a_free_tap_is_chosen),
	    TREE(what_the_user_set_for_the_tap_stays),
	};

	return cmocka_run_group_tests_name("setup-live", tests, NULL, NULL);
}
