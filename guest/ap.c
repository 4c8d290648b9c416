/*
 * Theory of operation. hostapd writes its events to its log, line by line if that is a
 * file by name, and "AP-ENABLED" there is the moment from which its control socket
 * answers. A start that came to nothing is tried again after 1, 2, 4 ... 30 s; one that
 * never came to an access point three times in a row is said to be fatal, as
 * it is the configuration's fault or the card's.
 */
#include "ap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ap-conf.h"
#include "fs.h"
#include "log.h"
#include "spawn.h"
#include "wipe.h"

#define PROGRAM "/usr/sbin/hostapd"
#define RUN_DIR "/run/ap"
#define CONF RUN_DIR "/hostapd.conf"
#define CTL_DIR RUN_DIR "/ctl"
#define FAILURES_FATAL 3

static void say_state(struct ap *a)
{
	a->ops->state(a->arg, &a->s);
}

static void close_client(struct ap *a)
{
	wpa_ctrl_client_close(a->client);
	a->client = NULL;
}

static void on_config(void *arg, const char *reply, const char *why)
{
	struct ap *a = arg;

	if (reply != NULL)
		ap_config_parse(reply, &a->s);
	else
		log_warn("hostapd: GET_CONFIG: %s", why);
	a->s.phase = WLAN_ASSOCIATED;
	a->failures = 0;
	say_state(a);
}

static void on_status(void *arg, const char *reply, const char *why)
{
	struct ap *a = arg;

	if (reply != NULL)
		ap_status_parse(reply, &a->s);
	else
		log_warn("hostapd: STATUS: %s", why);
}

static void on_event(void *arg, const char *line)
{
	struct ap *a = arg;

	a->ops->event(a->arg, line);
}

static void on_attached(void *arg)
{
	struct ap *a = arg;

	wpa_ctrl_client_request(a->client, "STATUS", on_status, a);
	wpa_ctrl_client_request(a->client, "GET_CONFIG", on_config, a);
}

static void on_lost(void *arg, const char *why)
{
	struct ap *a = arg;

	log_warn("hostapd: %s; it is killed", why);
	if (a->pid > 0)
		kill(a->pid, SIGKILL);
}

static const struct wpa_ctrl_ops ctrl_ops = {on_event, on_attached, on_lost};

static void ap_on(struct ap *a)
{
	struct err e = ERR_INIT;
	char path[64];

	a->ever_on = true;
	if (a->client != NULL)
		return;
	snprintf(path, sizeof(path), CTL_DIR "/%s", a->ifname);
	a->client = wpa_ctrl_client_open(a->base, path, &ctrl_ops, a, &e);
	if (a->client == NULL)
		on_lost(a, e.msg);
}

static void ap_off(struct ap *a)
{
	memset(&a->s, 0, sizeof(a->s));
	say_state(a);
}

/* Of the first complaint, which is the cause, only what is no value: that may be a
 * secret. hostapd's complaints of a line do not repeat it. */
static void on_line(void *arg, const char *text)
{
	struct ap *a = arg;
	size_t name = strlen(a->ifname);

	if (strncmp(text, a->ifname, name) == 0 && strncmp(text + name, ": ", 2) == 0) {
		text += name + 2;
		if (strncmp(text, "AP-ENABLED", 10) == 0)
			ap_on(a);
		else if (strncmp(text, "AP-DISABLED", 11) == 0)
			ap_off(a);
		else if (strncmp(text, "AP-STA-", 7) == 0)
			log_info("%s", text);
		return;
	}
	if (a->said[0] == '\0')
		snprintf(a->said, sizeof(a->said), "%s", text);
	log_debug("hostapd: %s", text);
}

