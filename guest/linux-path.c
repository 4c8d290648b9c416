/* The data path, and the radio's address, which goes with it. */
#include <string.h>

#include "linux-parts.h"
#include "log.h"

/* From setting a country to looking whether it holds: the host is online by then, which
 * clears what did not work on the way. */
#define COUNTRY_S 6
#define RECONNECTS_MAX 100

void tell_path(struct linux_guest *g)
{
	bool up = g->path.installed && !g->path.waits && !g->path_suspended &&
		  !g->leaving && choose_open(&g->choose) &&
		  g->state.phase == WLAN_ASSOCIATED;

	agent_path(g->a, up, g->path.ops != NULL ? g->path.ops->name : "none",
	    g->path.why[0] != '\0' ? g->path.why : g->choose.why);
}

/* 1: in place, 0: not yet. */
static int install_path(struct linux_guest *g, struct err *e)
{
	struct err warn = ERR_INIT;

	if (g->path.ops == NULL || g->path.installed || g->path_suspended ||
	    !g->supplicant_ran)
		return 0;
	for (const char *const *m = g->path.ops->modules; *m != NULL; m++)
		if (modules_load(&g->modules, *m, "", &warn) < 0)
			log_debug("%s", warn.msg); /* it may be built in */
	if (!path_find_host_if(&g->path))
		return 0; /* comes with a uevent */
	path_quiet(g->path.host_if);
	if (g->settings->mtu > 0 && rtnl_link_mtu(g->path.sk, g->path.host_index,
					(unsigned)g->settings->mtu, &warn) < 0)
		log_warn("%s: %s", g->path.host_if, warn.msg);
	return path_install(&g->path, e) < 0 ? -1 : 1;
}

void put_path(struct linux_guest *g)
{
	struct err e = ERR_INIT;
	int put = install_path(g, &e);

	if (put < 0 && !choose_failed(&g->choose, &e))
		agent_failed(g->a, true, "%s", e.msg);
	if (put != 0)
		tell_path(g);
}

static int choose_use(void *arg, const struct path_ops *ops, struct err *e)
{
	struct linux_guest *g = arg;

	path_remove(&g->path);
	tell_path(g);
	g->path.ops = ops;
	return install_path(g, e) < 0 ? -1 : 0;
}

static void choose_changed(void *arg)
{
	tell_path(arg);
}

static void choose_complain(void *arg, const char *text)
{
	struct linux_guest *g = arg;

	agent_failed(g->a, false, "%s", text);
}

static void on_left(void *arg, const char *reply, const char *why)
{
	struct linux_guest *g = arg;

	if (reply != NULL)
		return;
	log_warn("wpa_supplicant: rejoin: %s", why);
	g->leaving = false;
	tell_path(g);
}

/* The association that there is has an end, of which the supplicant will tell: until then
 * it is none any more. */
static void leave(struct linux_guest *g)
{
	g->leaving = g->state.phase == WLAN_ASSOCIATED;
	tell_path(g);
}

/* It refuses while it believes that the interface is down; that it is up again it has
 * been told before we ask once more. */
static void on_reconnected(void *arg, const char *reply, const char *why)
{
	struct linux_guest *g = arg;

	if (reply != NULL && strncmp(reply, "FAIL", 4) == 0 &&
	    g->reconnects++ < RECONNECTS_MAX)
		wpa_request(&g->wpa, "RECONNECT", on_reconnected, g);
	else
		on_left(g, reply, why);
}

static void rejoin(struct linux_guest *g)
{
	g->reconnects = 0;
	wpa_request(&g->wpa, "DISCONNECT", on_left, g);
	wpa_request(&g->wpa, "RECONNECT", on_reconnected, g);
}

static void choose_rejoin(void *arg)
{
	struct linux_guest *g = arg;

	leave(g);
	rejoin(g);
}

void link_path(struct linux_guest *g)
{
	g->path.base = g->base;
	g->path.wlan_state = &g->state;
	g->path.changed = choose_changed;
	g->path.complain = choose_complain;
	g->path.arg = g;
}

const struct choose_ops choose_callbacks = {
    choose_use, choose_rejoin, choose_changed, choose_complain};

/* Another address for the radio, which leaves what it has joined. The host hears of it
 * before it hears of the next association. */
