/*
 * A supplicant that runs is given other networks, or told to join one.
 *
 * Theory of operation. Commands go one after the other: the reply to one leads to the
 * next (wpa-sync.c says which). The file is written first, so that a process that dies
 * meanwhile comes back with the new networks. Where a command is refused the process is
 * replaced: that always works, and costs the connection.
 *
 * A try to join waits for such a change, then: STATUS (it may be joined already), else
 * SELECT_NETWORK, which disables the others; wpa-join.c judges the events; at the end
 * the others are enabled again, without leaving what was joined.
 */
#include "wpa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "log.h"
#include "wipe.h"
#include "wpa-conf.h"

static void next_command(struct wpa *w);
static void begin_try(struct wpa *w);

static void drop_sync(struct wpa *w)
{
	if (w->sync != NULL)
		explicit_bzero(w->sync, sizeof(*w->sync));
	free(w->sync);
	w->sync = NULL;
}

/* What was changed to is what is. */
static void take_new(struct wpa *w)
{
	drop_sync(w);
	wipe_free(&w->conf);
	w->conf = w->new_conf;
	w->conf_len = w->new_len;
	w->new_conf = NULL;
}

static void finish_sync(struct wpa *w)
{
	struct err e = ERR_INIT;
	char *later = w->later;

	w->nets = w->sync->now;
	take_new(w);
	log_info("wpa_supplicant: networks changed while it runs");
	w->later = NULL;
	if (later != NULL && wpa_run(w, w->ifname, later, &e) < 0)
		log_warn("wpa_supplicant: %s", e.msg);
	wipe_free(&later);
	begin_try(w);
}

static void on_sync_reply(void *arg, const char *reply, const char *why)
{
	struct wpa *w = arg;

	if (w->sync == NULL)
		return;
	if (reply == NULL) {
		/* The process goes; wpa_change_gone takes it from there. */
		log_warn("wpa_supplicant: %s", why);
		return;
	}
	if (wpa_sync_reply(w->sync, reply)) {
		next_command(w);
		return;
	}
	log_warn("wpa_supplicant does not take the change; it is started anew");
	wpa_replace(w);
}

static void next_command(struct wpa *w)
{
	char cmd[WPA_SYNC_CMD_MAX];

	if (!wpa_sync_next(w->sync, cmd)) {
		finish_sync(w);
		return;
	}
	wpa_request(w, cmd, on_sync_reply, w);
	explicit_bzero(cmd, sizeof(cmd));
}

bool wpa_change(struct wpa *w, char *conf, size_t len)
{
	struct err e = ERR_INIT;
	char file[64];

	if (!w->attached || w->ending || w->pid <= 0 || w->client == NULL ||
	    w->sync != NULL)
		return false;
	w->sync = malloc(sizeof(*w->sync));
	if (w->sync == NULL)
		return false;
	snprintf(file, sizeof(file), WPA_RUN_DIR "/%s.conf", w->ifname);
	if (!wpa_sync_init(w->sync, w->conf, &w->nets, conf) ||
	    fs_write_atomic(file, 0600, conf, len, &e) < 0) {
		drop_sync(w);
		return false;
	}
	w->new_conf = conf;
	w->new_len = len;
	next_command(w);
	return true;
}

bool wpa_change_later(struct wpa *w, const char *networks)
{
	if (w->sync == NULL)
		return false;
	wipe_free(&w->later);
	w->later = strdup(networks);
	return w->later != NULL;
}

void wpa_change_attached(struct wpa *w)
{
	if (!wpa_nets_find(w->conf, &w->nets))
		w->nets.n = 0;
	begin_try(w);
}

void wpa_change_gone(struct wpa *w)
{
	/* The next process reads the file, and that is the new one. */
	if (w->sync != NULL)
		take_new(w);
	if (w->try.state == WPA_TRY_RUNS)
		w->try.state = WPA_TRY_WAITS;
	if (w->later == NULL)
		return;

	char *later = w->later, *conf;
	struct err e = ERR_INIT;
	size_t len;

	w->later = NULL;
	if (wpa_conf_make(later, WPA_CTL_DIR, &conf, &len, &e) == 0) {
		wipe_free(&w->conf);
		w->conf = conf;
		w->conf_len = len;
		wpa_lacks_apply(&w->lacks, w->conf, &w->conf_len);
	}
	wipe_free(&later);
}

/* Joining. */

static void ignore_reply(void *arg, const char *reply, const char *why)
{
	(void)arg;
	(void)reply;
	(void)why;
}

