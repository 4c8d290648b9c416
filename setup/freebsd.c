/*
 * FreeBSD's part of a plan.
 *
 * Where things have to stand, and why (paths of FreeBSD's source):
 *
 * - hw.vmm.amdvi.enable is CTLFLAG_RDTUN (sys/amd64/vmm/amd/amdvi_hw.c): read from the
 *   kernel's environment when vmm is loaded. So it belongs into loader.conf; kenv(1)
 *   does the same for a vmm that is loaded now; sysctl.conf comes too late.
 * - pptdevs is asked when a device is probed (vmm_is_pptdev in sys/amd64/vmm/vmm.c): it
 *   holds only with vmm loaded by the loader. A value has at most 128 bytes, so there
 *   are pptdevs2 and pptdevs3.
 * - devmatch_blocklist: module names with or without .ko, blanks between
 *   (libexec/rc/rc.d/devmatch). devmatch(8) is asked which ones it would load.
 * - ifconfig_tapN is DHCP, not SYNCDHCP: the tap comes up before the WLAN does, and
 *   SYNCDHCP would have devd wait in dhclient for a link that is not there yet, with
 *   every other event behind it. devd starts dhclient at LINK_UP
 *   (sbin/devd/dhclient.conf); background_dhclient_tapN keeps that from waiting too.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "confset.h"
#include "dataset.h"
#include "fs.h"
#include "inifile.h"
#include "os/folder.h"
#include "os/freebsd.h"
#include "plan.h"
#include "run.h"

#define KLDSTAT "/sbin/kldstat"
#define KLDLOAD "/sbin/kldload"
#define KENV "/bin/kenv"
#define SYSCTL "/sbin/sysctl"
#define DEVMATCH "/sbin/devmatch"
#define AMDVI "hw.vmm.amdvi.enable"
#define PPTDEVS_MAX 120 /* of KENV_MVALLEN's 128 (sys/sys/kenv.h) */
#define TAPS_MAX 100
#define MODULES_MAX 8

struct freebsd {
	struct setup_plan *p;
	const struct plan_input *in;
	struct confset *loader, *rc;
	char modules[MODULES_MAX][64]; /* that devmatch loads for the card */
	size_t nmodules;
};

/* checkyesno's idea of yes (rc.subr). */
static bool is_yes(const char *value)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strcasecmp(value, yes[i]) == 0)
			return true;
	return false;
}

static bool is_loader_yes(const char *value)
{
	return strcasecmp(value, "yes") == 0;
}

static bool module_known(const char *flag, const char *name)
{
	return freebsd_kldstat(flag, name, NULL) == 1;
}

/* A module of the loader's, loaded now as well. One that the kernel holds needs
 * neither: tap is in GENERIC. */
static int plan_module(struct freebsd *f, const char *name, struct err *e)
{
	char variable[64], file[64];
	bool known = run_have(KLDSTAT) && module_known("-m", name);

	snprintf(file, sizeof(file), "%s.ko", name);
	if (known && !module_known("-n", file))
		return 0;
	snprintf(variable, sizeof(variable), "%s_load", name);
	if (confset_set(f->loader, variable, "YES", is_loader_yes, e) < 0)
		return -1;
	if (!run_have(KLDSTAT) || known)
		return 0;
	return plan_command(f->p, "loads the module now", KLDLOAD, "-n", name, NULL, e);
}

static bool sysctl_value(const char *name, char *out, size_t size)
{
	return run_have(SYSCTL) && freebsd_sysctl(name, out, size);
}

