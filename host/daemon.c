/*
 * bhyfid main: joins the state machine, the agent channel, the console, the control
 * socket and the privileged process in one event loop.
 *
 * Theory of operation.
 *
 * machine.c decides; hands.c lends it hands (struct machine_ops), this file ears (the
 * callbacks below that call daemon_feed()). Everything that the machine may do takes
 * milliseconds: calls of priv are synchronous.
 *
 * Events may arise while one is being worked on (an op that finds its socket closed);
 * they are put into a queue by daemon_feed() and worked off one after the other, as the
 * machine demands.
 *
 * If priv is gone, nothing can be done any more: main ends with an error and leaves the
 * VM as it is; the next bhyfid adopts it.
 */
#include "daemon-parts.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "keep.h"
#include "log.h"
#include "os/native.h"
#include "secret.h"
#include "status.h"

void daemon_end(struct daemon *d)
{
	d->ended = true;
	event_base_loopbreak(d->base);
}

static void fatal(struct daemon *d, const struct err *e)
{
	d->fatal = *e;
	log_error("%s", e->msg);
	daemon_end(d);
}

void daemon_feed(struct daemon *d, enum machine_event ev, const struct machine_input *in)
{
	struct fed *f;

	/* Sixteen within one are a guest's doing: the newest news will come again. */
	if (d->n_fed == FEED_MAX) {
		log_warn("event %s dropped", event_name(ev));
		return;
	}
	f = &d->fed[d->n_fed++];
	memset(f, 0, sizeof(*f));
	f->ev = ev;
	if (in != NULL && in->mac != NULL) {
		f->has_mac = true;
		memcpy(f->mac, in->mac, sizeof(f->mac));
	}
	f->powered_off = in != NULL && in->powered_off;
	f->hint = in == NULL ? NULL : in->hint;
	if (in != NULL && in->reason != NULL)
		snprintf(f->reason, sizeof(f->reason), "%s", in->reason);
	if (d->feeding)
		return;
	d->feeding = true;
	for (size_t i = 0; i < d->n_fed; i++) {
		struct machine_input next = {
		    .reason = d->fed[i].reason[0] != '\0' ? d->fed[i].reason : NULL,
		    .hint = d->fed[i].hint,
		    .mac = d->fed[i].has_mac ? d->fed[i].mac : NULL,
		    .powered_off = d->fed[i].powered_off};

		machine_event(&d->machine, d->fed[i].ev, &next);
	}
	d->n_fed = 0;
	d->feeding = false;
}

void daemon_reached(struct daemon *d, enum stage s)
{
	if (d->record.started_ms == 0 || !record_stage(&d->record, s, clock_ms()))
		return;
	log_info("%s after %lld ms", stage_name(s), (long long)d->record.stage_ms[s]);
	control_stage(d->control, stage_name(s), d->record.stage_ms[s]);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	daemon_feed(t->daemon, timer_event(t->t), NULL);
}

/* The guest. */

static void agent_up(void *arg)
{
	daemon_nets_gone(arg);
	daemon_feed(arg, EV_LINK_UP, NULL);
}

static void agent_message(void *arg, enum msg_type type, const json_t *o)
{
	struct daemon *d = arg;

	guest_message(&d->guest, type, o, clock_ms());
}

static void agent_broken(void *arg, const char *why)
{
	struct machine_input in = {.reason = why};

	daemon_feed(arg, EV_BROKEN, &in);
}

static const struct agent_ops agent_ops = {agent_up, agent_message, agent_broken};

static void guest_event(void *arg, enum machine_event ev, const struct machine_input *in)
{
	daemon_feed(arg, ev, in);
}

static void guest_stage(void *arg, enum stage s)
{
	daemon_reached(arg, s);
}

static void guest_status(void *arg)
{
	struct daemon *d = arg;

	d->refreshing = false;
	control_refreshed(d->control);
}

static void guest_air_reply(void *arg, int64_t id, const json_t *o)
{
	struct daemon *d = arg;

	control_air_reply(d->control, id, o);
}

static void guest_wpa(void *arg, enum msg_type type, const json_t *o)
{
	daemon_nets_message(arg, type, o);
}

static const struct guest_ops guest_ops = {
    guest_event, guest_stage, guest_status, guest_air_reply, guest_wpa};

