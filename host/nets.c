/*
 * Theory of operation.
 *
 * scan: SCAN TYPE=ONLY (a plain SCAN would let the supplicant choose a network by its
 * results), then the event that it is done, then the table, in pieces as large as a
 * reply. All who ask meanwhile get the same answer.
 *
 * join: with `text` the guest gets that instead of the file's networks, which is not
 * written here: bhyfid main has no right to. It is a try that belongs to its client.
 * Where it fails, or the client is gone without `networks` (which says that the file is
 * as it should be now), the guest gets the file's networks again.
 */
#include "nets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bss.h"
#include "cleanup.h"
#include "log.h"
#include "loop.h"

#define JOIN_GRACE_MS 5000 /* the guest keeps the time; this is for one that does not */

enum scan_state {
	SCAN_IDLE,
	SCAN_ASKED, /* SCAN's own reply is to come */
	SCAN_RUNS,  /* the event that it is done is to come */
	SCAN_TABLE, /* a piece of the table is to come */
};

struct nets {
	struct wpa_relay *relay;
	const struct nets_ops *ops;
	void *arg;

	enum scan_state scan;
	int64_t scan_calls[NETS_CALLS];
	size_t n_scan_calls;
	struct event *scan_timer;
	struct bss_list table;

	int64_t join; /* the call, 0: none */
	int64_t try;  /* the call whose networks the guest has, 0: the file's */
	struct event *join_timer;
};

static void refuse(
    struct nets *n, int64_t call, enum err_code code, const char *text, const char *hint)
{
	struct err e = ERR_INIT;

	err_set(&e, code, "%s", text);
	if (hint != NULL)
		err_hint(&e, "%s", hint);
	n->ops->answer(n->arg, call, NULL, &e);
}

static bool must_be_ready(struct nets *n, int64_t call)
{
	if (n->ops->ready(n->arg))
		return true;
	refuse(n, call, ERR_FAILED, "no guest runs that could join a network now",
	    "bhyfi status");
	return false;
}

/* Scanning. */

static void end_scan(struct nets *n, const struct err *why)
{
	struct networks known;
	json_t *list = NULL;
	size_t count = n->n_scan_calls;
	int64_t calls[NETS_CALLS];

	event_del(n->scan_timer);
	n->scan = SCAN_IDLE;
	n->n_scan_calls = 0;
	memcpy(calls, n->scan_calls, sizeof(calls));
	if (why == NULL) {
		bool has = n->ops->load(n->arg, &known, NULL) == 0;

		list = bss_json(&n->table, has ? &known : NULL, n->ops->joined(n->arg));
		if (has)
			networks_free(&known);
	}
	for (size_t i = 0; i < count; i++)
		n->ops->answer(n->arg, calls[i],
		    why == NULL ? json_pack("{s:b, s:O}", "ok", 1, "aps", list) : NULL,
		    why);
	json_decref(list);
}

static void fail_scan(struct nets *n, const char *text)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_FAILED, "scan: %s", text);
	end_scan(n, &e);
}

static void on_table(void *arg, const char *reply, const char *why);

static void ask_table(struct nets *n)
{
	char cmd[64];
	int len = snprintf(
	    cmd, sizeof(cmd), "BSS RANGE=%u-2147483646 MASK=" BSS_MASK, n->table.next);

	n->scan = SCAN_TABLE;
	wpa_relay_ask(n->relay, cmd, (size_t)len, on_table, n);
}

static void on_table(void *arg, const char *reply, const char *why)
{
	struct nets *n = arg;

	if (n->scan != SCAN_TABLE)
		return;
	if (reply == NULL)
		fail_scan(n, why);
	else if (bss_parse(&n->table, reply) > 0 && n->table.n < BSS_MAX)
		ask_table(n);
	else
		end_scan(n, NULL);
}

static void read_table(struct nets *n)
{
	n->table.n = 0;
	n->table.next = 0;
	ask_table(n);
}

