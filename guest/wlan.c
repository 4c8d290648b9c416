#include "wlan.h"

#include <errno.h>
#include <linux/nl80211.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "cleanup.h"

int wlan_open(struct wlan *w, struct err *e)
{
	int n;

	w->sk = nl_socket_alloc();
	if (w->sk == NULL)
		return err_set(e, ERR_FAILED, "nl80211: out of memory");
	n = genl_connect(w->sk);
	if (n == 0) {
		w->family = genl_ctrl_resolve(w->sk, NL80211_GENL_NAME);
		n = w->family < 0 ? w->family : 0;
	}
	if (n == 0)
		return 0;
	wlan_close(w);
	return err_set(e, ERR_FAILED, "nl80211: %s", nl_geterror(n));
}

void wlan_close(struct wlan *w)
{
	if (w->sk != NULL)
		nl_socket_free(w->sk);
	w->sk = NULL;
}

static struct nl_msg *request(struct wlan *w, uint8_t cmd, int flags)
{
	struct nl_msg *m = nlmsg_alloc();

	if (m != NULL && genlmsg_put(m, 0, 0, w->family, 0, flags, cmd, 0) == NULL) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

struct answer {
	bool done;
	int error; /* of libnl's */
};

static int on_end(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;

	(void)msg;
	a->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *msg, void *arg)
{
	struct answer *a = arg;

	(void)from;
	a->error = -nl_syserr2nlerr(msg->error);
	a->done = true;
	return NL_STOP;
}

/* Sends m, frees it, gives each answer to fn, until the end or the acknowledgement: that
 * is a datagram of its own behind the answer, and would be taken for the next one's. */
static int ask(
    struct wlan *w, struct nl_msg *m, nl_recvmsg_msg_cb_t fn, void *arg, struct err *e)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct answer a = {false, 0};
	int n = m != NULL && cb != NULL ? nl_send_auto(w->sk, m) : -NLE_NOMEM;

	nlmsg_free(m);
	if (cb != NULL) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, fn, arg);
		nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &a);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, &a);
		nl_cb_err(cb, NL_CB_CUSTOM, on_error, &a);
	}
	while (n >= 0 && !a.done)
		n = nl_recvmsgs(w->sk, cb);
	nl_cb_put(cb);
	if (a.error < 0)
		n = a.error;
	if (n < 0)
		return err_set(e, ERR_FAILED, "nl80211: %s", nl_geterror(n));
	return 0;
}

struct found {
	const char *ifname; /* NULL: any */
	struct radio *r;
	bool found;
};

static int parse(struct nl_msg *msg, struct nlattr **tb)
{
	struct genlmsghdr *g = nlmsg_data(nlmsg_hdr(msg));

	return nla_parse(
	    tb, NL80211_ATTR_MAX, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), NULL);
}

static int on_interface(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NL80211_ATTR_MAX + 1];
	struct found *f = arg;

	if (f->found || parse(msg, tb) < 0 || tb[NL80211_ATTR_IFNAME] == NULL ||
	    tb[NL80211_ATTR_IFINDEX] == NULL || tb[NL80211_ATTR_WIPHY] == NULL ||
	    tb[NL80211_ATTR_MAC] == NULL || nla_len(tb[NL80211_ATTR_MAC]) < 6 ||
	    tb[NL80211_ATTR_IFTYPE] == NULL)
		return NL_OK;
	if (nla_get_u32(tb[NL80211_ATTR_IFTYPE]) != NL80211_IFTYPE_STATION)
		return NL_OK;
	if (f->ifname != NULL && nla_strcmp(tb[NL80211_ATTR_IFNAME], f->ifname) != 0)
		return NL_OK;
	f->found = true;
	f->r->ifindex = nla_get_u32(tb[NL80211_ATTR_IFINDEX]);
	f->r->wiphy = nla_get_u32(tb[NL80211_ATTR_WIPHY]);
	nla_strlcpy(f->r->ifname, tb[NL80211_ATTR_IFNAME], sizeof(f->r->ifname));
	memcpy(f->r->mac, nla_data(tb[NL80211_ATTR_MAC]), 6);
	return NL_OK;
}

/* The last component of what a link under the interface's device points to. */
static void device_link(const char *ifname, const char *name, char *dst, size_t size)
{
	char path[128], link[512];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", ifname, name);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	base = strrchr(link, '/');
	snprintf(dst, size, "%.*s", (int)size - 1, base != NULL ? base + 1 : "");
}

