/*
 * Theory of operation. The agent is the real one; what is below it is a small
 * model: access points that are on or off, a station that follows the networks
 * it was given, a data path that is up while it is associated. Each step of the
 * station takes STEP_MS, so that the host sees every state. Nothing here claims
 * what it can not know: there is no traffic, no kernel, no driver.
 */
#include "fake.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "console.h"
#include "fake-nets.h"
#include "log.h"
#include "msg.h"

#define STEP_MS 5
#define RESCAN_MS 250
#define APS_MAX 2
#define PASSPHRASE "correct horse battery"

enum security {
	SEC_OPEN,
	SEC_WPA2,
	SEC_WPA3,
};

static const char *const key_mgmt_names[] = {
    [SEC_OPEN] = "NONE",
    [SEC_WPA2] = "WPA2-PSK",
    [SEC_WPA3] = "SAE",
};

struct fake_ap {
	const char *ssid; /* NULL: none */
	enum security security;
	int freq_mhz;
	bool hidden;
};

static const struct fake_scenario {
	const char *name;
	struct fake_ap aps[APS_MAX];
} scenarios[] = {
    {"open", {{"bhyfi-open", SEC_OPEN, 2412, false}}},
    {"wpa2", {{"bhyfi-wpa2", SEC_WPA2, 2412, false}}},
    {"wpa3", {{"bhyfi-wpa3", SEC_WPA3, 2412, false}}},
    {"hidden", {{"bhyfi-hidden", SEC_WPA2, 2412, true}}},
    {"ess", {{"bhyfi-ess", SEC_WPA2, 2412, false}, {"bhyfi-ess", SEC_WPA2, 2437, false}}},
    {"two", {{"bhyfi-one", SEC_WPA2, 2412, false}, {"bhyfi-two", SEC_WPA2, 2462, false}}},
    {"wds", {{"bhyfi-wds", SEC_WPA2, 2412, false}}},
};

struct fake {
	struct agent *a;
	struct event_base *base;
	const struct fake_options *opts;
	const struct fake_scenario *sc;
	bool ap_on[APS_MAX];
	const struct settings *settings;
	struct fake_net nets[FAKE_NETS_MAX];
	size_t net_count;
	struct wlan_state s;
	int ap;       /* tried or associated, -1: none */
	size_t net;   /* which of nets that is */
	bool joining; /* only the network `wanted` is looked for, for join_id */
	size_t wanted;
	json_int_t join_id;
	bool releasing;
	struct event *step, *agent_ev, *console_ev, *term_ev;
};

static const struct fake_scenario *find_scenario(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	return NULL;
}

bool fake_scenario_known(const char *name)
{
	return find_scenario(name) != NULL;
}

static void next_step(struct fake *f, int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	if (!f->releasing)
		evtimer_add(f->step, &tv);
}

static void tell(struct fake *f)
{
	const char *mode = f->settings->mode;
	bool chosen = strcmp(mode, "auto") == 0;

	agent_wlan(f->a, &f->s);
	agent_path(f->a, f->s.phase == WLAN_ASSOCIATED && strcmp(mode, "none") != 0,
	    chosen ? "clone" : mode, chosen ? "there is no air" : "");
}

static void disconnected(struct fake *f, const char *reason)
{
	f->s.phase = WLAN_DISCONNECTED;
	f->s.has_bssid = false;
	f->s.freq_mhz = 0;
	f->s.key_mgmt[0] = '\0';
	snprintf(f->s.reason, sizeof(f->s.reason), "%s", reason);
	f->ap = -1;
	tell(f);
}

static bool net_fits(const struct fake_net *n, const struct fake_ap *ap)
{
	if (n->disabled || (ap->hidden && !n->scan_ssid))
		return false;
	if (n->ssid_len > 0 && (n->ssid_len != strlen(ap->ssid) ||
				   memcmp(n->ssid, ap->ssid, n->ssid_len) != 0))
		return false;
	return n->open == (ap->security == SEC_OPEN);
}