/* The control socket. */

static enum vm_state ctl_state(void *arg)
{
	const struct daemon *d = arg;

	return d->machine.state;
}

static const struct err *ctl_why(void *arg)
{
	const struct daemon *d = arg;

	return &d->machine.why;
}

static json_t *ctl_status(void *arg)
{
	const struct daemon *d = arg;
	struct host_if i = {0};
	struct status_input in = {.config = d->config,
	    .machine = &d->machine,
	    .record = &d->record,
	    .host_if = &i,
	    .image = &d->image,
	    .card_name = d->setup->card_name,
	    .vm_pid = d->vm_pid,
	    .now_ms = clock_ms()};
	struct err e = ERR_INIT;

	modes_effective(d, &in.mode);
	if (host_if(d->config->interface, &i, &e) < 0)
		log_debug("%s", e.msg);
	return status_json(&in);
}

/* The guest has its configuration, and is not being stopped. */
static bool is_configured(const struct daemon *d)
{
	enum vm_state s = d->machine.state;

	return s == STATE_AGENT || s == STATE_ASSOCIATING || s == STATE_ONLINE;
}

static bool ctl_refresh(void *arg)
{
	struct daemon *d = arg;
	int64_t now = clock_ms();

	if (!agent_is_up(d->agent) || !is_configured(d))
		return false;
	/* One question at a time serves all who ask. */
	if (d->refreshing && now - d->refreshed_ms < CONTROL_STATUS_MS)
		return true;
	if (agent_send(d->agent, MSG_STATUS_GET,
		json_pack("{s:I}", "id", (json_int_t)now), NULL) < 0)
		return false;
	d->refreshing = true;
	d->refreshed_ms = now;
	return true;
}

static int ctl_start(void *arg, struct err *e)
{
	struct daemon *d = arg;

	if (d->quitting)
		return err_set(e, ERR_FAILED, "it is being stopped");
	daemon_feed(d, EV_START, NULL);
	if (d->machine.state != STATE_FAILED)
		return 0;
	*e = d->machine.why;
	return -1;
}

static void quit(struct daemon *d, const char *reason)
{
	struct machine_input in = {.reason = reason};

	d->quitting = true;
	daemon_feed(d, EV_STOP, &in);
}

static int ctl_stop(void *arg, struct err *e)
{
	(void)e;
	quit(arg, "down");
	return 0;
}

static void ctl_suspend(void *arg)
{
	daemon_feed(arg, EV_SUSPEND, NULL);
}

static int ctl_reload(void *arg, bool *rest, struct err *e)
{
	struct daemon *d = arg;

	if (modes_reload(d, rest, e) < 0)
		return -1;
	if (is_configured(d) && daemon_hands.send_config(d, e) < 0)
		return -1;
	log_info("the configuration was read again%s",
	    *rest ? "; some of it waits for the next start" : "");
	return 0;
}

static int ctl_air(void *arg, json_t *request, struct err *e)
{
	struct daemon *d = arg;

	return agent_send(d->agent, MSG_AIR, request, e);
}

static void ctl_call(void *arg, int64_t call, const char *name, const json_t *request)
{
	struct daemon *d = arg;

	nets_call(d->nets, call, name, request);
}

static void ctl_call_gone(void *arg, int64_t call)
{
	struct daemon *d = arg;

	nets_call_gone(d->nets, call);
}

static const struct control_ops control_ops = {
    .state = ctl_state,
    .why = ctl_why,
    .status = ctl_status,
    .refresh = ctl_refresh,
    .start = ctl_start,
    .stop = ctl_stop,
    .suspend = ctl_suspend,
    .reload = ctl_reload,
    .air = ctl_air,
    .call = ctl_call,
    .call_gone = ctl_call_gone,
};

/* The log: main's own sink once the control socket has followers. */

static void log_to_keep(void *arg, enum log_level level, const char *text)
{
	struct daemon *d = arg;
	char line[1200], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int n;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(
	    line, sizeof(line), "%s %s %s\n", stamp, log_level_name(level), text);
	if (n <= 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, (size_t)n) < 0) {
		/* Nobody reads standard error: the file has it all. */
	}
	keep_add(d->setup->log, line, (size_t)n);
	/* Serving followers may log in its turn. */
	if (d->control == NULL || d->in_log)
		return;
	d->in_log = true;
	control_grown(d->control, CONTROL_LOG);
	d->in_log = false;
}

