/* Others that lay claim to the same card or interface. */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cleanup.h"

#define BOTH (SYSTEM_LINUX | SYSTEM_FREEBSD)
#define WIFIBOX_CONF "/usr/local/etc/wifibox/bhyve.conf"

/* "3/0/0", as bhyve, wifibox, vm-bhyve and pptdevs write an address of domain 0. */
static void slash_address(const struct card_id *id, char out[32])
{
	snprintf(out, 32, "%u/%u/%u", id->bus, id->slot, id->function);
}

static bool same_device(const struct card_id *a, const struct card_id *b)
{
	return a->kind == CARD_PCI && b->kind == CARD_PCI && a->domain == b->domain &&
	       a->bus == b->bus && a->slot == b->slot && a->function == b->function;
}

/* Another instance's configuration; a wrong one is that instance's matter. */
static struct config *read_other(const struct doctor *d, const char *instance)
{
	struct config *c = malloc(sizeof(*c));
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s.conf", d->etc, instance);
	if (c != NULL && config_init(c, instance, NULL) == 0 &&
	    fact_config(c, path, NULL) == 0)
		return c;
	free(c);
	return NULL;
}

static void look_at_instance(struct doctor *d, const char *instance)
{
	struct config *c = read_other(d, instance);

	if (c == NULL)
		return;
	if (same_device(&c->card, &d->config.card)) {
		fail(d, "instance %s has the same card", instance);
		fix(d, "set another card in %s/%s.conf", d->etc, instance);
	} else if (strcmp(c->interface, d->config.interface) == 0 &&
		   strcmp(c->sysroot, d->config.sysroot) == 0) {
		fail(d, "instance %s has the same interface, %s", instance, c->interface);
		fix(d, "set another interface in %s/%s.conf", d->etc, instance);
	}
	free(c);
}

static void other_instances(struct doctor *d)
{
	char name[INSTANCE_MAX];
	struct dirent *e;
	DIR *dir;

	if (!d->configured) {
		skip(d, "there is no configuration");
		return;
	}
	pass(d, "no other instance has its card or interface");
	dir = opendir(d->etc);
	while (dir != NULL && d->r->status == CHECK_PASS && (e = readdir(dir)) != NULL)
		if (config_instance_of(e->d_name, name) &&
		    strcmp(name, d->o->instance) != 0)
			look_at_instance(d, name);
	if (dir != NULL)
		closedir(dir);
}

static void wifibox(struct doctor *d)
{
	char mine[32], devices[256];
	int enabled = fact_rc_yes(d, "wifibox_enable");
	int set = fact_setting(WIFIBOX_CONF, "passthru", devices, sizeof(devices));

	if (fact_exists("/dev/vmm/wifibox")) {
		fail(d, "wifibox runs now, and has its card");
		fix(d, "service wifibox stop && sysrc wifibox_enable=NO");
		return;
	}
	if (enabled == 1) {
		fail(d, "rc.conf starts wifibox at boot");
		fix(d, "sysrc wifibox_enable=NO");
		return;
	}
	if (enabled < 0) {
		skip(d,
		    "rc.conf sets wifibox_enable in a way that only a shell could tell");
		fix(d, "sysrc wifibox_enable");
		return;
	}
	if (set <= 0 || d->card == NULL) {
		pass(d, "wifibox does not run and is not started at boot");
		return;
	}
	slash_address(&d->card->id, mine);
	if (words_have(devices, mine, " \t\n"))
		warn(d, "wifibox is configured for this card, but not started at boot");
	else
		pass(d, "wifibox is not configured for this card");
}

/* The folder of vm-bhyve's guests: vm_dir, or the mount point of "zfs:DATASET". */
static int guests_folder(struct doctor *d, char *out, size_t size)
{
	char value[512];
	AUTO_FREE char *text = NULL;
	int set = fact_rc(d, "vm_dir", value, sizeof(value));

	if (set != 1 || value[0] == '\0')
		return set < 0 ? -1 : 0;
	if (strncmp(value, "zfs:", 4) != 0) {
		snprintf(out, size, "%s", value);
		return 1;
	}
	const char *const argv[] = {
	    "/sbin/zfs", "get", "-H", "-o", "value", "mountpoint", value + 4, NULL};

	if (freebsd_ask(argv, &text, NULL) != 0 || text[0] != '/')
		return -1;
	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
	return 1;
}