/* The first network, in the file's order, that an AP on the air offers. */
static const struct fake_net *choose(struct fake *f, int *ap)
{
	for (size_t i = 0; i < f->net_count; i++) {
		struct fake_net n = f->nets[i];

		if (f->joining && i != f->wanted)
			continue;
		n.disabled = n.disabled && !f->joining;
		for (int k = 0; k < APS_MAX; k++)
			if (f->sc->aps[k].ssid != NULL && f->ap_on[k] &&
			    net_fits(&n, &f->sc->aps[k])) {
				*ap = k;
				f->net = i;
				return &f->nets[i];
			}
	}
	return NULL;
}

static void end_join(struct fake *f, const char *result, const char *reason)
{
	if (!f->joining)
		return;
	f->joining = false;
	agent_joined(f->a, f->join_id, result, reason);
}

static void bssid_of(int ap, uint8_t mac[6])
{
	const uint8_t first[6] = {0x02, 0xbf, 0, 0, 0, (uint8_t)(1 + ap)};

	memcpy(mac, first, 6);
}

static void step_scan(struct fake *f)
{
	const struct fake_net *n = choose(f, &f->ap);
	const struct fake_ap *ap;

	agent_wpa_event(f->a, "<3>CTRL-EVENT-SCAN-RESULTS ");
	if (n == NULL) {
		agent_wpa_event(f->a, "<3>CTRL-EVENT-NETWORK-NOT-FOUND ");
		end_join(f, "not-found", "no such network is heard");
		disconnected(f, "network not found");
		next_step(f, RESCAN_MS);
		return;
	}
	ap = &f->sc->aps[f->ap];
	f->s.phase = WLAN_ASSOCIATING;
	f->s.ssid_len = strlen(ap->ssid);
	memcpy(f->s.ssid, ap->ssid, f->s.ssid_len);
	tell(f);
	next_step(f, STEP_MS);
}

static void step_associate(struct fake *f)
{
	int k;
	const struct fake_net *n = choose(f, &k);
	const struct fake_ap *ap;

	if (n == NULL || k != f->ap) {
		disconnected(f, "the access point is gone");
		next_step(f, STEP_MS);
		return;
	}
	ap = &f->sc->aps[k];
	/* A raw 64-digit key is not derived here, and refused. */
	if (ap->security != SEC_OPEN && strcmp(n->secret, PASSPHRASE) != 0) {
		agent_wpa_event(f->a,
		    "<3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 auth_failures=1 duration=10 "
		    "reason=WRONG_KEY");
		end_join(f, "wrong-passphrase", "wrong passphrase");
		disconnected(f, "wrong passphrase");
		next_step(f, RESCAN_MS);
		return;
	}
	f->s.phase = WLAN_ASSOCIATED;
	f->s.reason[0] = '\0';
	f->s.has_bssid = true;
	bssid_of(k, f->s.bssid);
	f->s.freq_mhz = ap->freq_mhz;
	snprintf(
	    f->s.key_mgmt, sizeof(f->s.key_mgmt), "%s", key_mgmt_names[ap->security]);
	agent_wpa_event(f->a, "<3>CTRL-EVENT-CONNECTED - ");
	end_join(f, "joined", "");
	tell(f);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct fake *f = arg;

	(void)fd;
	(void)what;
	if (f->settings == NULL)
		return;
	switch (f->s.phase) {
	case WLAN_DISCONNECTED:
		f->s.phase = WLAN_SCANNING;
		agent_stage(f->a, STAGE_SUPPLICANT);
		agent_wpa_event(f->a, "<3>CTRL-EVENT-SCAN-STARTED ");
		tell(f);
		next_step(f, STEP_MS);
		break;
	case WLAN_SCANNING:
		step_scan(f);
		break;
	case WLAN_ASSOCIATING:
		step_associate(f);
		break;
	case WLAN_ASSOCIATED:
		break;
	}
}

static bool has_mode(const char *mode)
{
	static const char *const modes[] = {
	    "clone", "wds", "ap", "auto", "macnat", "nat", "none"};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (strcmp(modes[i], mode) == 0)
			return true;
	return false;
}