static int plan_amd(struct freebsd *f, struct err *e)
{
	char model[128], value[16];

	if (!sysctl_value("hw.model", model, sizeof(model)))
		return plan_note(f->p, e,
		    "This machine's processor could not be asked for: with one of AMD's, "
		    "%s=1 belongs into /boot/loader.conf.",
		    AMDVI);
	if (strncasecmp(model, "AMD", 3) != 0 && strncasecmp(model, "Hygon", 5) != 0)
		return 0;
	if (confset_set(f->loader, AMDVI, "1", NULL, e) < 0)
		return -1;
	if (!run_have(KLDSTAT))
		return 0;
	if (!module_known("-m", "vmm"))
		return plan_command(f->p, "switches AMD's IOMMU on for vmm", KENV,
		    AMDVI "=1", NULL, NULL, e);
	if (sysctl_value(AMDVI, value, sizeof(value)) && strcmp(value, "1") == 0)
		return 0;
	return plan_reboot(f->p, e,
	    "vmm is loaded already, and reads %s only when it is loaded (or, with no "
	    "virtual machine running: kldunload vmm, then bhyfi setup again).",
	    AMDVI);
}

static int plan_pptdevs(struct freebsd *f, struct err *e)
{
	static const char *const variables[] = {"pptdevs", "pptdevs2", "pptdevs3"};
	const struct card_id *card = &f->in->card;
	const char *into = NULL;
	struct conf_value v;
	char word[40];

	if (card->domain != 0)
		return err_set(e, ERR_PRECONDITION,
		    "pptdevs names cards of PCI domain 0 only, and this one is in %u",
		    card->domain);
	snprintf(word, sizeof(word), "%u/%u/%u", card->bus, card->slot, card->function);
	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		size_t len;

		if (confset_find(f->loader, variables[i], &v, e) < 0)
			return -1;
		if (v.known == CONF_KNOWN && confset_has_word(v.value, word, ""))
			return 0;
		len = v.known == CONF_KNOWN ? strlen(v.value) : 0;
		if (into == NULL && len + 1 + strlen(word) <= PPTDEVS_MAX)
			into = variables[i];
	}
	if (into == NULL)
		return err_set(
		    e, ERR_FAILED, "/boot/loader.conf: pptdevs to pptdevs3 are full");
	return confset_add_word(f->loader, into, word, "", e);
}

static int plan_loader(struct freebsd *f, struct err *e)
{
	bool real = f->in->card.kind == CARD_PCI;

	/* Before vmm is loaded. */
	if (real && plan_amd(f, e) < 0)
		return -1;
	if (plan_module(f, "vmm", e) < 0 || plan_module(f, "nmdm", e) < 0 ||
	    plan_module(f, "if_tuntap", e) < 0)
		return -1;
	if (real && f->in->request->bind_at_boot)
		return plan_pptdevs(f, e);
	return 0;
}

static void add_module(struct freebsd *f, const char *name, size_t len)
{
	static const char ko[] = ".ko";

	if (len > 3 && memcmp(name + len - 3, ko, 3) == 0)
		len -= 3;
	if (len == 0 || len >= sizeof(f->modules[0]) || f->nmodules == MODULES_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("_-.", name[i]) == NULL)
			return;
	for (size_t i = 0; i < f->nmodules; i++)
		if (strncmp(f->modules[i], name, len) == 0 && f->modules[i][len] == '\0')
			return;
	snprintf(
	    f->modules[f->nmodules++], sizeof(f->modules[0]), "%.*s", (int)len, name);
}

