/*
 * PID 1 of the peer: a guest that hands its WLAN to the host as wifibox' Alpine guest
 * does (doc/modes.md says where that is taken from): eth0 is an e1000 with an address of
 * its own, wlan0 gets one by DHCP, udhcpd leases addresses to the host, and between both
 * stands what iptables-restore is given, a MASQUERADE. The radio is the simulated
 * WLAN's, as in our own guests.
 *
 * All programs are the distribution's. It says "peer: ready" on the console, or
 * "peer: " and what went wrong, and turns the machine off.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmdline.h"
#include "err.h"
#include "fs.h"
#include "log.h"
#include "modules.h"
#include "peer-guest.h"
#include "spawn.h"

#define AIR "/air/bhyfi-air"
#define PACKET_MAX 65536

static const struct {
	const char *path, *value;
} sysctls[] = {
    {"/proc/sys/kernel/modprobe", "/sbin/modprobe"},
    {"/proc/sys/kernel/panic", "-1"},
    /* wifibox' sysctl.conf, as far as packets meet it. */
    {"/proc/sys/net/ipv4/ip_forward", "1"},
    {"/proc/sys/net/ipv4/tcp_syncookies", "1"},
    {"/proc/sys/net/ipv4/conf/default/rp_filter", "1"},
    {"/proc/sys/net/ipv4/conf/all/rp_filter", "1"},
    {"/proc/sys/net/ipv4/conf/all/accept_redirects", "0"},
    {"/proc/sys/net/ipv4/conf/all/accept_source_route", "0"},
};

/* The ciphers are loaded by our guests before they are asked for, too. */
static const char *const module_names[] = {"e1000", "ccm", "ctr", "cmac", "gcm"};

static int mount_all(struct err *e)
{
	static const char *const rows[][2] = {{"proc", "/proc"}, {"sysfs", "/sys"},
	    {"devtmpfs", "/dev"}, {"tmpfs", "/run"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		mkdir(rows[i][1], 0755);
		if (mount(rows[i][0], rows[i][1], rows[i][0], 0, NULL) < 0 &&
		    errno != EBUSY)
			return err_sys(e, errno, "mount %s", rows[i][1]);
	}
	return 0;
}

static int write_sysctls(struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(sysctls); i++) {
		int AUTO_CLOSE fd = open(sysctls[i].path, O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(e, errno, "%s", sysctls[i].path);
		if (fs_write_all(fd, sysctls[i].value, strlen(sysctls[i].value), e) < 0)
			return err_prefix(e, "%s", sysctls[i].path);
	}
	return 0;
}

static int load_modules(struct err *e)
{
	struct modules m;
	int rc = modules_open(&m, e);

	for (size_t i = 0; i < ARRAY_LEN(module_names) && rc == 0; i++)
		rc = modules_load(&m, module_names[i], "", e);
	modules_close(&m);
	return rc;
}

/* Interfaces, as ifconfig and route set them. */
static struct sockaddr inet(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr out;

	inet_pton(AF_INET, text, &in.sin_addr);
	memcpy(&out, &in, sizeof(out));
	return out;
}

static int set_address(
    const char *ifname, const char *address, const char *mask, struct err *e)
{
	int AUTO_CLOSE fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_flags = 0};

	if (fd < 0)
		return err_sys(e, errno, "socket");
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	if (address != NULL) {
		r.ifr_addr = inet(address);
		if (ioctl(fd, SIOCSIFADDR, &r) < 0)
			return err_sys(e, errno, "%s: address %s", ifname, address);
		r.ifr_netmask = inet(mask);
		if (ioctl(fd, SIOCSIFNETMASK, &r) < 0)
			return err_sys(e, errno, "%s: mask %s", ifname, mask);
	}
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return err_sys(e, errno, "%s", ifname);
	r.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &r) < 0 ? err_sys(e, errno, "%s: up", ifname) : 0;
}

static int set_route(const char *gateway, struct err *e)
{
	int AUTO_CLOSE fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct rtentry r = {.rt_dst = inet("0.0.0.0"),
	    .rt_genmask = inet("0.0.0.0"),
	    .rt_gateway = inet(gateway),
	    .rt_flags = RTF_UP | RTF_GATEWAY};

	if (fd < 0 || (ioctl(fd, SIOCADDRT, &r) < 0 && errno != EEXIST))
		return err_sys(e, errno, "route by way of %s", gateway);
	return 0;
}

/* We as the script of udhcpc, on wlan0: the event is the argument. */
static int take_lease(const char *event)
{
	const char *ifname = getenv("interface"), *ip = getenv("ip");
	const char *mask = getenv("subnet"), *router = getenv("router");
	struct err e = ERR_INIT;

	if (strcmp(event, "deconfig") == 0)
		return 0;
	if (ifname == NULL || ip == NULL || mask == NULL || router == NULL)
		return 1;
	if (set_address(ifname, ip, mask, &e) < 0 || set_route(router, &e) < 0) {
		fprintf(stderr, "peer: lease: %s\n", e.msg);
		return 1;
	}
	return 0;
}