/* Takes the networks over. True where the one that it is in has stayed what it was. */
static bool take_networks(struct fake *f, const char *networks)
{
	struct fake_net was = {.open = false};
	bool in = f->s.phase == WLAN_ASSOCIATED && f->net < f->net_count, stays = false;

	if (in)
		was = f->nets[f->net];
	explicit_bzero(f->nets, sizeof(f->nets));
	f->net_count = fake_nets_parse(networks, f->nets, FAKE_NETS_MAX);
	for (size_t i = 0; i < f->net_count && in && !stays; i++) {
		const struct fake_net *n = &f->nets[i];

		stays = n->ssid_len == was.ssid_len &&
			memcmp(n->ssid, was.ssid, was.ssid_len) == 0 &&
			n->open == was.open && strcmp(n->secret, was.secret) == 0;
		f->net = i;
	}
	explicit_bzero(&was, sizeof(was));
	return stays;
}

static void fake_configure(void *st, const struct settings *s)
{
	struct radio r = {.ifindex = 1,
	    .ifname = "wlan0",
	    .phy = "phy0",
	    .mac = {0x02, 0xbf, 0, 0, 0xff, 0x01},
	    .driver = "fake"};
	struct fake *f = st;

	f->settings = s;
	if (!has_mode(s->mode)) {
		agent_failed(f->a, true, "config: this guest has no mode %s", s->mode);
		return;
	}
	if (s->has_mac)
		memcpy(r.mac, s->mac, 6);
	agent_radio(f->a, &r);
	if (take_networks(f, s->networks)) {
		tell(f);
		return;
	}
	if (f->s.phase != WLAN_DISCONNECTED)
		disconnected(f, "");
	next_step(f, STEP_MS);
}

static void fake_join(
    void *st, json_int_t id, const uint8_t *ssid, size_t len, int timeout_ms)
{
	struct fake *f = st;
	size_t i = 0;

	(void)timeout_ms;
	end_join(f, "failed", "another network was chosen meanwhile");
	while (i < f->net_count &&
	       (f->nets[i].ssid_len != len || memcmp(f->nets[i].ssid, ssid, len) != 0))
		i++;
	f->joining = true;
	f->join_id = id;
	f->wanted = i;
	if (i == f->net_count) {
		end_join(f, "unknown", "it is not among the networks");
	} else if (f->s.phase == WLAN_ASSOCIATED && f->net == i) {
		end_join(f, "joined", "");
	} else {
		if (f->s.phase != WLAN_DISCONNECTED)
			disconnected(f, "");
		next_step(f, STEP_MS);
	}
}

static void wpa_status(struct fake *f, char *dst, size_t size)
{
	static const char *const names[] = {
	    [WLAN_DISCONNECTED] = "DISCONNECTED",
	    [WLAN_SCANNING] = "SCANNING",
	    [WLAN_ASSOCIATING] = "ASSOCIATING",
	    [WLAN_ASSOCIATED] = "COMPLETED",
	};
	char mac[MAC_TEXT_SIZE];

	if (f->s.phase != WLAN_ASSOCIATED) {
		snprintf(dst, size, "wpa_state=%s\n", names[f->s.phase]);
		return;
	}
	msg_mac_text(f->s.bssid, mac);
	snprintf(dst, size, "bssid=%s\nfreq=%d\nssid=%.*s\nkey_mgmt=%s\nwpa_state=%s\n",
	    mac, f->s.freq_mhz, (int)f->s.ssid_len, (const char *)f->s.ssid,
	    f->s.key_mgmt, names[f->s.phase]);
}

static const char *const bss_flags[] = {
    [SEC_OPEN] = "[ESS]",
    [SEC_WPA2] = "[WPA2-PSK-CCMP][ESS]",
    [SEC_WPA3] = "[WPA2-SAE-CCMP][ESS]",
};

/* The BSSID of one that is on the air; false for one that is not. */
static bool is_heard(const struct fake *f, int ap, char mac[MAC_TEXT_SIZE])
{
	uint8_t bssid[6];

	bssid_of(ap, bssid);
	msg_mac_text(bssid, mac);
	return f->sc->aps[ap].ssid != NULL && f->ap_on[ap];
}

