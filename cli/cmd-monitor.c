/*
 * monitor: a live view, one sample (--once), or a stream of them (--json).
 *
 * Theory of operation.
 *
 * The daemon asks the guest once per interval for as long as somebody watches
 * (doc/control.md); each sample that comes is the beat for all else: the history grows,
 * the gateway is asked anew, the screen is painted. Between samples the loop sleeps in
 * ppoll(2), the only place where signals are let in, so none is lost between a look at
 * its flag and the wait. A terminal that is slow gets fewer pictures, never a part of
 * one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "client.h"
#include "latency.h"
#include "out.h"
#include "paint.h"
#include "tty.h"

#define INTERVAL_MIN 0.5
#define INTERVAL_MAX 3600
#define ONCE_COLUMNS 500 /* where it does not go to a terminal */

#define KEY_REDRAW 12 /* ^L */

enum {
	SIG_IN_QUIT,
	SIG_IN_STOP,
	SIG_IN_CONT,
	SIG_IN_SIZE,
	SIG_IN_COUNT,
};

static volatile sig_atomic_t came[SIG_IN_COUNT];
static volatile sig_atomic_t quit_signal;

static void on_signal(int sig)
{
	if (sig == SIGTSTP) {
		came[SIG_IN_STOP] = 1;
	} else if (sig == SIGCONT) {
		came[SIG_IN_CONT] = 1;
	} else if (sig == SIGWINCH) {
		came[SIG_IN_SIZE] = 1;
	} else {
		quit_signal = sig;
		came[SIG_IN_QUIT] = 1;
	}
}

static const int signals[] = {
    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

struct monitor {
	struct cli *cli;
	struct client *client;
	struct latency *latency;
	struct history history;
	struct tty *tty; /* NULL: --once or --json */
	sigset_t while_waiting;
	bool once, done, repaint;
	size_t new_events;
};

static void catch_signals(struct monitor *m)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t block;

	sigemptyset(&sa.sa_mask);
	sigemptyset(&block);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaddset(&block, signals[i]);
	sigprocmask(SIG_BLOCK, &block, &m->while_waiting);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigdelset(&m->while_waiting, signals[i]);
		sigaction(signals[i], &sa, NULL);
	}
}

/* Does what the signal does to those who do not catch it. */
static void take_default(int sig)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL}, was;
	sigset_t just, mask;

	sigemptyset(&dfl.sa_mask);
	sigemptyset(&just);
	sigaddset(&just, sig);
	sigaction(sig, &dfl, &was);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &just, &mask);
	/* Only after a stop. */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(sig, &was, NULL);
}

static int handle_signals(struct monitor *m, struct err *e)
{
	if (came[SIG_IN_QUIT]) {
		m->done = true;
		return 0;
	}
	if (came[SIG_IN_STOP]) {
		came[SIG_IN_STOP] = 0;
		tty_leave(m->tty);
		take_default(SIGTSTP);
		came[SIG_IN_CONT] = 1;
	}
	if (came[SIG_IN_CONT]) {
		/* Who stopped us otherwise may have changed the terminal's modes. */
		came[SIG_IN_CONT] = 0;
		if (tty_enter(m->tty, e) < 0)
			return -1;
		m->repaint = true;
	}
	if (came[SIG_IN_SIZE]) {
		came[SIG_IN_SIZE] = 0;
		m->repaint = true;
	}
	return 0;
}

static bool has_colour(void)
{
	return out_style(stdout, OUT_BOLD)[0] != '\0';
}

static int paint_screen(struct monitor *m, struct err *e)
{
	struct paint_options o = {.utf8 = out_utf8(), .colour = has_colour()};
	char *text;

	if (!m->repaint || m->history.n == 0 || tty_busy(m->tty))
		return 0;
	tty_size(m->tty, &o.rows, &o.columns);
	/* The last column stays empty: what clears a line's end would clear it. */
	if (o.columns > 1)
		o.columns--;
	text = paint(&m->history, &o);
	if (text == NULL)
		return err_sys(e, ENOMEM, "monitor");
	tty_show(m->tty, text, o.rows);
	free(text);
	m->repaint = false;
	return 0;
}

static int print_once(struct monitor *m, struct err *e)
{
	struct paint_options o = {
	    .columns = ONCE_COLUMNS, .utf8 = out_utf8(), .colour = has_colour()};
	char *text = paint(&m->history, &o);

	if (text == NULL)
		return err_sys(e, ENOMEM, "monitor");
	puts(text);
	free(text);
	return 0;
}

static int print_json(struct monitor *m, struct err *e)
{
	json_t *o = history_json(&m->history, m->new_events);
	int ret = -1;

	if (o == NULL)
		return err_sys(e, ENOMEM, "monitor");
	ret = m->once ? out_json(stdout, o, e) : out_json_line(stdout, o, e);
	json_decref(o);
	return ret;
}