static int spawn(struct ap *a, struct err *e)
{
	/* Not -f: without CONFIG_DEBUG_FILE (Alpine) that writes to its output, too, but
	 * no longer line by line. */
	const char *const argv[] = {PROGRAM, CONF, NULL};

	if (access(PROGRAM, X_OK) < 0) {
		err_set(e, ERR_PRECONDITION,
		    "this image has no hostapd (bhyfi image build --ap)");
		return -1;
	}
	if (fs_mkdir_p(CTL_DIR, 0700, e) < 0 ||
	    fs_write_atomic(CONF, 0600, a->conf, a->conf_len, e) < 0)
		return -1;
	a->said[0] = '\0';
	a->ever_on = false;
	return output_spawn(&a->out, argv, &a->pid, e);
}

static void retry_later(struct ap *a)
{
	const struct timeval tv = {spawn_backoff_s(a->failures++), 0};

	evtimer_add(a->timer, &tv);
}

static void start(struct ap *a)
{
	struct err e = ERR_INIT;

	if (spawn(a, &e) == 0)
		return;
	a->ops->failed(a->arg,
	    e.code == ERR_PRECONDITION || a->failures + 1 >= FAILURES_FATAL, e.msg);
	if (a->pid > 0)
		kill(a->pid, SIGKILL);
	else
		retry_later(a);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ap *a = arg;

	(void)fd;
	(void)what;
	if (a->wanted && a->pid == 0)
		start(a);
}

int ap_init(struct ap *a, struct event_base *base, const struct ap_ops *ops, void *arg,
    struct err *e)
{
	memset(a, 0, sizeof(*a));
	a->base = base;
	a->ops = ops;
	a->arg = arg;
	output_init(&a->out, base, a->line, sizeof(a->line), on_line, a);
	a->timer = evtimer_new(base, on_timer, a);
	return a->timer != NULL ? 0 : err_sys(e, ENOMEM, "hostapd");
}

int ap_run(struct ap *a, const char *ifname, const char *bridge, const char *conf,
    const char *country, struct err *e)
{
	char *text;
	size_t len;

	if (ap_conf_make(conf, ifname, bridge, CTL_DIR, country, &text, &len, e) < 0)
		return -1;
	if (a->wanted && a->conf != NULL && strcmp(a->conf, text) == 0) {
		wipe_free(&text);
		return 0;
	}
	wipe_free(&a->conf);
	a->conf = text;
	a->conf_len = len;
	a->wanted = true;
	a->failures = 0;
	snprintf(a->ifname, sizeof(a->ifname), "%s", ifname);
	/* Its end starts the next one. */
	if (a->pid > 0)
		kill(a->pid, SIGTERM);
	else
		start(a);
	return 0;
}

void ap_leave(struct ap *a)
{
	a->wanted = false;
	evtimer_del(a->timer);
}

void ap_stop(struct ap *a)
{
	ap_leave(a);
	wipe_free(&a->conf);
	if (a->pid > 0)
		kill(a->pid, SIGTERM);
}

bool ap_child_gone(struct ap *a, pid_t pid, int status)
{
	char how[64], reason[AP_OUTPUT_LINE + 80];

	if (a->pid == 0 || pid != a->pid)
		return false;
	a->pid = 0;
	close_client(a);
	output_end(&a->out);
	unlink(CONF);
	memset(&a->s, 0, sizeof(a->s));
	if (a->wanted && (WIFSIGNALED(status) || WEXITSTATUS(status) != 0)) {
		spawn_status_text(status, how, sizeof(how));
		snprintf(reason, sizeof(reason), "hostapd %s%s%s", how,
		    a->said[0] != '\0' ? ": " : "", a->said);
		a->ops->failed(
		    a->arg, !a->ever_on && a->failures + 1 >= FAILURES_FATAL, reason);
		retry_later(a);
	} else if (a->wanted) {
		start(a);
	}
	say_state(a);
	return true;
}

void ap_request(struct ap *a, const char *cmd, wpa_reply_fn *fn, void *arg)
{
	if (a->client == NULL)
		fn(arg, NULL, "hostapd does not run");
	else
		wpa_ctrl_client_request(a->client, cmd, fn, arg);
}

void ap_free(struct ap *a)
{
	close_client(a);
	output_close(&a->out);
	if (a->timer != NULL)
		event_free(a->timer);
	wipe_free(&a->conf);
}
