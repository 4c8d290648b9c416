/*
 * wifibox: its core's two files, and those of its Alpine guest.
 *
 * What each file means is from wifibox(8), wifibox-alpine(5) and the programs that read
 * them (sbin/wifibox 0.17.0, wifibox-alpine 20260405). wifibox is a router: the guest
 * has two networks of its own behind it, an address, a DHCP server and NAT. With bhyfi
 * the host itself is the station, so most of that has no counterpart because nothing is
 * left for it to do.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "hostconf.h"
#include "words.h"

#define DIR_WIFIBOX "/usr/local/etc/wifibox"
#define DIR_APPLIANCE DIR_WIFIBOX "/appliance"
#define BHYVE_CONF DIR_WIFIBOX "/bhyve.conf"
#define WIFIBOX_IF "wifibox0"
#define DEVICES_MAX 16
#define TEXT_MAX (64 * 1024)

static void needless(
    struct finder *f, const char *file, const struct assign *s, const char *why)
{
	char setting[SETTING_SIZE];

	found(f, IMPORT_NEEDLESS, file, s->line, setting_text(s, setting), "%s", why);
}

static void cannot(
    struct finder *f, const char *file, const struct assign *s, const char *why)
{
	char setting[SETTING_SIZE];

	found(f, IMPORT_CANNOT, file, s->line, setting_text(s, setting), "%s", why);
}

/* bhyve.conf */

static int take_passthru(struct finder *f, const struct assign *s)
{
	struct found_card list[DEVICES_MAX];
	size_t n = 0;

	for (const char *p = s->value; *p != '\0';) {
		size_t len;

		p += strspn(p, " \t\n");
		len = strcspn(p, " \t\n");
		if (len == 0)
			break;
		if (n == DEVICES_MAX || found_device(p, len, &list[n].id) < 0)
			return err_set(f->e, ERR_FAILED,
			    "%s:%u: passthru: expected up to %d of BUS/SLOT/FUNCTION, "
			    "not "
			    "\"%.*s\"",
			    BHYVE_CONF, s->line, DEVICES_MAX, (int)(len < 40 ? len : 40),
			    p);
		list[n++].setting = *s;
		p += len;
	}
	if (n > 0)
		return found_card(f, BHYVE_CONF, list, n);
	err_set(
	    f->e, ERR_PRECONDITION, "%s:%u: passthru names no card", BHYVE_CONF, s->line);
	return err_hint(f->e, "bhyfi cards lists those of this machine");
}

static int look_at_bhyve(struct finder *f, const struct assign *s)
{
	if (s->problem != NULL)
		return err_set(f->e, ERR_FAILED, "%s:%u: %s%s%s", BHYVE_CONF, s->line,
		    s->name, s->name[0] != '\0' ? ": " : "", s->problem);
	if (strcmp(s->name, "passthru") == 0)
		return take_passthru(f, s);
	if (strcmp(s->name, "cpus") == 0)
		found_take_number(f, BHYVE_CONF, s, "cpus", 1, 32);
	else if (strcmp(s->name, "memory") == 0)
		found_take_memory(f, BHYVE_CONF, s);
	else if (strcmp(s->name, "stop_wait_max") == 0)
		found_take_number(f, BHYVE_CONF, s, "stop_timeout", 1, 60);
	else if (strcmp(s->name, "console") == 0)
		needless(f, BHYVE_CONF, s, "the console is always kept: bhyfi console");
	else if (strcmp(s->name, "priority") == 0)
		cannot(f, BHYVE_CONF, s,
		    "bhyfi leaves bhyve at the system's default priority");
	else
		cannot(f, BHYVE_CONF, s,
		    "wifibox has no such setting, as far as bhyfi knows");
	return 0;
}

