/*
 * FreeBSD's part of ns.h. There is no namespace to go into: bhyve and the programs that
 * make its tap need the host's own devices and network. What a test does there
 * keeps away from what is the host's: a tap of its own, no default route, no
 * resolv.conf.
 */
#include "ns.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd.h"

int ns_enter(struct err *e)
{
	(void)e;
	return 0;
}

int ns_check_tun(struct err *e)
{
	if (geteuid() == 0)
		return 0;
	err_set(e, ERR_PRECONDITION, "bhyve and its tap need root");
	return err_hint(e, "run it as root");
}

void ns_tap_name(const char *instance, char name[16])
{
	(void)instance;
	snprintf(name, 16, "tap970");
}
