/*
 * One user's way with bhyfi on a FreeBSD laptop with a real card: doctor, setup, up,
 * status, suspend, resume, down, setup --undo; and each way in which a card or a program
 * of the system fails on it. All on the doubles of FreeBSD's programs, in one SYSROOT:
 * what is loaded, bound, made and written there is looked at after each step. In the
 * guest the simulated WLAN plays the card (card-image.c).
 */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/fbsd-tree.h"
#include "card-image.h"
#include "cleanup.h"
#include "fs.h"
#include "harness.h"

#define STEPS_MAX 60

#define FIRMWARE "/usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd"
#define OUR_ETC "/usr/local/etc/bhyfi"
#define CARD "pci0:3:0:0"
#define CARD_ID "8086:2723"

/* A user's own hand: quotes of all kinds, no newline at the end. */
static const char rc_before[] = "hostname='lap''top'\t# mine\n"
				"devmatch_blocklist=if_xy\n"
				"ifconfig_wlan0='WPA SYNCDHCP'\n"
				"if [ -r /etc/x ]; then y=1; fi\n"
				"sshd_enable=\"YES\" # a \"comment\"\n"
				"kld_list=''";
static const char loader_before[] = "zfs_load=\"YES\" # the root\n"
				    "kern.geom.label.disk_ident.enable=0\n";

/* The system under FreeBSD's programs */

static bool is_loaded(const char *file)
{
	json_t *s = fbsd_state(), *f;
	bool found = false;
	size_t i;

	json_array_foreach (json_object_get(s, "loaded"), i, f)
		found |= strcmp(json_string_value(f), file) == 0;
	json_decref(s);
	return found;
}

static bool has_dataset(void)
{
	json_t *s = fbsd_state();
	bool found =
	    json_object_get(json_object_get(s, "zfs"), "zroot/bhyfi-images") != NULL;

	json_decref(s);
	return found;
}

/* The card is there or not, as when its slot loses power. */
static void pull_card(bool out)
{
	json_t *s = fbsd_state(), *all = json_object_get(s, "pci");

	if (out) {
		json_object_set(s, "pulled", json_array_get(all, 2));
		json_array_remove(all, 2);
	} else {
		json_t *card = json_object_get(s, "pulled");

		/* It comes back as it was at the start. */
		json_object_set_new(card, "driver", json_string("iwlwifi"));
		json_object_set_new(card, "attached", json_true());
		json_object_set_new(card, "fixed", json_false());
		json_object_set_new(card, "vm", json_string(""));
		json_array_append(all, card);
		json_object_del(s, "pulled");
	}
	fbsd_save(s);
}

static void host_wlan(bool there)
{
	json_t *s = fbsd_state(), *pseudo = json_object_get(s, "pseudo");

	if (there)
		json_object_set_new(pseudo, "wlan0",
		    json_pack("{s:s,s:s}", "text",
			"flags=8843<UP,BROADCAST,RUNNING> metric 0 mtu 1500\n"
			"\tether 02:00:00:00:00:01\n",
			"parent", "iwlwifi0"));
	else
		json_object_del(pseudo, "wlan0");
	fbsd_save(s);
}

static FILE *listing;

static int list_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	char AUTO_FREE *text = NULL;
	char target[PATH_MAX] = "";

	(void)ftw;
	fprintf(listing, "%s %o", path + strlen(fbsd_root), (unsigned)st->st_mode);
	if (flag == FTW_SL && readlink(path, target, sizeof(target) - 1) > 0)
		fprintf(listing, " -> %s", target);
	fputc('\n', listing);
	if (flag == FTW_F && st->st_size < 65536 &&
	    fs_read_file(path, 65536, &text, NULL, NULL) == 0)
		fprintf(listing, "%s\n", text);
	return 0;
}

/* All files that setup could touch, with their bytes. */
static char *look(void)
{
	static const char *const folders[] = {
	    "/boot", "/etc", "/usr/local/etc", "/var/db"};
	char *text = NULL;
	size_t len;

	listing = open_memstream(&text, &len);
	assert_non_null(listing);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		assert_int_equal(nftw(fbsd_at(folders[i]), list_entry, 16, FTW_PHYS), 0);
	fclose(listing);
	return text;
}

