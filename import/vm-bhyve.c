/*
 * A vm-bhyve guest that was made by hand to run the card: the recipe is an Alpine on a
 * disk image, the card as passthru0, and a tap on a switch or by itself, with dhclient
 * on the host. How vm-bhyve reads its files, and where they are, is from its programs
 * (1.6: lib/vm-config, vm-run, vm-datastore, vm-zfs).
 *
 * The guest's own files, its wpa_supplicant.conf among them, are inside its disk and are
 * not looked for there.
 */
#include "vm-bhyve.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "hostconf.h"
#include "vmm/bhyve-conf.h"
#include "words.h"

#define DEVICES_MAX 16
#define NAME_SIZE 232

static void note(struct finder *f, enum import_result r, const char *file,
    const struct assign *s, const char *why)
{
	char setting[SETTING_SIZE];

	found(f, r, file, s->line, setting_text(s, setting), "%s", why);
}

/* Where the guests are */

static bool is_vm_dir(struct finder *f, const char *dir)
{
	char path[PATH_MAX], with[PATH_MAX];

	if ((size_t)snprintf(with, sizeof(with), "%s/.templates", dir) >= sizeof(with) ||
	    found_path(f, with, path, sizeof(path)) < 0)
		return false;
	return access(path, F_OK) == 0;
}

/* vm_dir="zfs:DATASET": only zfs knows where it is mounted; the usual places. */
static int find_dataset(struct finder *f, const char *dataset, char dir[PATH_MAX])
{
	const char *last = strrchr(dataset, '/');

	snprintf(dir, PATH_MAX, "/%s", dataset);
	if (is_vm_dir(f, dir))
		return 0;
	snprintf(dir, PATH_MAX, "/%s", last != NULL ? last + 1 : dataset);
	if (is_vm_dir(f, dir))
		return 0;
	err_set(f->e, ERR_PRECONDITION,
	    "/etc/rc.conf: vm_dir=zfs:%.100s: it is not mounted at /%.100s", dataset,
	    dataset);
	return err_hint(f->e, "say where, as mount says: --vm-dir DIR");
}

static int find_vm_dir(struct finder *f, char dir[PATH_MAX])
{
	char AUTO_FREE *value = NULL;

	if (f->o->vm_dir != NULL) {
		snprintf(dir, PATH_MAX, "%s", f->o->vm_dir);
		return 0;
	}
	value = hostconf_rc_get(f, "vm_dir");
	if (value == NULL || value[0] == '\0') {
		err_set(f->e, ERR_PRECONDITION,
		    "%s/etc/rc.conf: no vm_dir in it: no vm-bhyve here", f->o->root);
		return err_hint(
		    f->e, "--root DIR says where its system is, --vm-dir DIR its folder");
	}
	if (strncmp(value, "zfs:", 4) == 0)
		return find_dataset(f, value + 4, dir);
	if (value[0] == '/') {
		snprintf(dir, PATH_MAX, "%s", value);
		return 0;
	}
	return err_set(f->e, ERR_FAILED,
	    "/etc/rc.conf: vm_dir: expected a folder or zfs:DATASET, not \"%.60s\"",
	    value);
}

static int guest_conf(
    struct finder *f, const char *dir, const char *name, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/%s/%s.conf", dir, name, name) < PATH_MAX)
		return 0;
	return err_set(f->e, ERR_FAILED, "%.60s: the path is too long", name);
}

/* Whether a guest passes a device through. -1 with f->e; a guest that can not be read is
 * none. */
static bool has_device(struct finder *f, const char *dir, const char *name, bool *exists)
{
	char path[PATH_MAX];
	struct assigns a;
	bool has;

	*exists = false;
	if (guest_conf(f, dir, name, path) < 0 || found_assigns(f, path, true, &a) != 1)
		return false;
	*exists = true;
	has = assigns_first(&a, "passthru0") != NULL;
	assigns_free(&a);
	return has;
}

/* The one guest with a device, where none was named; also counts the guests. */
static int find_guest(struct finder *f, const char *dir, char name[NAME_SIZE])
{
	char path[PATH_MAX], other[NAME_SIZE] = "";
	struct dirent *d;
	size_t n = 0;
	bool exists;
	DIR *dp;

	if (found_path(f, dir, path, sizeof(path)) < 0)
		return -1;
	dp = opendir(path);
	if (dp == NULL)
		return err_sys(f->e, errno, "%s", path);
	while ((d = readdir(dp)) != NULL) {
		if (d->d_name[0] == '.' || strlen(d->d_name) >= NAME_SIZE)
			continue;
		if (has_device(f, dir, d->d_name, &exists)) {
			if (n++ == 0 && f->o->guest == NULL)
				snprintf(name, NAME_SIZE, "%s", d->d_name);
			else
				snprintf(other, sizeof(other), "%s", d->d_name);
		}
		f->guests += exists;
	}
	closedir(dp);
	if (f->o->guest != NULL)
		return 0;
	if (n == 0)
		return err_set(f->e, ERR_PRECONDITION,
		    "%s: no guest in it has a device (passthru0)", path);
	if (n == 1)
		return 0;
	err_set(f->e, ERR_PRECONDITION, "%s: several guests have devices: %.60s, %.60s%s",
	    path, name, other, n > 2 ? ", ..." : "");
	return err_hint(f->e, "say which: bhyfi import vm-bhyve GUEST");
}

