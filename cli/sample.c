#include "sample.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "client.h"
#include "out.h"

void history_init(struct history *h)
{
	memset(h, 0, sizeof(*h));
	h->ms = h->rx_bytes = h->tx_bytes = h->tx_packets = h->tx_retries = -1;
}

void history_free(struct history *h)
{
	json_decref(h->status);
	h->status = NULL;
}

/* A counter, up to what a double can not tell any more. */
static int64_t counter(const json_t *o, const char *key)
{
	const json_t *j = json_object_get(o, key);

	return json_is_integer(j) && json_integer_value(j) >= 0 ? json_integer_value(j)
								: -1;
}

static double figure(const json_t *o, const char *key, double min, double max)
{
	double n;

	return client_number(o, key, &n) && n >= min && n <= max ? n : NAN;
}

/* One that went back began anew: nothing is known of the time between. */
static double per_second(int64_t was, int64_t is, int64_t ms)
{
	return was < 0 || is < was || ms <= 0 ? NAN
					      : (double)(is - was) * 1000 / (double)ms;
}

static void add_traffic(struct history *h, const json_t *status, int64_t ms, double *v)
{
	const json_t *host = json_object_get(status, "host_if");
	int64_t rx = counter(host, "rx_bytes"), tx = counter(host, "tx_bytes");
	int64_t passed = h->ms >= 0 ? ms - h->ms : 0;

	v[METRIC_DOWN] = per_second(h->rx_bytes, rx, passed) * 8 / 1e6;
	v[METRIC_UP] = per_second(h->tx_bytes, tx, passed) * 8 / 1e6;
	h->rx_bytes = rx;
	h->tx_bytes = tx;
	h->ms = ms;
}

static void add_retries(struct history *h, const json_t *wlan, double *v)
{
	int64_t packets = counter(wlan, "tx_packets");
	int64_t retries = counter(wlan, "tx_retries");
	double sent, again;

	if (h->tx_packets >= 0 && h->tx_retries >= 0 && packets >= h->tx_packets &&
	    retries >= h->tx_retries) {
		sent = (double)(packets - h->tx_packets);
		again = (double)(retries - h->tx_retries);
		v[METRIC_RETRIES] = sent + again > 0 ? 100 * again / (sent + again) : 0;
	}
	h->tx_packets = packets;
	h->tx_retries = retries;
}

static void add_guest(const json_t *guest, double *v)
{
	double total = figure(guest, "mem_total_kib", 1, 1e12);
	double available = figure(guest, "mem_available_kib", 0, 1e12);

	if (available <= total)
		v[METRIC_MEMORY] = 100 * (total - available) / total;
	v[METRIC_CPU] = figure(guest, "cpu_pct", 0, 1e6);
}

void history_add(struct history *h, json_t *status, int64_t ms, time_t now,
    const struct latency_result *latency)
{
	const json_t *wlan = json_object_get(status, "wlan");
	double *v = h->value[h->n % HISTORY_MAX];

	for (int m = 0; m < METRIC_COUNT; m++)
		v[m] = NAN;
	v[METRIC_SIGNAL] = figure(wlan, "signal_dbm", -200, -1);
	v[METRIC_NOISE] = figure(wlan, "noise_dbm", -200, -1);
	add_traffic(h, status, ms, v);
	add_retries(h, wlan, v);
	add_guest(json_object_get(status, "guest"), v);
	v[METRIC_LATENCY] = latency->ms;
	h->latency_asked = latency->by != NULL;
	snprintf(h->latency_by, sizeof(h->latency_by), "%s",
	    latency->by != NULL ? latency->by : "");
	snprintf(h->gateway, sizeof(h->gateway), "%s",
	    latency->host != NULL ? latency->host : "");
	h->n++;
	h->at = now;
	json_decref(h->status);
	h->status = json_incref(status);
}

double history_value(const struct history *h, enum metric m, size_t back)
{
	if (back >= h->n || back >= HISTORY_MAX)
		return NAN;
	return h->value[(h->n - 1 - back) % HISTORY_MAX][m];
}

/* "2026-11-23T14:54:28Z info text": what stands before the text goes. */
static const char *split_line(const char *line, time_t *at, char level[8])
{
	struct tm tm = {.tm_isdst = 0};
	const char *text;
	size_t len;

	*at = 0;
	level[0] = '\0';
	text = strptime(line, "%Y-%m-%dT%H:%M:%SZ ", &tm);
	if (text == NULL)
		return line;
	*at = timegm(&tm);
	len = strcspn(text, " ");
	snprintf(level, 8, "%.*s", (int)(len < 7 ? len : 7), text);
	return text[len] == ' ' ? text + len + 1 : text + len;
}

bool history_event(struct history *h, const char *line)
{
	struct event_line *e = &h->events[h->n_events % EVENTS_MAX];
	char level[8];
	const char *text;
	time_t at;

	text = split_line(line, &at, level);
	if (strcmp(level, "debug") == 0)
		return false;
	e->at = at;
	e->bad = strncmp(level, "warn", 4) == 0 || strncmp(level, "err", 3) == 0;
	out_safe(text, e->text, sizeof(e->text));
	h->n_events++;
	return true;
}

const struct event_line *history_line(const struct history *h, size_t back)
{
	if (back >= h->n_events || back >= EVENTS_MAX)
		return NULL;
	return &h->events[(h->n_events - 1 - back) % EVENTS_MAX];
}

/* To a thousandth: what is beyond is noise. */
static json_t *real_or_null(double d)
{
	return isnan(d) ? json_null() : json_real(round(d * 1000) / 1000);
}

static json_t *text_or_null(const char *s)
{
	return s[0] != '\0' ? json_string(s) : json_null();
}

static json_t *stamp(time_t at)
{
	char text[32];
	struct tm tm;

	if (at == 0 || gmtime_r(&at, &tm) == NULL)
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static json_t *events_json(const struct history *h, size_t n)
{
	json_t *list = json_array();

	for (size_t back = n < EVENTS_MAX ? n : EVENTS_MAX; back-- > 0;) {
		const struct event_line *l = history_line(h, back);

		if (l != NULL)
			json_array_append_new(
			    list, json_pack("{s:o, s:b, s:s}", "time", stamp(l->at),
				      "bad", (int)l->bad, "text", l->text));
	}
	return list;
}

json_t *history_json(const struct history *h, size_t new_events)
{
	json_t *o = json_copy(h->status);

	if (o == NULL)
		return NULL;
	json_object_set_new(o, "time", stamp(h->at));
	json_object_set_new(o, "throughput",
	    json_pack("{s:o, s:o}", "down_mbps",
		real_or_null(history_value(h, METRIC_DOWN, 0)), "up_mbps",
		real_or_null(history_value(h, METRIC_UP, 0))));
	json_object_set_new(
	    o, "retry_pct", real_or_null(history_value(h, METRIC_RETRIES, 0)));
	json_object_set_new(o, "latency",
	    json_pack("{s:o, s:o, s:o}", "ms",
		real_or_null(history_value(h, METRIC_LATENCY, 0)), "gateway",
		text_or_null(h->gateway), "by", text_or_null(h->latency_by)));
	json_object_set_new(o, "events", events_json(h, new_events));
	return o;
}