static int host_setup(void **state)
{
	if (lab_setup(state) < 0)
		return -1;
	fbsd_begin();
	fbsd_write("/etc/rc.conf", rc_before);
	fbsd_write("/boot/loader.conf", loader_before);
	return 0;
}

static int host_teardown(void **state)
{
	int ret = lab_teardown(state);

	fbsd_leave();
	return ret;
}

/* bhyfi's commands */

/* What `bhyfi -i NAME command...` printed, the caller's, with errors behind. */
static char *run(const struct inst *i, int status, const char *const command[])
{
	struct err e = ERR_INIT;
	char *text = NULL;
	struct child c;

	ok(inst_run_list(i, &c, UP_MS, command, &e), &e);
	if (c.status != status) {
		/* cmocka's own would cut it. */
		fprintf(stderr, "%s: status %d, not %d:\n%s%s\n", *command, c.status,
		    status, c.out, c.err);
		fail();
	}
	assert_true(asprintf(&text, "%s%s", c.out, c.err) >= 0);
	child_free(&c);
	return text;
}

#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SAYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect(const struct inst *i, int status, const char *const command[],
    const char *const texts[])
{
	char AUTO_FREE *said = run(i, status, command);

	fbsd_in_order(said, texts);
}

/* The checks by their ids: "pass", "warn" ... */
static json_t *doctor(const struct inst *i, int status, bool configured)
{
	const char *argv[] = {"--json", "doctor", configured ? NULL : "--os", "freebsd",
	    "--root", fbsd_root, NULL};
	char AUTO_FREE *said = run(i, status, argv);
	json_t *o = json_loads(said, JSON_DISABLE_EOF_CHECK, NULL);
	json_t *all = json_object(), *c;
	size_t k;

	assert_non_null(o);
	json_array_foreach (json_object_get(o, "checks"), k, c)
		json_object_set(all, text_at(c, "id"), c);
	json_decref(o);
	return all;
}

static void check_is(
    const json_t *checks, const char *id, const char *status, const char *fix)
{
	const json_t *c = json_object_get(checks, id);

	if (strcmp(text_at(c, "status"), status) != 0 ||
	    strstr(text_at(c, "fix"), fix) == NULL) {
		print_error("%s: %s, %s, fix: %s\n", id, text_at(c, "status"),
		    text_at(c, "why"), text_at(c, "fix"));
		fail();
	}
}

/* Nothing fails, and only that warns. */
static void healthy(const json_t *checks, const char *warns)
{
	const char *id;
	json_t *c;

	json_object_foreach ((json_t *)(uintptr_t)checks, id, c) {
		const char *status = text_at(c, "status");

		if (strcmp(status, "fail") == 0 ||
		    (strcmp(status, "warn") == 0 && strcmp(id, warns) != 0)) {
			print_error("%s: %s, %s\n", id, status, text_at(c, "why"));
			fail();
		}
	}
}

/* The user's way */

