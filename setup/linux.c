/*
 * Linux's part of a plan.
 *
 * The unit is enabled by making the links that `systemctl enable` makes (systemd.unit(5),
 * [Install]): so they are shown, journalled and taken back like all else, and it works
 * in a folder where no systemd runs. systemctl is only told to read them.
 *
 * A card is bound at boot by its numbers (vfio-pci's `ids`), and a softdep has
 * vfio-pci loaded before the card's own driver (modprobe.d(5)).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "inifile.h"
#include "paths.h"
#include "plan.h"
#include "run.h"

#define UNIT "bhyfi@.service"
#define SYSTEMD_ETC "/etc/systemd/system"
#define NETWORK_DIR "/etc/systemd/network"
#define MODPROBE_DIR "/etc/modprobe.d"
#define MODPROBE_OWN MODPROBE_DIR "/bhyfi.conf"
#define MODULES_OWN "/etc/modules-load.d/bhyfi.conf"
#define MODPROBE "/sbin/modprobe"
#define SYSTEMCTL "/bin/systemctl"
#define NETWORKCTL "/bin/networkctl"
#define FILE_SIZE_MAX (256 * 1024)

static int reload_systemd(struct setup_plan *p, struct err *e)
{
	if (!run_have(SYSTEMCTL) || !plan_exists("/run/systemd/system"))
		return 0;
	return plan_command(p, "has systemd read its links again", SYSTEMCTL,
	    "daemon-reload", NULL, NULL, e);
}

static int reload_networkd(struct setup_plan *p, struct err *e)
{
	if (!run_have(NETWORKCTL) || !plan_exists("/run/systemd/netif"))
		return 0;
	return plan_command(p, "has systemd-networkd read its files again", NETWORKCTL,
	    "reload", NULL, NULL, e);
}

/* A file of the system; NULL where it is not there or cannot be read. */
static char *slurp(const char *path, size_t *len)
{
	char full[PATH_MAX], *text;

	if (os_path(full, sizeof(full), path, NULL) < 0 ||
	    fs_read_file(full, FILE_SIZE_MAX, &text, len, NULL) < 0)
		return NULL;
	return text;
}

/* The unit's WantedBy, which is where the link goes. */
static void wanted_by(const char *unit, char *out, size_t size)
{
	size_t len;
	AUTO_FREE char *text = slurp(unit, &len);

	if (text == NULL || !ini_get(text, len, "WantedBy", out, size) ||
	    strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789.@-") != strlen(out) ||
	    out[0] == '\0')
		snprintf(out, size, "multi-user.target");
}

static int enable_unit(struct setup_plan *p, const char *unit, struct err *e)
{
	char target[64], path[PATH_MAX];

	wanted_by(unit, target, sizeof(target));
	snprintf(path, sizeof(path), SYSTEMD_ETC "/%s.wants/bhyfi@%s.service", target,
	    p->instance);
	return plan_link(p, path, unit, e);
}

static int plan_unit(struct setup_plan *p, struct err *e)
{
	static const char *const folders[] = {SYSTEMD_ETC,
	    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
	    "/lib/systemd/system"};
	char path[PATH_MAX], prefix[PATH_MAX], *slash;
	size_t before = p->changes.n;

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		snprintf(path, sizeof(path), "%s/" UNIT, folders[i]);
		if (plan_exists(path))
			break;
		path[0] = '\0';
	}
	if (path[0] == '\0') {
		/* Of a self-contained tree, where systemd does not look. */
		snprintf(prefix, sizeof(prefix), "%s", PATH_SBIN);
		slash = strrchr(prefix, '/');
		if (slash != NULL)
			*slash = '\0';
		if (snprintf(path, sizeof(path), "%s/lib/systemd/system/" UNIT, prefix) >=
			(int)sizeof(path) ||
		    !plan_exists(path))
			return plan_note(p, e,
			    "No systemd unit " UNIT " is installed: bhyfi up starts it, "
			    "nothing does at boot.");
		if (plan_link(p, SYSTEMD_ETC "/" UNIT, path, e) < 0)
			return -1;
	}
	if (enable_unit(p, path, e) < 0)
		return -1;
	return p->changes.n > before ? reload_systemd(p, e) : 0;
}

