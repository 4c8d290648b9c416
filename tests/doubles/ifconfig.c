/*
 * ifconfig(8) on Linux' interfaces. What only FreeBSD knows of one (description,
 * link0, the first MAC address) is in the state under "ifs"; "pseudo" there are
 * interfaces that are none on Linux (em0, wlan0), which can be shown only.
 *
 * A tap as sys/net/if_tuntap.c makes it: its link is up while its device is open; when
 * that is closed it goes down and loses its addresses unless link0 is set; it can not
 * be destroyed while it is open, ifconfig waits.
 */
#include "double.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "link.h"

#define IF_MINMTU 72 /* sys/net/if.h */
#define IF_MAXMTU 65535
#define IF_MAXUNIT 0x7fff

static int family = AF_INET; /* as long as no other one is named */
static bool removing;
static const char *the_if;

static _Noreturn void usage(void)
{
	fprintf(stderr,
	    "usage: ifconfig [-j jail] [-f type:format] [-g groupname] [-C] [-L] "
	    "interface address_family\n"
	    "                [address [dest_address]] [parameters]\n"
	    "       ifconfig [-j jail] interface create\n"
	    "       ifconfig [-j jail] -a [-g groupname] [-C] [-L] [-d] [-m] [-u] [-v] "
	    "[address_family]\n"
	    "       ifconfig [-j jail] -l [-d] [-u] [address_family]\n"
	    "       ifconfig [-j jail] [-g groupname] [-C] [-L] [-d] [-m] [-u] [-v]\n");
	exit(1);
}

static json_t *pseudo(json_t *state, const char *ifname)
{
	return json_object_get(json_object_get(state, "pseudo"), ifname);
}

static void format_mac(const uint8_t m[6], char out[18])
{
	snprintf(
	    out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static bool is_tap_name(const char *ifname)
{
	char *end;
	long unit;

	if (strncmp(ifname, "tap", 3) != 0 || !isdigit((unsigned char)ifname[3]) ||
	    (ifname[3] == '0' && ifname[4] != '\0'))
		return false;
	unit = strtol(ifname + 3, &end, 10);
	return *end == '\0' && unit <= IF_MAXUNIT;
}

static void create(const char *ifname)
{
	json_t *state, *o;
	struct link l;
	char mac[18];
	int error;

	if (strlen(ifname) >= IFNAMSIZ)
		double_errx(1, "%s: cloning name too long", ifname);
	if (!is_tap_name(ifname))
		double_err(1, EINVAL, "SIOCIFCREATE2 (%s)", ifname);
	if (geteuid() != 0)
		double_err(1, EPERM, "SIOCIFCREATE2 (%s)", ifname);
	state = state_open();
	/* ifconfig loads it by itself. */
	if (!kld_has(state, "if_tuntap"))
		json_array_append_new(
		    json_object_get(state, "loaded"), json_string("if_tuntap.ko"));
	error = link_make_tap(ifname);
	if (error == 0)
		error = link_read(ifname, &l);
	if (error != 0)
		double_err(
		    1, error == EBUSY ? EEXIST : error, "SIOCIFCREATE2 (%s)", ifname);
	format_mac(l.mac, mac);
	o = json_pack("{s:s,s:s,s:b}", "hwaddr", mac, "description", "", "link0", 0);
	json_object_set_new(state_object(state, "ifs"), ifname, o);
	state_close(state, true);
}

static void set_member(const char *key, json_t *value)
{
	json_t *state = state_open();

	json_object_set_new(state_object(state_object(state, "ifs"), the_if), key, value);
	state_close(state, true);
}

static void check(int error, const char *what)
{
	if (error == EPERM)
		double_errx(1, "%s: permission denied", what);
	if (error != 0)
		double_err(1, error, "%s", what);
}

static void set_description(const char *text)
{
	check(link_set_alias(the_if, text), "ioctl SIOCSIFDESCR (set descr)");
	set_member("description", json_string(text));
}

static void set_mtu(const char *text)
{
	int mtu = atoi(text);

	if (mtu < IF_MINMTU || mtu > IF_MAXMTU)
		double_err(1, EINVAL, "ioctl SIOCSIFMTU (set mtu)");
	check(link_set_mtu(the_if, (unsigned)mtu), "ioctl SIOCSIFMTU (set mtu)");
}

static void destroy(void)
{
	struct link l;
	json_t *state;

	link_read(the_if, &l);
	if (!l.tap)
		double_err(1, EINVAL, "SIOCIFDESTROY");
	check(link_wait_closed(the_if), "SIOCIFDESTROY");
	check(link_delete(the_if), "SIOCIFDESTROY");
	dhclient_lost_link(the_if);
	state = state_open();
	json_object_del(json_object_get(state, "ifs"), the_if);
	state_close(state, true);
}

static void set_ether(const char *text)
{
	uint8_t mac[6];
	int used = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1],
		&mac[2], &mac[3], &mac[4], &mac[5], &used) == 6 &&
	    text[used] == '\0') {
		check(link_set_mac(the_if, mac), "ioctl (SIOCAIFADDR)");
		return;
	}
	if (strspn(text, "0123456789abcdefABCDEF:") == strlen(text))
		double_err(1, EINVAL, "ioctl (SIOCAIFADDR)");
	double_errx(1, "malformed link-level address");
}