/* The last assignment counts; an earlier one of the same name is skipped. */
static int read_bhyve_conf(struct finder *f)
{
	struct assigns a;
	int ret = found_assigns(f, BHYVE_CONF, false, &a);

	if (ret < 0)
		return -1;
	if (ret == 0) {
		err_set(f->e, ERR_PRECONDITION, "%s%s: no such file: no wifibox here",
		    f->o->root, BHYVE_CONF);
		return err_hint(f->e, "--root DIR says where its system is");
	}
	ret = 0;
	for (size_t i = 0; ret == 0 && i < a.n; i++) {
		const struct assign *s = &a.list[i];

		if (s->problem == NULL && assigns_last(&a, s->name) != s &&
		    assigns_last(&a, s->name) != NULL)
			continue;
		ret = look_at_bhyve(f, s);
	}
	if (ret == 0 && assigns_last(&a, "passthru") == NULL) {
		err_set(f->e, ERR_PRECONDITION, "%s: passthru is missing: no card",
		    BHYVE_CONF);
		ret = err_hint(f->e, "bhyfi cards lists those of this machine");
	}
	assigns_free(&a);
	return ret;
}

/* core.conf: nothing in it can keep bhyfi from running. */
static int read_core_conf(struct finder *f)
{
	static const char file[] = DIR_WIFIBOX "/core.conf";
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	struct assigns a;
	int ret = found_assigns(f, file, false, &a);

	if (ret < 0)
		return -1;
	for (size_t i = 0; ret == 1 && i < a.n; i++) {
		const struct assign *s = &a.list[i];
		const char *level = "error"; /* bhyfi has none that says nothing */

		if (s->problem != NULL || strcmp(s->name, "loglevel") != 0) {
			cannot(f, file, s, s->problem != NULL ? s->problem : "unknown");
			continue;
		}
		if (assigns_last(&a, "loglevel") != s)
			continue;
		for (size_t j = 0; j < ARRAY_LEN(levels); j++)
			if (strcasecmp(s->value, levels[j]) == 0)
				level = levels[j];
		take(f, file, s, "log_level", "%s", level);
	}
	assigns_free(&a);
	return 0;
}

/* Files of the guest */

typedef void line_fn(struct finder *f, const char *file, unsigned line, char *text);

/* Calls fn with each line that is neither empty nor a comment, without blanks around
 * it. 1: there is such a file. */
static int each_line(struct finder *f, const char *file, line_fn *fn)
{
	char AUTO_FREE *text = NULL;
	unsigned number = 1;
	int ret = found_read(f, file, TEXT_MAX, &text, NULL);
	char *s = text, *end;

	if (ret != 1)
		return ret;
	for (; s != NULL; s = end, number++) {
		size_t len;

		end = strchr(s, '\n');
		if (end != NULL)
			*end++ = '\0';
		s += strspn(s, " \t");
		len = strlen(s);
		while (len > 0 && strchr(" \t\r", s[len - 1]) != NULL)
			s[--len] = '\0';
		if (*s != '\0' && *s != '#')
			fn(f, file, number, s);
	}
	return 1;
}

/* iptables-save's format: tables, policies, counters, rules. */
static void iptables_line(struct finder *f, const char *file, unsigned line, char *text)
{
	if (text[0] == '*' || strcmp(text, "COMMIT") == 0)
		return;
	if (text[0] == ':') {
		if (!words_have(text, "ACCEPT", " \t") && !words_have(text, "-", " \t"))
			found(f, IMPORT_CANNOT, file, line, text,
			    "the guest filters nothing; the host's own firewall does "
			    "now: pf or "
			    "ipfw on %s",
			    f->ifname);
		return;
	}
	if (words_have(text, "POSTROUTING", " \t") &&
	    words_have(text, "MASQUERADE", " \t"))
		found(f, IMPORT_NEEDLESS, file, line, text,
		    "no address translation: the host has the WLAN's address itself");
	else if (words_have(text, "PREROUTING", " \t") && words_have(text, "DNAT", " \t"))
		found(f, IMPORT_NEEDLESS, file, line, text,
		    "connections from the WLAN reach the host as they are; where the "
		    "port was "
		    "changed, use rdr of pf on %s",
		    f->ifname);
	else if (words_have(text, "PREROUTING", " \t") &&
		 words_have(text, "RETURN", " \t"))
		found(f, IMPORT_NEEDLESS, file, line, text,
		    "the host sees all frames of the WLAN, multicast too");
	else
		found(f, IMPORT_CANNOT, file, line, text,
		    "the guest filters nothing; the host's own firewall does now: pf or "
		    "ipfw "
		    "on %s",
		    f->ifname);
}

