/*
 * The tap as the host's network programs see it. Its link is up as long as the VM has
 * it open, and nothing can change that; so while the radio is not associated, the
 * interface is set down. From the sources of 15.1 and as seen:
 *
 * - A down interface sends nothing: programs get an error at once, as without a cable.
 *   Addresses stay, a default route stays, so a static configuration is whole again
 *   once it is up.
 * - dhclient(8) ends by itself when its interface goes down or away. It reads the MAC
 *   address when it starts; the tap gets the radio's later. devd(8) starts it
 *   (`service dhclient quietstart`) when the link comes up, that is when the VM starts,
 *   long before there is a network. So it is started anew each time that one is there.
 * - rc.d/dhclient does it only where rc.conf has DHCP for the interface, and waits
 *   for a lease unless background_dhclient_IF is set; a daemon can not wait.
 * - A new dhclient asks for its former address, but does not know of one that is still
 *   there from another network: such are taken off before.
 * - Nobody solicits routers when an interface comes up: rc.d/netif did it once, when
 *   devd saw the tap. rtsold -1 does it in the background, three times at most.
 *   Its pid file is locked while it runs, a second one of that file is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "freebsd-ifconfig.h"
#include "freebsd.h"
#include "fs.h"
#include "log.h"
#include "words.h"

#define IFCONFIG "/sbin/ifconfig"
#define LEASES_MAX (1 << 20)

struct rc_net {
	bool dhcp, rtadv;
};

/* The value behind "NAME: ", cut at the end of its line; NULL: not there. */
static const char *value_of(const char *text, const char *name, char out[256])
{
	size_t n = strlen(name);

	for (const char *line = text; line != NULL && *line != '\0';) {
		if (strncmp(line, name, n) == 0 && strncmp(line + n, ": ", 2) == 0) {
			line += n + 2;
			snprintf(
			    out, 256, "%.*s", (int)(strcspn(line, "\n") & 255), line);
			return out;
		}
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return NULL;
}

/* As dhcpif and ipv6_autoconfif of network.subr see it. */
static int read_rc(const char *ifname, struct rc_net *rc, struct err *e)
{
	char mine[IFNAME_MAX + 16], six[IFNAME_MAX + 24], buf[256];
	const char *const argv[] = {
	    "/usr/sbin/sysrc", "-q", mine, "ifconfig_DEFAULT", six, NULL};
	char AUTO_FREE *text = NULL;
	const char *v;

	snprintf(mine, sizeof(mine), "ifconfig_%s", ifname);
	snprintf(six, sizeof(six), "ifconfig_%s_ipv6", ifname);
	/* 1: one of them is not set. */
	if (freebsd_ask(argv, &text, e) < 0)
		return -1;
	v = value_of(text, mine, buf);
	if (v == NULL)
		v = value_of(text, "ifconfig_DEFAULT", buf);
	rc->dhcp = v != NULL && (words_have_nocase(v, "DHCP", " \t") ||
				    words_have_nocase(v, "SYNCDHCP", " \t") ||
				    words_have_nocase(v, "NOSYNCDHCP", " \t"));
	v = value_of(text, six, buf);
	rc->rtadv = v != NULL && words_have_nocase(v, "accept_rtadv", " \t");
	return 0;
}

/* Whether dhclient(8) has ever had the address for the interface, so that it is not one
 * of rc.conf's aliases. */
static bool was_leased(const char *leases, const char *address)
{
	char want[80];

	snprintf(want, sizeof(want), "fixed-address %.47s;", address);
	return leases != NULL && strstr(leases, want) != NULL;
}

static char *read_leases(const char *ifname)
{
	char name[IFNAME_MAX + 32], path[PATH_MAX], *text = NULL;

	snprintf(name, sizeof(name), "/var/db/dhclient.leases.%s", ifname);
	if (os_path(path, sizeof(path), name, NULL) == 0)
		fs_read_file(path, LEASES_MAX, &text, NULL, NULL);
	return text;
}

/* What DHCP and routers of the network before have given. */
static int drop_addresses(const char *ifname, const struct rc_net *rc, struct err *e)
{
	const char *const show[] = {IFCONFIG, ifname, NULL};
	char AUTO_FREE *leases = rc->dhcp ? read_leases(ifname) : NULL;
	char AUTO_FREE *text = NULL;
	struct ifconfig i;

	if (freebsd_run(show, &text, NULL, e) < 0 ||
	    ifconfig_parse(text, ifname, &i, e) < 0)
		return -1;
	for (size_t n = 0; n < i.naddrs; n++) {
		const char *const argv[] = {IFCONFIG, ifname,
		    i.addrs[n].inet6 ? "inet6" : "inet", i.addrs[n].text, "delete", NULL};
		struct err gone = ERR_INIT;

		/* A client that ends may have taken it off. */
		if ((i.addrs[n].inet6 ? rc->rtadv
				      : was_leased(leases, i.addrs[n].text)) &&
		    freebsd_run(argv, NULL, NULL, &gone) < 0)
			log_debug("interface %s: %s", ifname, gone.msg);
	}
	return 0;
}

static int restart_dhclient(const char *ifname, struct err *e)
{
	char background[IFNAME_MAX + 32];
	const char *const argv[] = {"/usr/sbin/service", "-E", background, "dhclient",
	    "quietrestart", ifname, NULL};
	char AUTO_FREE *out = NULL;

	snprintf(background, sizeof(background), "background_dhclient_%s=YES", ifname);
	return freebsd_run(argv, &out, NULL, e);
}

static int solicit_routers(const char *ifname, struct err *e)
{
	char pidfile[IFNAME_MAX + 32], path[PATH_MAX];
	const char *const end[] = {"/bin/pkill", "-L", "-F", pidfile, NULL};
	const char *const argv[] = {
	    "/usr/sbin/rtsold", "-1", "-i", "-p", pidfile, ifname, NULL};
	struct err gone = ERR_INIT;

	snprintf(pidfile, sizeof(pidfile), "/var/run/rtsold.%s.pid", ifname);
	if (os_path(path, sizeof(path), pidfile, e) < 0)
		return -1;
	/* One that still waits for an answer from the network before. */
	if (!freebsd_recording() && access(path, F_OK) == 0 &&
	    freebsd_run(end, NULL, NULL, &gone) < 0)
		log_debug("%s: %s", pidfile, gone.msg);
	return freebsd_run(argv, NULL, NULL, e);
}

int freebsd_tap_carrier(const char *ifname, bool on, struct err *e)
{
	/* link0: bhyve takes it off (freebsd-tap.c). */
	const char *const argv[] = {IFCONFIG, ifname, "link0", on ? "up" : "down", NULL};

	return freebsd_run(argv, NULL, NULL, e);
}

int freebsd_tap_renew(const char *ifname, struct err *e)
{
	/* A plan shows what setup writes into rc.conf. */
	struct rc_net rc = {.dhcp = freebsd_recording(), .rtadv = freebsd_recording()};
	struct err step = ERR_INIT;

	if (!freebsd_recording() && read_rc(ifname, &rc, e) < 0)
		return -1;
	/* Each by itself: IPv6 is not lost where IPv4 fails. */
	if (!freebsd_recording() && (rc.dhcp || rc.rtadv) &&
	    drop_addresses(ifname, &rc, &step) < 0)
		log_error("interface %s: %s", ifname, step.msg);
	if (rc.dhcp && restart_dhclient(ifname, &step) < 0)
		log_error("interface %s: %s", ifname, step.msg);
	if (rc.rtadv && solicit_routers(ifname, &step) < 0)
		log_error("interface %s: %s", ifname, step.msg);
	return 0;
}
