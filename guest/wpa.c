/*
 * Theory of operation. A start is: write the file, watch the folder of the
 * control sockets (inotify), fork and exec. The socket's appearance in the
 * folder is the moment to connect; there is nothing to poll. ATTACH is
 * answered, then STATUS tells what was missed before it. After that the state
 * follows events; each connection asks for STATUS once more, as events do not
 * carry the SSID.
 *
 * The process is replaced by ending it: its exit, seen by the agent's SIGCHLD
 * handler, starts the next one if it is still wanted. The delay before that
 * grows with failures in a row: 0, 1, 2, 4 ... 30 s.
 */
#include "wpa.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fs.h"
#include "log.h"
#include "spawn.h"
#include "wipe.h"
#include "wpa-conf.h"
#include "wpa-parse.h"

#define PROGRAM "/sbin/wpa_supplicant"
#define SOCKET_S 15     /* from its start to its control socket */
#define END_S 2         /* from SIGTERM to SIGKILL */
#define STEADY_MS 60000 /* so long alive: the next failure counts as the first */
#define FAILURES_FATAL 3

static void start(struct wpa *w);

static void say_state(struct wpa *w)
{
	w->ops->state(w->arg, &w->s);
}

static void on_status(void *arg, const char *reply, const char *why)
{
	struct wpa *w = arg;

	if (reply == NULL) {
		log_warn("wpa_supplicant: STATUS: %s", why);
		return;
	}
	if (wpa_status_parse(reply, &w->s))
		say_state(w);
}

static void ask_status(struct wpa *w)
{
	wpa_ctrl_client_request(w->client, "STATUS", on_status, w);
}

static void on_event(void *arg, const char *line)
{
	struct wpa *w = arg;
	struct wpa_event ev;

	wpa_event_parse(line, &ev);
	w->ops->event(w->arg, line);
	wpa_change_event(w, &ev);
	if (!wpa_event_apply(&ev, &w->s))
		return;
	/* The answer to STATUS makes a connection known, complete. */
	if (ev.type == WPA_EVENT_CONNECTED)
		ask_status(w);
	else
		say_state(w);
}

/* Those that waited: sent, or told that nothing comes. */
static void end_early(struct wpa *w)
{
	struct wpa_early early[WPA_EARLY_MAX];
	size_t n = w->n_early;

	memcpy(early, w->early, sizeof(early));
	w->n_early = 0;
	for (size_t i = 0; i < n; i++) {
		if (w->client != NULL)
			wpa_ctrl_client_request(
			    w->client, early[i].cmd, early[i].fn, early[i].arg);
		else
			early[i].fn(early[i].arg, NULL, "wpa_supplicant does not run");
		wipe_free(&early[i].cmd);
	}
}

static bool keep_early(struct wpa *w, const char *cmd, wpa_reply_fn *fn, void *arg)
{
	char *copy = w->wanted && w->n_early < WPA_EARLY_MAX ? strdup(cmd) : NULL;

	if (copy != NULL)
		w->early[w->n_early++] = (struct wpa_early){copy, fn, arg};
	return copy != NULL;
}

static void on_attached(void *arg)
{
	struct wpa *w = arg;

	evtimer_del(w->deadline);
	w->attached = true;
	w->ops->running(w->arg);
	ask_status(w);
	end_early(w);
	wpa_change_attached(w);
}

static void on_lost(void *arg, const char *why)
{
	struct wpa *w = arg;

	/* Its exit, which this leads to, cleans up. */
	log_warn("wpa_supplicant: %s; it is killed", why);
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
}

static const struct wpa_ctrl_ops ctrl_ops = {on_event, on_attached, on_lost};

