/*
 * The back end that runs a real radio.
 *
 * Theory of operation. Order matters for the time to be online:
 *
 *  1. The simulated WLAN, where there is one, takes longest and is started first.
 *  2. Modules that the image marks `boot` (the virtio bus, the console, the
 *     network device), then the agent channel, so that the host's configuration
 *     travels while we go on.
 *  3. What the other devices ask for: the card's driver.
 *  4. The supplicant, as soon as there are a radio and a configuration.
 *  5. Only while it scans, which is waiting for the most part, the data path, the
 *     ciphers (mac80211 asks for them only when it gets the first key, and then waits)
 *     and what a power button needs; or IDLE_S after the start, if there is no
 *     supplicant by then. One per turn of the loop, behind everything else that happens.
 *
 * Afterwards everything follows events: the kernel's uevents (a port, a device, a
 * network interface came or went), the supplicant's, the air's, the host's.
 * `settle` looks at what is there and does the next step that became possible.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "air.h"
#include "ap.h"
#include "cleanup.h"
#include "cmdline.h"
#include "linux-parts.h"
#include "log.h"
#include "modules.h"
#include "msg.h"
#include "path.h"
#include "port.h"
#include "proc.h"
#include "radio-why.h"
#include "uevent.h"
#include "wlan.h"
#include "wpa.h"

#define RADIO_S 20 /* from start to a radio, before we say that there is none */
#define IDLE_S 3
/* A UART takes what its FIFO holds; virtio has no such bound. */
#define WINDOW_GUEST (64 * 1024)

static void settle(struct linux_guest *g);
static void take_steps(struct linux_guest *g);

static bool find_radio(struct linux_guest *g)
{
	struct err e = ERR_INIT;
	int n;

	if (g->has_radio)
		return true;
	if (g->with_air && !g->air_radio)
		return false;
	if (g->wlan.sk == NULL && wlan_open(&g->wlan, &e) < 0)
		return false; /* cfg80211 is not there yet */
	n = wlan_find(&g->wlan, g->with_air ? g->air_if : NULL, &g->radio, &e);
	if (n < 0)
		log_warn("%s", e.msg);
	if (n <= 0)
		return false;
	g->has_radio = true;
	memcpy(g->macs.permanent, g->radio.mac, 6);
	evtimer_del(g->radio_late);
	log_info("radio %s: %s, driver %s%s%s", g->radio.ifname, g->radio.phy,
	    g->radio.driver, g->radio.bus[0] != '\0' ? " at " : "", g->radio.bus);
	return true;
}

/* The supplicant, or hostapd: one at a time, so the other's end is waited for. */
static int start_program(struct linux_guest *g, struct err *e)
{
	if (g->is_ap)
		wpa_stop(&g->wpa);
	else
		ap_stop(&g->ap);
	if ((g->is_ap ? g->wpa.pid : g->ap.pid) > 0)
		return 0;
	g->started = true;
	if (!g->is_ap) {
		if (wpa_run(&g->wpa, g->radio.ifname, g->settings->networks, e) < 0)
			return -1;
		agent_stage(g->a, STAGE_SUPPLICANT);
		return 0;
	}
	/* hostapd puts the radio into the bridge. */
	g->supplicant_ran = true;
	put_path(g);
	if (ap_run(&g->ap, g->radio.ifname, PATH_BRIDGE, g->settings->ap,
		g->settings->country, e) < 0)
		return -1;
	agent_stage(g->a, STAGE_SUPPLICANT);
	take_steps(g);
	return 0;
}

static void settle(struct linux_guest *g)
{
	struct err e = ERR_INIT;

	if (g->releasing || !find_radio(g) || g->settings == NULL)
		return;
	if (!g->announced) {
		set_up_radio(g);
		g->announced = true;
		agent_radio(g->a, &g->radio);
		snprintf(g->path.air_if, sizeof(g->path.air_if), "%s", g->radio.ifname);
		g->path.air_index = g->radio.ifindex;
		g->started = false;
	}
	if (!g->started && start_program(g, &e) < 0)
		agent_failed(g->a, true, "%s", e.msg);
	put_path(g);
}