static void on_scan(void *arg, const char *reply, const char *why)
{
	struct nets *n = arg;

	/* Its event may have been quicker. */
	if (n->scan != SCAN_ASKED)
		return;
	if (reply == NULL)
		fail_scan(n, why);
	else if (strncmp(reply, "OK", 2) == 0 || strncmp(reply, "FAIL-BUSY", 9) == 0)
		n->scan = SCAN_RUNS; /* one that was under way serves as well */
	else
		fail_scan(n, "wpa_supplicant does not scan now");
}

static void on_scan_timer(evutil_socket_t fd, short what, void *arg)
{
	struct nets *n = arg;

	(void)fd;
	(void)what;
	/* What was heard up to now is better than nothing. */
	if (n->scan == SCAN_RUNS)
		read_table(n);
	else if (n->scan != SCAN_IDLE)
		fail_scan(n, "the guest does not answer");
}

static void call_scan(struct nets *n, int64_t call, const json_t *request)
{
	static const char cmd[] = "SCAN TYPE=ONLY";

	if (!must_be_ready(n, call))
		return;
	if (n->n_scan_calls == NETS_CALLS) {
		refuse(n, call, ERR_FAILED, "scan: too many ask at once", NULL);
		return;
	}
	n->scan_calls[n->n_scan_calls++] = call;
	if (n->scan != SCAN_IDLE)
		return;
	loop_add_ms(n->scan_timer, NETS_SCAN_MS);
	if (!msg_bool(request, "fresh", true)) {
		read_table(n);
		return;
	}
	n->scan = SCAN_ASKED;
	wpa_relay_ask(n->relay, cmd, sizeof(cmd) - 1, on_scan, n);
}

void nets_event(struct nets *n, const char *text)
{
	if (n->scan != SCAN_ASKED && n->scan != SCAN_RUNS)
		return;
	if (strstr(text, "CTRL-EVENT-SCAN-RESULTS") != NULL)
		read_table(n);
	else if (strstr(text, "CTRL-EVENT-SCAN-FAILED") != NULL && n->scan == SCAN_RUNS)
		fail_scan(n, "the card can not scan now");
}

/* The file. */

static int send_file(struct nets *n, struct networks *file, struct err *e)
{
	n->try = 0;
	return n->ops->ready(n->arg) ? n->ops->configure(n->arg, file, e) : 0;
}

static void call_networks(struct nets *n, int64_t call, const json_t *request)
{
	struct err e = ERR_INIT;
	struct networks file;
	json_t *o = NULL;

	if (n->ops->load(n->arg, &file, &e) < 0) {
		n->ops->answer(n->arg, call, NULL, &e);
		return;
	}
	if (!msg_bool(request, "reload", false) || send_file(n, &file, &e) == 0)
		o = json_pack("{s:b, s:o}", "ok", 1, "networks",
		    networks_json(&file, n->ops->joined(n->arg)));
	networks_free(&file);
	n->ops->answer(n->arg, call, o, &e);
}

/* The file's networks again, in the place of those that were tried. */
static void take_back(struct nets *n)
{
	struct err e = ERR_INIT;
	struct networks file;

	n->try = 0;
	if (n->ops->load(n->arg, &file, &e) == 0) {
		send_file(n, &file, &e);
		networks_free(&file);
	}
	if (e.code != ERR_NONE)
		log_warn("networks: %s", e.msg);
}

/* Joining. */

static void end_join(struct nets *n, json_t *o, const struct err *e)
{
	int64_t call = n->join;

	n->join = 0;
	event_del(n->join_timer);
	if (o == NULL && n->try == call)
		take_back(n);
	n->ops->answer(n->arg, call, o, e);
}

static void fail_join(struct nets *n, enum err_code code, const char *text)
{
	struct err e = ERR_INIT;

	err_set(&e, code, "%s", text);
	end_join(n, NULL, &e);
}

static void on_join_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail_join(arg, ERR_TIMEOUT, "the guest does not answer");
}