static void console_grown(void *arg)
{
	struct daemon *d = arg;

	if (d->control != NULL)
		control_grown(d->control, CONTROL_CONSOLE);
}

/* The privileged process. */

static void vm_ended(struct daemon *d, const struct priv_vm_event *ev)
{
	char text[96];
	struct machine_input in = {
	    .reason = text, .powered_off = ev->reason == VM_EXIT_POWEROFF};

	if (ev->pid != d->vm_pid)
		return;
	snprintf(text, sizeof(text), "the VM ended by itself (%s)",
	    (unsigned)ev->reason <= VM_EXIT_UNKNOWN
		? vm_exit_name((enum vm_exit)ev->reason)
		: "unknown");
	log_info("%s: process %d ended", d->config->vmm, (int)ev->pid);
	d->vm_pid = 0;
	agent_close(d->agent);
	daemon_nets_gone(d);
	console_close(d->console);
	record_ended(&d->record);
	daemon_feed(d, EV_VM_EXIT, &in);
}

static void on_priv(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	struct priv_vm_event ev;
	struct err e = ERR_INIT;
	int got;

	(void)fd;
	(void)what;
	while ((got = priv_event(d->priv, &ev, &e)) > 0)
		switch (ev.kind) {
		case PRIV_EVENT_VM_EXIT:
			vm_ended(d, &ev);
			break;
		case PRIV_EVENT_TAP_GONE:
			daemon_feed(d, EV_TAP_GONE, NULL);
			break;
		}
	if (got < 0)
		fatal(d, &e);
}

/* Signals. */

static void on_stop_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	log_info("%s", sig == SIGINT ? "interrupted" : "terminated");
	quit(arg, "bhyfid is told to end");
}

static void on_hangup(evutil_socket_t sig, short what, void *arg)
{
	struct err e = ERR_INIT;
	bool rest;

	(void)sig;
	(void)what;
	if (ctl_reload(arg, &rest, &e) < 0) {
		err_prefix(&e, "reload");
		log_err(LOG_LEVEL_ERROR, &e);
	}
}

/* Setting up. */

static int make_signals(struct daemon *d, struct err *e)
{
	static const struct {
		int sig;
		event_callback_fn take;
	} rows[] = {
	    {SIGTERM, on_stop_signal}, {SIGINT, on_stop_signal}, {SIGHUP, on_hangup}};

	static_assert(ARRAY_LEN(rows) == ARRAY_LEN(d->signals), "an event for each");
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		d->signals[i] = evsignal_new(d->base, rows[i].sig, rows[i].take, d);
		if (d->signals[i] == NULL || event_add(d->signals[i], NULL) < 0)
			return err_set(e, ERR_FAILED, "no signal event");
	}
	return 0;
}

static int make_parts(struct daemon *d, struct err *e)
{
	const struct daemon_setup *s = d->setup;
	const struct keep *const streams[CONTROL_STREAMS] = {s->log, s->console};

	d->base = event_base_new();
	if (d->base == NULL)
		return err_set(e, ERR_FAILED, "no event loop");
	for (unsigned t = 0; t < TIMER_COUNT; t++) {
		d->timers[t] = (struct timer){d, (enum machine_timer)t,
		    evtimer_new(d->base, on_timer, &d->timers[t])};
		if (d->timers[t].event == NULL)
			return err_set(e, ERR_FAILED, "no timer");
	}
	d->agent = agent_new(d->base, &agent_ops, d);
	d->console = console_new(d->base, s->console, console_grown, d);
	d->control = control_new(d->base, s->control_fd, streams, &control_ops, d);
	d->priv_readable =
	    event_new(d->base, priv_event_fd(d->priv), EV_READ | EV_PERSIST, on_priv, d);
	if (d->agent == NULL || d->console == NULL || d->control == NULL ||
	    d->priv_readable == NULL || event_add(d->priv_readable, NULL) < 0)
		return err_set(e, ERR_FAILED, "out of memory");
	if (daemon_nets_make(d, e) < 0)
		return -1;
	return make_signals(d, e);
}