static void radio_gone(struct linux_guest *g)
{
	log_warn("radio %s is gone", g->radio.ifname);
	wpa_stop(&g->wpa);
	ap_stop(&g->ap);
	/* Its filters went with it; the host's side still has its own. */
	path_remove(&g->path);
	g->has_radio = g->announced = false;
	agent_radio(g->a, NULL);
	tell_path(g);
	agent_failed(g->a, false, "the radio %s is gone", g->radio.ifname);
}

static void linux_configure(void *st, const struct settings *s)
{
	struct linux_guest *g = st;
	const struct path_ops *ops = choose_mode(&g->choose, s->mode);

	g->settings = g->path.settings = s;
	g->is_ap = ops == &path_ap;
	if (ops == NULL) {
		agent_failed(g->a, true, "config: this guest has no mode %s", s->mode);
		return;
	}
	if (ops != g->path.ops)
		change_path(g, ops);
	else
		path_configure(&g->path);
	/* It has to hear of the association that there is. */
	choose_state(&g->choose, &g->state, &g->radio);
	/* All of it anew: what did not change is left alone below. */
	g->announced = false;
	settle(g);
	tell_path(g);
}

static void on_wpa_running(void *arg)
{
	struct linux_guest *g = arg;

	g->supplicant_ran = true;
	settle(g);
	take_steps(g);
}

static void on_wpa_state(void *arg, const struct wlan_state *s)
{
	struct linux_guest *g = arg;

	g->state = *s;
	if (s->phase != WLAN_ASSOCIATED)
		g->leaving = false;
	choose_state(&g->choose, s, &g->radio);
	agent_wlan(g->a, s);
	path_state(&g->path);
	tell_path(g);
}

static void on_scan_reply(void *arg, const char *reply, const char *why)
{
	struct linux_guest *g = arg;

	(void)why; /* a supplicant that is not there yet scans when it comes */
	g->rescan = reply != NULL && strncmp(reply, "FAIL-BUSY", 9) == 0;
}

/* The next scan of its own would be in five seconds. */
static void scan_now(struct linux_guest *g)
{
	g->rescan = false;
	if (g->state.phase < WLAN_ASSOCIATING)
		wpa_request(&g->wpa, "SCAN", on_scan_reply, g);
}

static void on_wpa_event(void *arg, const char *text)
{
	struct linux_guest *g = arg;

	agent_wpa_event(g->a, text);
	check_mac(g, text);
	if (g->rescan && strstr(text, "CTRL-EVENT-NETWORK-NOT-FOUND") != NULL)
		scan_now(g);
}

static void on_ap_state(void *arg, const struct wlan_state *s)
{
	const struct linux_guest *g = arg;

	if (g->is_ap)
		on_wpa_state(arg, s);
}

static void on_ap_event(void *arg, const char *text)
{
	struct linux_guest *g = arg;

	agent_wpa_event(g->a, text);
}

static void on_wpa_failed(void *arg, bool fatal, const char *reason)
{
	struct linux_guest *g = arg;

	agent_failed(g->a, fatal, "%s", reason);
}

static const struct ap_ops ap_callbacks = {on_ap_state, on_ap_event, on_wpa_failed};

static const struct wpa_ops wpa_callbacks = {
    on_wpa_running, on_wpa_state, on_wpa_event, on_wpa_failed};

struct wpa_call {
	struct linux_guest *g;
	json_int_t id;
};

static void on_wpa_reply(void *arg, const char *reply, const char *why)
{
	struct wpa_call *c = arg;

	agent_wpa_reply(c->g->a, c->id, reply, why);
	free(c);
}

static void linux_wpa(void *st, json_int_t id, const char *cmd)
{
	struct linux_guest *g = st;
	struct wpa_call *c = malloc(sizeof(*c));

	if (c == NULL) {
		agent_wpa_reply(g->a, id, NULL, "out of memory");
		return;
	}
	*c = (struct wpa_call){g, id};
	if (g->is_ap)
		ap_request(&g->ap, cmd, on_wpa_reply, c);
	else
		wpa_request(&g->wpa, cmd, on_wpa_reply, c);
}

static void on_joined(void *arg, enum wpa_join_result r, const char *reason)
{
	struct wpa_call *c = arg;

	agent_joined(c->g->a, c->id, wpa_join_name(r), reason);
	free(c);
}