/* A static address of the card moves to the host. */
static void interfaces_line(struct finder *f, const char *file, unsigned line, char *text)
{
	char *save = NULL, *word = strtok_r(text, " \t", &save);
	char *name = strtok_r(NULL, " \t", &save), setting[128];

	if (word == NULL || name == NULL)
		return;
	if (strcmp(word, "iface") == 0) {
		f->wlan_stanza = strcmp(name, "wlan0") == 0;
		return;
	}
	snprintf(setting, sizeof(setting), "%s %s", word, name);
	if (!f->wlan_stanza && strcmp(word, "address") == 0)
		snprintf(f->guest_address, sizeof(f->guest_address), "%.*s",
		    (int)strcspn(name, "/"), name);
	else if (f->wlan_stanza && strcmp(word, "gateway") == 0)
		found(f, IMPORT_TODO, file, line, setting,
		    "sysrc defaultrouter=\"...\"    # the WLAN's, as it is here");
	else if (f->wlan_stanza &&
		 (strcmp(word, "address") == 0 || strcmp(word, "netmask") == 0))
		found(f, IMPORT_TODO, file, line, setting,
		    "sysrc ifconfig_%s=\"inet ...\"    # the card's address is the "
		    "host's now",
		    f->ifname);
}

static void udhcpd_line(struct finder *f, const char *file, unsigned line, char *text)
{
	if (strncmp(text, "static_lease", 12) == 0)
		found(f, IMPORT_NEEDLESS, file, line, text,
		    "the WLAN's own DHCP server knows the host now");
}

static void forwarding_line(struct finder *f, const char *file, unsigned line, char *text)
{
	found(f, IMPORT_NEEDLESS, file, line, text,
	    "the host is in the WLAN itself, so there is nothing to forward");
}

static void mdns_line(struct finder *f, const char *file, unsigned line, char *text)
{
	if (text[0] == '_')
		found(f, IMPORT_CANNOT, file, line, text,
		    "multicast DNS reaches the host: announce the service there "
		    "(mDNSResponder "
		    "or avahi)");
}

static void no_line(struct finder *f, const char *file, unsigned line, char *text)
{
	(void)f;
	(void)file;
	(void)line;
	(void)text;
}

/* Its files: why NULL where only lines are told. */
static const struct {
	const char *name;
	line_fn *fn;
	const char *why;
} appliance[] = {
    {"interfaces.conf", interfaces_line,
	"the guest has no addresses: the host gets the WLAN's, by DHCP or by hand"},
    {"hostname", no_line,
	"the guest has no name; the host's DHCP client sends the host's own"},
    {"udhcpd.conf", udhcpd_line,
	"no network between host and guest: DHCP is the WLAN's own, DNS servers come "
	"with it"},
    {"iptables", iptables_line, NULL},
    {"ip6tables", iptables_line, NULL},
    {"dhcpcd.conf", no_line, "the host's DHCP client asks the WLAN itself"},
    {"radvd.conf", no_line, "router advertisements of the WLAN reach the host"},
    {"sysctl.conf", no_line, "the guest routes nothing"},
    {"forwarding.conf", forwarding_line, NULL},
    {"mdnsd-services.conf", mdns_line, NULL},
    {"uds_passthru.conf", no_line,
	"bhyfi needs no network for it: the supplicant is asked through bhyfid"},
    {"sysctl.d", NULL, "the guest routes nothing"},
};