static void missing_things_are_named(const struct inst *i)
{
	json_t *checks;

	assert_int_equal(unlink(fbsd_at(FIRMWARE)), 0);
	expect(i, ERR_PRECONDITION,
	    COMMAND("doctor", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("fail  configuration", "no such file", "fix: bhyfi setup",
		"fail  UEFI firmware", "fix: pkg install bhyve-firmware",
		"pass  IOMMU present", "warn  card's driver", "wlan0 uses it now",
		"warn  start at boot", "fix: pkg install bhyfi", " failed, "));
	checks = doctor(i, ERR_PRECONDITION, false);
	check_is(checks, "host.config", "fail", "bhyfi setup");
	check_is(checks, "card.msi", "pass", "");
	check_is(checks, "card.bars", "pass", "");
	check_is(checks, "boot.dhcp", "warn", "sysrc ifconfig_tap0=DHCP");
	json_decref(checks);
	/* pkg install bhyve-firmware bhyfi */
	assert_int_equal(
	    symlink("/usr/share/OVMF/OVMF_CODE_4M.fd", fbsd_at(FIRMWARE)), 0);
	assert_int_equal(symlink(RC_SCRIPT, fbsd_at("/usr/local/etc/rc.d/bhyfi")), 0);
}

static void setup_does_it(const struct inst *i)
{
	char AUTO_FREE *before = look(), AUTO_FREE *after = NULL;
	char instances[64], conf[64];

	snprintf(instances, sizeof(instances), "+bhyfi_instances=\"%s\"", i->name);
	snprintf(conf, sizeof(conf), "+++ " OUR_ETC "/%s.conf", i->name);
	expect(i, 0,
	    COMMAND("setup", "--dry-run", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("--- /boot/loader.conf", "+vmm_load=\"YES\"", "+nmdm_load=\"YES\"",
		"--- /etc/rc.conf", "-devmatch_blocklist=if_xy",
		"+devmatch_blocklist=\"if_xy if_iwlwifi\"", "+bhyfi_enable=\"YES\"",
		instances, "+ifconfig_tap0=\"DHCP\"",
		"+ifconfig_tap0_ipv6=\"inet6 accept_rtadv\"", conf, "+card = " CARD,
		"+ ZFS dataset zroot/bhyfi-images on /var/db/bhyfi/images",
		"/sbin/kldload -n vmm", "/sbin/kldload -n nmdm",
		"No restart of this host is needed"));
	after = look();
	assert_string_equal(after, before);
	assert_false(is_loaded("vmm.ko") || has_dataset());
	expect(i, 0, COMMAND("setup", "--yes", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("+++ /etc/rc.conf", "Done.", "No restart"));
	assert_true(is_loaded("vmm.ko") && is_loaded("nmdm.ko") && has_dataset());
	assert_string_equal(fbsd_driver(), "iwlwifi");
	expect(i, 0, COMMAND("setup", "--yes", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("Nothing to do."));
}

/* The user names networks, and brings the image; the configuration is the one that setup
 * wrote, and says here which FreeBSD it is for. */
static void user_does_the_rest(struct inst *i)
{
	char AUTO_FREE *written = NULL;
	struct err e = ERR_INIT;
	char path[64];

	snprintf(path, sizeof(path), OUR_ETC "/%s.conf", i->name);
	ok(fs_read_file(fbsd_at(path), 4096, &written, NULL, &e), &e);
	snprintf(i->tap, sizeof(i->tap), "tap0");
	snprintf(i->settings, sizeof(i->settings),
	    "%.1000svmm = bhyve\nsysroot = %s\nimage = %s/home/image\n"
	    "networks = %s" OUR_ETC "/wpa_supplicant.conf\n",
	    written, fbsd_root, fbsd_root, fbsd_root);
	ok(card_image_make(fbsd_at("/home/image"), CARD_ID, &e), &e);
	ok(fs_write_atomic(fbsd_at(OUR_ETC "/wpa_supplicant.conf"), 0600, i->network_text,
	       strlen(i->network_text), &e),
	    &e);
	lab_write(i);
}

static void check_status(struct inst *i)
{
	json_t *o = lab_status(i);
	static const char *const members[] = {"pid", "uptime_s", "image.id",
	    "image.kernel", "mode", "wlan.bssid", "wlan.freq_mhz", "wlan.width_mhz",
	    "wlan.signal_dbm", "wlan.tx_mbps", "wlan.rx_mbps", "wlan.key_mgmt",
	    "wlan.mac", "host_if.mac", "host_if.addresses", "guest.mem_total_kib",
	    "guest.mem_available_kib", "guest.cpu_pct", "restarts", "last_error"};

	assert_string_equal(text_at(o, "instance"), i->name);
	assert_string_equal(text_at(o, "state"), "online");
	assert_string_equal(text_at(o, "vmm"), "bhyve");
	assert_string_equal(text_at(o, "card.pci"), CARD);
	assert_string_equal(text_at(o, "host_if.name"), "tap0");
	assert_string_equal(text_at(o, "wlan.ssid"), "bhyfi-wpa2");
	assert_string_equal(text_at(o, "host_if.mac"), text_at(o, "wlan.mac"));
	for (size_t k = 0; k < ARRAY_LEN(members); k++) {
		if (json_at(o, members[k]) == NULL)
			print_error("status lacks %s\n", members[k]);
		assert_non_null(json_at(o, members[k]));
	}
	json_decref(o);
	expect(
	    i, 0, COMMAND("status"), SAYS(i->name, "online", "bhyfi-wpa2", "tap0", CARD));
}

static void up_and_online(struct inst *i)
{
	static const char *const programs[] = {"pciconf -lbc " CARD, "kldstat -q -m vmm",
	    "devctl set driver -f " CARD " ppt", "ifconfig tap0 create",
	    "-o config.dump=1\n", "bhyve -k ", "ifconfig tap0 ", " ether ",
	    "service -E background_dhclient_tap0=YES dhclient quietrestart tap0",
	    "rtsold ", NULL};
	char AUTO_FREE *log = NULL;

	/* The host's own use of the card comes first. */
	expect(i, ERR_PRECONDITION, COMMAND("up"),
	    SAYS("is in use by wlan0", "ifconfig wlan0 destroy"));
	assert_string_equal(fbsd_driver(), "iwlwifi");
	assert_false(net_exists("tap0") || fbsd_has_vm(i->name));
	host_wlan(false);
	free(fbsd_log());
	lab_up(i);
	assert_string_equal(fbsd_driver(), "ppt");
	assert_true(net_exists("tap0") && fbsd_has_vm(i->name));
	check_status(i);
	lab_lan_works(i);
	log = fbsd_log();
	fbsd_in_order(log, programs);
}

static void suspend_and_resume(struct inst *i)
{
	json_t *checks;

	expect(i, 0, COMMAND("suspend"), SAYS("suspended"));
	assert_false(fbsd_has_vm(i->name));
	assert_false(process_find("bhyve", NULL, 0, &(struct process){.pid = 0}));
	expect(i, 0, COMMAND("status"), SAYS("suspended"));
	expect(i, 0, COMMAND("resume", "--wait", "100"), SAYS("online"));
	assert_string_equal(fbsd_driver(), "ppt");
	assert_true(fbsd_has_vm(i->name));
	lab_lan_works(i);
	checks = doctor(i, 0, true);
	healthy(checks, "");
	check_is(checks, "iommu.on", "pass", "");
	json_decref(checks);
}

/* Behind `down`: nothing runs, nothing is claimed. */
static void all_given_back(struct inst *i)
{
	const char *const argv[] = {
	    fbsd_at("/bin/pkill"), "-L", "-F", "/var/run/rtsold.tap0.pid", NULL};
	struct err e = ERR_INIT;
	struct child c;

	/* It ends by itself, a while later. */
	ok(child_run(&c, argv, COMMAND_MS, &e), &e);
	child_free(&c);
	lab_nothing_left(i);
	assert_string_equal(fbsd_driver(), "iwlwifi");
	assert_false(fbsd_has_vm(i->name));
}

static void after_a_restart(const struct inst *i)
{
	json_t *checks;

	fbsd_reboot();
	assert_true(is_loaded("vmm.ko") && is_loaded("nmdm.ko"));
	/* The list keeps the card's own driver off it. */
	assert_false(is_loaded("if_iwlwifi.ko"));
	assert_string_equal(fbsd_driver(), "");
	checks = doctor(i, 0, true);
	healthy(checks, "");
	check_is(checks, "card.driver", "pass", "");
	json_decref(checks);
}

static void undone(const struct inst *i, const char *before)
{
	char AUTO_FREE *after = NULL;

	expect(i, 0,
	    COMMAND("setup", "--undo", "--yes", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("- ZFS dataset zroot/bhyfi-images", "+++ /etc/rc.conf",
		"+++ /boot/loader.conf", "Done."));
	assert_false(has_dataset());
	/* What the user wrote is the user's. */
	assert_int_equal(unlink(fbsd_at(OUR_ETC "/wpa_supplicant.conf")), 0);
	rmdir(fbsd_at(OUR_ETC));
	after = look();
	assert_string_equal(after, before);
	expect(i, 0,
	    COMMAND("setup", "--undo", "--yes", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("Nothing to undo."));
	fbsd_reboot();
	assert_false(is_loaded("vmm.ko"));
	assert_string_equal(fbsd_driver(), "iwlwifi");
}

static void from_doctor_to_undo(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char AUTO_FREE *before = NULL;
	json_t *checks;

	inst_remove(i);
	host_wlan(true);
	missing_things_are_named(i);
	before = look();
	setup_does_it(i);
	user_does_the_rest(i);
	/* Below its root, that system's own. */
	checks = doctor(i, ERR_PRECONDITION, false);
	check_is(checks, "host.config", "pass", "");
	check_is(checks, "host.networks", "pass", "");
	check_is(checks, "image.present", "fail", "bhyfi image build --card " CARD_ID);
	json_decref(checks);
	checks = doctor(i, 0, true);
	/* Its module is not loaded any more at the next start, but is now. */
	healthy(checks, "card.driver");
	check_is(checks, "image.fits", "pass", "");
	json_decref(checks);
	up_and_online(i);
	suspend_and_resume(i);
	expect(i, 0, COMMAND("down"), SAYS(""));
	all_given_back(i);
	checks = doctor(i, 0, true);
	healthy(checks, "");
	json_decref(checks);
	after_a_restart(i);
	undone(i, before);
}

/* What goes wrong */

/* An instance as after setup, without its notes in rc.conf. */
static struct inst *ready_inst(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	struct err e = ERR_INIT;

	snprintf(i->tap, sizeof(i->tap), "tap0");
	snprintf(i->settings, sizeof(i->settings),
	    "card = " CARD "\ninterface = tap0\nvmm = bhyve\nsysroot = %s\n"
	    "image = %s/home/image\nnetworks = %.1000s\nrestarts = 0\nstop_timeout = 1\n",
	    fbsd_root, fbsd_root, i->networks);
	ok(card_image_make(fbsd_at("/home/image"), CARD_ID, &e), &e);
	lab_write(i);
	return i;
}

/* bhyve runs, the guest does not answer yet; or that failed: up's exit status. */
static int begin(struct inst *i)
{
	struct err e = ERR_INIT;
	struct child c;
	int status;

	i->settled = false;
	ok(inst_run(i, &c, UP_MS, &e, "up", "--wait", "1", NULL), &e);
	status = c.status;
	child_free(&c);
	return status;
}

static void down(struct inst *i)
{
	struct err e = ERR_INIT;
	struct child c;

	ok(inst_run(i, &c, DOWN_MS, &e, "down", NULL), &e);
	child_free(&c);
}

/* `down`, and once more where a program failed on its way. */
static void down_in_the_end(struct inst *i)
{
	down(i);
	if (fbsd_has_vm(i->name) || net_exists("tap0") ||
	    strcmp(fbsd_driver(), "ppt") == 0)
		down(i);
	lab_nothing_left(i);
	assert_string_equal(fbsd_driver(), "iwlwifi");
	assert_false(fbsd_has_vm(i->name));
}

static void long_each_program_of_up_fails_once(void **state)
{
	struct inst *i = ready_inst(state);
	int step;

	for (step = 0; step < STEPS_MAX; step++) {
		int status;

		fbsd_fault("", step, "fail", "it broke");
		status = begin(i);
		if (fbsd_fault_waits())
			break;
		print_message("# program %d: up: status %d\n", step, status);
		assert_true(status == ERR_FAILED || status == ERR_PRECONDITION ||
			    status == ERR_TIMEOUT);
		down_in_the_end(i);
	}
	assert_in_range(step, 10, STEPS_MAX - 1);
	down_in_the_end(i);
}

static void each_program_of_down_fails_once(void **state)
{
	static const struct {
		const char *program;
		int skip;
	} rows[] = {{"bhyvectl", 0}, {"ifconfig", 0}, {"ifconfig", 1}, {"pciconf", 0},
	    {"devctl", 0}, {"pciconf", 1}};
	struct inst *i = ready_inst(state);

	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		assert_int_equal(begin(i), ERR_TIMEOUT);
		fbsd_fault(rows[k].program, rows[k].skip, "fail", "it broke");
		down_in_the_end(i);
		assert_false(fbsd_fault_waits());
	}
}

/* What it has begun then is whole, or cleared. */
static void bhyfid_killed_as_bhyve_starts(void **state)
{
	static const struct {
		int skip; /* 0: bhyve is asked what it understood, 1: it starts */
		const char *action;
	} rows[] = {{0, "kill-before"}, {0, "kill-after"}, {1, "kill-before"}};
	struct inst *i = ready_inst(state);

	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		fbsd_fault("bhyve", rows[k].skip, rows[k].action, "");
		assert_in_range(begin(i), ERR_FAILED, ERR_NOT_RUNNING);
		assert_false(fbsd_fault_waits());
		assert_string_equal(fbsd_driver(), "ppt");
		down_in_the_end(i);
	}
}

static void a_card_that_vanishes(void **state)
{
	struct inst *i = ready_inst(state);

	/* Before it is claimed. */
	pull_card(true);
	expect(i, ERR_PRECONDITION, COMMAND("up"), SAYS("no such device", "bhyfi cards"));
	down(i);
	lab_nothing_left(i);
	pull_card(false);
	/* While the VM has it. */
	assert_int_equal(begin(i), ERR_TIMEOUT);
	assert_string_equal(fbsd_driver(), "ppt");
	pull_card(true);
	expect(i, 0, COMMAND("down"), SAYS(""));
	lab_nothing_left(i);
	assert_false(fbsd_has_vm(i->name));
	pull_card(false);
	/* While the host sleeps. */
	assert_int_equal(begin(i), ERR_TIMEOUT);
	expect(i, 0, COMMAND("suspend"), SAYS("suspended"));
	pull_card(true);
	expect(i, ERR_PRECONDITION, COMMAND("resume"), SAYS("no such device"));
	assert_false(fbsd_has_vm(i->name));
	pull_card(false);
	/* It is back, and so is the VM. */
	assert_int_equal(begin(i), ERR_TIMEOUT);
	assert_string_equal(fbsd_driver(), "ppt");
	down_in_the_end(i);
}

/* pciconf that prints what it never prints. */
static void what_pciconf_says_is_not_guessed_at(void **state)
{
	struct inst *i = ready_inst(state);
	json_t *s = fbsd_state();
	char AUTO_FREE *before = look(), AUTO_FREE *after = NULL;

	json_object_set_new(
	    fbsd_card(s), "bars", json_pack("[s]", "    bar   [10] = surprise"));
	fbsd_save(s);
	expect(i, ERR_FAILED, COMMAND("cards", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("pciconf: line ", "is not as it prints them", "surprise"));
	expect(i, ERR_FAILED, COMMAND("up"), SAYS("pciconf: line "));
	down(i);
	lab_nothing_left(i);
	expect(i, ERR_FAILED,
	    COMMAND("setup", "--yes", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("pciconf: line "));
	after = look();
	assert_string_equal(after, before);
	assert_string_equal(fbsd_driver(), "iwlwifi");
}

static void no_fault(void)
{
	json_t *s = fbsd_state();

	json_object_del(s, "fault");
	fbsd_save(s);
}

/* Setup's programs, each of which fails or kills it once: what it began is taken back, or
 * all of it is there. */
static void setup_is_all_or_nothing(void **state)
{
	static const char *const actions[] = {"fail", "kill-before", "kill-after"};
	struct inst *i = lab_inst(state, "wpa2");
	char AUTO_FREE *before = look();

	for (size_t k = 0; k < ARRAY_LEN(actions) * STEPS_MAX; k++) {
		char AUTO_FREE *after = NULL;
		struct err e = ERR_INIT;
		struct child c;

		fbsd_fault("", (int)(k % STEPS_MAX), actions[k / STEPS_MAX], "it broke");
		ok(inst_run(i, &c, COMMAND_MS, &e, "setup", "--yes", "--os", "freebsd",
		       "--root", fbsd_root, NULL),
		    &e);
		assert_in_range(c.status, 0, 128 + SIGKILL);
		child_free(&c);
		fbsd_settle();
		if (fbsd_fault_waits()) {
			assert_in_range(k % STEPS_MAX, 10, STEPS_MAX - 1);
			k += STEPS_MAX - k % STEPS_MAX - 1;
			no_fault();
		}
		expect(i, 0,
		    COMMAND("setup", "--undo", "--yes", "--os", "freebsd", "--root",
			fbsd_root),
		    SAYS(""));
		after = look();
		assert_string_equal(after, before);
		assert_false(has_dataset());
		fbsd_reboot();
	}
	lab_nothing_left(i);
}

static void a_read_only_boot(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	char AUTO_FREE *before = look(), AUTO_FREE *after = NULL;

	assert_int_equal(
	    mount(fbsd_at("/boot"), fbsd_at("/boot"), NULL, MS_BIND, NULL), 0);
	assert_int_equal(
	    mount(NULL, fbsd_at("/boot"), NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL),
	    0);
	expect(i, ERR_FAILED,
	    COMMAND("setup", "--yes", "--os", "freebsd", "--root", fbsd_root),
	    SAYS("/boot/loader.conf", "Read-only file system"));
	after = look();
	assert_int_equal(umount2(fbsd_at("/boot"), MNT_DETACH), 0);
	assert_string_equal(after, before);
	assert_false(has_dataset() || is_loaded("vmm.ko"));
	lab_nothing_left(i);
}

static void amd(bool vmm_is_loaded)
{
	json_t *s = fbsd_state(), *sysctl = json_object_get(s, "sysctl");

	json_object_set_new(
	    sysctl, "hw.model", json_string("AMD Ryzen 7 5800U with Radeon Graphics"));
	json_object_set_new(sysctl, "hw.vmm.amdvi.count", json_string("1"));
	json_object_set_new(s, "acpi", json_pack("[s,s]", "FACP", "IVRS"));
	if (vmm_is_loaded)
		json_array_append_new(
		    json_object_get(s, "loaded"), json_string("vmm.ko"));
	fbsd_save(s);
}

static void iommu_is(const struct inst *i, const char *status, const char *fix)
{
	json_t *checks = doctor(i, ERR_PRECONDITION, false);

	check_is(checks, "iommu.present", "pass", "");
	check_is(checks, "iommu.on", status, fix);
	json_decref(checks);
}

/* AMD's IOMMU is off until vmm is told before it is loaded. */
static void the_iommu_of_amd(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");
	const char *const setup[] = {
	    "setup", "--yes", "--os", "freebsd", "--root", fbsd_root, NULL};

	inst_remove(i);
	amd(false);
	iommu_is(i, "fail", "bhyfi setup");
	expect(i, 0, setup,
	    SAYS("+hw.vmm.amdvi.enable=\"1\"", "/bin/kenv hw.vmm.amdvi.enable=1",
		"/sbin/kldload -n vmm", "Done.", "No restart"));
	iommu_is(i, "pass", "");
	fbsd_reboot();
	iommu_is(i, "pass", "");
	/* Too late for one that is loaded. */
	fbsd_install();
	amd(true);
	iommu_is(i, "fail", "bhyfi setup");
	expect(i, 0, setup, SAYS("Done.", "Restart this host: vmm is loaded already"));
	iommu_is(i, "fail", "kldunload vmm");
	fbsd_reboot();
	iommu_is(i, "pass", "");
	lab_nothing_left(i);
}

#define HOST_TEST(f) cmocka_unit_test_setup_teardown(f, host_setup, host_teardown)

LAB_MAIN("flow", HOST_TEST(from_doctor_to_undo),
    HOST_TEST(long_each_program_of_up_fails_once),
    HOST_TEST(each_program_of_down_fails_once), HOST_TEST(bhyfid_killed_as_bhyve_starts),
    HOST_TEST(a_card_that_vanishes), HOST_TEST(what_pciconf_says_is_not_guessed_at),
    HOST_TEST(setup_is_all_or_nothing), HOST_TEST(a_read_only_boot),
    HOST_TEST(the_iommu_of_amd))