static int take_sample(struct monitor *m, json_t *status, int64_t ms, struct err *e)
{
	struct latency_result r;

	json_object_del(status, "ok");
	latency_take(m->latency, &r);
	history_add(&m->history, status, ms, time(NULL), &r);
	latency_ask(
	    m->latency, client_str(json_object_get(status, "host_if"), "name", ""));
	m->repaint = true;
	if (m->tty != NULL)
		return 0;
	/* Throughput is between two. */
	if (m->once && m->history.n < 2)
		return 0;
	m->done = m->once;
	if (m->cli->json) {
		int ret = print_json(m, e);

		m->new_events = 0;
		return ret;
	}
	return print_once(m, e);
}

/* All that the daemon has sent. */
static int take_answers(struct monitor *m, struct err *e)
{
	while (!m->done) {
		int r = client_wait(m->client, 0, e);
		json_t *o = r > 0 ? client_recv(m->client, 0, e) : NULL, *status;

		if (o == NULL)
			return r == 0 ? 0 : -1;
		r = 0;
		status = json_object_get(o, "status");
		if (json_is_object(status))
			r = take_sample(
			    m, status, json_integer_value(json_object_get(o, "ms")), e);
		else if (client_str(o, "line", NULL) != NULL &&
			 history_event(&m->history, client_str(o, "line", "")))
			m->new_events++;
		json_decref(o);
		if (r < 0)
			return -1;
	}
	return 0;
}

static void take_keys(struct monitor *m)
{
	int key;

	while (!m->done && (key = tty_key(m->tty)) != 0) {
		if (key < 0 || key == 'q' || key == 'Q')
			m->done = true;
		else if (key == KEY_REDRAW)
			m->repaint = true;
	}
}

/* Until something has come. */
static int wait_for_news(struct monitor *m, struct err *e)
{
	struct pollfd p[3] = {
	    {.fd = client_fd(m->client), .events = POLLIN}, {.fd = -1}, {.fd = -1}};

	p[1].fd = latency_fd(m->latency, &p[1].events);
	if (m->tty != NULL) {
		p[2].fd = tty_fd(m->tty);
		p[2].events = POLLIN | (tty_busy(m->tty) ? POLLOUT : 0);
	}
	if (ppoll(p, 3, NULL, m->tty != NULL ? &m->while_waiting : NULL) < 0)
		return errno == EINTR ? 0 : err_sys(e, errno, "monitor");
	if (p[1].revents != 0)
		latency_ready(m->latency);
	if (p[2].revents & POLLOUT)
		tty_flush(m->tty);
	if (p[2].revents & ~POLLOUT)
		take_keys(m);
	return p[0].revents != 0 ? take_answers(m, e) : 0;
}

static int run(struct monitor *m, struct err *e)
{
	if (take_answers(m, e) < 0)
		return -1;
	while (!m->done) {
		if (m->tty != NULL &&
		    (handle_signals(m, e) < 0 || paint_screen(m, e) < 0))
			return -1;
		if (!m->done && wait_for_news(m, e) < 0)
			return -1;
	}
	return 0;
}

static int parse_interval(const struct cli *cli, json_int_t *ms, struct err *e)
{
	const char *text = cli_value(cli, "interval");
	double s;
	char *end;

	*ms = 1000;
	if (text == NULL)
		return 0;
	s = strtod(text, &end);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || !(s >= INTERVAL_MIN) ||
	    !(s <= INTERVAL_MAX))
		return err_set(e, ERR_USAGE,
		    "--interval: expected seconds from %g to %d, not \"%.40s\"",
		    INTERVAL_MIN, INTERVAL_MAX, text);
	*ms = (json_int_t)(s * 1000);
	return 0;
}

static int open_all(struct monitor *m, struct err *e)
{
	json_int_t ms;

	if (parse_interval(m->cli, &ms, e) < 0)
		return -1;
	if (!m->once && !m->cli->json) {
		m->tty = tty_open(e);
		if (m->tty == NULL)
			return -1;
	}
	m->latency = latency_new();
	if (m->latency == NULL)
		return err_sys(e, ENOMEM, "monitor");
	m->client = client_open(m->cli->instance, e);
	if (m->client == NULL || client_send(m->client, "monitor",
				     json_pack("{s:I}", "interval_ms", ms), e) < 0)
		return -1;
	if (m->tty == NULL)
		return 0;
	catch_signals(m);
	return tty_enter(m->tty, e);
}

int cmd_monitor(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct monitor *m = calloc(1, sizeof(*m));
	int ret;

	(void)argc;
	(void)argv;
	if (m == NULL)
		return err_sys(e, ENOMEM, "monitor");
	m->cli = cli;
	m->once = cli_value(cli, "once") != NULL;
	history_init(&m->history);
	ret = open_all(m, e);
	if (ret == 0)
		ret = run(m, e);
	tty_close(m->tty);
	client_close(m->client);
	latency_free(m->latency);
	history_free(&m->history);
	free(m);
	/* ^C is a way to quit; who sent another one wants to see us ended by it. */
	if (quit_signal != 0 && quit_signal != SIGINT)
		take_default(quit_signal);
	return ret;
}