static int run(const char *const argv[], struct err *e)
{
	pid_t pid = spawn_child(argv, STDERR_FILENO, -1, e), got;
	char how[64];
	int status;

	if (pid < 0)
		return -1;
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, errno, "%s", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	spawn_status_text(status, how, sizeof(how));
	return err_set(e, ERR_FAILED, "%s %s", argv[0], how);
}

static int start_air(struct err *e)
{
	char scenario[64], mac[32] = "";
	const char *argv[] = {AIR, scenario, NULL, NULL};
	int sv[2];

	if (!cmdline_get("bhyfi.air", scenario, sizeof(scenario)))
		return err_set(e, ERR_FAILED, "no scenario");
	if (cmdline_get("bhyfi.air.mac", mac, sizeof(mac)))
		argv[2] = mac;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(e, errno, "socketpair");
	if (spawn_child(argv, STDERR_FILENO, sv[1], e) < 0)
		return -1;
	close(sv[1]);
	return sv[0];
}

/* Takes what the air says until its access points send; the radio's name. */
static int wait_air(int fd, char ifname[IF_NAMESIZE], struct err *e)
{
	static char buf[PACKET_MAX];
	bool on = false;
	ssize_t n;

	ifname[0] = '\0';
	while (!on || ifname[0] == '\0') {
		json_t *o;
		const char *event;

		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, ERR_FAILED, "the simulated WLAN ended");
		o = json_loadb(buf, (size_t)n, 0, NULL);
		event = json_string_value(json_object_get(o, "event"));
		if (event == NULL)
			event = "";
		if (strcmp(event, "radio") == 0)
			snprintf(ifname, IF_NAMESIZE, "%s",
			    json_string_value(json_object_get(o, "radio")));
		else if (strcmp(event, "failed") == 0)
			err_set(e, ERR_FAILED, "the simulated WLAN: %s",
			    json_string_value(json_object_get(o, "reason")));
		on = on || strcmp(event, "on") == 0;
		n = strcmp(event, "failed");
		json_decref(o);
		if (n == 0)
			return -1;
	}
	return 0;
}

/* In another process: what the air logs is read and forgotten. */
static int drain_air(int fd, struct err *e)
{
	static char buf[PACKET_MAX];
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(e, errno, "fork");
	if (pid > 0) {
		close(fd);
		return 0;
	}
	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
	_exit(0);
}

/* The supplicant sets it when the keys are there. */
static bool is_up(const char *ifname)
{
	AUTO_FREE char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", ifname);
	return fs_read_file(path, 4096, &text, NULL, NULL) == 0 &&
	       strcmp(text, "up\n") == 0;
}

static int join(const char *ifname, struct err *e)
{
	const char *const argv[] = {"/sbin/wpa_supplicant", "-q", "-i", ifname, "-D",
	    "nl80211", "-c", PEER_WPA, NULL};
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int AUTO_CLOSE fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	static char buf[PACKET_MAX];

	if (fd < 0 || bind(fd, (struct sockaddr *)&nl, sizeof(nl)) < 0)
		return err_sys(e, errno, "netlink");
	if (spawn_child(argv, -1, -1, e) < 0)
		return -1;
	while (!is_up(ifname))
		if (recv(fd, buf, sizeof(buf), 0) < 0 && errno != EINTR &&
		    errno != ENOBUFS)
			return err_sys(e, errno, "netlink");
	return 0;
}

static int uplink(const char *ifname, struct err *e)
{
	const char *const argv[] = {PEER_BUSYBOX, "udhcpc", "-f", "-q", "-n", "-t", "10",
	    "-i", ifname, "-s", PEER_LEASE, NULL};

	return run(argv, e);
}

/* The host's side. */
static int serve(struct err *e)
{
	static const char *const rules[] = {PEER_RESTORE, PEER_RULES, NULL};
	static const char *const server[] = {
	    PEER_BUSYBOX, "udhcpd", "-f", PEER_UDHCPD, NULL};

	if (set_address("eth0", PEER_ADDRESS, "255.255.255.0", e) < 0 ||
	    run(rules, e) < 0)
		return -1;
	return spawn_child(server, -1, -1, e) < 0 ? -1 : 0;
}

static int begin(struct err *e)
{
	char ifname[IF_NAMESIZE];
	int air;

	if (mount_all(e) < 0 || set_address("lo", NULL, NULL, e) < 0 ||
	    write_sysctls(e) < 0)
		return -1;
	air = start_air(e);
	if (air < 0 || load_modules(e) < 0 || wait_air(air, ifname, e) < 0 ||
	    drain_air(air, e) < 0 || join(ifname, e) < 0 || uplink(ifname, e) < 0)
		return -1;
	return serve(e);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc == 2 && strcmp(argv[0], PEER_LEASE) == 0)
		return take_lease(argv[1]);
	if (begin(&e) < 0) {
		printf(PEER_SAYS "%s\n", e.msg);
		fflush(stdout);
		reboot(RB_POWER_OFF);
		return 1;
	}
	printf(PEER_READY "\n");
	fflush(stdout);
	while (1)
		if (wait(NULL) < 0)
			pause();
}