static void linux_join(
    void *st, json_int_t id, const uint8_t *ssid, size_t len, int timeout_ms)
{
	struct linux_guest *g = st;
	struct wpa_call *c = malloc(sizeof(*c));

	if (c == NULL) {
		agent_joined(g->a, id, wpa_join_name(WPA_JOIN_FAILED), "out of memory");
		return;
	}
	*c = (struct wpa_call){g, id};
	wpa_try_join(&g->wpa, ssid, len, timeout_ms, on_joined, c);
}

static void resume_path(struct linux_guest *g)
{
	if (!g->path_suspended)
		return;
	g->path_suspended = false;
	path_quiet(g->radio.ifname);
	put_path(g);
}

static void on_air_radio(void *arg, const char *ifname)
{
	struct linux_guest *g = arg;

	snprintf(g->air_if, sizeof(g->air_if), "%.*s", IFNAMSIZ - 1, ifname);
	g->air_radio = true;
	settle(g);
}

static void on_air_on(void *arg)
{
	scan_now(arg);
}

static void on_air_failed(void *arg, const char *reason)
{
	struct linux_guest *g = arg;

	if (g->releasing)
		return;
	agent_failed(g->a, true, "air: %s", reason);
	resume_path(g);
}

static void on_air_reply(void *arg, const json_t *o)
{
	struct linux_guest *g = arg;

	if (g->path_suspended && msg_int(o, "id", 0, INT64_MAX, -1) == g->suspend_id)
		resume_path(g);
	agent_air_reply(g->a, json_deep_copy(o));
}

static const struct air_ops air_callbacks = {
    on_air_radio, on_air_on, on_air_failed, on_air_reply};

static void linux_air(void *st, const json_t *o)
{
	struct linux_guest *g = st;
	struct err e = ERR_INIT;
	/* The guest itself is to be the station's user while it measures. */
	bool suspend = strcmp(msg_str(o, "op", ""), "iperf") == 0 && g->path.installed;

	if (suspend) {
		g->path_suspended = true;
		g->suspend_id = msg_int(o, "id", 0, INT64_MAX, 0);
		path_remove(&g->path);
		tell_path(g);
	}
	if (air_request(&g->air, o, &e) == 0)
		return;
	if (suspend)
		resume_path(g);
	agent_air_error(g->a, o, e.msg);
}

static void linux_status(void *st, json_t *wlan)
{
	struct linux_guest *g = st;

	if (g->has_radio)
		wlan_link_info(&g->wlan, &g->radio, wlan);
}

/* From now on nothing is started again. */
static void begin_release(struct linux_guest *g)
{
	g->releasing = true;
	wpa_leave(&g->wpa);
	ap_leave(&g->ap);
}

static void linux_release(void *st, const char *reason)
{
	struct init_packet p = {.word = INIT_RELEASE};
	struct linux_guest *g = st;

	begin_release(g);
	snprintf(p.reason, sizeof(p.reason), "%s", reason);
	if (send(g->init_fd, &p, sizeof(p), MSG_NOSIGNAL) < 0)
		log_error("release: init can not be asked: %s", strerror(errno));
}

static void on_init(evutil_socket_t fd, short what, void *arg)
{
	struct linux_guest *g = arg;
	struct init_packet p;
	ssize_t n;

	(void)what;
	n = recv(fd, &p, sizeof(p), MSG_DONTWAIT);
	if (n == 0)
		event_del(g->init_ev);
	if (n != sizeof(p))
		return;
	if (p.word == INIT_RELEASED)
		agent_released(g->a, p.supplicant_stopped, p.driver_unbound);
	else if (p.word == INIT_RELEASE)
		begin_release(g); /* the power button */
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
	struct linux_guest *g = arg;
	int status;
	pid_t pid;

	(void)fd;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!wpa_child_gone(&g->wpa, pid, status) &&
		    !ap_child_gone(&g->ap, pid, status) && g->with_air)
			air_child_gone(&g->air, pid, status);
	if (!g->started)
		settle(g);
}

static void load_ciphers(struct linux_guest *g)
{
	static const char *const ciphers[] = {"ccm", "ctr", "cmac"};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
		if (modules_load(&g->modules, ciphers[i], "", &e) < 0)
			log_debug("%s", e.msg); /* it may be built in */
}