struct guests {
	const char *folder, *mine;
	char owner[64]; /* the first guest that has the card; "" */
};

/*
 * Whether a guest's file has the device: passthru0="3/0/0", passthru1=...; behind a '='
 * stands the guest's slot. vm-bhyve takes lines that begin with a small letter, up to
 * a '#', and drops every double quote.
 */
static bool has_device(const char *text, const char *mine)
{
	size_t len = strlen(mine);

	for (; text != NULL; text = strchr(text, '\n')) {
		char value[64];
		size_t n = 0;

		text += *text == '\n';
		if (strncmp(text, "passthru", 8) != 0)
			continue;
		for (const char *at = text + strcspn(text, "=\n");
		     strchr("\n#", *at) == NULL && n < sizeof(value) - 1; at++)
			if (*at != '"')
				value[n++] = *at;
		value[n] = '\0';
		if (value[0] == '=' && strncmp(value + 1, mine, len) == 0 &&
		    strchr("= \t", value[1 + len]) != NULL)
			return true;
	}
	return false;
}

static bool look_at_guest(const char *name, void *arg)
{
	struct guests *g = arg;
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s.conf", g->folder, name, name);
	text = fact_file(path);
	if (text != NULL && has_device(text, g->mine))
		snprintf(g->owner, sizeof(g->owner), "%s", name);
	return g->owner[0] == '\0';
}

static void guest_owns(struct doctor *d, const char *guest)
{
	char path[128], list[512];

	snprintf(path, sizeof(path), "/dev/vmm/%s", guest);
	if (fact_exists(path)) {
		fail(d, "the vm-bhyve guest %s runs and has this card", guest);
		fix(d, "vm stop %s", guest);
	} else if (fact_rc_yes(d, "vm_enable") == 1 &&
		   fact_rc(d, "vm_list", list, sizeof(list)) == 1 &&
		   words_have(list, guest, " \t\n")) {
		fail(d,
		    "rc.conf starts the vm-bhyve guest %s, which has this card, at boot",
		    guest);
		fix(d, "sysrc vm_list-=%s", guest);
	} else {
		warn(d, "the vm-bhyve guest %s is configured for this card", guest);
		fix(d, "take passthru out of it: vm configure %s", guest);
	}
}

static void vm_bhyve(struct doctor *d)
{
	char folder[PATH_MAX], mine[32];
	struct guests g = {.folder = folder, .mine = mine};
	int set;

	if (skip_card(d))
		return;
	set = guests_folder(d, folder, sizeof(folder));
	slash_address(&d->card->id, mine);
	if (set == 0) {
		pass(d, "vm-bhyve is not set up");
	} else if (set < 0) {
		skip(d, "rc.conf's vm_dir does not tell the folder of the guests");
		fix(d, "sysrc vm_dir");
	} else if (!folder_each(folder, look_at_guest, &g)) {
		skip(d, "%.200s can not be read", folder);
	} else if (g.owner[0] == '\0') {
		pass(d, "no guest of vm-bhyve has this card");
	} else {
		guest_owns(d, g.owner);
	}
}

/* loader.conf's pptdevs reserves devices for guests before any driver sees them. */
static void reserved(struct doctor *d)
{
	static const char *const names[] = {"pptdevs", "pptdevs2", "pptdevs3"};
	char list[512], mine[32];

	if (skip_card(d))
		return;
	slash_address(&d->card->id, mine);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!fact_loader(d, names[i], list, sizeof(list)) ||
		    !words_have(list, mine, " "))
			continue;
		pass(d,
		    "loader.conf's %s keeps the card for guests: down does not give it "
		    "back to the host",
		    names[i]);
		return;
	}
	pass(d, "loader.conf does not reserve it: up and down do");
}

const struct check conflict_checks[] = {
    {"conflict.instance", "other instances", BOTH, other_instances},
    {"conflict.wifibox", "wifibox", SYSTEM_FREEBSD, wifibox},
    {"conflict.vm-bhyve", "vm-bhyve", SYSTEM_FREEBSD, vm_bhyve},
    {"conflict.pptdevs", "pptdevs", SYSTEM_FREEBSD, reserved},
    {.id = NULL},
};