int plan_linux_undo(struct setup_plan *p, struct err *e)
{
	bool links = false, networks = false;

	for (size_t i = 0; i < p->changes.n; i++) {
		links |= p->changes.change[i].kind == CHANGE_LINK;
		networks |= strncmp(p->changes.change[i].path, NETWORK_DIR,
				sizeof(NETWORK_DIR) - 1) == 0;
	}
	if (links && reload_systemd(p, e) < 0)
		return -1;
	return networks ? reload_networkd(p, e) : 0;
}

static int plan_modules(struct setup_plan *p, const struct plan_input *in, struct err *e)
{
	bool real = in->card.kind == CARD_PCI;
	size_t len;
	AUTO_FREE char *present = slurp(MODULES_OWN, &len);

	/* Another instance's real card may need vfio-pci still. */
	if (present == NULL || (real && strstr(present, "vfio-pci") == NULL)) {
		if (plan_file(p, MODULES_OWN, 0644,
			real ? "# bhyfi\ntun\nvfio-pci\n" : "# bhyfi\ntun\n", true, false,
			e) < 0)
			return -1;
	}
	if (!run_have(MODPROBE))
		return 0;
	if (!plan_exists("/dev/net/tun") &&
	    plan_command(p, "loads the module now", MODPROBE, "tun", NULL, NULL, e) < 0)
		return -1;
	if (real && !plan_exists("/sys/bus/pci/drivers/vfio-pci"))
		return plan_command(
		    p, "loads the module now", MODPROBE, "vfio-pci", NULL, NULL, e);
	return 0;
}

/* The option may be given once: what somebody else wrote has to be added to. */
static int check_other_ids(const char *path, const char *id, struct err *e)
{
	size_t len;
	AUTO_FREE char *text = slurp(path, &len);
	unsigned line = 0;
	char *save = NULL;

	for (char *p = text; p != NULL; line++) {
		char *l = strsep(&p, "\n"), *word = strtok_r(l, " \t", &save);
		bool mine;

		if (word == NULL || strcmp(word, "options") != 0)
			continue;
		word = strtok_r(NULL, " \t", &save);
		mine = word != NULL &&
		       (strcmp(word, "vfio-pci") == 0 || strcmp(word, "vfio_pci") == 0);
		while (mine && (word = strtok_r(NULL, " \t", &save)) != NULL) {
			if (strncmp(word, "ids=", 4) != 0 || strstr(word, id) != NULL)
				continue;
			err_set(e, ERR_FAILED,
			    "%s:%u: vfio-pci has ids there already, and takes only one "
			    "list",
			    path, line + 1);
			return err_hint(e, "add ,%s to it by hand", id);
		}
	}
	return 0;
}

static int check_others(const char *id, struct err *e)
{
	char full[PATH_MAX], path[PATH_MAX];
	struct dirent *d;
	int ret = 0;
	DIR *dir;

	if (os_path(full, sizeof(full), MODPROBE_DIR, e) < 0)
		return -1;
	dir = opendir(full);
	if (dir == NULL)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", full);
	while (ret == 0 && (d = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), MODPROBE_DIR "/%s", d->d_name);
		if (d->d_name[0] != '.' && strcmp(path, MODPROBE_OWN) != 0)
			ret = check_other_ids(path, id, e);
	}
	closedir(dir);
	return ret;
}

/* Our own file with one more card in it. */
static char *with_card(const char *present, const char *id, const char *driver)
{
	static const char options[] = "options vfio-pci ids=";
	const char *at = present != NULL ? strstr(present, options) : NULL;
	char *text, *dep = NULL;
	int n;

	if (driver[0] != '\0' && strcmp(driver, "vfio-pci") != 0 &&
	    asprintf(&dep, "softdep %s pre: vfio-pci\n", driver) < 0)
		return NULL;
	if (at == NULL) {
		n = asprintf(
		    &text, "# bhyfi\n%s%s\n%s", options, id, dep != NULL ? dep : "");
	} else {
		size_t head = (size_t)(at - present) + sizeof(options) - 1;
		bool listed = strstr(at, id) != NULL;
		bool known = dep == NULL || strstr(present, dep) != NULL;

		n = asprintf(&text, "%.*s%s%s%s%s", (int)head, present, listed ? "" : id,
		    listed ? "" : ",", present + head, known ? "" : dep);
	}
	free(dep);
	return n < 0 ? NULL : text;
}