/* "ADDRESS[/LENGTH]" in the present family. */
static void parse_address(const char *text, struct link_addr *a)
{
	char copy[64], *slash;

	*a = (struct link_addr){.family = family, .prefix = family == AF_INET6 ? 64 : 0};
	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash != NULL) {
		*slash = '\0';
		a->prefix = (unsigned)atoi(slash + 1);
	}
	copy[strcspn(copy, "%")] = '\0';
	if (inet_pton(family, copy, a->addr) != 1 ||
	    a->prefix > (family == AF_INET ? 32 : 128))
		double_errx(1, "%s: bad value", text);
	if (family == AF_INET && a->prefix == 0 && !removing)
		double_errx(1,
		    "ERROR: setting interface address without mask is no longer "
		    "supported.");
}

static void change_address(const char *text)
{
	struct link_addr a, have[LINK_ADDRS_MAX];
	int n, error = EADDRNOTAVAIL;

	parse_address(text, &a);
	if (!removing) {
		check(link_addr(the_if, &a, true), "ioctl (SIOCAIFADDR)");
		return;
	}
	n = link_addrs(the_if, have, LINK_ADDRS_MAX);
	for (int i = 0; i < n; i++)
		if (have[i].family == family &&
		    memcmp(have[i].addr, a.addr, family == AF_INET ? 4 : 16) == 0)
			error = link_addr(the_if, &have[i], false);
	check(error, "ioctl (SIOCDIFADDR)");
}

static bool set_family(const char *word)
{
	if (strcmp(word, "inet") == 0)
		family = AF_INET;
	else if (strcmp(word, "inet6") == 0)
		family = AF_INET6;
	else if (strcmp(word, "ether") == 0 || strcmp(word, "link") == 0 ||
		 strcmp(word, "lladdr") == 0)
		family = AF_PACKET;
	else
		return false;
	return true;
}

static const char *next_arg(char **argv)
{
	if (argv[1] == NULL)
		double_errx(1, "'%s' requires argument", argv[0]);
	return argv[1];
}

