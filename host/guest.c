#include "guest.h"

#include <string.h>

#include "cleanup.h"
#include "log.h"

#define LINES_PER_S 20
#define TEXT_MAX 400

void guest_init(struct guest *g, struct record *r, const struct guest_ops *ops, void *arg)
{
	memset(g, 0, sizeof(*g));
	g->record = r;
	g->ops = ops;
	g->arg = arg;
}

static void event(struct guest *g, enum machine_event ev)
{
	g->ops->event(g->arg, ev, NULL);
}

/* Whether one more line of the guest may go to the log now. */
static bool may_log(struct guest *g, int64_t now)
{
	if (now - g->second >= 1000 || g->second == 0) {
		if (g->dropped > 0)
			log_warn("guest: %u lines dropped", g->dropped);
		g->second = now;
		g->lines = g->dropped = 0;
	}
	if (g->lines < LINES_PER_S) {
		g->lines++;
		return true;
	}
	g->dropped++;
	return false;
}

static void on_stage(struct guest *g, const json_t *o, int64_t now)
{
	int s = record_guest_stage(g->record, o);

	(void)now;
	if (s >= 0)
		g->ops->stage(g->arg, (enum stage)s);
}

static void on_radio(struct guest *g, const json_t *o, int64_t now)
{
	struct machine_input in = {.mac = g->record->radio.mac};

	if (record_radio(g->record, o) < 0) {
		if (may_log(g, now))
			log_warn("guest: a radio without a usable MAC address");
		return;
	}
	g->ops->stage(g->arg, STAGE_RADIO);
	g->ops->event(g->arg, EV_RADIO, &in);
}

static void on_wlan(struct guest *g, const json_t *o, int64_t now)
{
	struct wlan_record *w = &g->record->wlan;
	bool was = w->associated;
	char bssid[sizeof(w->bssid)];

	memcpy(bssid, w->bssid, sizeof(bssid));
	record_wlan(g->record, o);
	if (was && w->associated && strcmp(bssid, w->bssid) != 0 && may_log(g, now))
		log_info("wlan: moved on to %s", w->bssid);
	if (w->associated != was && may_log(g, now))
		log_info("wlan: %s%s%s%s%s", w->state, w->associated ? " with " : "",
		    w->associated ? w->bssid : "", w->reason[0] != '\0' ? ": " : "",
		    w->reason);
	if (w->associated)
		g->ops->stage(g->arg, STAGE_ASSOCIATED);
	event(g, w->associated ? EV_WLAN_UP : EV_WLAN_DOWN);
}

static void on_path(struct guest *g, const json_t *o, int64_t now)
{
	(void)now;
	record_path(g->record, o);
	if (g->record->path_up)
		g->ops->stage(g->arg, STAGE_PATH);
	event(g, g->record->path_up ? EV_PATH_UP : EV_PATH_DOWN);
}

static void on_status(struct guest *g, const json_t *o, int64_t now)
{
	(void)now;
	record_status(g->record, o);
	g->ops->status(g->arg);
}

static void on_beat(struct guest *g, const json_t *o, int64_t now)
{
	(void)o;
	(void)now;
	event(g, EV_BEAT);
}

static void on_log(struct guest *g, const json_t *o, int64_t now)
{
	enum log_level level = LOG_LEVEL_INFO;

	if (!may_log(g, now))
		return;
	log_level_parse(msg_str(o, "level", "info"), &level);
	log_line(level, "guest: %.*s", TEXT_MAX, msg_str(o, "text", ""));
}

/* What to do about a guest without a radio. */
static const char *advice(const char *what)
{
	static const char *const table[][2] = {
	    {"no-card", "the card did not reach the VM: bhyfi cards shows whether it is "
			"there and can be passed, bhyfi doctor why not"},
	    {"no-driver", "the image is for another card, or its kernel is too old: "
			  "bhyfi image build --card VENDOR:DEVICE"},
	    {"no-firmware",
		"bhyfi image build makes an image with the firmware that this card asks "
		"for, bhyfi image info --files shows what is in this one"},
	    {"no-interface", "bhyfi console shows what the driver says"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(what, table[i][0]) == 0)
			return table[i][1];
	return NULL;
}

static void on_failed(struct guest *g, const json_t *o, int64_t now)
{
	struct machine_input in;
	char text[TEXT_MAX];

	msg_str_copy(o, "reason", text, sizeof(text));
	in = (struct machine_input){
	    .reason = text, .hint = advice(msg_str(o, "what", ""))};
	if (msg_bool(o, "fatal", false)) {
		g->ops->event(g->arg, EV_FATAL, &in);
		return;
	}
	escape_line(
	    text, strlen(text), g->record->complaint, sizeof(g->record->complaint));
	if (may_log(g, now))
		log_warn("guest: %s", text);
}

static void on_released(struct guest *g, const json_t *o, int64_t now)
{
	(void)now;
	log_info("guest: supplicant %s, driver %s",
	    msg_bool(o, "supplicant", false) ? "stopped" : "not stopped",
	    msg_bool(o, "driver", false) ? "unbound" : "not unbound");
	event(g, EV_RELEASED);
}

static void on_wpa_event(struct guest *g, const json_t *o, int64_t now)
{
	(void)now;
	g->ops->wpa(g->arg, MSG_WPA_EVENT, o);
}

static void on_wpa_reply(struct guest *g, const json_t *o, int64_t now)
{
	(void)now;
	g->ops->wpa(g->arg, MSG_WPA_REPLY, o);
}

static void on_joined(struct guest *g, const json_t *o, int64_t now)
{
	(void)now;
	g->ops->wpa(g->arg, MSG_JOINED, o);
}

static void on_air_reply(struct guest *g, const json_t *o, int64_t now)
{
	(void)now;
	g->ops->air_reply(g->arg, msg_int(o, "id", 0, INT32_MAX, -1), o);
}

static const struct {
	enum msg_type type;
	void (*take)(struct guest *g, const json_t *o, int64_t now);
} rows[] = {
    {MSG_STAGE, on_stage},
    {MSG_RADIO, on_radio},
    {MSG_WLAN, on_wlan},
    {MSG_STATUS, on_status},
    {MSG_BEAT, on_beat},
    {MSG_LOG, on_log},
    {MSG_FAILED, on_failed},
    {MSG_RELEASED, on_released},
    {MSG_WPA_REPLY, on_wpa_reply},
    {MSG_WPA_EVENT, on_wpa_event},
    {MSG_AIR_REPLY, on_air_reply},
    {MSG_PATH, on_path},
    {MSG_JOINED, on_joined},
};

void guest_message(struct guest *g, enum msg_type type, const json_t *o, int64_t now_ms)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type) {
			rows[i].take(g, o, now_ms);
			return;
		}
}
