/*
 * wds: a bridge of the kernel's between the radio and the host's interface, as people
 * set it up by hand. On the air each frame names its host beside the radio (four
 * addresses, IEEE 802.11 9.3.2.1), so there may be any number of them.
 *
 * Order matters: the kernel lets a station into a bridge only while it sends such frames
 * (IFF_DONT_BRIDGE), and lets it stop only outside of one. EAPOL does not come by here:
 * cfg80211 hands it to the supplicant directly.
 */
#include <net/if.h>

#include "log.h"
#include "path.h"

static const char *const modules[] = {"bridge", NULL};

int path_bridge(struct path *p, bool with_air, struct err *e)
{
	unsigned bridge;

	if (rtnl_bridge_add(p->sk, PATH_BRIDGE, e) < 0)
		return -1;
	path_quiet(PATH_BRIDGE);
	bridge = if_nametoindex(PATH_BRIDGE);
	if (rtnl_link_flags(p->sk, p->host_index, IFF_UP, IFF_UP, e) < 0 ||
	    rtnl_link_master(p->sk, p->host_index, bridge, e) < 0)
		return err_prefix(e, "%s", p->host_if);
	if (with_air && (rtnl_link_flags(p->sk, p->air_index, IFF_UP, IFF_UP, e) < 0 ||
			    rtnl_link_master(p->sk, p->air_index, bridge, e) < 0))
		return err_prefix(e, "%s", p->air_if);
	if (rtnl_link_flags(p->sk, bridge, IFF_UP, IFF_UP, e) < 0)
		return err_prefix(e, "%s", PATH_BRIDGE);
	return 0;
}

void path_unbridge(struct path *p)
{
	struct err e = ERR_INIT;

	/* Its ports are free with it. */
	if (rtnl_link_del(p->sk, PATH_BRIDGE, &e) < 0)
		log_warn("data path %s: %s", p->ops->name, e.msg);
}

static int wds_install(struct path *p, struct err *e)
{
	if (wlan_set_4addr(p->wlan, p->air_index, true, e) < 0)
		return -1;
	return path_bridge(p, true, e);
}

static void wds_remove(struct path *p)
{
	struct err e = ERR_INIT;

	path_unbridge(p);
	/* A radio that is gone has nothing to be set. */
	if (if_nametoindex(p->air_if) != 0 &&
	    wlan_set_4addr(p->wlan, p->air_index, false, &e) < 0)
		log_warn("data path wds: %s", e.msg);
}

const struct path_ops path_wds = {"wds", modules, wds_install, wds_remove};

/*
 * ap: the same bridge, but hostapd puts the radio into it, as it makes an access point
 * of it. Stations reach each other within the radio.
 */
static int ap_install(struct path *p, struct err *e)
{
	return path_bridge(p, false, e);
}

const struct path_ops path_ap = {"ap", modules, ap_install, path_unbridge};