static void set_mac(struct linux_guest *g, const uint8_t mac[6])
{
	unsigned index = g->radio.ifindex;
	struct err e = ERR_INIT;

	if (memcmp(mac, g->radio.mac, 6) == 0)
		return;
	/* One that knows the address is put in place anew. */
	path_remove(&g->path);
	leave(g);
	if (rtnl_link_flags(g->path.sk, index, 0, IFF_UP, &e) < 0 ||
	    rtnl_link_mac(g->path.sk, index, mac, &e) < 0 ||
	    rtnl_link_flags(g->path.sk, index, IFF_UP, IFF_UP, &e) < 0)
		agent_failed(g->a, false, "%s: %s", g->radio.ifname, e.msg);
	else
		memcpy(g->radio.mac, mac, 6);
	/* The supplicant looks whether the interface is up, not what it was told of, and
	 * so does not always hear that it was down: it would stay in what is no more. */
	if (g->leaving && !g->is_ap)
		rejoin(g);
}

void check_mac(struct linux_guest *g, const char *event)
{
	uint8_t ssid[SSID_MAX], mac[6];
	size_t len;

	if (g->settings == NULL || !g->settings->mac_random ||
	    !macs_event_ssid(event, ssid, &len))
		return;
	macs_network(&g->macs, g->settings, ssid, len, mac);
	if (memcmp(mac, g->radio.mac, 6) == 0)
		return;
	set_mac(g, mac);
	agent_radio(g->a, &g->radio);
	put_path(g);
}

/* Nobody says whether the country is one when it is set: the kernel looks it up later. */
static void on_country(evutil_socket_t fd, short what, void *arg)
{
	struct linux_guest *g = arg;
	char have[3];

	(void)fd;
	(void)what;
	if (g->settings->country[0] == '\0' || wlan_country(&g->wlan, have, NULL) < 0 ||
	    strcmp(have, g->settings->country) == 0)
		return;
	agent_failed(g->a, false,
	    "country %s: the rules of %s hold (is it in the regulatory database?)",
	    g->settings->country, have[0] != '\0' ? have : "the world");
}

static void set_country(struct linux_guest *g)
{
	static const struct timeval later = {COUNTRY_S, 0};
	const char *country = g->settings->country;
	struct err e = ERR_INIT;

	/* One that is no longer to hold gives way to the world's rules. */
	if (country[0] == '\0' && g->country_ev == NULL)
		return;
	if (wlan_set_country(&g->wlan, country[0] != '\0' ? country : "00", &e) < 0)
		agent_failed(g->a, false, "%s", e.msg);
	if (g->country_ev == NULL)
		g->country_ev = evtimer_new(g->base, on_country, g);
	if (g->country_ev != NULL)
		evtimer_add(g->country_ev, &later);
}

void set_up_radio(struct linux_guest *g)
{
	const struct settings *s = g->settings;
	struct err e = ERR_INIT;
	uint8_t mac[6];

	/* One that stays has its addresses. */
	if (!g->path.installed)
		path_quiet(g->radio.ifname);
	set_country(g);
	if (s->mtu > 0 &&
	    rtnl_link_mtu(g->path.sk, g->radio.ifindex, (unsigned)s->mtu, &e) < 0)
		agent_failed(g->a, false, "%s: %s", g->radio.ifname, e.msg);
	if (g->state.phase == WLAN_ASSOCIATED)
		macs_network(&g->macs, s, g->state.ssid, g->state.ssid_len, mac);
	else
		macs_idle(&g->macs, s, mac);
	set_mac(g, mac);
}

/* The host is to see that it goes, so that it gives its interface the address that the
 * other one wants. */
void change_path(struct linux_guest *g, const struct path_ops *ops)
{
	bool four = g->path.ops == &path_wds || ops == &path_wds;

	path_remove(&g->path);
	tell_path(g);
	/* What it needs of the radio can not be had of the other kind's program. */
	if (g->path.ops == &path_ap || ops == &path_ap) {
		g->supplicant_ran = four = false;
		memset(&g->state, 0, sizeof(g->state));
		agent_wlan(g->a, &g->state);
	}
	g->path.ops = ops;
	/* An access point keeps to four addresses until it is left. */
	if (four && g->state.phase == WLAN_ASSOCIATED)
		choose_rejoin(g);
	put_path(g);
}