static void free_parts(struct daemon *d)
{
	agent_free(d->agent);
	console_free(d->console);
	control_free(d->control);
	d->control = NULL;
	daemon_nets_free(d);
	for (unsigned t = 0; t < TIMER_COUNT; t++)
		if (d->timers[t].event != NULL)
			event_free(d->timers[t].event);
	for (size_t i = 0; i < ARRAY_LEN(d->signals); i++)
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	if (d->priv_readable != NULL)
		event_free(d->priv_readable);
	if (d->base != NULL)
		event_base_free(d->base);
}

static void init_machine(struct daemon *d)
{
	const struct config *c = d->config;
	const struct machine_limits limits = {
	    .boot_ms = (int64_t)c->boot_timeout_s * 1000,
	    .stop_ms = (int64_t)c->stop_timeout_s * 1000,
	    .suspend_ms = (int64_t)c->suspend_timeout_s * 1000,
	    .beat_ms = (int64_t)c->beat_s * 1000,
	    .restarts = c->restarts,
	};

	machine_init(&d->machine, &limits, &daemon_hands, d);
	record_clear(&d->record);
	guest_init(&d->guest, &d->record, &guest_ops, d);
}

/* Tells the process that waits for it that we serve. */
static void say_ready(const struct daemon_setup *s)
{
	if (s->ready_fd < 0)
		return;
	if (write(s->ready_fd, "1", 1) < 0)
		log_debug("nobody waits for us");
	close(s->ready_fd);
}

/* What a former bhyfid left. *found: a VM runs, or is not to be started yet. */
static int adopt(struct daemon *d, bool *found, struct err *e)
{
	struct machine_input other = {.reason = "the configuration has changed"};
	struct priv_reply r = {.fd = -1};

	if (priv_call(d->priv, PRIV_ADOPT, 0, NULL, &r, e) < 0)
		return err_prefix(e, "left by a former bhyfid");
	*found = r.value > 0;
	if (r.value == 3) {
		daemon_feed(d, EV_ADOPT_SUSPENDED, NULL);
	} else if (*found) {
		d->vm_pid = r.pid;
		daemon_feed(
		    d, EV_ADOPT, r.value == 2 && !d->setup->clear ? &other : NULL);
	}
	return 0;
}

static int serve(struct daemon *d, struct err *e)
{
	bool found = false;

	if (adopt(d, &found, e) < 0)
		return -1;
	say_ready(d->setup);
	if (d->setup->clear)
		quit(d, "clear");
	else if (!found)
		daemon_feed(d, EV_START, NULL);
	/* A clear that found nothing has ended already. */
	if (!d->ended)
		event_base_dispatch(d->base);
	if (d->fatal.code == ERR_NONE)
		return 0;
	*e = d->fatal;
	return -1;
}

int daemon_run(const struct daemon_setup *setup, struct err *e)
{
	const int keep[] = {0, 1, 2, setup->control_fd, setup->wpa_fd, setup->ready_fd,
	    setup->log->fd, setup->log->old_fd, setup->console->fd,
	    setup->console->old_fd};
	int fds[ARRAY_LEN(keep) + 1];
	static struct daemon d;
	size_t n = 0;
	int ret = -1;

	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		if (keep[i] >= 0)
			fds[n++] = keep[i];
	fds[n] = -1;
	memset(&d, 0, sizeof(d));
	d.setup = setup;
	d.config = setup->config;
	d.vmm = vmm_find(d.config->vmm);
	snprintf(d.image.id, sizeof(d.image.id), "%s", setup->image_id);
	snprintf(d.image.kernel, sizeof(d.image.kernel), "%s", setup->kernel);
	secret_wipe_json();
	d.priv = priv_split(d.config, fds, e);
	if (d.priv == NULL)
		return -1;
	log_set_sink(log_to_keep, &d);
	init_machine(&d);
	if (make_parts(&d, e) < 0)
		goto out;
	log_info("bhyfid for %s", d.config->instance);
	ret = serve(&d, e);
out:
	log_info("bhyfid ends");
	log_set_sink(NULL, NULL);
	free_parts(&d);
	priv_free(d.priv);
	return ret;
}
