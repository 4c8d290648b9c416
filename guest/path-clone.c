/*
 * clone: the host carries the radio's MAC address, the guest has none. At
 * ingress of either interface everything goes to the egress of the other,
 * except the frames that wpa_supplicant needs to see.
 *
 * Order matters: the filters that pass EAPOL on are added before the one that
 * takes everything, so that no handshake is ever redirected. Segments and
 * checksums are left as they come: a 64 KiB packet of the host's crosses as one
 * and is cut where it enters the radio's queue.
 */
#include <linux/if_ether.h>

#include "cleanup.h"
#include "log.h"
#include "path.h"

#define PRIO_EAPOL 1
#define PRIO_PREAUTH 2
#define PRIO_REST 10
#define ETH_P_RSN_PREAUTH 0x88c7

static const char *const modules[] = {"sch_ingress", "cls_matchall", "act_mirred", NULL};

static int add_filters(struct path *p, unsigned ifindex, const struct rtnl_filter *f,
    unsigned count, struct err *e)
{
	if (rtnl_clsact_add(p->sk, ifindex, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		if (rtnl_filter_add(p->sk, ifindex, &f[i], e) < 0)
			return -1;
	return rtnl_filters_check(p->sk, ifindex, f, count, e);
}

static int clone_install(struct path *p, struct err *e)
{
	const struct rtnl_filter air[] = {
	    {PRIO_EAPOL, ETH_P_PAE, 0},
	    {PRIO_PREAUTH, ETH_P_RSN_PREAUTH, 0},
	    {PRIO_REST, ETH_P_ALL, p->host_index},
	};
	const struct rtnl_filter host[] = {{PRIO_REST, ETH_P_ALL, p->air_index}};

	if (path_hear_all(p, e) < 0)
		return -1;
	if (add_filters(p, p->air_index, air, ARRAY_LEN(air), e) < 0)
		return err_prefix(e, "%s", p->air_if);
	if (add_filters(p, p->host_index, host, ARRAY_LEN(host), e) < 0)
		return err_prefix(e, "%s", p->host_if);
	return 0;
}

const struct path_ops path_clone = {"clone", modules, clone_install, path_unfilter};