static int read_known(struct finder *f, size_t i)
{
	char file[128];
	int ret = 1;

	snprintf(file, sizeof(file), DIR_APPLIANCE "/%s", appliance[i].name);
	if (appliance[i].fn != NULL)
		ret = each_line(f, file, appliance[i].fn);
	if (ret == 1 && appliance[i].why != NULL)
		found(f, IMPORT_NEEDLESS, file, 0, NULL, "%s", appliance[i].why);
	return ret;
}

static int is_in_use(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' &&
	       (len <= 7 || strcmp(d->d_name + len - 7, ".sample") != 0);
}

static int read_appliance_file(struct finder *f, const char *name)
{
	char file[400];

	for (size_t i = 0; i < ARRAY_LEN(appliance); i++)
		if (strcmp(appliance[i].name, name) == 0)
			return read_known(f, i);
	snprintf(file, sizeof(file), DIR_APPLIANCE "/%s", name);
	found(f, IMPORT_CANNOT, file, 0, NULL,
	    "a file that bhyfi does not know of wifibox");
	return 0;
}

static int read_appliance(struct finder *f)
{
	char path[PATH_MAX];
	struct dirent **list;
	int ret = 0, n;

	if (found_path(f, DIR_APPLIANCE, path, sizeof(path)) < 0)
		return -1;
	n = scandir(path, &list, is_in_use, alphasort);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return err_sys(f->e, errno, "%s", path);
	for (int i = 0; i < n; i++) {
		if (ret >= 0)
			ret = read_appliance_file(f, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return ret < 0 ? -1 : 0;
}

static bool is_secret(const char *key, size_t len)
{
	static const char *const secrets[] = {
	    "pass", "psk", "wep_key", "secret", "key_", "pin", "password"};
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)len, key);
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (strstr(name, secrets[i]) != NULL)
			return true;
	return len >= sizeof(name);
}

static void hostapd_line(struct finder *f, const char *file, unsigned line, char *text)
{
	size_t n = strcspn(text, "=");
	char setting[SETTING_SIZE];

	if (is_secret(text, n))
		snprintf(setting, sizeof(setting), "%.64s=...", (text[n] = '\0', text));
	else
		snprintf(setting, sizeof(setting), "%s", text);
	found(f, IMPORT_CANNOT, file, line, setting,
	    "an access point: this version of bhyfi joins networks and makes none");
}

/* wpa_supplicant or hostapd, by the link app_config. */
static int read_application(struct finder *f)
{
	static const char wpa[] = DIR_WIFIBOX "/wpa_supplicant/wpa_supplicant.conf";
	static const char hostapd[] = DIR_WIFIBOX "/hostapd/hostapd.conf";
	char path[PATH_MAX], target[64] = "wpa_supplicant";
	ssize_t n;
	int ret;

	if (found_path(f, DIR_WIFIBOX "/app_config", path, sizeof(path)) < 0)
		return -1;
	n = readlink(path, target, sizeof(target) - 1);
	if (n > 0)
		target[n] = '\0';
	if (n > 0 && strstr(target, "hostapd") != NULL) {
		if (each_line(f, hostapd, hostapd_line) < 0)
			return -1;
		return err_set(f->e, ERR_PRECONDITION,
		    "wifibox is an access point here (%s): bhyfi has no mode for that "
		    "yet",
		    hostapd);
	}
	ret = found_networks(f, wpa);
	if (ret == 0)
		found(f, IMPORT_TODO, wpa, 0, NULL,
		    "no networks were found: put them into a wpa_supplicant.conf of "
		    "bhyfi's");
	return ret < 0 ? -1 : 0;
}

/* rc.conf */