/* The guest's settings */

static int take_devices(struct finder *f, const char *file, const struct assigns *a)
{
	struct found_card list[DEVICES_MAX];
	char key[24];
	size_t n;

	/* As vm-bhyve: from 0 up to the first that is missing. */
	for (n = 0; n < DEVICES_MAX; n++) {
		const struct assign *s;

		snprintf(key, sizeof(key), "passthru%zu", n);
		s = assigns_first(a, key);
		if (s == NULL || s->value[0] == '\0')
			break;
		if (found_device(s->value, strcspn(s->value, "="), &list[n].id) < 0)
			return err_set(f->e, ERR_FAILED,
			    "%s:%u: %s: expected BUS/SLOT/FUNCTION, not \"%.40s\"", file,
			    s->line, key, s->value);
		list[n].setting = *s;
	}
	if (n > 0)
		return found_card(f, file, list, n);
	return err_set(f->e, ERR_PRECONDITION, "%s: no passthru0: no card", file);
}

static void take_device(struct finder *f, const char *file, const struct assign *s)
{
	char setting[SETTING_SIZE];

	if (!bhyve_is_tap(s->value)) {
		note(f, IMPORT_CANNOT, file, s, "bhyve opens tapN and vmnetN only");
		return;
	}
	snprintf(f->ifname, sizeof(f->ifname), "%.15s", s->value);
	f->ifname_said = true;
	found(f, IMPORT_TAKEN, file, s->line, setting_text(s, setting), "interface = %s",
	    f->ifname);
}

static void take_network(struct finder *f, const char *file, const struct assign *s)
{
	if (strncmp(s->name, "network0_", 9) != 0) {
		note(f, IMPORT_CANNOT, file, s,
		    "a second network: bhyfi's guest has the one that leads to the host");
	} else if (strcmp(s->name, "network0_device") == 0) {
		if (s->value[0] != '\0')
			take_device(f, file, s);
	} else if (s->value[0] != '\0') {
		f->guest_switch = s->value;
		note(f, IMPORT_CANNOT, file, s,
		    "mode clone serves this host alone, without a switch; the card's "
		    "address "
		    "is the interface's, and no access point has to know 4-address "
		    "frames");
	}
}

static void look_at(
    struct finder *f, const char *file, const struct assigns *a, const struct assign *s)
{
	const struct vm_bhyve_key *k = vm_bhyve_key(s->name);

	if (s->problem != NULL)
		note(f, IMPORT_CANNOT, file, s, s->problem);
	else if (assigns_first(a, s->name) != s)
		note(f, IMPORT_NEEDLESS, file, s, "vm-bhyve takes the first of them");
	else if (k == NULL)
		note(f, IMPORT_CANNOT, file, s, "not a setting of vm-bhyve's");
	else if (k->why != NULL)
		note(f, k->lost ? IMPORT_CANNOT : IMPORT_NEEDLESS, file, s, k->why);
	else if (strcmp(s->name, "cpu") == 0)
		found_take_number(f, file, s, "cpus", 1, 32);
	else if (strcmp(s->name, "memory") == 0)
		found_take_memory(f, file, s);
	else if (strncmp(s->name, "network", 7) == 0)
		take_network(f, file, s);
	/* passthruN: take_devices. */
}

/* rc.conf */

static void look_at_vm(struct finder *f, const char *file, const struct assign *s)
{
	char setting[SETTING_SIZE];

	setting_text(s, setting);
	if (strcmp(s->name, "vm_list") == 0 && words_have(s->value, f->guest, " \t\n,"))
		found(f, IMPORT_TODO, file, s->line, setting,
		    "sysrc vm_list-=%s    # two of them can not have the card", f->guest);
	else if (f->guests > 1)
		found(f, IMPORT_NEEDLESS, file, s->line, setting,
		    "vm-bhyve has other guests: keep");
	else if (strcmp(s->name, "vm_list") != 0)
		found(f, IMPORT_TODO, file, s->line, setting,
		    "sysrc -x %s    # when all works: vm-bhyve has no other guest",
		    s->name);
}

static void look_at_clones(struct finder *f, const char *file, const struct assign *s)
{
	char setting[SETTING_SIZE];

	if (words_have(s->value, f->ifname, " \t\n,"))
		found(f, IMPORT_TODO, file, s->line, setting_text(s, setting),
		    "sysrc %s-=%s    # bhyfid makes %s itself", s->name, f->ifname,
		    f->ifname);
}

/* ifconfig_vm_public and the like: the bridge that had the host's address. */
static bool is_bridge(const struct finder *f, const char *name)
{
	if (strncmp(name, "bridge", 6) == 0)
		return true;
	return strncmp(name, "vm_", 3) == 0 && f->guest_switch != NULL &&
	       strcmp(name + 3, f->guest_switch) == 0;
}

