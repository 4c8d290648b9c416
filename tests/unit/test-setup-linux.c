/* bhyfi setup for Linux, and on file systems that refuse. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fs.h"
#include "plan.h"
#include "setup-tree.h"

#define LINUX_ETC "/etc/bhyfi"
#define LINKS "/etc/systemd/system/multi-user.target.wants/"

static struct card_list cards;

static struct setup_plan *make_plan(
    const char *instance, const char *card, bool bind, struct err *e)
{
	struct setup_plan *p = calloc(1, sizeof(*p));
	struct setup_request r = {
	    .root = root, .instance = instance, .bind_at_boot = bind};
	struct plan_input in = {.request = &r, .cards = &cards, .native = true};

	p->os = "linux";
	snprintf(p->instance, sizeof(p->instance), "%s", instance);
	snprintf(p->etc, sizeof(p->etc), LINUX_ETC);
	snprintf(p->db, sizeof(p->db), DB);
	snprintf(in.config, sizeof(in.config), LINUX_ETC "/%s.conf", instance);
	assert_int_equal(card_id_parse(card, &in.card, e), 0);
	card_id_text(&in.card, p->card);
	if (in.card.kind == CARD_PCI)
		in.found = &cards.cards[in.card.slot];
	in.config_exists = plan_exists(in.config);
	if (plan_linux(p, &in, e) == 0)
		return p;
	setup_plan_free(p);
	return NULL;
}

static void good(const char *instance, const char *card, bool bind)
{
	struct err e = ERR_INIT;
	struct setup_plan *p = make_plan(instance, card, bind, &e);

	if (p == NULL || setup_apply(p, &e) < 0)
		fail_msg("%s", e.msg);
	setup_plan_free(p);
}

static int linux_tree(void **state)
{
	cards = (struct card_list){.n = 2};
	cards.cards[0] =
	    (struct card){.vendor = 0x8086, .device = 0x2723, .driver = "iwlwifi"};
	cards.cards[1] =
	    (struct card){.vendor = 0x14c3, .device = 0x7961, .driver = "mt7921e"};
	cards.cards[1].id.slot = 1;
	if (new_tree(state) < 0)
		return -1;
	put("/usr/lib/systemd/system/bhyfi@.service",
	    "[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\n");
	return 0;
}

static void is(const char *path, const char *want)
{
	AUTO_FREE char *text = get(path);

	if (text == NULL)
		fail_msg("%s: not there", path);
	assert_string_equal(text, want);
}

static void cards_are_bound_at_boot(void **state)
{
	struct err e = ERR_INIT;
	struct setup_plan *p;

	(void)state;
	good("wlan", "pci0:3:0:0", true);
	is("/etc/modprobe.d/bhyfi.conf",
	    "# bhyfi\noptions vfio-pci ids=8086:2723\nsoftdep iwlwifi pre: vfio-pci\n");
	is("/etc/modules-load.d/bhyfi.conf", "# bhyfi\ntun\nvfio-pci\n");
	is(LINUX_ETC "/wlan.conf", "# bhyfi.conf(5) has all keys.\ncard = pci0:3:0:0\n");
	assert_int_equal(mode_of(LINUX_ETC "/wpa_supplicant.conf"), 0600);
	assert_true(there(LINKS "bhyfi@wlan.service"));
	good("second", "pci0:3:1:0", true);
	is("/etc/modprobe.d/bhyfi.conf",
	    "# bhyfi\noptions vfio-pci ids=14c3:7961,8086:2723\n"
	    "softdep iwlwifi pre: vfio-pci\nsoftdep mt7921e pre: vfio-pci\n");
	assert_true(there(LINKS "bhyfi@second.service"));
	p = make_plan("second", "pci0:3:1:0", true, &e);
	assert_non_null(p);
	assert_int_equal(p->changes.n, 0);
	setup_plan_free(p);
}

static void other_ids_are_not_lost(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	put("/etc/modprobe.d/mine.conf", "# x\noptions vfio_pci disable_vga=1 ids=1:2\n");
	assert_null(make_plan("wlan", "pci0:3:0:0", true, &e));
	assert_string_equal(e.msg, "/etc/modprobe.d/mine.conf:2: vfio-pci has ids there "
				   "already, and takes only one list");
	assert_string_equal(e.hint, "add ,8086:2723 to it by hand");
	good("wlan", "pci0:3:0:0", false);
	assert_false(there("/etc/modprobe.d/bhyfi.conf"));
}

static bool noted(const struct setup_plan *p, const char *text)
{
	for (size_t i = 0; i < p->nnotes; i++)
		if (strstr(p->note[i], text) != NULL)
			return true;
	return false;
}

static void the_hosts_own_network_program_is_told(void **state)
{
	struct err e = ERR_INIT;
	struct setup_plan *p;

	(void)state;
	put("/etc/network/interfaces", "");
	p = make_plan("wlan", "sim:wpa2", false, &e);
	assert_true(noted(p, "allow-hotplug bhyfi0"));
	setup_plan_free(p);
	put(LINKS "NetworkManager.service", "");
	p = make_plan("wlan", "sim:wpa2", false, &e);
	assert_true(noted(p, "nmcli"));
	setup_plan_free(p);
	put(LINKS "systemd-networkd.service", "");
	char full[PATH_MAX];
	full_path(full, LINKS "NetworkManager.service");
	assert_int_equal(unlink(full), 0);
	good("wlan", "sim:wpa2", false);
	is("/etc/systemd/network/80-bhyfi-bhyfi0.network",
	    "# bhyfi\n[Match]\nName=bhyfi0\n\n[Network]\nDHCP=yes\nIPv6AcceptRA=yes\n");
}

static void present_files_are_used(void **state)
{
	struct err e = ERR_INIT;
	struct setup_plan *p;

	(void)state;
	put_mode("/etc/wpa_supplicant/wpa_supplicant.conf", "network={\n}\n", 0600);
	good("wlan", "sim:wpa2", false);
	is(LINUX_ETC "/wlan.conf",
	    "# bhyfi.conf(5) has all keys.\ncard = sim:wpa2\n"
	    "networks = /etc/wpa_supplicant/wpa_supplicant.conf\n");
	assert_false(there(LINUX_ETC "/wpa_supplicant.conf"));
	put(LINUX_ETC "/wlan.conf", "mtu = 1400 ; x\n card: 0000:03:00.0 ; y\n");
	good("wlan", "sim:open", false);
	is(LINUX_ETC "/wlan.conf", "mtu = 1400 ; x\n card: sim:open ; y\n");
	/* The same card in other words is no change. */
	put(LINUX_ETC "/wlan.conf", "card = 0000:03:00.0\ninterface = tun7\n");
	p = make_plan("wlan", "pci0:3:0:0", false, &e);
	assert_non_null(p);
	for (size_t i = 0; i < p->changes.n; i++)
		assert_string_not_equal(
		    p->changes.change[i].path, LINUX_ETC "/wlan.conf");
	assert_string_equal(p->interface, "tun7");
	setup_plan_free(p);
}

