/* What happens at boot and when the interface comes: start, order, addresses. */
#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "check.h"
#include "cleanup.h"

#define BLANKS " \t\n\v\f\r" /* isspace(3) */

static void unknown_rc(struct doctor *d, const char *name)
{
	skip(d, "rc.conf sets %s in a way that only a shell could tell", name);
	fix(d, "sysrc %s", name);
}

static void start_freebsd(struct doctor *d)
{
	char instances[256];
	int yes = fact_rc_yes(d, "bhyfi_enable"), set;

	if (!fact_exists("/usr/local/etc/rc.d/bhyfi")) {
		warn(d,
		    "/usr/local/etc/rc.d/bhyfi is not installed: nothing starts at boot");
		fix(d, "pkg install bhyfi");
		return;
	}
	if (yes < 0) {
		unknown_rc(d, "bhyfi_enable");
		return;
	}
	if (yes == 0) {
		warn(d, "rc.conf does not enable it: it does not start at boot");
		fix(d, "sysrc bhyfi_enable=YES");
		return;
	}
	set = fact_rc(d, "bhyfi_instances", instances, sizeof(instances));
	if (set < 0)
		unknown_rc(d, "bhyfi_instances");
	else if (!words_have(set == 1 ? instances : "wlan", d->o->instance, " \t\n")) {
		warn(d, "bhyfi_instances does not name %s", d->o->instance);
		fix(d, "sysrc bhyfi_instances+=%s", d->o->instance);
	} else {
		pass(d, "rc.conf enables it");
	}
}

/* rc.conf's wlans_DRIVERn, which has netif make an interface of the card; false: none. */
static bool card_cloned(struct doctor *d, char name[64])
{
	char value[256];

	for (unsigned unit = 0; unit < 4; unit++) {
		snprintf(name, 64, "wlans_%.32s%u", d->card->driver, unit);
		if (fact_rc(d, name, value, sizeof(value)) != 0)
			return true;
	}
	return false;
}

/* The tap is bhyfid's: what rc makes at boot under its name stands in the way. */
static void order_freebsd(struct doctor *d)
{
	const char *tap = d->config.interface;
	char list[512], wlans[64];
	int set = fact_rc(d, "cloned_interfaces", list, sizeof(list));

	if (set < 0) {
		unknown_rc(d, "cloned_interfaces");
	} else if (set == 1 && words_have(list, tap, " \t\n")) {
		fail(d, "rc.conf's cloned_interfaces makes %s before bhyfid can", tap);
		fix(d, "sysrc cloned_interfaces-=%s", tap);
	} else if (d->card != NULL && d->card->driver[0] != '\0' &&
		   card_cloned(d, wlans)) {
		warn(d, "rc.conf's %s makes an interface of the card at boot", wlans);
		fix(d, "sysrc -x %s", wlans);
	} else {
		pass(d, "rc makes no interface that is in the way");
	}
}

static void dhcp_freebsd(struct doctor *d)
{
	const char *tap = d->config.interface;
	char name[64], value[256], program[128];
	int set;

	snprintf(name, sizeof(name), "ifconfig_%s", tap);
	set = fact_rc(d, name, value, sizeof(value));
	if (set == 0)
		set = fact_rc(d, "ifconfig_DEFAULT", value, sizeof(value));
	if (fact_rc(d, "dhclient_program", program, sizeof(program)) != 1)
		strcpy(program, "/sbin/dhclient");
	if (set < 0) {
		unknown_rc(d, name);
	} else if (set == 0) {
		warn(d, "rc.conf says nothing of %s: it gets no address", tap);
		fix(d, "sysrc %s=DHCP", name);
	} else if (!words_have_nocase(value, "DHCP", BLANKS) &&
		   !words_have_nocase(value, "SYNCDHCP", BLANKS) &&
		   !words_have_nocase(value, "NOSYNCDHCP", BLANKS)) {
		pass(d, "%s is not DHCP's: \"%.60s\"", tap, value);
	} else if (!fact_exists(program)) {
		fail(d, "rc.conf wants DHCP, but %s is not there", program);
		fix(d, "sysrc -x dhclient_program");
	} else {
		pass(d, "DHCP by %s", program);
	}
}

static void ipv6_freebsd(struct doctor *d)
{
	char name[64], value[256];
	int set;

	snprintf(name, sizeof(name), "ifconfig_%s_ipv6", d->config.interface);
	set = fact_rc(d, name, value, sizeof(value));
	if (set < 0) {
		unknown_rc(d, name);
	} else if (set == 0) {
		warn(d, "rc.conf has no %s: IPv4 only", name);
		fix(d, "sysrc %s=\"inet6 accept_rtadv\"", name);
	} else {
		pass(d, "\"%.60s\"", value);
	}
}

