#include "agent.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "clock.h"
#include "paths.h"
#include "console.h"
#include "escape.h"
#include "fs.h"
#include "link.h"
#include "status.h"

#define IMAGE_JSON "/etc/bhyfi/image.json"
#define SILENT_S 30 /* without a host: say so on the console, once */
#define WINDOW_SERIAL 4096
#define LAST_WORDS_MS 500 /* for `released` to be acknowledged */
#define WPA_EVENTS_PER_S 100
#define JOIN_MS 30000

static const char *const stage_names[] = {
    [STAGE_INIT] = "init",
    [STAGE_MODULES] = "modules",
    [STAGE_CHANNEL] = "channel",
    [STAGE_CONFIG] = "config",
    [STAGE_RADIO] = "radio",
    [STAGE_SUPPLICANT] = "supplicant",
    [STAGE_ASSOCIATED] = "associated",
    [STAGE_PATH] = "path",
};
static_assert(ARRAY_LEN(stage_names) == STAGE_COUNT, "a name for each stage");

struct agent {
	const struct guest_ops *ops;
	void *st;
	struct event_base *base;
	struct link *link;
	struct channel *channel;
	struct console console;
	void (*closed)(void *arg);
	void *closed_arg;
	bool boot_clock, own_console, stopping, done;
	int64_t start_ms;
	size_t window;

	struct settings settings;
	bool configured;
	json_t *hello; /* the link's; `state` in it follows `configured` */
	int64_t stage_ms[STAGE_COUNT]; /* -1: not reached */
	struct radio radio;
	bool has_radio;
	struct wlan_state wlan;
	bool path_up;
	char path_mode[16], path_why[256];
	char failed[ERR_MSG_MAX]; /* the last fatal reason */
	const char *what;         /* and its word, or NULL */

	struct event *beat, *silent, *last_words;
	json_int_t beats;
	struct cpu_sample cpu;
	int64_t event_second;
	unsigned event_count, event_dropped;
};

static void send_msg(struct agent *a, enum msg_type type, json_t *o)
{
	/* Before a host is there nothing is queued: it hears the present state
	 * when it comes. */
	if (o == NULL || a->link == NULL || !link_is_up(a->link)) {
		json_decref(o);
		return;
	}
	/* Only a host that does not read fills the queue; it is told by its own
	 * loss of beats, and a log line would go the same way. */
	(void)link_send(a->link, type, o, NULL);
	channel_kick(a->channel);
}

static void on_log(void *arg, enum log_level level, const char *text)
{
	struct agent *a = arg;

	console_line(&a->console, text);
	if (level != LOG_LEVEL_DEBUG)
		send_msg(a, MSG_LOG,
		    json_pack("{s:s,s:s}", "level", log_level_name(level), "text", text));
}

static void send_stage(struct agent *a, enum stage s)
{
	if (a->stage_ms[s] >= 0)
		send_msg(a, MSG_STAGE,
		    json_pack("{s:s,s:I}", "name", stage_names[s], "ms",
			(json_int_t)a->stage_ms[s]));
}

/* True the first time. */
static bool note_stage(struct agent *a, enum stage s)
{
	if (a->stage_ms[s] >= 0)
		return false;
	a->stage_ms[s] = a->boot_clock ? status_boot_ms() : clock_ms() - a->start_ms;
	return true;
}

void agent_stage(struct agent *a, enum stage s)
{
	if (note_stage(a, s))
		send_stage(a, s);
}

static void send_radio(struct agent *a)
{
	char mac[MAC_TEXT_SIZE];

	if (!a->has_radio)
		return;
	msg_mac_text(a->radio.mac, mac);
	send_msg(a, MSG_RADIO,
	    json_pack("{s:s,s:s,s:s,s:s,s:s}", "ifname", a->radio.ifname, "phy",
		a->radio.phy, "mac", mac, "driver", a->radio.driver, "bus",
		a->radio.bus));
}

void agent_radio(struct agent *a, const struct radio *r)
{
	a->has_radio = r != NULL;
	if (r == NULL)
		return;
	a->radio = *r;
	a->failed[0] = '\0';
	agent_stage(a, STAGE_RADIO);
	send_radio(a);
}

