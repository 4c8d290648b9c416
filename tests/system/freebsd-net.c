/*
 * FreeBSD's part of net.h, as far as the demo needs it: by the base system's own
 * programs. dhclient(8) with its own script, told to leave alone what is the host's:
 * the default route and resolv.conf.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "fs.h"

#define LEASES_MAX 65536

static const char dhclient_conf[] =
    "ignore routers, classless-routes, static-routes, domain-name, domain-search,\n"
    "    domain-name-servers;\n"
    "timeout 60;\nretry 5;\nreboot 0;\ninitial-interval 1;\n";

/* Runs it and gives what it wrote; the caller's. NULL unless it ended with 0. */
static char *output(const char *const argv[], int timeout_ms, struct err *e)
{
	struct child c;
	char *text = NULL;

	if (child_run(&c, argv, timeout_ms, e) < 0)
		return NULL;
	if (c.status == 0)
		text = strdup(c.out);
	else
		err_set(e, ERR_FAILED, "%s: status %d: %.200s%.200s", argv[0], c.status,
		    c.out, c.err);
	child_free(&c);
	return text;
}

/* What follows the last "NAME " up to a semicolon or the line's end. */
static void last_value(const char *text, const char *name, char *out, size_t size)
{
	const char *p = text, *found = NULL;

	while ((p = strstr(p, name)) != NULL) {
		p += strlen(name);
		found = p;
	}
	out[0] = '\0';
	if (found != NULL)
		snprintf(out, size, "%.*s", (int)strcspn(found, ";\n"), found);
}

static int read_lease(const char *path, struct lease *l, struct err *e)
{
	char AUTO_FREE *text = NULL;
	char seconds[16];

	if (fs_read_file(path, LEASES_MAX, &text, NULL, e) < 0)
		return -1;
	last_value(text, "fixed-address ", l->address, sizeof(l->address));
	last_value(text, "option subnet-mask ", l->mask, sizeof(l->mask));
	last_value(text, "option routers ", l->gateway, sizeof(l->gateway));
	last_value(text, "option domain-name-servers ", l->dns, sizeof(l->dns));
	last_value(text, "option dhcp-server-identifier ", l->server, sizeof(l->server));
	last_value(text, "option dhcp-lease-time ", seconds, sizeof(seconds));
	l->seconds = (unsigned)strtoul(seconds, NULL, 10);
	/* Ignored by the client, so not in its file: the demo's is its DHCP server. */
	if (l->gateway[0] == '\0')
		snprintf(l->gateway, sizeof(l->gateway), "%s", l->server);
	return l->address[0] != '\0' ? 0 : err_set(e, ERR_FAILED, "%s: no address", path);
}

int net_dhcp(const char *client, const char *ifname, int timeout_ms, struct lease *l,
    struct err *e)
{
	char dir[] = "/tmp/bhyfi-lease-XXXXXX";
	char conf[64], leases[64], pid[64];
	const char *const argv[] = {
	    "/sbin/dhclient", "-c", conf, "-l", leases, "-p", pid, ifname, NULL};
	const char *const end[] = {"/bin/pkill", "-F", pid, NULL};
	char AUTO_FREE *said = NULL, *ended = NULL;
	int rc = -1;

	(void)client;
	memset(l, 0, sizeof(*l));
	if (mkdtemp(dir) == NULL)
		return err_sys(e, errno, "%s", dir);
	snprintf(conf, sizeof(conf), "%s/dhclient.conf", dir);
	snprintf(leases, sizeof(leases), "%s/leases", dir);
	snprintf(pid, sizeof(pid), "%s/pid", dir);
	if (fs_write_atomic(conf, 0644, dhclient_conf, strlen(dhclient_conf), e) == 0 &&
	    (said = output(argv, timeout_ms, e)) != NULL)
		rc = read_lease(leases, l, e);
	/* It has done what it should, and would stay. */
	if (access(pid, F_OK) == 0)
		ended = output(end, 5000, NULL);
	fs_remove_tree(dir, NULL);
	return rc;
}

/* The global addresses of ifconfig's output that are past duplicate detection. */
static void read_addresses(char *text, struct ipv6 *v6)
{
	char *save = NULL;

	v6->n = 0;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char address[ADDRESS_MAX];

		if (sscanf(line, " inet6 %63s", address) == 1 &&
		    strchr(address, '%') == NULL && strstr(line, "tentative") == NULL &&
		    v6->n < ADDRESSES_MAX)
			snprintf(v6->address[v6->n++], ADDRESS_MAX, "%s", address);
	}
}

/* The first neighbour that ndp calls a router; of ourselves it says no flags. */
static void read_router(char *text, const char *ifname, struct ipv6 *v6)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char address[ADDRESS_MAX], name[IF_NAMESIZE], flags[16];

		if (sscanf(line, "%63s %*s %15s %*s %*s %15s", address, name, flags) ==
			3 &&
		    strcmp(name, ifname) == 0 && strchr(flags, 'R') != NULL) {
			snprintf(v6->router, sizeof(v6->router), "%s", address);
			return;
		}
	}
}

int net_ipv6(const char *ifname, int timeout_ms, struct ipv6 *v6, struct err *e)
{
	/* no_radr: no default route by them. */
	const char *const accept[] = {"/sbin/ifconfig", ifname, "inet6", "accept_rtadv",
	    "no_radr", "auto_linklocal", "-ifdisabled", "up", NULL};
	const char *const solicit[] = {"/sbin/rtsol", ifname, NULL};
	const char *const show[] = {"/sbin/ifconfig", ifname, "inet6", NULL};
	const char *const neighbours[] = {"/usr/sbin/ndp", "-an", NULL};
	int64_t deadline = clock_ms() + timeout_ms;
	char AUTO_FREE *accepted = output(accept, 10000, e);

	memset(v6, 0, sizeof(*v6));
	if (accepted == NULL)
		return -1;
	/* It waits for an answer, and before that for its own address to be settled. */
	while (clock_ms() < deadline) {
		char AUTO_FREE *solicited = output(solicit, timeout_ms, NULL);
		char AUTO_FREE *shown = output(show, 10000, e);
		char AUTO_FREE *near = output(neighbours, 10000, e);

		if (shown == NULL || near == NULL)
			return -1;
		read_addresses(shown, v6);
		read_router(near, ifname, v6);
		if (v6->n > 0 && v6->router[0] != '\0')
			return 0;
	}
	return err_set(e, ERR_TIMEOUT, "%s: no address by router advertisements in %d ms",
	    ifname, timeout_ms);
}

int net_ping(const char *address, int timeout_ms, double *ms, struct err *e)
{
	char seconds[16];
	const char *const argv[] = {
	    "/sbin/ping", "-n", "-o", "-t", seconds, address, NULL};
	char AUTO_FREE *text = NULL;
	const char *time;

	snprintf(seconds, sizeof(seconds), "%d", timeout_ms / 1000 + 1);
	text = output(argv, timeout_ms + 5000, e);
	if (text == NULL)
		return -1;
	time = strstr(text, " time=");
	if (time == NULL || sscanf(time, " time=%lf", ms) != 1)
		return err_set(e, ERR_FAILED, "ping %s: %.200s", address, text);
	return 0;
}