/* The networks to try in the place of the file's. */
static int send_try(struct nets *n, const char *text, struct err *e)
{
	struct networks parsed;
	int ret;

	if (networks_parse(text, strlen(text), "networks", &parsed, e) < 0)
		return -1;
	ret = n->ops->configure(n->arg, &parsed, e);
	networks_free(&parsed);
	return ret;
}

static void call_join(struct nets *n, int64_t call, const json_t *request)
{
	const char *hex = msg_str(request, "ssid_hex", "");
	const char *text = msg_str(request, "text", NULL);
	int64_t ms = msg_int(
	    request, "timeout_ms", NETS_JOIN_MIN_MS, NETS_JOIN_MAX_MS, NETS_JOIN_MS);
	uint8_t ssid[SSID_MAX];
	struct err e = ERR_INIT;

	if (ssid_unhex(hex, strlen(hex), ssid, sizeof(ssid)) < 0) {
		refuse(n, call, ERR_USAGE,
		    "join: ssid_hex: expected 1 to 32 bytes in hex", NULL);
		return;
	}
	if (!must_be_ready(n, call))
		return;
	if (n->join != 0)
		fail_join(n, ERR_FAILED, "another network was chosen meanwhile");
	n->join = call;
	if (text != NULL) {
		n->try = call;
		if (send_try(n, text, &e) < 0) {
			end_join(n, NULL, &e);
			return;
		}
	}
	loop_add_ms(n->join_timer, ms + JOIN_GRACE_MS);
	if (n->ops->send(n->arg, MSG_JOIN,
		json_pack("{s:I, s:s, s:I}", "id", (json_int_t)call, "ssid_hex", hex,
		    "timeout_ms", (json_int_t)ms),
		&e) < 0)
		end_join(n, NULL, &e);
}

void nets_joined(struct nets *n, const json_t *o)
{
	const char *result = msg_str(o, "result", "failed");
	char reason[200];

	if (n->join == 0 || msg_int(o, "id", 1, INT64_MAX, 0) != n->join)
		return;
	if (strcmp(result, "joined") == 0) {
		end_join(n, json_pack("{s:b}", "ok", 1), NULL);
		return;
	}
	msg_str_copy(o, "reason", reason, sizeof(reason));
	fail_join(n, strcmp(result, "timeout") == 0 ? ERR_TIMEOUT : ERR_FAILED,
	    reason[0] != '\0' ? reason : "for no reason that the guest has told");
}

/* All calls. */

static const struct {
	const char *name;
	void (*run)(struct nets *n, int64_t call, const json_t *request);
} calls[] = {
    {"scan", call_scan},
    {"networks", call_networks},
    {"join", call_join},
};

void nets_call(struct nets *n, int64_t call, const char *name, const json_t *request)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			calls[i].run(n, call, request);
}

void nets_call_gone(struct nets *n, int64_t call)
{
	if (n->join == call) {
		n->join = 0;
		event_del(n->join_timer);
	}
	if (n->try == call)
		take_back(n);
}

void nets_guest_gone(struct nets *n)
{
	n->try = 0; /* the next guest gets the file's */
	if (n->scan != SCAN_IDLE)
		fail_scan(n, "the guest is gone");
	if (n->join != 0)
		fail_join(n, ERR_FAILED, "the guest is gone");
}

struct nets *nets_new(struct event_base *base, struct wpa_relay *relay,
    const struct nets_ops *ops, void *arg)
{
	struct nets *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->relay = relay;
	n->ops = ops;
	n->arg = arg;
	n->scan_timer = evtimer_new(base, on_scan_timer, n);
	n->join_timer = evtimer_new(base, on_join_timer, n);
	if (n->scan_timer != NULL && n->join_timer != NULL)
		return n;
	nets_free(n);
	return NULL;
}

void nets_free(struct nets *n)
{
	if (n == NULL)
		return;
	if (n->scan_timer != NULL)
		event_free(n->scan_timer);
	if (n->join_timer != NULL)
		event_free(n->join_timer);
	free(n);
}