static int setup_boot(struct err *e)
{
	struct setup_plan *p = calloc(1, sizeof(*p));
	struct setup_request r = {.root = root, .instance = "wlan"};
	struct plan_input in = {
	    .request = &r, .cards = &cards, .config = ETC "/wlan.conf"};
	int ret;

	p->os = "freebsd";
	snprintf(p->instance, sizeof(p->instance), "wlan");
	snprintf(p->etc, sizeof(p->etc), ETC);
	snprintf(p->db, sizeof(p->db), DB);
	snprintf(in.card.scenario, sizeof(in.card.scenario), "wpa2");
	card_id_text(&in.card, p->card);
	ret = plan_freebsd(p, &in, e);
	if (ret == 0)
		ret = setup_apply(p, e);
	setup_plan_free(p);
	return ret;
}

/* A small file system on /boot: full, or read-only. In a child with mounts of its own;
 * 0 where setup said so and nothing changed, 77 where we may not mount. */
static int on_bad_boot(bool full, const char *want)
{
	char boot[PATH_MAX], file[PATH_MAX];
	struct err e = ERR_INIT;
	static const char page[4096];
	int ret;

	full_path(boot, "/boot");
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", boot, "tmpfs", 0, "size=8k") < 0)
		return KILLED;
	put("/boot/loader.conf", loader_before);
	snprintf(file, sizeof(file), "%.2000s/filler", boot);
	if (full && fs_write_atomic(file, 0600, page, sizeof(page), &e) < 0)
		return 3;
	if (!full && mount("none", boot, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return 4;
	AUTO_FREE char *before = look();
	ret = setup_boot(&e);
	AUTO_FREE char *after = look();
	if (ret == 0 || strstr(e.msg, want) == NULL || e.hint[0] == '\0') {
		print_error("%d %s (%s)\n", ret, e.msg, e.hint);
		return 1;
	}
	return strcmp(before, after) == 0 && !there(DB) ? 0 : 2;
}

static void a_full_or_read_only_boot_changes_nothing(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		int status;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (pid == 0)
			_exit(on_bad_boot(full,
			    full ? "No space left on device" : "Read-only file system"));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == KILLED) {
			skip();
			return;
		}
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TREE(test) cmocka_unit_test_setup_teardown(test, linux_tree, drop_tree)
	    TREE(cards_are_bound_at_boot),
	    TREE(other_ids_are_not_lost),
	    TREE(the_hosts_own_network_program_is_told),
	    TREE(present_files_are_used),
	    TREE(a_full_or_read_only_boot_changes_nothing),
	};

	return cmocka_run_group_tests_name("setup-linux", tests, NULL, NULL);
}