/* Each AP in the air by its number; an SSID as the supplicant prints it. */
static void wpa_bss(struct fake *f, int first, char *dst, size_t size)
{
	size_t at = 0;

	dst[0] = '\0';
	for (int i = first; i < APS_MAX; i++) {
		const struct fake_ap *ap = &f->sc->aps[i];
		char mac[MAC_TEXT_SIZE];

		if (!is_heard(f, i, mac))
			continue;
		at += (size_t)snprintf(dst + at, size - at,
		    "id=%d\nbssid=%s\nfreq=%d\nlevel=-30\nflags=%s\nssid=%s\n====\n", i,
		    mac, ap->freq_mhz, bss_flags[ap->security],
		    ap->hidden ? "" : ap->ssid);
	}
	/* As the supplicant ends its table. */
	if (at >= 5)
		memcpy(dst + at - 5, "####", 4);
}

static void wpa_scan_results(struct fake *f, char *dst, size_t size)
{
	size_t at = (size_t)snprintf(
	    dst, size, "bssid / frequency / signal level / flags / ssid\n");

	for (int i = 0; i < APS_MAX; i++) {
		const struct fake_ap *ap = &f->sc->aps[i];
		char mac[MAC_TEXT_SIZE];

		if (!is_heard(f, i, mac))
			continue;
		at += (size_t)snprintf(dst + at, size - at, "%s\t%d\t-30\t%s\t%s\n", mac,
		    ap->freq_mhz, bss_flags[ap->security], ap->hidden ? "" : ap->ssid);
	}
}

static void fake_wpa(void *st, json_int_t id, const char *cmd)
{
	struct fake *f = st;
	char reply[1024] = "UNKNOWN COMMAND\n";
	bool scanned = false;
	int first;

	if (strcmp(cmd, "PING") == 0)
		snprintf(reply, sizeof(reply), "PONG\n");
	else if (strcmp(cmd, "STATUS") == 0)
		wpa_status(f, reply, sizeof(reply));
	else if (strcmp(cmd, "SCAN_RESULTS") == 0)
		wpa_scan_results(f, reply, sizeof(reply));
	else if (sscanf(cmd, "BSS RANGE=%d-", &first) == 1)
		wpa_bss(f, first, reply, sizeof(reply));
	else if (strncmp(cmd, "SCAN", 4) == 0) {
		snprintf(reply, sizeof(reply), "OK\n");
		scanned = true;
	}
	agent_wpa_reply(f->a, id, reply, NULL);
	if (scanned) {
		agent_wpa_event(f->a, "<3>CTRL-EVENT-SCAN-STARTED ");
		agent_wpa_event(f->a, "<3>CTRL-EVENT-SCAN-RESULTS ");
	}
}

static void air_ap(struct fake *f, const json_t *o, bool on)
{
	int64_t ap = msg_int(o, "ap", 0, APS_MAX - 1, -1);

	for (int i = 0; i < APS_MAX; i++)
		if (ap < 0 || ap == i)
			f->ap_on[i] = on;
	if (!on && f->ap >= 0 && !f->ap_on[f->ap]) {
		disconnected(f, "disconnected by the access point (reason 3)");
		next_step(f, STEP_MS);
	} else if (on && f->s.phase == WLAN_DISCONNECTED) {
		next_step(f, STEP_MS);
	}
}

/* False where the fake has no such victim. */
static bool air_kill(struct fake *f, const json_t *o)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {
	    {"KILL", SIGKILL}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"TERM", SIGTERM}};
	const char *what = msg_str(o, "what", ""), *sig = msg_str(o, "signal", "KILL");

	if (strcmp(what, "agent") == 0) {
		for (size_t i = 0; i < ARRAY_LEN(signals); i++)
			if (strcmp(signals[i].name, sig) == 0)
				raise(signals[i].number);
		return true;
	}
	if (strcmp(what, "wpa_supplicant") == 0)
		agent_failed(
		    f->a, false, "wpa_supplicant was killed by signal 9 (Killed)");
	else if (strcmp(what, "hostapd") != 0)
		return false;
	disconnected(f, "disconnected");
	next_step(f, STEP_MS);
	return true;
}