static void open_channel(struct linux_guest *g)
{
	struct err e = ERR_INIT;
	bool uart;
	int fd;

	if (g->channel_open)
		return;
	fd = port_open(&uart, &e);
	if (fd == -2)
		return;
	if (fd < 0 || agent_channel(g->a, fd, !uart, &e) < 0) {
		/* Each uevent tries again; said once. */
		if (!g->channel_failed)
			log_error("agent channel: %s", e.msg);
		g->channel_failed = true;
		return;
	}
	g->channel_open = true;
}

static void on_channel_closed(void *arg)
{
	struct linux_guest *g = arg;

	/* The device went away; a uevent brings the next one. */
	g->channel_open = false;
}

static void take_uevent(struct linux_guest *g, const struct uevent *ev)
{
	bool remove = strcmp(ev->action, "remove") == 0;

	if (strcmp(ev->subsystem, "virtio-ports") == 0 && !remove)
		open_channel(g);
	if (strcmp(ev->subsystem, "net") == 0) {
		if (remove && g->has_radio && !g->releasing &&
		    strcmp(ev->interface, g->radio.ifname) == 0)
			radio_gone(g);
		settle(g);
	}
	if (strcmp(ev->action, "add") == 0 && ev->modalias[0] != '\0' && g->devices_seen)
		modules_load_alias(&g->modules, ev->modalias, "");
}

static void on_uevent(evutil_socket_t fd, short what, void *arg)
{
	struct linux_guest *g = arg;
	char buf[UEVENT_MAX];
	struct uevent ev;
	bool overrun = false;
	int n;

	(void)what;
	while ((n = uevent_read(fd, buf, sizeof(buf), &ev, &overrun)) >= 0)
		if (n == 1)
			take_uevent(g, &ev);
	if (!overrun)
		return;
	log_warn("the kernel dropped device events: looking at all devices again");
	if (g->devices_seen)
		modules_coldplug(&g->modules);
	open_channel(g);
	settle(g);
}

static void on_radio_late(evutil_socket_t fd, short what, void *arg)
{
	struct linux_guest *g = arg;
	char why[ERR_MSG_MAX], text[ERR_MSG_MAX + 64];
	const char *word;

	(void)fd;
	(void)what;
	if (g->has_radio)
		return;
	if (g->with_air) {
		agent_failed(g->a, true,
		    "no radio within %d s: the simulated WLAN is not ready", RADIO_S);
		return;
	}
	word = radio_why_not(why, sizeof(why));
	snprintf(text, sizeof(text), "no radio within %d s: %s", RADIO_S, why);
	agent_failed_as(g->a, word, text);
}

/* The work that waits for a quiet moment; one per turn of the loop. */
static void step_devices(struct linux_guest *g)
{
	if (g->devices_seen)
		return;
	g->devices_seen = true;
	modules_coldplug(&g->modules);
}