int wlan_find(struct wlan *w, const char *ifname, struct radio *r, struct err *e)
{
	struct found f = {.ifname = ifname, .r = r};
	char bus[32];

	memset(r, 0, sizeof(*r));
	if (ask(w, request(w, NL80211_CMD_GET_INTERFACE, NLM_F_DUMP), on_interface, &f,
		e) < 0)
		return -1;
	if (!f.found)
		return 0;
	device_link(r->ifname, "phy80211", r->phy, sizeof(r->phy));
	device_link(r->ifname, "device/driver", r->driver, sizeof(r->driver));
	device_link(r->ifname, "device/subsystem", bus, sizeof(bus));
	if (strcmp(bus, "pci") == 0)
		device_link(r->ifname, "device", r->bus, sizeof(r->bus));
	return 1;
}

static int on_nothing(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

int wlan_set_country(struct wlan *w, const char *country, struct err *e)
{
	struct nl_msg *m = request(w, NL80211_CMD_REQ_SET_REG, NLM_F_ACK);

	if (m != NULL)
		nla_put_string(m, NL80211_ATTR_REG_ALPHA2, country);
	if (ask(w, m, on_nothing, NULL, e) < 0)
		return err_prefix(e, "country %s", country);
	return 0;
}

int wlan_set_4addr(struct wlan *w, unsigned ifindex, bool on, struct err *e)
{
	struct nl_msg *m = request(w, NL80211_CMD_SET_INTERFACE, NLM_F_ACK);

	if (m != NULL) {
		nla_put_u32(m, NL80211_ATTR_IFINDEX, ifindex);
		nla_put_u8(m, NL80211_ATTR_4ADDR, on);
	}
	if (ask(w, m, on_nothing, NULL, e) < 0)
		return err_prefix(e, "4-address frames %s", on ? "on" : "off");
	return 0;
}

/* IEEE 802.11 bit rates come in units of 100 kbit/s. */
static void put_rate(json_t *o, const char *key, struct nlattr *info)
{
	struct nlattr *tb[NL80211_RATE_INFO_MAX + 1];
	double rate;

	if (info == NULL || nla_parse_nested(tb, NL80211_RATE_INFO_MAX, info, NULL) < 0)
		return;
	if (tb[NL80211_RATE_INFO_BITRATE32] != NULL)
		rate = nla_get_u32(tb[NL80211_RATE_INFO_BITRATE32]);
	else if (tb[NL80211_RATE_INFO_BITRATE] != NULL)
		rate = nla_get_u16(tb[NL80211_RATE_INFO_BITRATE]);
	else
		return;
	json_object_set_new(o, key, json_real(rate / 10));
}

static void put_count(json_t *o, const char *key, struct nlattr *a)
{
	if (a != NULL && nla_len(a) >= 4)
		json_object_set_new(o, key, json_integer(nla_get_u32(a)));
}

static int on_station(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NL80211_ATTR_MAX + 1], *si[NL80211_STA_INFO_MAX + 1];
	json_t *o = arg;

	if (parse(msg, tb) < 0 || tb[NL80211_ATTR_STA_INFO] == NULL ||
	    nla_parse_nested(si, NL80211_STA_INFO_MAX, tb[NL80211_ATTR_STA_INFO], NULL) <
		0)
		return NL_OK;
	if (si[NL80211_STA_INFO_SIGNAL] != NULL)
		json_object_set_new(o, "signal_dbm",
		    json_integer((int8_t)nla_get_u8(si[NL80211_STA_INFO_SIGNAL])));
	put_count(o, "tx_packets", si[NL80211_STA_INFO_TX_PACKETS]);
	put_count(o, "tx_retries", si[NL80211_STA_INFO_TX_RETRIES]);
	put_count(o, "tx_failed", si[NL80211_STA_INFO_TX_FAILED]);
	put_rate(o, "tx_mbps", si[NL80211_STA_INFO_TX_BITRATE]);
	put_rate(o, "rx_mbps", si[NL80211_STA_INFO_RX_BITRATE]);
	return NL_OK;
}