static json_t *wlan_json(const struct wlan_state *s)
{
	char ssid[ESCAPE_SIZE(SSID_MAX)], hex[2 * SSID_MAX + 1] = "";
	char mac[MAC_TEXT_SIZE] = "", key_mgmt[ESCAPE_SIZE(sizeof(s->key_mgmt))];
	char reason[ESCAPE_SIZE(sizeof(s->reason))];

	for (size_t i = 0; i < s->ssid_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", s->ssid[i]);
	escape_text((const char *)s->ssid, s->ssid_len, ssid, sizeof(ssid));
	escape_text(s->key_mgmt, strlen(s->key_mgmt), key_mgmt, sizeof(key_mgmt));
	escape_text(s->reason, strlen(s->reason), reason, sizeof(reason));
	if (s->has_bssid)
		msg_mac_text(s->bssid, mac);
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:s}", "state",
	    wlan_phase_name(s->phase), "ssid", ssid, "ssid_hex", hex, "bssid", mac,
	    "freq_mhz", s->freq_mhz, "key_mgmt", key_mgmt, "reason", reason);
}

void agent_wlan(struct agent *a, const struct wlan_state *s)
{
	a->wlan = *s;
	if (s->phase == WLAN_ASSOCIATED) {
		a->failed[0] = '\0';
		agent_stage(a, STAGE_ASSOCIATED);
	}
	send_msg(a, MSG_WLAN, wlan_json(s));
}

static void send_path(struct agent *a)
{
	send_msg(a, MSG_PATH,
	    json_pack("{s:b,s:s,s:s}", "up", a->path_up, "mode", a->path_mode, "why",
		a->path_why));
}

void agent_path(struct agent *a, bool up, const char *mode, const char *why)
{
	if (up == a->path_up && strcmp(mode, a->path_mode) == 0 &&
	    strcmp(why, a->path_why) == 0)
		return;
	snprintf(a->path_why, sizeof(a->path_why), "%s", why);
	a->path_up = up;
	snprintf(a->path_mode, sizeof(a->path_mode), "%s", mode);
	if (up)
		agent_stage(a, STAGE_PATH);
	send_path(a);
}

static void send_failed(struct agent *a)
{
	send_msg(a, MSG_FAILED,
	    json_pack("{s:s,s:b,s:s}", "reason", a->failed, "fatal", 1, "what",
		a->what == NULL ? "" : a->what));
}

void agent_failed(struct agent *a, bool fatal, const char *fmt, ...)
{
	char raw[ERR_MSG_MAX], text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	escape_line(raw, strlen(raw), text, sizeof(text));
	if (fatal)
		memcpy(a->failed, text, sizeof(a->failed));
	a->what = fatal ? NULL : a->what;
	console_line(&a->console, text);
	send_msg(a, MSG_FAILED, json_pack("{s:s,s:b}", "reason", text, "fatal", fatal));
}

void agent_failed_as(struct agent *a, const char *what, const char *reason)
{
	char text[ERR_MSG_MAX];

	escape_line(reason, strlen(reason), text, sizeof(text));
	memcpy(a->failed, text, sizeof(a->failed));
	a->what = what;
	console_line(&a->console, text);
	send_failed(a);
}

/* A reply may hold bytes that are no UTF-8, which JSON can not carry. */
static json_t *json_text(const char *s)
{
	json_t *o = json_string(s);
	AUTO_FREE char *esc = NULL;
	size_t len = strlen(s);

	if (o != NULL)
		return o;
	esc = malloc(ESCAPE_SIZE(len));
	if (esc == NULL)
		return NULL;
	escape_text(s, len, esc, ESCAPE_SIZE(len));
	return json_string(esc);
}

void agent_wpa_reply(struct agent *a, json_int_t id, const char *reply, const char *error)
{
	json_t *o = json_pack("{s:I}", "id", id);

	json_object_set_new(o, reply != NULL ? "reply" : "error",
	    json_text(reply != NULL ? reply : error));
	send_msg(a, MSG_WPA_REPLY, o);
}

void agent_wpa_event(struct agent *a, const char *text)
{
	int64_t second = clock_ms() / 1000;

	/* A busy air (a beacon of each neighbour) must not crowd out the rest. */
	if (second != a->event_second) {
		if (a->event_dropped > 0)
			log_warn(
			    "%u events of wpa_supplicant were dropped", a->event_dropped);
		a->event_second = second;
		a->event_count = a->event_dropped = 0;
	}
	if (++a->event_count > WPA_EVENTS_PER_S) {
		a->event_dropped++;
		return;
	}
	send_msg(a, MSG_WPA_EVENT, json_pack("{s:o}", "text", json_text(text)));
}

void agent_joined(struct agent *a, json_int_t id, const char *result, const char *reason)
{
	char text[ESCAPE_SIZE(160)];

	escape_line(reason, strlen(reason), text, sizeof(text));
	send_msg(a, MSG_JOINED,
	    json_pack("{s:I,s:s,s:s}", "id", id, "result", result, "reason", text));
}

void agent_air_reply(struct agent *a, json_t *o)
{
	send_msg(a, MSG_AIR_REPLY, o);
}