/* The networks that SELECT_NETWORK has disabled. */
static void enable_others(struct wpa *w, bool joined)
{
	char cmd[64];

	for (size_t i = 0; i < w->nets.n; i++) {
		const struct wpa_net *net = &w->nets.list[i];

		if (net->disabled || net->id == w->try.join.id)
			continue;
		snprintf(cmd, sizeof(cmd), "ENABLE_NETWORK %d%s", net->id,
		    joined ? " no-connect" : "");
		wpa_request(w, cmd, ignore_reply, NULL);
	}
	/* What was left for the try is to be found again at once. */
	if (!joined)
		wpa_request(w, "REASSOCIATE", ignore_reply, NULL);
}

static void end_try(struct wpa *w)
{
	struct wpa_try *t = &w->try;
	bool ran = t->state == WPA_TRY_RUNS;

	t->state = WPA_TRY_NONE;
	evtimer_del(w->try_timer);
	if (ran && w->client != NULL)
		enable_others(w, t->join.result == WPA_JOIN_DONE);
	t->fn(t->arg, t->join.result, t->join.reason);
}

static void fail_try(struct wpa *w, enum wpa_join_result r, const char *reason)
{
	wpa_join_fail(&w->try.join, r, reason);
	end_try(w);
}

static void on_selected(void *arg, const char *reply, const char *why)
{
	struct wpa *w = arg;

	if (w->try.state == WPA_TRY_RUNS && reply != NULL && strncmp(reply, "OK", 2) != 0)
		fail_try(w, WPA_JOIN_FAILED, "wpa_supplicant does not know the network");
	(void)why; /* the process is gone: the try waits for the next one */
}

/* "\nid=N\n" of a connection that is complete. */
static bool is_joined(const char *status, int id)
{
	char line[24];

	snprintf(line, sizeof(line), "\nid=%d\n", id);
	return strstr(status, line) != NULL &&
	       strstr(status, "\nwpa_state=COMPLETED\n") != NULL;
}

static void on_try_status(void *arg, const char *reply, const char *why)
{
	struct wpa *w = arg;
	struct wpa_try *t = &w->try;
	char cmd[64];

	(void)why;
	if (t->state != WPA_TRY_RUNS || reply == NULL)
		return;
	if (is_joined(reply, t->join.id)) {
		t->join.result = WPA_JOIN_DONE;
		end_try(w);
		return;
	}
	snprintf(cmd, sizeof(cmd), "SELECT_NETWORK %d", t->join.id);
	wpa_request(w, cmd, on_selected, w);
}

static void begin_try(struct wpa *w)
{
	struct wpa_try *t = &w->try;
	const struct wpa_net *net;

	if (t->state != WPA_TRY_WAITS || !w->attached || w->sync != NULL ||
	    w->client == NULL || w->ending)
		return;
	net = wpa_nets_named(&w->nets, t->ssid, t->ssid_len);
	if (net == NULL) {
		fail_try(w, WPA_JOIN_UNKNOWN, "it is not among the networks");
		return;
	}
	t->state = WPA_TRY_RUNS;
	wpa_join_init(&t->join, net->id);
	wpa_request(w, "STATUS", on_try_status, w);
}

static void on_try_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wpa *w = arg;

	(void)fd;
	(void)what;
	if (w->try.state == WPA_TRY_NONE)
		return;
	if (w->try.state == WPA_TRY_RUNS)
		wpa_join_timeout(&w->try.join);
	fail_try(w, WPA_JOIN_TIMEOUT, "wpa_supplicant does not run");
}

void wpa_change_event(struct wpa *w, const struct wpa_event *ev)
{
	if (w->try.state == WPA_TRY_RUNS &&
	    wpa_join_event(&w->try.join, ev) != WPA_JOIN_GOING)
		end_try(w);
}

void wpa_try_join(struct wpa *w, const uint8_t *ssid, size_t len, int timeout_ms,
    wpa_joined_fn *fn, void *arg)
{
	const struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	if (w->try.state != WPA_TRY_NONE)
		fail_try(w, WPA_JOIN_FAILED, "another network was chosen meanwhile");
	if (w->try_timer == NULL)
		w->try_timer = evtimer_new(w->base, on_try_timer, w);
	w->try = (struct wpa_try){.state = WPA_TRY_WAITS, .fn = fn, .arg = arg};
	wpa_join_init(&w->try.join, -1);
	if (w->try_timer == NULL || len > SSID_MAX ||
	    evtimer_add(w->try_timer, &tv) < 0) {
		fail_try(w, WPA_JOIN_FAILED, "out of memory");
		return;
	}
	memcpy(w->try.ssid, ssid, len);
	w->try.ssid_len = len;
	begin_try(w);
}

void wpa_change_free(struct wpa *w)
{
	drop_sync(w);
	wipe_free(&w->new_conf);
	wipe_free(&w->later);
	if (w->try_timer != NULL)
		event_free(w->try_timer);
}