static int on_width(struct nl_msg *msg, void *arg)
{
	static const int mhz[] = {
	    [NL80211_CHAN_WIDTH_20_NOHT] = 20,
	    [NL80211_CHAN_WIDTH_20] = 20,
	    [NL80211_CHAN_WIDTH_40] = 40,
	    [NL80211_CHAN_WIDTH_80] = 80,
	    [NL80211_CHAN_WIDTH_80P80] = 160,
	    [NL80211_CHAN_WIDTH_160] = 160,
	    [NL80211_CHAN_WIDTH_5] = 5,
	    [NL80211_CHAN_WIDTH_10] = 10,
	};
	struct nlattr *tb[NL80211_ATTR_MAX + 1];
	unsigned width;
	json_t *o = arg;

	if (parse(msg, tb) < 0 || tb[NL80211_ATTR_CHANNEL_WIDTH] == NULL)
		return NL_OK;
	width = nla_get_u32(tb[NL80211_ATTR_CHANNEL_WIDTH]);
	if (width < ARRAY_LEN(mhz) && mhz[width] > 0)
		json_object_set_new(o, "width_mhz", json_integer(mhz[width]));
	return NL_OK;
}

/* The noise of the channel that is in use: what the driver says of that, or else what it
 * last heard at our frequency. Not all drivers measure it. */
static int on_survey(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NL80211_ATTR_MAX + 1], *si[NL80211_SURVEY_INFO_MAX + 1];
	json_t *o = arg;
	json_int_t freq = json_integer_value(json_object_get(o, "freq_mhz"));
	bool in_use;

	if (parse(msg, tb) < 0 || tb[NL80211_ATTR_SURVEY_INFO] == NULL ||
	    nla_parse_nested(
		si, NL80211_SURVEY_INFO_MAX, tb[NL80211_ATTR_SURVEY_INFO], NULL) < 0 ||
	    si[NL80211_SURVEY_INFO_NOISE] == NULL)
		return NL_OK;
	in_use = si[NL80211_SURVEY_INFO_IN_USE] != NULL;
	if (!in_use && (si[NL80211_SURVEY_INFO_FREQUENCY] == NULL ||
			   nla_get_u32(si[NL80211_SURVEY_INFO_FREQUENCY]) != freq ||
			   json_object_get(o, "noise_dbm") != NULL))
		return NL_OK;
	json_object_set_new(o, "noise_dbm",
	    json_integer((int8_t)nla_get_u8(si[NL80211_SURVEY_INFO_NOISE])));
	return NL_OK;
}

/* "00" is the world's, which is no country. */
static int on_regdom(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NL80211_ATTR_MAX + 1];
	char alpha2[3], *country = arg;

	/* Of several answers the first is the one that all radios without rules of
	 * their own follow. */
	if (parse(msg, tb) < 0 || tb[NL80211_ATTR_REG_ALPHA2] == NULL ||
	    country[0] != '\0')
		return NL_OK;
	nla_strlcpy(alpha2, tb[NL80211_ATTR_REG_ALPHA2], sizeof(alpha2));
	if (alpha2[0] >= 'A' && alpha2[0] <= 'Z')
		memcpy(country, alpha2, sizeof(alpha2));
	return NL_OK;
}

int wlan_country(struct wlan *w, char country[3], struct err *e)
{
	memset(country, 0, 3);
	return ask(w, request(w, NL80211_CMD_GET_REG, NLM_F_ACK), on_regdom, country, e);
}

void wlan_link_info(struct wlan *w, const struct radio *r, json_t *o)
{
	char country[3];
	struct nl_msg *m = request(w, NL80211_CMD_GET_STATION, NLM_F_DUMP);

	if (m != NULL)
		nla_put_u32(m, NL80211_ATTR_IFINDEX, r->ifindex);
	ask(w, m, on_station, o, NULL);
	m = request(w, NL80211_CMD_GET_INTERFACE, NLM_F_ACK);
	if (m != NULL)
		nla_put_u32(m, NL80211_ATTR_IFINDEX, r->ifindex);
	ask(w, m, on_width, o, NULL);
	m = request(w, NL80211_CMD_GET_SURVEY, NLM_F_DUMP);
	if (m != NULL)
		nla_put_u32(m, NL80211_ATTR_IFINDEX, r->ifindex);
	ask(w, m, on_survey, o, NULL);
	if (wlan_country(w, country, NULL) == 0 && country[0] != '\0')
		json_object_set_new(o, "country", json_string(country));
}