void agent_air_error(struct agent *a, const json_t *request, const char *error)
{
	send_msg(a, MSG_AIR_REPLY,
	    json_pack("{s:I,s:s}", "id",
		(json_int_t)msg_int(request, "id", 0, INT64_MAX, 0), "error", error));
}

static void take_config(struct agent *a, const json_t *o)
{
	struct err e = ERR_INIT;
	struct settings s;
	struct timeval beat;
	bool new_beat;

	if (settings_parse(o, &s, &e) < 0) {
		settings_free(&s);
		agent_failed(a, true, "%s", e.msg);
		return;
	}
	agent_stage(a, STAGE_CONFIG);
	if (a->configured && settings_equal(&s, &a->settings)) {
		settings_free(&s);
		return;
	}
	new_beat = !a->configured || s.beat_ms != a->settings.beat_ms;
	settings_free(&a->settings);
	a->settings = s;
	a->configured = true;
	json_object_set_new(a->hello, "state", json_string("configured"));
	log_set_level(s.log);
	beat = (struct timeval){s.beat_ms / 1000, s.beat_ms % 1000 * 1000};
	/* To begin it anew with each configuration could delay it for too long. */
	if (new_beat)
		event_add(a->beat, &beat);
	a->ops->configure(a->st, &a->settings);
}

static void take_stop(struct agent *a, const json_t *o)
{
	char reason[128];

	if (a->stopping)
		return;
	a->stopping = true;
	msg_str_copy(o, "reason", reason, sizeof(reason));
	a->ops->release(a->st, reason[0] != '\0' ? reason : "the host asked for it");
}

static void take_status_get(struct agent *a, const json_t *o)
{
	json_t *wlan = wlan_json(&a->wlan);

	a->ops->status(a->st, wlan);
	send_msg(a, MSG_STATUS,
	    json_pack("{s:I,s:o,s:o}", "id",
		(json_int_t)msg_int(o, "id", 0, INT64_MAX, 0), "wlan", wlan, "guest",
		status_guest(&a->cpu)));
}

static void take_wpa(struct agent *a, const json_t *o)
{
	a->ops->wpa(
	    a->st, (json_int_t)msg_int(o, "id", 0, INT64_MAX, 0), msg_str(o, "cmd", ""));
}

static void take_join(struct agent *a, const json_t *o)
{
	const char *hex = msg_str(o, "ssid_hex", "");
	json_int_t id = (json_int_t)msg_int(o, "id", 0, INT64_MAX, 0);
	uint8_t ssid[SSID_MAX];
	int len = ssid_unhex(hex, strlen(hex), ssid, sizeof(ssid));

	if (len < 0 || !a->configured || a->stopping)
		agent_joined(
		    a, id, "failed", len < 0 ? "ssid_hex: not 1 to 32 bytes" : "not now");
	else
		a->ops->join(a->st, id, ssid, (size_t)len,
		    (int)msg_int(o, "timeout_ms", 1000, 600000, JOIN_MS));
}

static void take_air(struct agent *a, const json_t *o)
{
	a->ops->air(a->st, o);
}

static const struct take_row {
	enum msg_type type;
	void (*take)(struct agent *, const json_t *);
} take_rows[] = {
    {MSG_CONFIG, take_config},
    {MSG_STOP, take_stop},
    {MSG_STATUS_GET, take_status_get},
    {MSG_WPA, take_wpa},
    {MSG_AIR, take_air},
    {MSG_JOIN, take_join},
};

static void on_message(void *arg, enum msg_type type, const json_t *o)
{
	struct agent *a = arg;

	for (size_t i = 0; i < ARRAY_LEN(take_rows); i++)
		if (take_rows[i].type == type)
			take_rows[i].take(a, o);
}

static void on_up(void *arg, const json_t *peer)
{
	struct agent *a = arg;

	evtimer_del(a->silent);
	note_stage(a, STAGE_CHANNEL);
	log_info("host connected: %s %s", msg_str(peer, "who", "?"),
	    msg_str(peer, "version", "?"));
	for (int s = 0; s < STAGE_COUNT; s++)
		send_stage(a, (enum stage)s);
	send_radio(a);
	if (a->failed[0] != '\0')
		send_failed(a);
	if (!a->configured)
		return;
	send_msg(a, MSG_WLAN, wlan_json(&a->wlan));
	send_path(a);
}

static void on_bad(void *arg, unsigned count)
{
	(void)arg;
	log_warn("agent channel: %u messages of the host were malformed", count);
}

static void on_closed(void *arg, const char *why)
{
	struct agent *a = arg;

	log_warn("agent channel: %s", why);
	if (a->closed != NULL)
		a->closed(a->closed_arg);
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;

	(void)fd;
	(void)what;
	send_msg(a, MSG_BEAT, json_pack("{s:I}", "n", ++a->beats));
}

