#include "request.h"

#include <arpa/inet.h>
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "msg.h"

#define IPERF_MAX_S 600
#define IPERF_MAX_STREAMS 16

static const char *const op_names[] = {
    [AIR_OP_AP_OFF] = "ap-off",
    [AIR_OP_AP_ON] = "ap-on",
    [AIR_OP_KILL] = "kill",
    [AIR_OP_PANIC] = "panic",
    [AIR_OP_IPERF] = "iperf",
    [AIR_OP_STATIONS] = "stations",
    [AIR_OP_STATUS] = "status",
    [AIR_OP_MEMINFO] = "meminfo",
    [AIR_OP_LOG] = "log",
    [AIR_OP_STATION] = "station",
    [AIR_OP_STEER] = "steer",
};
static_assert(ARRAY_LEN(op_names) == AIR_OP_STEER + 1, "a name for each");

static const char *const victim_names[] = {
    [AIR_VICTIM_SUPPLICANT] = "wpa_supplicant",
    [AIR_VICTIM_AGENT] = "agent",
    [AIR_VICTIM_HOSTAPD] = "hostapd",
};
static_assert(ARRAY_LEN(victim_names) == AIR_VICTIM_HOSTAPD + 1, "a name for each");

static const struct {
	const char *name;
	int number;
} signals[] = {
    {"KILL", SIGKILL}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"TERM", SIGTERM}};

const char *air_op_name(enum air_op op)
{
	return (unsigned)op < ARRAY_LEN(op_names) ? op_names[op] : "?";
}

static int find(const char *const names[], size_t n, const char *name)
{
	for (size_t i = 0; name != NULL && i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

/* An optional integer member between 0 and max. */
static int get_number(
    const json_t *o, const char *key, unsigned max, unsigned *out, struct err *e)
{
	const json_t *v = json_object_get(o, key);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > (json_int_t)max)
		return err_set(
		    e, ERR_USAGE, "%s: expected a whole number up to %u", key, max);
	*out = (unsigned)json_integer_value(v);
	return 0;
}

static int parse_kill(const json_t *o, struct air_request *r, struct err *e)
{
	const char *name = json_string_value(json_object_get(o, "signal"));
	int what = find(victim_names, ARRAY_LEN(victim_names),
	    json_string_value(json_object_get(o, "what")));

	if (what < 0)
		return err_set(
		    e, ERR_USAGE, "what: expected wpa_supplicant, agent or hostapd");
	r->what = (enum air_victim)what;
	r->signal = SIGKILL;
	if (json_object_get(o, "signal") == NULL)
		return 0;
	for (size_t i = 0; name != NULL && i < ARRAY_LEN(signals); i++)
		if (strcmp(signals[i].name, name) == 0) {
			r->signal = signals[i].number;
			return 0;
		}
	return err_set(e, ERR_USAGE, "signal: expected KILL, STOP, CONT or TERM");
}

static int parse_iperf(const json_t *o, struct air_request *r, struct err *e)
{
	const json_t *reverse = json_object_get(o, "reverse"),
		     *address = json_object_get(o, "address");
	unsigned char addr[16];

	r->seconds = 5;
	r->streams = 1;
	if (reverse != NULL && !json_is_boolean(reverse))
		return err_set(e, ERR_USAGE, "reverse: expected true or false");
	r->reverse = json_is_true(reverse);
	if (get_number(o, "seconds", IPERF_MAX_S, &r->seconds, e) < 0 ||
	    get_number(o, "omit", 60, &r->omit, e) < 0 ||
	    get_number(o, "streams", IPERF_MAX_STREAMS, &r->streams, e) < 0)
		return -1;
	if (r->seconds == 0 || r->streams == 0)
		return err_set(e, ERR_USAGE, "seconds, streams: expected at least 1");
	if (address == NULL)
		return 0;
	if (!json_is_string(address) ||
	    inet_pton(AF_INET, json_string_value(address), addr) != 1)
		return err_set(e, ERR_USAGE, "address: expected an IPv4 address");
	snprintf(r->address, sizeof(r->address), "%s", json_string_value(address));
	return 0;
}

static int parse_steer(const json_t *o, struct air_request *r, struct err *e)
{
	const char *mac = json_string_value(json_object_get(o, "station"));
	unsigned n = 0;
	uint8_t m[6];

	if (mac == NULL || !msg_mac_parse(mac, m))
		return err_set(e, ERR_USAGE, "station: expected a MAC address");
	if (get_number(o, "ap", 255, &n, e) < 0 ||
	    get_number(o, "to", 255, &r->to, e) < 0)
		return -1;
	r->ap = (int)n;
	msg_mac_text(m, r->station);
	return 0;
}

static int parse_members(const json_t *o, struct air_request *r, struct err *e)
{
	unsigned n = 0;

	switch (r->op) {
	case AIR_OP_AP_OFF:
	case AIR_OP_AP_ON:
		r->ap = -1;
		if (json_object_get(o, "ap") == NULL)
			return 0;
		if (get_number(o, "ap", 255, &n, e) < 0)
			return -1;
		r->ap = (int)n;
		return 0;
	case AIR_OP_STATION:
		if (get_number(o, "station", 255, &n, e) < 0)
			return -1;
		r->ap = (int)n;
		return 0;
	case AIR_OP_STEER:
		return parse_steer(o, r, e);
	case AIR_OP_KILL:
		return parse_kill(o, r, e);
	case AIR_OP_IPERF:
		return parse_iperf(o, r, e);
	case AIR_OP_LOG: {
		const char *name = json_string_value(json_object_get(o, "level"));
		enum log_level level;

		if (name == NULL || log_level_parse(name, &level) < 0)
			return err_set(
			    e, ERR_USAGE, "level: expected error, warn, info or debug");
		r->level = (int)level;
		return 0;
	}
	case AIR_OP_PANIC:
	case AIR_OP_STATIONS:
	case AIR_OP_STATUS:
	case AIR_OP_MEMINFO:
		return 0;
	}
	return err_set(e, ERR_USAGE, "op: not known");
}

int request_parse(
    const char *data, size_t len, struct air_request *out, json_int_t *id, struct err *e)
{
	json_error_t je;
	json_t *o, *v;
	int op, rc = -1;

	*id = -1;
	*out = (struct air_request){.id = -1, .ap = -1};
	if (len > AIR_PACKET_MAX)
		return err_set(e, ERR_USAGE, "request: longer than %d", AIR_PACKET_MAX);
	o = json_loadb(data, len, JSON_REJECT_DUPLICATES, &je);
	if (o == NULL)
		return err_set(e, ERR_USAGE, "request: %s", je.text);
	v = json_object_get(o, "id");
	if (!json_is_integer(v) || json_integer_value(v) < 0) {
		err_set(e, ERR_USAGE, "request: no id");
		goto out;
	}
	*id = out->id = json_integer_value(v);
	op = find(
	    op_names, ARRAY_LEN(op_names), json_string_value(json_object_get(o, "op")));
	if (op < 0) {
		err_set(e, ERR_USAGE, "op: not known");
		goto out;
	}
	out->op = (enum air_op)op;
	rc = parse_members(o, out, e);
out:
	json_decref(o);
	return rc;
}