static void stop_watching(struct wpa *w)
{
	if (w->inotify_ev != NULL)
		event_free(w->inotify_ev);
	w->inotify_ev = NULL;
	if (w->inotify >= 0)
		close(w->inotify);
	w->inotify = -1;
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	union {
		struct inotify_event first;
		char bytes[2048];
	} buf;
	struct wpa *w = arg;
	struct err e = ERR_INIT;
	bool there = false;
	char path[64];
	ssize_t n;

	(void)what;
	n = read(fd, &buf, sizeof(buf));
	for (ssize_t at = 0; at + (ssize_t)sizeof(buf.first) <= n;) {
		struct inotify_event ie;

		memcpy(&ie, buf.bytes + at, sizeof(ie));
		if (ie.len > 0 && strcmp(buf.bytes + at + sizeof(ie), w->ifname) == 0)
			there = true;
		at += (ssize_t)(sizeof(ie) + ie.len);
	}
	if (!there)
		return;
	/* The file appears within bind(2), an instant before it can be connected to;
	 * then the supplicant's chmod that follows is the moment. */
	snprintf(path, sizeof(path), WPA_CTL_DIR "/%s", w->ifname);
	w->client = wpa_ctrl_client_open(w->base, path, &ctrl_ops, w, &e);
	if (w->client != NULL)
		stop_watching(w);
	else
		log_debug("wpa_supplicant: %s", e.msg);
}

static int watch_socket(struct wpa *w, struct err *e)
{
	char path[64];

	stop_watching(w);
	if (fs_mkdir_p(WPA_CTL_DIR, 0700, e) < 0)
		return -1;
	snprintf(path, sizeof(path), WPA_CTL_DIR "/%s", w->ifname);
	unlink(path);
	w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify < 0 ||
	    inotify_add_watch(w->inotify, WPA_CTL_DIR, IN_CREATE | IN_ATTRIB) < 0)
		return err_sys(e, errno, "inotify");
	w->inotify_ev =
	    event_new(w->base, w->inotify, EV_READ | EV_PERSIST, on_socket, w);
	if (w->inotify_ev == NULL || event_add(w->inotify_ev, NULL) < 0)
		return err_sys(e, ENOMEM, "inotify");
	return 0;
}

static void on_line(void *arg, const char *text)
{
	struct wpa *w = arg;
	char clean[WPA_OUTPUT_LINE];

	if (wpa_lacks_learn(&w->lacks, text))
		log_warn("wpa_supplicant has no %s: networks go without it",
		    w->lacks.words[w->lacks.n - 1]);
	if (!wpa_output_clean(text, clean, sizeof(clean)))
		return;
	/* The first complaint is the cause, the others follow from it. */
	if (w->said[0] == '\0')
		memcpy(w->said, clean, sizeof(w->said));
	log_info("wpa_supplicant: %s", clean);
}

static int spawn(struct wpa *w, struct err *e)
{
	char file[64];
	const char *argv[] = {
	    PROGRAM, "-q", "-i", w->ifname, "-D", "nl80211", "-c", file, NULL};

	snprintf(file, sizeof(file), WPA_RUN_DIR "/%s.conf", w->ifname);
	if (fs_write_atomic(file, 0600, w->conf, w->conf_len, e) < 0 ||
	    watch_socket(w, e) < 0)
		return -1;
	w->said[0] = '\0';
	return output_spawn(&w->out, argv, &w->pid, e);
}

static void retry_later(struct wpa *w)
{
	struct timeval tv = {0, 0};

	if (w->failures > 0)
		tv.tv_sec = spawn_backoff_s(w->failures - 1);
	w->failures++;
	evtimer_add(w->timer, &tv);
}

static void start(struct wpa *w)
{
	static const struct timeval limit = {SOCKET_S, 0};
	struct err e = ERR_INIT;

	w->attached = w->ending = false;
	w->started_ms = clock_ms();
	if (spawn(w, &e) == 0) {
		evtimer_add(w->deadline, &limit);
		return;
	}
	w->ops->failed(w->arg, w->failures + 1 >= FAILURES_FATAL, e.msg);
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
	else
		retry_later(w);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wpa *w = arg;

	(void)fd;
	(void)what;
	if (w->wanted && w->pid == 0)
		start(w);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct wpa *w = arg;

	(void)fd;
	(void)what;
	on_lost(w, w->ending ? "it does not end" : "no control socket in time");
}

int wpa_init(struct wpa *w, struct event_base *base, const struct wpa_ops *ops, void *arg,
    struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->base = base;
	w->ops = ops;
	w->arg = arg;
	w->inotify = -1;
	output_init(&w->out, base, w->line, sizeof(w->line), on_line, w);
	w->timer = evtimer_new(base, on_timer, w);
	w->deadline = evtimer_new(base, on_deadline, w);
	if (w->timer == NULL || w->deadline == NULL)
		return err_sys(e, ENOMEM, "wpa_supplicant");
	return fs_mkdir_p(WPA_RUN_DIR, 0700, e);
}