/* ifconfig_wifibox0, background_dhclient_wifibox0: the same for our interface. */
static void rename_setting(struct finder *f, const char *file, const struct assign *s)
{
	const char *at = strstr(s->name, WIFIBOX_IF);
	const char *behind = at != NULL ? at + strlen(WIFIBOX_IF) : "";
	char setting[SETTING_SIZE], ours[SETTING_SIZE];
	char AUTO_FREE *line = NULL;

	if (at == NULL)
		return;
	snprintf(ours, sizeof(ours), "%.*s%s%s=%s", (int)(at - s->name), s->name,
	    f->ifname, behind, s->value);
	setting_text(s, setting);
	if (strncmp(s->value, "inet ", 5) == 0 || strncmp(s->value, "inet6 fd", 8) == 0) {
		found(f, IMPORT_TODO, file, s->line, setting,
		    "sysrc -x %s    # an address in wifibox's own network; bhyfi setup "
		    "asks for "
		    "the WLAN's",
		    s->name);
		return;
	}
	line = cmd_quote((const char *const[]){"sysrc", ours, NULL});
	if (line == NULL)
		f->im->no_memory = true;
	else
		found(f, IMPORT_TODO, file, s->line, setting, "%s; sysrc -x %s", line,
		    s->name);
}

static void look_at_router(struct finder *f, const char *file, const struct assign *s)
{
	char setting[SETTING_SIZE];

	if (f->guest_address[0] != '\0' && strcmp(s->value, f->guest_address) == 0)
		found(f, IMPORT_TODO, file, s->line, setting_text(s, setting),
		    "sysrc -x %s    # the guest's address, which is gone", s->name);
}

static void look_at_blocklist(struct finder *f, const char *file, const struct assign *s)
{
	needless(f, file, s, "it keeps the card's native driver away: keep");
}

static const struct hostconf_rule rc_rules[] = {
    {"wifibox_enable", NULL,
	"two of them can not have the card; bhyfi setup enables bhyfi"},
    {"ifconfig_" WIFIBOX_IF "*", rename_setting, NULL},
    {"ipv6_ifconfig_" WIFIBOX_IF "*", rename_setting, NULL},
    {"background_dhclient_" WIFIBOX_IF, rename_setting, NULL},
    {"dhclient_flags_" WIFIBOX_IF, rename_setting, NULL},
    {"dhclient_arpwait_" WIFIBOX_IF, rename_setting, NULL},
    {"defaultrouter", look_at_router, NULL},
    {"devmatch_blocklist", look_at_blocklist, NULL},
    {"devmatch_blacklist", look_at_blocklist, NULL},
    {NULL, NULL, NULL},
};

static int mentions(struct finder *f, const char *path)
{
	char text[64];

	snprintf(text, sizeof(text), "name %s instead of " WIFIBOX_IF, f->ifname);
	return hostconf_mentions(f, path, WIFIBOX_IF, text);
}

static int read_host(struct finder *f)
{
	static const char devd[] = "/usr/local/etc/devd/wifibox.conf";
	char path[PATH_MAX];

	if (hostconf_rc(f, rc_rules, WIFIBOX_IF) < 0 || hostconf_loader(f) < 0 ||
	    mentions(f, "/etc/pf.conf") < 0 || mentions(f, "/etc/dhclient.conf") < 0 ||
	    found_path(f, devd, path, sizeof(path)) < 0)
		return -1;
	if (access(path, F_OK) == 0)
		found(f, IMPORT_TODO, devd, 0, NULL,
		    "rm %s && service devd restart    # it runs wifibox at suspend",
		    devd);
	found(f, IMPORT_TODO, DIR_WIFIBOX, 0, NULL,
	    "service wifibox stop, before the first bhyfi up; then pkg delete "
	    "wifibox-core wifibox-alpine, when all works");
	return 0;
}

int import_wifibox(const struct import_options *o, struct import *im, struct err *e)
{
	struct finder f;
	int ret;

	if (found_begin(&f, o, im, "wifibox", e) < 0)
		return -1;
	ret = read_bhyve_conf(&f);
	if (ret == 0)
		ret = read_core_conf(&f);
	if (ret == 0)
		ret = read_application(&f);
	if (ret == 0)
		ret = read_appliance(&f);
	if (ret == 0)
		ret = read_host(&f);
	return found_end(&f, ret);
}
