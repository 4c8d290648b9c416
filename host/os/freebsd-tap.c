/*
 * The tap by ifconfig(8); facts from sys/net/if_tuntap.c and as seen (15.1):
 *
 * - bhyve opens /dev/tapN by its name; the link is up while it is open. It then sets
 *   the interface's flags (VMIO_SIOCSIFFLAGS): up, and none of the others that can be
 *   set, link0 among them.
 * - When it is closed, an interface without link0 goes down and loses all addresses
 *   and routes, those of rc.conf too, which nobody would put back when the VM starts
 *   again. With link0 they stay. So it is set each time that we touch the interface:
 *   when bhyve has opened it at the latest.
 * - Its MAC address can be set while it is open and up.
 * - To destroy it while it is open waits until it is not: so the VM ends first. A
 *   signal ends the waiting, and the interface is as before.
 * - `create` with further words works on an interface that exists as well, so it is
 *   asked for before. Made and described by one program: killed in between we leave
 *   either nothing or what we know again.
 * - devd(8) hears of a new tap and configures it from rc.conf (/etc/pccard_ether).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "freebsd-ifconfig.h"
#include "freebsd.h"
#include "msg.h"

#define IFCONFIG "/sbin/ifconfig"

static void description(const char *instance, char out[INSTANCE_MAX + 8])
{
	snprintf(out, INSTANCE_MAX + 8, "bhyfi %.*s", INSTANCE_MAX - 1, instance);
}

/* 1: it exists, *ours tells whose it is; 0: it does not. */
static int find_tap(const char *ifname, const char *instance, bool *ours, struct err *e)
{
	const char *const argv[] = {IFCONFIG, ifname, NULL};
	char AUTO_FREE *text = NULL;
	char want[INSTANCE_MAX + 8];
	struct ifconfig i;
	int status = freebsd_ask(argv, &text, e);

	if (status != 0)
		return status < 0 ? -1 : 0;
	if (ifconfig_parse(text, ifname, &i, e) < 0)
		return -1;
	description(instance, want);
	*ours = strcmp(i.description, want) == 0;
	return 1;
}

static int run_ifconfig(const char *ifname, const char *word, struct err *e)
{
	const char *const argv[] = {IFCONFIG, ifname, word, NULL};

	return freebsd_run(argv, NULL, NULL, e);
}

int freebsd_tap_destroy(const char *ifname, const char *instance, struct err *e)
{
	bool ours = true;
	int got;

	if (!freebsd_recording()) {
		got = find_tap(ifname, instance, &ours, e);
		if (got <= 0)
			return got;
	}
	if (!ours) {
		err_set(e, ERR_FAILED, "interface %s: it exists and is not ours", ifname);
		return err_hint(e,
		    "set interface to another tap, or take it out of cloned_interfaces");
	}
	return run_ifconfig(ifname, "destroy", e);
}

/* bhyve takes tapN and vmnetN only; a vmnet has no link state. */
static int check_name(const char *ifname, struct err *e)
{
	if (strncmp(ifname, "tap", 3) == 0 && ifname[3] != '\0' &&
	    strspn(ifname + 3, "0123456789") == strlen(ifname + 3))
		return 0;
	return err_set(
	    e, ERR_PRECONDITION, "interface %s: expected tap and a number", ifname);
}

int freebsd_tap_create(const struct config *c, int *fd, struct err *e)
{
	static const char *const modules[] = {"vmm", "nmdm", "if_tuntap", NULL};
	char descr[INSTANCE_MAX + 8], mtu[12];
	const char *const argv[] = {IFCONFIG, c->interface, "create", "description",
	    descr, "mtu", mtu, "link0", NULL};
	struct err back = ERR_INIT;

	*fd = -1;
	if (check_name(c->interface, e) < 0 || freebsd_modules(modules, e) < 0)
		return -1;
	if (!freebsd_recording() && freebsd_tap_destroy(c->interface, c->instance, e) < 0)
		return -1;
	description(c->instance, descr);
	snprintf(mtu, sizeof(mtu), "%u", c->mtu);
	if (freebsd_run(argv, NULL, NULL, e) == 0)
		return 0;
	/* It may have been made, and not taken its MTU. */
	freebsd_tap_destroy(c->interface, c->instance, &back);
	return -1;
}

int freebsd_tap_set_mac(const char *ifname, const uint8_t mac[6], struct err *e)
{
	char text[MAC_TEXT_SIZE];
	const char *const argv[] = {
	    IFCONFIG, ifname, "ether", mac != NULL ? text : "$MAC", "link0", NULL};

	if (mac != NULL)
		msg_mac_text(mac, text);
	return freebsd_run(argv, NULL, NULL, e);
}