static int plan_binding(struct setup_plan *p, const struct plan_input *in, struct err *e)
{
	const struct card *c = in->found;
	unsigned same = 0;
	size_t len;
	char id[16];
	AUTO_FREE char *present = slurp(MODPROBE_OWN, &len), *text = NULL;

	snprintf(id, sizeof(id), "%04x:%04x", c->vendor, c->device);
	for (size_t i = 0; i < in->cards->n; i++)
		same += in->cards->cards[i].vendor == c->vendor &&
			in->cards->cards[i].device == c->device;
	if (same > 1 &&
	    plan_note(p, e,
		"vfio-pci takes every card %s at boot, and this machine has %u.", id,
		same) < 0)
		return -1;
	if (check_others(id, e) < 0)
		return -1;
	text = with_card(present, id, c->driver);
	if (text == NULL)
		return err_sys(e, ENOMEM, "setup");
	if (plan_file(p, MODPROBE_OWN, 0644, text, true, false, e) < 0)
		return -1;
	if (plan_exists("/etc/initramfs-tools") || plan_exists("/etc/dracut.conf"))
		return plan_note(p, e,
		    "If the card's driver is in the initramfs, that has to be made anew "
		    "(update-initramfs -u, dracut -f).");
	return 0;
}

static bool wanted(const char *unit)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SYSTEMD_ETC "/multi-user.target.wants/%s", unit);
	return plan_exists(path);
}

static int plan_network(struct setup_plan *p, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t before = p->changes.n;
	const char *ifname = p->interface;
	char path[PATH_MAX];

	if (wanted("NetworkManager.service"))
		return plan_note(p, e,
		    "NetworkManager leaves taps alone: nmcli connection add type tun "
		    "con-name %s ifname %s ipv4.method auto ipv6.method auto",
		    ifname, ifname);
	if (!wanted("systemd-networkd.service") &&
	    !plan_exists(SYSTEMD_ETC "/dbus-org.freedesktop.network1.service")) {
		if (plan_exists("/etc/network/interfaces"))
			return plan_note(p, e,
			    "For an address, put into /etc/network/interfaces: "
			    "allow-hotplug %s, and iface %s inet dhcp",
			    ifname, ifname);
		return plan_note(
		    p, e, "For an address, run a DHCP client on %s.", ifname);
	}
	if (asprintf(&text,
		"# bhyfi\n[Match]\nName=%s\n\n[Network]\nDHCP=yes\n"
		"IPv6AcceptRA=yes\n",
		ifname) < 0) {
		text = NULL;
		return err_sys(e, ENOMEM, "setup");
	}
	snprintf(path, sizeof(path), NETWORK_DIR "/80-bhyfi-%s.network", ifname);
	if (plan_file(p, path, 0644, text, false, true, e) < 0)
		return -1;
	return p->changes.n > before ? reload_networkd(p, e) : 0;
}

/* The configured interface, or the default one of host/config.c. */
static int choose_interface(struct setup_plan *p, struct plan_input *in, struct err *e)
{
	size_t len;
	AUTO_FREE char *text = slurp(in->config, &len);

	if (text != NULL &&
	    ini_get(text, len, "interface", p->interface, sizeof(p->interface)))
		return 0;
	if (in->native) {
		struct config c;

		if (config_init(&c, p->instance, e) < 0)
			return -1;
		snprintf(p->interface, sizeof(p->interface), "%s", c.interface);
		return 0;
	}
	in->write_interface = strcmp(p->instance, "wlan") != 0;
	if (in->write_interface)
		snprintf(p->interface, sizeof(p->interface), "bhyfi-%.9s", p->instance);
	else
		snprintf(p->interface, sizeof(p->interface), "bhyfi0");
	return 0;
}

int plan_linux(struct setup_plan *p, const struct plan_input *in, struct err *e)
{
	struct plan_input mine = *in;

	if (choose_interface(p, &mine, e) < 0 || plan_config(p, &mine, e) < 0 ||
	    plan_modules(p, in, e) < 0)
		return -1;
	if (in->request->bind_at_boot && in->found != NULL && plan_binding(p, in, e) < 0)
		return -1;
	if (plan_unit(p, e) < 0)
		return -1;
	return plan_network(p, e);
}