static void end_process(struct wpa *w)
{
	static const struct timeval limit = {END_S, 0};

	w->ending = true;
	kill(w->pid, SIGTERM);
	evtimer_add(w->deadline, &limit);
}

int wpa_run(struct wpa *w, const char *ifname, const char *networks, struct err *e)
{
	bool same_if = strcmp(w->ifname, ifname) == 0;
	bool stays = same_if && w->wanted && w->conf != NULL;
	char *conf;
	size_t len;

	/* While one change is under way the next one waits. */
	if (same_if && wpa_change_later(w, networks))
		return 0;
	if (wpa_conf_make(networks, WPA_CTL_DIR, &conf, &len, e) < 0)
		return -1;
	wpa_lacks_apply(&w->lacks, conf, &len);
	if (stays && strcmp(w->conf, conf) == 0) {
		wipe_free(&conf);
		return 0;
	}
	if (stays && wpa_change(w, conf, len))
		return 0;
	wipe_free(&w->conf);
	w->conf = conf;
	w->conf_len = len;
	w->wanted = true;
	w->failures = 0;
	if (!same_if)
		snprintf(w->ifname, sizeof(w->ifname), "%s", ifname);
	wpa_replace(w);
	return 0;
}

void wpa_replace(struct wpa *w)
{
	if (w->pid > 0)
		end_process(w);
	else
		start(w);
}

void wpa_leave(struct wpa *w)
{
	w->wanted = false;
	evtimer_del(w->timer);
	if (w->client == NULL)
		end_early(w);
}

void wpa_stop(struct wpa *w)
{
	wpa_leave(w);
	if (w->pid > 0)
		end_process(w);
}

static void report_exit(struct wpa *w, int status)
{
	char how[64], reason[2 * WPA_OUTPUT_LINE];

	spawn_status_text(status, how, sizeof(how));
	snprintf(reason, sizeof(reason), "wpa_supplicant %s%s%s", how,
	    w->said[0] != '\0' ? ": " : "", w->said);
	snprintf(w->s.reason, sizeof(w->s.reason), "%.*s", (int)sizeof(w->s.reason) - 1,
	    reason);
	w->ops->failed(w->arg, !w->attached && w->failures + 1 >= FAILURES_FATAL, reason);
}

/* The next one is given a file that it takes, at once: that is no failure. */
static bool start_without(struct wpa *w)
{
	static const struct timeval now = {0, 0};

	if (!w->wanted || w->conf == NULL ||
	    !wpa_lacks_apply(&w->lacks, w->conf, &w->conf_len))
		return false;
	evtimer_add(w->timer, &now);
	return true;
}

bool wpa_child_gone(struct wpa *w, pid_t pid, int status)
{
	bool adapted;

	if (w->pid == 0 || pid != w->pid)
		return false;
	w->pid = 0;
	evtimer_del(w->deadline);
	stop_watching(w);
	wpa_ctrl_client_close(w->client);
	w->client = NULL;
	wpa_change_gone(w);
	output_end(&w->out);
	memset(&w->s, 0, sizeof(w->s));
	if (w->attached && clock_ms() - w->started_ms > STEADY_MS)
		w->failures = 0;
	adapted = start_without(w);
	if (adapted)
		log_info("wpa_supplicant is started anew without them");
	else if (w->wanted && WIFSIGNALED(status) == 0 && WEXITSTATUS(status) == 0 &&
		 w->attached)
		log_info("wpa_supplicant ended; it is started anew");
	else if (w->wanted)
		report_exit(w, status);
	say_state(w);
	if (!w->wanted)
		end_early(w);
	else if (!adapted)
		retry_later(w);
	return true;
}

void wpa_request(struct wpa *w, const char *cmd, wpa_reply_fn *fn, void *arg)
{
	if (w->client == NULL || !w->attached) {
		if (!keep_early(w, cmd, fn, arg))
			fn(arg, NULL, "wpa_supplicant does not run");
		return;
	}
	wpa_ctrl_client_request(w->client, cmd, fn, arg);
}

void wpa_free(struct wpa *w)
{
	stop_watching(w);
	output_close(&w->out);
	wpa_ctrl_client_close(w->client);
	w->client = NULL;
	end_early(w);
	wpa_change_free(w);
	event_free(w->timer);
	event_free(w->deadline);
	wipe_free(&w->conf);
}