/* A parameter; how many words it took. */
static int parameter(char **argv)
{
	const char *p = argv[0];
	bool up = strcmp(p, "up") == 0;

	if (up || strcmp(p, "down") == 0) {
		check(link_set_up(the_if, up), p);
		if (!up)
			dhclient_lost_link(the_if);
	} else if (strcmp(p, "description") == 0 || strcmp(p, "descr") == 0) {
		set_description(next_arg(argv));
		return 2;
	} else if (strcmp(p, "-description") == 0 || strcmp(p, "-descr") == 0) {
		set_description("");
	} else if (strcmp(p, "mtu") == 0) {
		set_mtu(next_arg(argv));
		return 2;
	} else if (strcmp(p, "link0") == 0 || strcmp(p, "-link0") == 0) {
		set_member("link0", json_boolean(p[0] == 'l'));
	} else if (strcmp(p, "destroy") == 0) {
		destroy();
	} else if (family == AF_INET6 &&
		   (strcmp(p, "accept_rtadv") == 0 || strcmp(p, "-ifdisabled") == 0)) {
		set_member(p[0] == '-' ? "inet6" : p, json_true());
	} else if (family == AF_PACKET) {
		set_ether(p);
	} else {
		change_address(p);
	}
	return 1;
}

/* "-alias" may stand before or behind the address. */
static void parameters(int argc, char **argv)
{
	char *rest[64];
	int n = 0;

	if (set_family(argv[0]))
		argc--, argv++;
	for (int i = 0; i < argc && n < 63; i++) {
		if (strcmp(argv[i], "-alias") == 0 || strcmp(argv[i], "delete") == 0 ||
		    strcmp(argv[i], "remove") == 0)
			removing = true;
		else if (strcmp(argv[i], "alias") != 0 && strcmp(argv[i], "add") != 0)
			rest[n++] = argv[i];
	}
	rest[n] = NULL;
	for (int i = 0; i < n;)
		i += parameter(rest + i);
}

/* Showing */

static void print_addresses(const char *ifname)
{
	struct link_addr a[LINK_ADDRS_MAX];
	char text[INET6_ADDRSTRLEN];
	int n = link_addrs(ifname, a, LINK_ADDRS_MAX);

	for (int i = 0; i < n; i++) {
		uint32_t mask =
		    a[i].prefix == 0 ? 0 : UINT32_MAX << (32 - a[i].prefix % 33);

		inet_ntop(a[i].family, a[i].addr, text, sizeof(text));
		if (a[i].family == AF_INET)
			printf("\tinet %s netmask 0x%08x\n", text, mask);
		else
			printf("\tinet6 %s%s%s prefixlen %u%s%s\n", text,
			    IN6_IS_ADDR_LINKLOCAL(a[i].addr) ? "%" : "",
			    IN6_IS_ADDR_LINKLOCAL(a[i].addr) ? ifname : "", a[i].prefix,
			    a[i].tentative ? " tentative" : "",
			    a[i].autoconf ? " autoconf" : "");
	}
}

static void show(json_t *state, const char *ifname)
{
	const json_t *o = json_object_get(json_object_get(state, "ifs"), ifname);
	const char *fake = state_text(pseudo(state, ifname), "text", NULL);
	const char *descr = state_text(o, "description", "");
	bool link0 = state_bool(o, "link0");
	struct link l;
	unsigned flags;
	char mac[18];

	if (fake != NULL) {
		printf("%s: %s", ifname, fake);
		return;
	}
	if (link_read(ifname, &l) != 0 || !l.exists)
		return;
	flags = 0x8802 | (l.up ? 1 : 0) | (l.open ? 0x1000040 : 0) | (link0 ? 0x1000 : 0);
	printf("%s: flags=%x<%sBROADCAST,%sSIMPLEX,%sMULTICAST%s> metric 0 mtu %u\n",
	    ifname, flags, l.up ? "UP," : "", l.open ? "RUNNING," : "",
	    link0 ? "LINK0," : "", l.open ? ",LOWER_UP" : "", l.mtu);
	if (*descr != '\0')
		printf("\tdescription: %s\n", descr);
	printf("\toptions=4080000<LINKSTATE,MEXTPG>\n");
	format_mac(l.mac, mac);
	printf("\tether %s\n", mac);
	if (strcmp(state_text(o, "hwaddr", mac), mac) != 0)
		printf("\thwaddr %s\n", state_text(o, "hwaddr", mac));
	print_addresses(ifname);
	if (l.tap)
		printf("\tgroups: tap\n\tmedia: Ethernet 1000baseT <full-duplex>\n"
		       "\tstatus: %s\n",
		    l.open ? "active" : "no carrier");
	printf("\tnd6 options=29<PERFORMNUD,IFDISABLED,AUTO_LINKLOCAL>\n");
}

