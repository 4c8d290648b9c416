#include "wpa-relay.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "escape.h"
#include "loop.h"
#include "msg.h"

#define REPLY_MAX 16384

struct asked {
	int64_t id; /* 0: free */
	int64_t until;
	wpa_reply_fn *fn;
	void *arg;
};

struct wpa_relay {
	wpa_relay_send_fn *send;
	void *arg;
	struct event *timer;
	int64_t next_id;
	struct asked asked[WPA_RELAY_PENDING];
};

size_t wpa_relay_clean(const char *text, char *dst, size_t size)
{
	size_t at = 0;

	if (size == 0)
		return 0;
	dst[0] = '\0';
	while (*text != '\0' && at + 1 < size) {
		size_t len = strcspn(text, "\n\t");

		at += escape_line(text, len, dst + at, size - at);
		text += len;
		if (*text != '\0' && at + 1 < size) {
			dst[at++] = *text++;
			dst[at] = '\0';
		}
	}
	return at;
}

static void arm(struct wpa_relay *r)
{
	int64_t first = INT64_MAX, now = clock_ms();

	for (size_t i = 0; i < WPA_RELAY_PENDING; i++)
		if (r->asked[i].id != 0 && r->asked[i].until < first)
			first = r->asked[i].until;
	if (first == INT64_MAX)
		event_del(r->timer);
	else
		loop_add_ms(r->timer, first > now ? first - now : 0);
}

static void answer(struct asked *a, const char *reply, const char *why)
{
	wpa_reply_fn *fn = a->fn;
	void *arg = a->arg;

	a->id = 0;
	fn(arg, reply, why);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wpa_relay *r = arg;
	int64_t now = clock_ms();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < WPA_RELAY_PENDING; i++)
		if (r->asked[i].id != 0 && r->asked[i].until <= now)
			answer(&r->asked[i], NULL, "the guest does not answer");
	arm(r);
}

struct wpa_relay *wpa_relay_new(
    struct event_base *base, wpa_relay_send_fn *send, void *arg)
{
	struct wpa_relay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->send = send;
	r->arg = arg;
	r->next_id = 1;
	r->timer = evtimer_new(base, on_timer, r);
	if (r->timer != NULL)
		return r;
	free(r);
	return NULL;
}

void wpa_relay_free(struct wpa_relay *r)
{
	if (r == NULL)
		return;
	event_free(r->timer);
	free(r);
}

void wpa_relay_ask(
    struct wpa_relay *r, const char *cmd, size_t len, wpa_reply_fn *fn, void *arg)
{
	struct err e = ERR_INIT;
	struct asked *a = NULL;
	json_t *o;

	for (size_t i = 0; i < WPA_RELAY_PENDING && a == NULL; i++)
		if (r->asked[i].id == 0)
			a = &r->asked[i];
	if (a == NULL) {
		fn(arg, NULL, "too many commands wait for the guest");
		return;
	}
	if (!utf8_valid(cmd, len) || memchr(cmd, '\0', len) != NULL) {
		fn(arg, NULL, "the command is not UTF-8");
		return;
	}
	if (len == 0 || len > WPA_RELAY_CMD_MAX) {
		fn(arg, NULL, "a command of 1 to 4095 bytes was expected");
		return;
	}
	o = json_pack("{s:I, s:s%}", "id", (json_int_t)r->next_id, "cmd", cmd, len);
	if (o == NULL || r->send(r->arg, o, &e) < 0) {
		fn(arg, NULL, e.msg[0] != '\0' ? e.msg : "out of memory");
		return;
	}
	*a = (struct asked){r->next_id++, clock_ms() + WPA_RELAY_MS, fn, arg};
	arm(r);
}

void wpa_relay_forget(struct wpa_relay *r, const void *arg)
{
	for (size_t i = 0; i < WPA_RELAY_PENDING; i++)
		if (r->asked[i].id != 0 && r->asked[i].arg == arg)
			r->asked[i].id = 0;
	arm(r);
}

void wpa_relay_reply(struct wpa_relay *r, const json_t *o)
{
	int64_t id = msg_int(o, "id", 1, INT64_MAX, 0);
	const char *reply = msg_str(o, "reply", NULL);
	const char *error = msg_str(o, "error", "no answer");
	char clean[REPLY_MAX];

	wpa_relay_clean(reply != NULL ? reply : error, clean, sizeof(clean));
	for (size_t i = 0; i < WPA_RELAY_PENDING && id != 0; i++)
		if (r->asked[i].id == id) {
			answer(&r->asked[i], reply != NULL ? clean : NULL, clean);
			break;
		}
	explicit_bzero(clean, sizeof(clean));
	arm(r);
}

void wpa_relay_gone(struct wpa_relay *r)
{
	for (size_t i = 0; i < WPA_RELAY_PENDING; i++)
		if (r->asked[i].id != 0)
			answer(&r->asked[i], NULL, "the guest is gone");
	arm(r);
}
