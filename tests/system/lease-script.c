/*
 * What the DHCP clients call when they have a lease: sets address and default
 * route on the interface, nothing else of the system, and writes the lease as
 * "key=value" lines to $LEASE_OUT. Understands udhcpc (the event is the argument)
 * and dhclient (it is in $reason).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "fs.h"

struct names { /* environment variables of a client */
	const char *interface, *address, *mask, *gateway, *dns, *server, *seconds;
};

static const struct names udhcpc = {
    "interface", "ip", "subnet", "router", "dns", "serverid", "lease"};
static const struct names dhclient = {"interface", "new_ip_address", "new_subnet_mask",
    "new_routers", "new_domain_name_servers", "new_dhcp_server_identifier",
    "new_dhcp_lease_time"};

static const char *env(const char *name)
{
	const char *s = getenv(name);

	return s ? s : "";
}

static struct sockaddr inet(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr sa;

	if (inet_pton(AF_INET, text, &in.sin_addr) != 1)
		in.sin_addr.s_addr = INADDR_ANY;
	memcpy(&sa, &in, sizeof(sa));
	return sa;
}

static int control(
    int fd, unsigned long request, void *arg, const char *what, struct err *e)
{
	return ioctl(fd, request, arg) ? err_sys(e, errno, "%s", what) : 0;
}

static int interface_up(int fd, const char *ifname, struct err *e)
{
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	if (control(fd, SIOCGIFFLAGS, &r, ifname, e))
		return -1;
	r.ifr_flags |= IFF_UP;
	return control(fd, SIOCSIFFLAGS, &r, ifname, e);
}

static int apply(int fd, const struct names *n, struct err *e)
{
	struct ifreq r = {0};
	struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
	char gateway[64];

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", env(n->interface));
	r.ifr_addr = inet(env(n->address));
	if (control(fd, SIOCSIFADDR, &r, "address", e))
		return -1;
	r.ifr_netmask = inet(env(n->mask));
	if (control(fd, SIOCSIFNETMASK, &r, "netmask", e))
		return -1;
	snprintf(gateway, sizeof(gateway), "%.*s", (int)strcspn(env(n->gateway), " "),
	    env(n->gateway));
	if (!gateway[0])
		return 0;
	route.rt_dst = inet("0.0.0.0");
	route.rt_genmask = inet("0.0.0.0");
	route.rt_gateway = inet(gateway);
	if (ioctl(fd, SIOCADDRT, &route) && errno != EEXIST)
		return err_sys(e, errno, "route");
	return 0;
}

static int tell(const struct names *n, struct err *e)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "address=%s\nmask=%s\ngateway=%s\ndns=%s\nserver=%s\nseconds=%s\n",
	    env(n->address), env(n->mask), env(n->gateway), env(n->dns), env(n->server),
	    env(n->seconds));
	if (!env("LEASE_OUT")[0])
		return 0;
	return fs_write_atomic(env("LEASE_OUT"), 0600, text, strlen(text), e);
}

int main(int argc, char **argv)
{
	const char *event = argc > 1 ? argv[1] : env("reason");
	const struct names *n = argc > 1 ? &udhcpc : &dhclient;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct err e = ERR_INIT;
	int rc = 0;

	if (fd < 0) {
		rc = err_sys(&e, errno, "socket");
	} else if (!strcmp(event, "bound") || !strcmp(event, "renew") ||
		   !strcmp(event, "BOUND") || !strcmp(event, "RENEW") ||
		   !strcmp(event, "REBOOT")) {
		rc = apply(fd, n, &e);
		if (!rc)
			rc = tell(n, &e);
	} else if (!strcmp(event, "PREINIT") || !strcmp(event, "deconfig")) {
		rc = interface_up(fd, env(n->interface), &e);
	}
	if (rc)
		fprintf(stderr, "lease-script: %s\n", e.msg);
	return rc != 0;
}
