#include "status.h"

#include "cleanup.h"

static json_t *text_or_null(const char *s)
{
	json_t *v = s != NULL && s[0] != '\0' ? json_string(s) : NULL;

	return v != NULL ? v : json_null();
}

static json_t *card(const struct status_input *in)
{
	char id[CARD_TEXT_SIZE];

	card_id_text(&in->config->card, id);
	return json_pack("{s:s, s:o, s:o}", "pci", id, "name",
	    text_or_null(in->card_name), "driver",
	    text_or_null(in->record->radio.known ? in->record->radio.driver : NULL));
}

static json_t *counter(const struct host_if *i, uint64_t n)
{
	return i->exists && i->counts ? json_integer((json_int_t)n) : json_null();
}

static json_t *host_if_json(const struct status_input *in)
{
	const struct host_if *i = in->host_if;
	json_t *addrs = json_array(), *o;
	char mac[MAC_TEXT_SIZE];

	for (size_t n = 0; n < i->naddrs && n < ARRAY_LEN(i->addrs); n++)
		json_array_append_new(addrs, json_string(i->addrs[n]));
	msg_mac_text(i->mac, mac);
	o = json_pack("{s:s, s:o, s:b, s:o}", "name", in->config->interface, "mac",
	    text_or_null(i->exists ? mac : NULL), "carrier", i->exists && i->carrier,
	    "addresses", addrs);
	if (o == NULL)
		return NULL;
	json_object_set_new(o, "rx_bytes", counter(i, i->rx_bytes));
	json_object_set_new(o, "tx_bytes", counter(i, i->tx_bytes));
	return o;
}

static json_t *last_error(const struct status_input *in)
{
	const struct err *why = &in->machine->why;

	if (why->code != ERR_NONE)
		return text_or_null(why->msg);
	return text_or_null(in->record->complaint);
}

/* An adopted VM's start was not ours to see: its guest's clock stands in. */
static json_t *uptime(const struct status_input *in)
{
	const struct record *r = in->record;

	if (in->vm_pid <= 0)
		return NULL;
	if (r->started_ms != 0)
		return json_integer((in->now_ms - r->started_ms) / 1000);
	return r->guest.mem_total_kib != 0 ? json_integer(r->guest.uptime_s) : NULL;
}

static json_t *image(const struct image_report *i, const char *kernel)
{
	json_t *refused = i->refused[0] == '\0'
			      ? json_null()
			      : json_pack("{s:s, s:s}", "id", i->refused, "why", i->why);

	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "id", text_or_null(i->id), "kernel",
	    text_or_null(kernel), "candidate", text_or_null(i->candidate), "good",
	    text_or_null(i->good), "refused", refused);
}

static void set(json_t *o, const char *key, json_t *v)
{
	json_object_set_new(o, key, v != NULL ? v : json_null());
}

json_t *status_json(const struct status_input *in)
{
	const struct record *r = in->record;
	const char *kernel =
	    r->guest.kernel[0] != '\0' ? r->guest.kernel : in->image->kernel;
	json_t *o = json_object();

	if (o == NULL)
		return NULL;
	set(o, "instance", json_string(in->config->instance));
	set(o, "state", json_string(state_name(in->machine->state)));
	set(o, "vmm", json_string(in->config->vmm));
	set(o, "pid", in->vm_pid > 0 ? json_integer(in->vm_pid) : NULL);
	set(o, "uptime_s", uptime(in));
	set(o, "card", card(in));
	set(o, "image", image(in->image, kernel));
	set(o, "mode", json_string(mode_name(in->mode)));
	set(o, "mode_why", text_or_null(in->record->path_why));
	set(o, "wlan", record_wlan_json(r));
	set(o, "host_if", host_if_json(in));
	set(o, "guest", record_guest_json(r));
	set(o, "restarts", json_integer(in->machine->restarts));
	set(o, "last_error", last_error(in));
	set(o, "clean_stop",
	    in->machine->clean == CLEAN_UNKNOWN
		? NULL
		: json_boolean(in->machine->clean == CLEAN_YES));
	set(o, "stages", record_stages_json(r));
	set(o, "guest_stages", record_guest_stages_json(r));
	set(o, "online_ms",
	    r->reached[STAGE_CARRIER] ? json_integer(r->stage_ms[STAGE_CARRIER]) : NULL);
	return o;
}