static void on_silent(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	log_warn(
	    "no host has spoken on the agent channel for %d s; still waiting", SILENT_S);
}

static void on_last_words(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(a->base);
}

void agent_released(struct agent *a, bool supplicant_stopped, bool driver_unbound)
{
	static const struct timeval limit = {0, LAST_WORDS_MS * 1000};

	a->done = true;
	send_msg(a, MSG_RELEASED,
	    json_pack(
		"{s:b,s:b}", "supplicant", supplicant_stopped, "driver", driver_unbound));
	evtimer_add(a->last_words, &limit);
}

int agent_channel(struct agent *a, int fd, bool hup_waits, struct err *e)
{
	/* No more than the port itself keeps: what is lost is not sent again in vain. */
	link_set_window(a->link, hup_waits ? a->window : WINDOW_SERIAL);
	return channel_open(a->channel, fd, hup_waits, e);
}

void agent_on_channel_closed(struct agent *a, void (*fn)(void *arg), void *arg)
{
	a->closed = fn;
	a->closed_arg = arg;
}

static json_t *make_hello(void)
{
	AUTO_FREE char *text = NULL;
	json_t *image = NULL, *hello;
	struct utsname u;

	if (uname(&u) < 0)
		memcpy(u.release, "?", 2);
	if (fs_read_file(IMAGE_JSON, 65536, &text, NULL, NULL) == 0)
		image = json_loads(text, 0, NULL);
	hello = json_pack("{s:s,s:s,s:i,s:s,s:s,s:s}", "who", "bhyfi-guest", "version",
	    BHYFI_VERSION, "protocol", PROTOCOL_VERSION, "kernel", u.release, "image",
	    msg_str(image, "id", ""), "state", "new");
	json_decref(image);
	return hello;
}

static int setup(struct agent *a, const struct agent_options *o, struct err *e)
{
	static const struct link_ops link_ops = {on_up, on_message, on_bad};
	static const struct timeval silent = {SILENT_S, 0};

	a->base = event_base_new();
	a->hello = make_hello();
	/* The link takes a reference; ours lets `state` follow. */
	a->link = link_new(MSG_TO_GUEST, o->window, json_incref(a->hello), &link_ops, a);
	if (a->base == NULL || a->link == NULL)
		return err_set(e, ERR_FAILED, "agent: out of memory");
	/* Loading modules waits while there is something to say. */
	event_base_priority_init(a->base, AGENT_PRIORITY_LOW + 1);
	a->channel = channel_new(a->base, a->link, on_closed, a);
	a->beat = event_new(a->base, -1, EV_PERSIST, on_beat, a);
	a->silent = evtimer_new(a->base, on_silent, a);
	a->last_words = evtimer_new(a->base, on_last_words, a);
	if (a->channel == NULL || a->beat == NULL || a->silent == NULL ||
	    a->last_words == NULL)
		return err_set(e, ERR_FAILED, "agent: out of memory");
	evtimer_add(a->silent, &silent);
	a->st = o->ops->start(a, a->base, o->ops_arg, e);
	return a->st != NULL ? 0 : -1;
}

static void tear_down(struct agent *a)
{
	struct event *const events[] = {a->beat, a->silent, a->last_words};

	log_set_sink(NULL, NULL);
	if (a->st != NULL)
		a->ops->free(a->st);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	channel_free(a->channel);
	link_free(a->link);
	json_decref(a->hello);
	settings_free(&a->settings);
	if (a->base != NULL)
		event_base_free(a->base);
	if (a->own_console && a->console.fd >= 0)
		close(a->console.fd);
}

int agent_run(const struct agent_options *o)
{
	struct agent a = {
	    .ops = o->ops, .boot_clock = o->boot_clock, .window = o->window};
	struct err e = ERR_INIT;

	console_init(&a.console, o->console);
	a.own_console = o->console < 0;
	a.start_ms = clock_ms();
	for (int s = 0; s < STAGE_COUNT; s++)
		a.stage_ms[s] = -1;
	memcpy(a.path_mode, "none", 5);
	log_set_sink(on_log, &a);
	agent_stage(&a, STAGE_INIT);
	if (setup(&a, o, &e) < 0) {
		console_line(&a.console, e.msg);
		tear_down(&a);
		return 1;
	}
	while (!event_base_got_break(a.base)) {
		if (event_base_loop(a.base, EVLOOP_ONCE) != 0)
			break;
		/* The host has it: no need to wait for the deadline. */
		if (a.done && (!link_is_up(a.link) || link_is_idle(a.link)))
			break;
	}
	tear_down(&a);
	return a.done ? 0 : 1;
}