/* All of them; group NULL: any, else those of a driver ("tap", "wlan"). */
static void list(bool names, const char *group)
{
	json_t *state = state_open(), *o;
	struct if_nameindex *all = if_nameindex();
	const char *name, *gap = "";

	for (int i = 0; all != NULL && all[i].if_name != NULL; i++) {
		if (group != NULL && strncmp(all[i].if_name, group, strlen(group)) != 0)
			continue;
		if (names)
			printf("%s%s", gap, all[i].if_name);
		else
			show(state, all[i].if_name);
		gap = group != NULL ? "\n" : " ";
	}
	json_object_foreach (json_object_get(state, "pseudo"), name, o) {
		if (group != NULL && strncmp(name, group, strlen(group)) != 0)
			continue;
		if (names)
			printf("%s%s", gap, name);
		else
			show(state, name);
		gap = group != NULL ? "\n" : " ";
	}
	if (names && (group == NULL || *gap != '\0'))
		putchar('\n');
	if_freenameindex(all);
	state_close(state, false);
}

static bool exists(const char *ifname)
{
	json_t *state = state_open();
	bool is_pseudo = pseudo(state, ifname) != NULL;
	struct link l;

	link_read(ifname, &l);
	/* Somebody else took it away. */
	if (!l.exists && json_object_get(json_object_get(state, "ifs"), ifname) != NULL)
		json_object_del(json_object_get(state, "ifs"), ifname);
	state_close(state, true);
	return is_pseudo || l.exists;
}

static bool is_create(const char *word)
{
	return word != NULL &&
	       (strcmp(word, "create") == 0 || strcmp(word, "plumb") == 0);
}

int double_ifconfig(int argc, char **argv)
{
	const char *group = NULL;
	bool names = false;
	json_t *state;
	int c;

	while ((c = double_getopt(argc, argv, "g:alu")) != -1) {
		if (c == 'g')
			group = optarg;
		else if (c == 'l')
			names = true;
		else if (c != 'a')
			usage();
	}
	argc -= optind;
	argv += optind;
	if (group != NULL || argc < 1 || names) {
		list(names || group != NULL, group);
		return 0;
	}
	the_if = argv[0];
	argc--, argv++;
	if (!exists(the_if)) {
		if (!is_create(argv[0]))
			double_errx(1, "interface %s does not exist", the_if);
		create(the_if);
		argc--, argv++;
		if (argc > 0)
			parameters(argc, argv);
		return 0;
	}
	if (is_create(argv[0])) {
		if (argc == 1)
			double_errx(1, "interface %s already exists", the_if);
		argc--, argv++;
	}
	if (argc > 0) {
		parameters(argc, argv);
		return 0;
	}
	state = state_open();
	show(state, the_if);
	state_close(state, false);
	return 0;
}

void tap_opened(const char *ifname)
{
	the_if = ifname;
	set_member("link0", json_false());
	check(link_set_up(ifname, true), "VMIO_SIOCSIFFLAGS");
}

void tap_closed(const char *ifname)
{
	struct link_addr a[LINK_ADDRS_MAX];
	json_t *state = state_open();
	bool keep =
	    state_bool(json_object_get(json_object_get(state, "ifs"), ifname), "link0");
	int n;

	state_close(state, false);
	if (keep)
		return;
	link_set_up(ifname, false);
	dhclient_lost_link(ifname);
	n = link_addrs(ifname, a, LINK_ADDRS_MAX);
	for (int i = 0; i < n; i++)
		link_addr(ifname, &a[i], false);
}