static void step_button(struct linux_guest *g)
{
	struct init_packet p = {.word = INIT_INPUT};

	/* The small kernel has them built in. */
	if (modlist_find(&g->modules.list, "evdev") != NULL) {
		modules_load(&g->modules, "evdev", "", NULL);
		modules_load(&g->modules, "button", "", NULL);
	}
	(void)send(g->init_fd, &p, sizeof(p), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void (*const steps[])(struct linux_guest *) = {
    load_ciphers, step_devices, step_button};

static void take_steps(struct linux_guest *g)
{
	evtimer_del(g->idle);
	if (g->step < ARRAY_LEN(steps))
		event_active(g->step_ev, EV_TIMEOUT, 1);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct linux_guest *g = arg;

	(void)fd;
	(void)what;
	if (g->step == ARRAY_LEN(steps))
		return;
	steps[g->step++](g);
	if (g->step < ARRAY_LEN(steps))
		event_active(g->step_ev, EV_TIMEOUT, 1);
	else
		log_debug("%u modules loaded", g->modules.loaded);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	take_steps(arg);
}

static int make_events(struct linux_guest *g, struct err *e)
{
	static const struct timeval radio = {RADIO_S, 0}, idle = {IDLE_S, 0};

	g->uevent_ev =
	    event_new(g->base, g->uevent_fd, EV_READ | EV_PERSIST, on_uevent, g);
	g->init_ev = event_new(g->base, g->init_fd, EV_READ | EV_PERSIST, on_init, g);
	g->child_ev = evsignal_new(g->base, SIGCHLD, on_child, g);
	g->step_ev = event_new(g->base, -1, 0, on_step, g);
	g->radio_late = evtimer_new(g->base, on_radio_late, g);
	g->idle = evtimer_new(g->base, on_idle, g);
	if (g->uevent_ev == NULL || g->init_ev == NULL || g->child_ev == NULL ||
	    g->step_ev == NULL || g->radio_late == NULL || g->idle == NULL ||
	    evtimer_add(g->idle, &idle) < 0 ||
	    event_priority_set(g->step_ev, AGENT_PRIORITY_LOW) < 0 ||
	    event_add(g->uevent_ev, NULL) < 0 || event_add(g->init_ev, NULL) < 0 ||
	    event_add(g->child_ev, NULL) < 0 || evtimer_add(g->radio_late, &radio) < 0)
		return err_set(e, ERR_FAILED, "agent: events: out of memory");
	return 0;
}

static void *linux_start(
    struct agent *a, struct event_base *base, void *arg, struct err *e)
{
	struct linux_guest *g = calloc(1, sizeof(*g));
	struct err warn = ERR_INIT;

	if (g == NULL) {
		err_sys(e, ENOMEM, "agent");
		return NULL;
	}
	g->a = a;
	g->base = base;
	g->init_fd = *(int *)arg;
	choose_init(&g->choose, base, &choose_callbacks, g);
	g->uevent_fd = uevent_open(e);
	if (g->uevent_fd < 0 || make_events(g, e) < 0 ||
	    path_init(&g->path, &g->wlan, e) < 0 ||
	    wpa_init(&g->wpa, base, &wpa_callbacks, g, e) < 0 ||
	    ap_init(&g->ap, base, &ap_callbacks, g, e) < 0)
		return NULL;
	link_path(g);
	g->with_air = air_wanted();
	if (g->with_air && air_start(&g->air, base, &air_callbacks, g, &warn) < 0)
		agent_failed(a, true, "%s", warn.msg);
	if (modules_open(&g->modules, &warn) < 0)
		agent_failed(a, false, "%s", warn.msg);
	modules_load_boot(&g->modules);
	agent_stage(a, STAGE_MODULES);
	agent_on_channel_closed(a, on_channel_closed, g);
	open_channel(g);
	/* The simulated WLAN makes its radio itself, so with the channel open no device
	 * is missed before the data path is. */
	if (!g->with_air || !g->channel_open)
		step_devices(g);
	settle(g);
	return g;
}

static void linux_free(void *st)
{
	struct linux_guest *g = st;
	struct event *const events[] = {
	    g->uevent_ev, g->init_ev, g->child_ev, g->step_ev, g->radio_late, g->idle};

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		event_free(events[i]);
	if (g->country_ev != NULL)
		event_free(g->country_ev);
	choose_free(&g->choose);
	ap_free(&g->ap);
	wpa_free(&g->wpa);
	if (g->with_air)
		air_free(&g->air);
	path_close(&g->path);
	wlan_close(&g->wlan);
	modules_close(&g->modules);
	close(g->uevent_fd);
	free(g);
}

static const struct guest_ops guest_linux = {
    .name = "linux",
    .start = linux_start,
    .configure = linux_configure,
    .wpa = linux_wpa,
    .join = linux_join,
    .air = linux_air,
    .status = linux_status,
    .release = linux_release,
    .free = linux_free,
};

int agent_main(int fd)
{
	struct agent_options o = {
	    .ops = &guest_linux,
	    .ops_arg = &fd,
	    .console = -1,
	    .window = WINDOW_GUEST,
	    .boot_clock = true,
	};
	enum log_level level;
	char name[8];

	/* For looking at a boot; afterwards the host's configuration has its say. */
	if (cmdline_get("bhyfi.log", name, sizeof(name)) &&
	    log_level_parse(name, &level) == 0)
		log_set_level(level);
	return agent_run(&o);
}