static void start_linux(struct doctor *d)
{
	char wants[160];

	if (!fact_exists("/run/systemd/system")) {
		skip(d, "systemd does not run here");
		return;
	}
	snprintf(wants, sizeof(wants),
	    "/etc/systemd/system/multi-user.target.wants/bhyfi@%s.service",
	    d->o->instance);
	if (fact_exists(wants)) {
		pass(d, "bhyfi@%s is enabled", d->o->instance);
	} else {
		warn(d, "bhyfi@%s is not enabled: it does not start at boot",
		    d->o->instance);
		fix(d, "systemctl enable bhyfi@%s", d->o->instance);
	}
}

/* Who may be told to give an interface addresses: a file, or a folder of files, with a
 * line that begins so and goes on with names or patterns. */
struct manager {
	const char *name, *path, *key;
};

static const struct manager managers[] = {
    {"ifupdown", "/etc/network/interfaces", "iface "},
    {"ifupdown", "/etc/network/interfaces.d", "iface "},
    {"systemd-networkd", "/etc/systemd/network", "Name="},
    {"systemd-networkd", "/run/systemd/network", "Name="},
    {"NetworkManager", "/etc/NetworkManager/system-connections", "interface-name="},
};

struct search {
	const struct manager *m;
	const char *ifname;
	bool found;
};

static bool names_interface(const char *text, const char *key, const char *ifname)
{
	size_t len = strlen(key);
	char pattern[64];

	for (; text != NULL; text = strchr(text, '\n')) {
		const char *word = text + strspn(text, "\n \t");

		text = word;
		if (strncmp(word, key, len) != 0)
			continue;
		for (word += len; *word != '\n' && *word != '\0';
		     word += strspn(word, " \t")) {
			size_t n = strcspn(word, " \t\n");

			snprintf(pattern, sizeof(pattern), "%.*s", (int)n, word);
			if (n < sizeof(pattern) && fnmatch(pattern, ifname, 0) == 0)
				return true;
			word += n;
		}
	}
	return false;
}

static void search_file(struct search *s, const char *path)
{
	AUTO_FREE char *text = fact_file(path);

	s->found |= text != NULL && names_interface(text, s->m->key, s->ifname);
}

static bool search_entry(const char *name, void *arg)
{
	struct search *s = arg;
	char path[PATH_MAX];

	if (name[0] == '.')
		return true;
	snprintf(path, sizeof(path), "%s/%s", s->m->path, name);
	search_file(s, path);
	return !s->found;
}

/* The name of a manager that is told to, and of the second one; NULL: none. */
static const char *find_managers(const char *ifname, const char **second)
{
	const char *first = NULL;

	*second = NULL;
	for (size_t i = 0; i < ARRAY_LEN(managers); i++) {
		struct search s = {.m = &managers[i], .ifname = ifname};

		if (!folder_each(managers[i].path, search_entry, &s))
			search_file(&s, managers[i].path);
		if (s.found && first == NULL)
			first = managers[i].name;
		else if (s.found && strcmp(first, managers[i].name) != 0)
			*second = managers[i].name;
	}
	return first;
}

static void dhcp_linux(struct doctor *d)
{
	static const char *const clients[] = {
	    "/sbin/dhclient", "/usr/sbin/dhcpcd", "/sbin/dhcpcd", "/sbin/udhcpc"};
	const char *tap = d->config.interface, *second;
	const char *first = find_managers(tap, &second);

	if (first != NULL && second != NULL) {
		warn(d, "%s and %s are both told to configure %s", first, second, tap);
		fix(d, "leave it to one of them");
		return;
	}
	if (first != NULL) {
		pass(d, "%s configures %s", first, tap);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		if (!fact_exists(clients[i]))
			continue;
		warn(d, "nobody is told to configure %s: it gets no address by itself",
		    tap);
		fix(d, "%s %s", clients[i], tap);
		return;
	}
	warn(d, "nobody is told to configure %s, and there is no DHCP client", tap);
	fix(d, "apt install isc-dhcp-client");
}

const struct check boot_checks[] = {
    {"boot.start", "start at boot", SYSTEM_FREEBSD, start_freebsd},
    {"boot.order", "rc order", SYSTEM_FREEBSD, order_freebsd},
    {"boot.dhcp", "DHCP", SYSTEM_FREEBSD, dhcp_freebsd},
    {"boot.ipv6", "IPv6", SYSTEM_FREEBSD, ipv6_freebsd},
    {"boot.start", "start at boot", SYSTEM_LINUX, start_linux},
    {"boot.dhcp", "DHCP", SYSTEM_LINUX, dhcp_linux},
    {.id = NULL},
};