static void fake_air(void *st, const json_t *o)
{
	const char *op = msg_str(o, "op", "");
	struct fake *f = st;

	if (strcmp(op, "panic") == 0)
		abort();
	if (f->settings == NULL && strcmp(op, "status") != 0) {
		agent_air_error(f->a, o, "the guest is not configured yet");
		return;
	}
	if (strcmp(op, "ap-off") == 0 || strcmp(op, "ap-on") == 0) {
		air_ap(f, o, strcmp(op, "ap-on") == 0);
	} else if (strcmp(op, "kill") == 0) {
		if (!air_kill(f, o)) {
			agent_air_error(f->a, o, "kill: what: no such process here");
			return;
		}
	} else if (strcmp(op, "status") != 0) {
		agent_air_error(f->a, o, "the fake air has no such operation");
		return;
	}
	agent_air_reply(f->a, json_pack("{s:I,s:b,s:s}", "id",
				  (json_int_t)msg_int(o, "id", 0, INT64_MAX, 0), "ok", 1,
				  "scenario", f->sc->name));
}

static void fake_status(void *st, json_t *wlan)
{
	struct fake *f = st;

	if (f->s.phase != WLAN_ASSOCIATED)
		return;
	json_object_set_new(wlan, "signal_dbm", json_integer(-30));
	json_object_set_new(wlan, "width_mhz", json_integer(20));
}

static void fake_release(void *st, const char *reason)
{
	struct fake *f = st;

	f->releasing = true;
	evtimer_del(f->step);
	log_info("release: %s", reason);
	if (f->settings != NULL)
		disconnected(f, "");
	log_info("release: supplicant stopped");
	log_info("release: wlan0 down");
	log_info("release: driver fake unloaded");
	agent_released(f->a, true, true);
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	struct fake *f = arg;

	(void)fd;
	(void)what;
	if (!f->releasing)
		fake_release(f, "power button");
}

/* As QEMU's sockets: one client at a time, the next one waits in the queue. */
static void on_agent_client(evutil_socket_t fd, short what, void *arg)
{
	struct fake *f = arg;
	struct err e = ERR_INIT;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (client < 0)
		return;
	event_del(f->agent_ev);
	if (agent_channel(f->a, client, false, &e) < 0) {
		log_error("%s", e.msg);
		event_add(f->agent_ev, NULL);
	}
}

static void on_agent_closed(void *arg)
{
	struct fake *f = arg;

	event_add(f->agent_ev, NULL);
}

/* The newest client of the console gets its lines; without one they are lost. */
static void on_console_client(evutil_socket_t fd, short what, void *arg)
{
	struct fake *f = arg;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (client < 0)
		return;
	dup2(client, f->opts->console);
	close(client);
}

static void *fake_start(
    struct agent *a, struct event_base *base, void *arg, struct err *e)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		err_sys(e, ENOMEM, "fake");
		return NULL;
	}
	f->a = a;
	f->base = base;
	f->opts = arg;
	f->ap = -1;
	f->sc = find_scenario(f->opts->scenario);
	for (int i = 0; i < APS_MAX; i++)
		f->ap_on[i] = true;
	f->step = evtimer_new(base, on_step, f);
	f->agent_ev =
	    event_new(base, f->opts->agent_fd, EV_READ | EV_PERSIST, on_agent_client, f);
	f->console_ev = event_new(
	    base, f->opts->console_fd, EV_READ | EV_PERSIST, on_console_client, f);
	f->term_ev = evsignal_new(base, SIGTERM, on_term, f);
	if (f->step == NULL || f->agent_ev == NULL || f->console_ev == NULL ||
	    f->term_ev == NULL || event_add(f->agent_ev, NULL) < 0 ||
	    event_add(f->term_ev, NULL) < 0 ||
	    (f->opts->console_fd >= 0 && event_add(f->console_ev, NULL) < 0)) {
		err_set(e, ERR_FAILED, "fake: out of memory");
		return NULL;
	}
	agent_on_channel_closed(a, on_agent_closed, f);
	agent_stage(a, STAGE_MODULES);
	return f;
}

static void fake_free(void *st)
{
	struct fake *f = st;

	event_free(f->step);
	event_free(f->agent_ev);
	event_free(f->console_ev);
	event_free(f->term_ev);
	explicit_bzero(f, sizeof(*f));
	free(f);
}

const struct guest_ops guest_fake = {
    .name = "fake",
    .start = fake_start,
    .configure = fake_configure,
    .wpa = fake_wpa,
    .join = fake_join,
    .air = fake_air,
    .status = fake_status,
    .release = fake_release,
    .free = fake_free,
};