static void look_at_ifconfig(struct finder *f, const char *file, const struct assign *s)
{
	const char *name = s->name + strlen("ifconfig_");
	size_t n = strlen(f->ifname);
	char setting[SETTING_SIZE];

	setting_text(s, setting);
	if (strncmp(name, f->ifname, n) == 0 && (name[n] == '\0' || name[n] == '_'))
		found(f, IMPORT_NEEDLESS, file, s->line, setting,
		    "the interface has the same name with bhyfi: keep");
	else if (words_have(s->value, f->ifname, " \t\n,"))
		found(f, IMPORT_TODO, file, s->line, setting,
		    "%s is no member of a bridge any more: take addm %s out", f->ifname,
		    f->ifname);
	else if (is_bridge(f, name) && strstr(s->value, "DHCP") != NULL)
		found(f, IMPORT_TODO, file, s->line, setting,
		    "sysrc ifconfig_%s=DHCP; sysrc -x %s    # the address is %s's now",
		    f->ifname, s->name, f->ifname);
}

static void look_at_autobridge(struct finder *f, const char *file, const struct assign *s)
{
	if (strstr(s->value, "tap") != NULL)
		note(f, IMPORT_TODO, file, s,
		    "bhyfi's tap must not become a member: take it out");
}

static void look_at_blocklist(struct finder *f, const char *file, const struct assign *s)
{
	note(f, IMPORT_NEEDLESS, file, s, "it keeps the card's native driver away: keep");
}

static const struct hostconf_rule rc_rules[] = {
    {"vm_list", look_at_vm, NULL},
    {"vm_enable", look_at_vm, NULL},
    {"vm_dir", look_at_vm, NULL},
    {"vm_delay", look_at_vm, NULL},
    {"cloned_interfaces", look_at_clones, NULL},
    {"autobridge_*", look_at_autobridge, NULL},
    {"ifconfig_*", look_at_ifconfig, NULL},
    {"devmatch_blocklist", look_at_blocklist, NULL},
    {"devmatch_blacklist", look_at_blocklist, NULL},
    {NULL, NULL, NULL},
};

static int read_host(struct finder *f, const char *conf)
{
	char text[128];

	snprintf(text, sizeof(text),
	    "bhyfi has the interface configured as it joins a network");
	if (hostconf_rc(f, rc_rules, NULL) < 0 || hostconf_loader(f) < 0 ||
	    hostconf_mentions(f, "/etc/rc.local", f->ifname, text) < 0)
		return -1;
	if (f->guest_switch != NULL)
		found(f, IMPORT_TODO, conf, 0, NULL,
		    "vm switch destroy %.60s, where no other guest uses it",
		    f->guest_switch);
	found(f, IMPORT_TODO, conf, 0, NULL,
	    "vm stop %.60s, before the first bhyfi up; then vm destroy %.60s, when all "
	    "works",
	    f->guest, f->guest);
	return 0;
}

static int read_networks(struct finder *f, const char *conf)
{
	/* The host's own, of the native driver's time. */
	int ret = found_networks(f, "/etc/wpa_supplicant.conf");

	if (ret == 0)
		found(f, IMPORT_TODO, conf, 0, NULL,
		    "copy wpa_supplicant.conf out of the guest's disk and import again "
		    "with "
		    "--networks FILE");
	return ret < 0 ? -1 : 0;
}

static int read_guest(struct finder *f, const char *file, struct assigns *a)
{
	int ret = found_assigns(f, file, true, a);

	if (ret == 0)
		return err_set(
		    f->e, ERR_PRECONDITION, "%s%s: no such guest", f->o->root, file);
	if (ret < 0 || take_devices(f, file, a) < 0)
		return -1;
	for (size_t i = 0; i < a->n; i++)
		look_at(f, file, a, &a->list[i]);
	if (read_networks(f, file) < 0)
		return -1;
	return read_host(f, file);
}

int import_vm_bhyve(const struct import_options *o, struct import *im, struct err *e)
{
	char dir[PATH_MAX], file[PATH_MAX], name[NAME_SIZE];
	struct assigns a = {.n = 0};
	struct finder f;
	int ret;

	if (found_begin(&f, o, im, "vm-bhyve", e) < 0)
		return -1;
	ret = find_vm_dir(&f, dir);
	if (o->guest != NULL)
		snprintf(name, sizeof(name), "%s", o->guest);
	if (ret == 0 && o->guest != NULL &&
	    (o->guest[0] == '.' || strchr(o->guest, '/') != NULL ||
		strlen(o->guest) >= sizeof(name)))
		ret = err_set(e, ERR_USAGE, "%.60s: not the name of a guest", o->guest);
	if (ret == 0)
		ret = find_guest(&f, dir, name);
	f.guest = name;
	if (ret == 0)
		ret = guest_conf(&f, dir, name, file);
	if (ret == 0)
		ret = read_guest(&f, file, &a);
	assigns_free(&a);
	return found_end(&f, ret);
}