/* What devmatch(8) would load for such a card, asked as devd asks at a nomatch. */
static void ask_devmatch(struct freebsd *f)
{
	const struct card *c = f->in->found;
	AUTO_FREE char *out = NULL;
	char pnp[160], *save = NULL;

	snprintf(pnp, sizeof(pnp),
	    "? at vendor=0x%04x device=0x%04x subvendor=0x%04x subdevice=0x%04x "
	    "class=0x028000 on pci%u",
	    c->vendor, c->device, c->pci.subvendor, c->pci.subdevice, f->in->card.bus);
	const char *const argv[] = {DEVMATCH, "-p", pnp, NULL};
	if (!run_have(DEVMATCH) || freebsd_ask(argv, &out, NULL) != 0)
		return;
	for (char *line = strtok_r(out, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		add_module(f, line, strlen(line));
}

/* The module of a driver that is bound now, by FreeBSD's names of them. */
static void guess_module(struct freebsd *f)
{
	static const struct {
		const char *driver, *module;
	} odd[] = {{"ath", "if_ath_pci"}, {"bwn", "if_bwn_pci"}, {"rtwn", "if_rtwn_pci"}};
	const char *driver = f->in->found->driver;
	char name[64];

	if (driver[0] == '\0' || strcmp(driver, "ppt") == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		if (strcmp(driver, odd[i].driver) == 0) {
			add_module(f, odd[i].module, strlen(odd[i].module));
			return;
		}
	}
	snprintf(name, sizeof(name), "if_%s", driver);
	add_module(f, name, strlen(name));
}

/* rc.d/devmatch reads the old name of the list only where the new one is empty: what is
 * in it moves along. */
static int keep_old_blocklist(struct freebsd *f, struct err *e)
{
	struct conf_value now, old;

	if (confset_find(f->rc, "devmatch_blocklist", &now, e) < 0)
		return -1;
	if (now.known != CONF_UNSET && !(now.known == CONF_KNOWN && now.value[0] == '\0'))
		return 0;
	if (confset_find(f->rc, "devmatch_blacklist", &old, e) < 0)
		return -1;
	if (old.known == CONF_UNSET || (old.known == CONF_KNOWN && old.value[0] == '\0'))
		return 0;
	if (old.known == CONF_KNOWN && old.literal) {
		AUTO_FREE char *value = strdup(old.value);

		if (value == NULL)
			return err_sys(e, ENOMEM, "setup");
		return confset_set(f->rc, "devmatch_blocklist", value, NULL, e);
	}
	err_set(e, ERR_FAILED, "%s:%u: what devmatch_blacklist is can not be told",
	    old.doc->name, old.line);
	return err_hint(e, "call it devmatch_blocklist, with %s in it", f->modules[0]);
}

/* The native driver would take the card at the next boot. */
static int plan_blocklist(struct freebsd *f, struct err *e)
{
	if (f->in->found == NULL)
		return 0;
	ask_devmatch(f);
	if (f->nmodules == 0)
		guess_module(f);
	if (f->nmodules > 0 && keep_old_blocklist(f, e) < 0)
		return -1;
	for (size_t i = 0; i < f->nmodules; i++) {
		const char *module = f->modules[i];
		struct conf_value v;
		char load[80];

		if (confset_add_word(f->rc, "devmatch_blocklist", module, ".ko", e) < 0 ||
		    confset_find(f->rc, "kld_list", &v, e) < 0)
			return -1;
		if (v.known == CONF_KNOWN && confset_has_word(v.value, module, ".ko") &&
		    plan_note(f->p, e,
			"%s:%u: kld_list loads %s all the same: take it out there.",
			v.doc->name, v.line, module) < 0)
			return -1;
		snprintf(load, sizeof(load), "%s_load", module);
		if (confset_find(f->loader, load, &v, e) < 0)
			return -1;
		if (v.known == CONF_KNOWN && is_loader_yes(v.value) &&
		    plan_note(f->p, e, "%s:%u: %s loads it all the same: take it out.",
			v.doc->name, v.line, load) < 0)
			return -1;
	}
	return 0;
}

static bool is_tap(const char *name)
{
	return strncmp(name, "tap", 3) == 0 && name[3] != '\0' &&
	       name[3 + strspn(name + 3, "0123456789")] == '\0';
}

/* Another instance's, by its file's name and key. */
static bool other_instance_has(struct freebsd *f, const char *tap)
{
	char full[PATH_MAX], path[PATH_MAX], value[64];
	struct dirent *d;
	bool taken = false;
	DIR *dir;

	if (os_path(full, sizeof(full), f->p->etc, NULL) < 0 ||
	    (dir = opendir(full)) == NULL)
		return false;
	while (!taken && (d = readdir(dir)) != NULL) {
		AUTO_FREE char *text = NULL;
		char name[INSTANCE_MAX];
		size_t len;

		if (!config_instance_of(d->d_name, name) ||
		    strcmp(name, f->p->instance) == 0 ||
		    snprintf(path, sizeof(path), "%s/%s", full, d->d_name) >=
			(int)sizeof(path) ||
		    fs_read_file(path, CONFFILE_MAX, &text, &len, NULL) < 0)
			continue;
		if (ini_get(text, len, "interface", value, sizeof(value)))
			taken = strcmp(value, tap) == 0;
		else
			taken = strcmp(name, "wlan") == 0 && strcmp(tap, "tap0") == 0;
	}
	closedir(dir);
	return taken;
}

static int tap_taken(struct freebsd *f, const char *tap, bool *taken, struct err *e)
{
	struct conf_value v;

	if (confset_find(f->rc, "cloned_interfaces", &v, e) < 0)
		return -1;
	*taken = (v.known == CONF_KNOWN && confset_has_word(v.value, tap, "")) ||
		 other_instance_has(f, tap);
	return 0;
}

/* The configured tap, or one that nobody else makes. */
static int choose_tap(struct freebsd *f, struct plan_input *in, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct setup_plan *p = f->p;
	char full[PATH_MAX], tap[IFNAME_MAX];
	size_t len;

	if (os_path(full, sizeof(full), in->config, e) < 0)
		return -1;
	if (in->config_exists && fs_read_file(full, CONFFILE_MAX, &text, &len, e) == 0 &&
	    ini_get(text, len, "interface", p->interface, sizeof(p->interface))) {
		if (is_tap(p->interface))
			return 0;
		return err_set(e, ERR_FAILED,
		    "%s: interface: expected tap and a number, not \"%s\"", in->config,
		    p->interface);
	}
	for (unsigned i = 0; i < TAPS_MAX; i++) {
		bool taken;

		snprintf(tap, sizeof(tap), "tap%u", i);
		if (tap_taken(f, tap, &taken, e) < 0)
			return -1;
		if (taken)
			continue;
		snprintf(p->interface, sizeof(p->interface), "%s", tap);
		in->write_interface = i > 0 || strcmp(p->instance, "wlan") != 0;
		return 0;
	}
	return err_set(e, ERR_FAILED, "tap0 to tap%d are all taken", TAPS_MAX - 1);
}

/* What the user has for the interface stays. */
static int set_if_unset(
    struct freebsd *f, const char *variable, const char *value, struct err *e)
{
	struct conf_value v;

	if (confset_find(f->rc, variable, &v, e) < 0)
		return -1;
	if (v.known == CONF_UNSET || v.known == CONF_LOST)
		return confset_set(f->rc, variable, value, NULL, e);
	if (v.known == CONF_KNOWN && v.literal && strcmp(v.value, value) == 0)
		return 0;
	return plan_note(f->p, e, "%s:%u: %s stays as it is (bhyfi would set \"%s\").",
	    v.doc->name, v.line, variable, value);
}

/* rc.d/bhyfi starts wlan by default; any other set has to be named. */
static int plan_instances(struct freebsd *f, struct err *e)
{
	const char *instance = f->p->instance;
	struct conf_value v;
	char wlan[PATH_MAX + 16];

	if (confset_find(f->rc, "bhyfi_instances", &v, e) < 0)
		return -1;
	if (v.known == CONF_UNSET && strcmp(instance, "wlan") == 0)
		return 0;
	snprintf(wlan, sizeof(wlan), "%s/wlan.conf", f->p->etc);
	if (v.known == CONF_UNSET && plan_exists(wlan) &&
	    confset_add_word(f->rc, "bhyfi_instances", "wlan", "", e) < 0)
		return -1;
	return confset_add_word(f->rc, "bhyfi_instances", instance, "", e);
}

/* Files that are read for one script only, after rc.conf. */
static int note_overrides(struct freebsd *f, struct err *e)
{
	static const char *const folders[] = {"/etc", "/usr/local/etc"};
	static const char *const scripts[] = {"bhyfi", "devmatch", "dhclient", "network"};
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		for (size_t k = 0; k < ARRAY_LEN(scripts); k++) {
			snprintf(path, sizeof(path), "%s/rc.conf.d/%s", folders[i],
			    scripts[k]);
			if (plan_exists(path) &&
			    plan_note(f->p, e,
				"%s is read after rc.conf and may say otherwise.",
				path) < 0)
				return -1;
		}
	return 0;
}

static int plan_rc(struct freebsd *f, struct err *e)
{
	char variable[64];
	const char *tap = f->p->interface;

	if (confset_set(f->rc, "bhyfi_enable", "YES", is_yes, e) < 0 ||
	    plan_instances(f, e) < 0)
		return -1;
	snprintf(variable, sizeof(variable), "ifconfig_%s", tap);
	if (set_if_unset(f, variable, "DHCP", e) < 0)
		return -1;
	snprintf(variable, sizeof(variable), "ifconfig_%s_ipv6", tap);
	if (set_if_unset(f, variable, "inet6 accept_rtadv", e) < 0)
		return -1;
	snprintf(variable, sizeof(variable), "background_dhclient_%s", tap);
	if (set_if_unset(f, variable, "YES", e) < 0 || plan_blocklist(f, e) < 0)
		return -1;
	return note_overrides(f, e);
}

/* Images get a dataset of their own, beside the boot environments. */
static int plan_dataset(struct freebsd *f, struct err *e)
{
	char pool[DATASET_MAX], name[DATASET_MAX + 16], path[PATH_MAX];
	struct change *c;
	int is;

	if (snprintf(path, sizeof(path), "%s/images", f->p->db) >= (int)sizeof(path))
		return err_set(e, ERR_FAILED, "%.80s: the path is too long", f->p->db);
	is = dataset_pool(pool, e);
	if (is <= 0 || folder_filled(path))
		return is < 0 ? -1 : 0;
	is = dataset_ours(path, name, e);
	if (is != 0)
		return is < 0 ? -1 : 0;
	snprintf(name, sizeof(name), "%s/bhyfi-images", pool);
	is = dataset_exists(name, e);
	if (is < 0)
		return -1;
	if (is > 0)
		return plan_note(f->p, e,
		    "Dataset %s exists already: images go wherever %s is.", name, path);
	c = change_add(&f->p->changes, CHANGE_DATASET, path, e);
	if (c == NULL || change_resolve(c, e) < 0)
		return -1;
	return change_state_set(&c->new, name, strlen(name), e);
}

static int plan_all(struct freebsd *f, struct plan_input *in, struct err *e)
{
	if (plan_loader(f, e) < 0 || choose_tap(f, in, e) < 0 || plan_rc(f, e) < 0 ||
	    confset_changes(f->loader, &f->p->changes, e) < 0 ||
	    confset_changes(f->rc, &f->p->changes, e) < 0 || plan_config(f->p, in, e) < 0)
		return -1;
	return plan_dataset(f, e);
}

int plan_freebsd(struct setup_plan *p, const struct plan_input *in, struct err *e)
{
	struct plan_input mine = *in;
	struct freebsd f = {.p = p, .in = &mine};
	int ret = -1;

	f.loader = calloc(1, sizeof(*f.loader));
	f.rc = calloc(1, sizeof(*f.rc));
	if (f.loader == NULL || f.rc == NULL)
		err_sys(e, ENOMEM, "setup");
	else if (confset_load_loader(f.loader, e) == 0 && confset_load_rc(f.rc, e) == 0)
		ret = plan_all(&f, &mine, e);
	if (f.loader != NULL)
		confset_free(f.loader);
	if (f.rc != NULL)
		confset_free(f.rc);
	free(f.loader);
	free(f.rc);
	return ret;
}
