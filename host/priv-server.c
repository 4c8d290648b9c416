/*
 * The parent's loop: requests of main, the VM's end, its standard error, changes of
 * the tap, signals. It does one thing at a time and trusts only its own state.
 */
#include "priv-server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "os/native.h"

#define TAP_EXIT_MS 500

/* Never blocks: main may be waiting for our reply. */
bool priv_send(const struct priv_server *s, const struct priv_packet *p)
{
	return s->ev < 0 ||
	       send(s->ev, p, sizeof(*p), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	       (errno != EAGAIN && errno != EINTR);
}

/* A line that does not fit is lost; an event never is. */
void priv_log(void *arg, enum log_level level, const char *text)
{
	struct priv_packet p = {.is_log = 1, .level = (int32_t)level};

	snprintf(p.text, sizeof(p.text), "%s", text);
	priv_send(arg, &p);
}

static void flush_events(struct priv_server *s)
{
	while (s->npending > 0) {
		struct priv_packet p = {.ev = s->pending[0]};

		if (!priv_send(s, &p))
			return;
		s->npending--;
		memmove(s->pending, s->pending + 1, s->npending * sizeof(s->pending[0]));
	}
}

static void send_event(struct priv_server *s, const struct priv_vm_event *ev)
{
	if (s->npending < ARRAY_LEN(s->pending))
		s->pending[s->npending++] = *ev;
	flush_events(s);
}

static int send_response(
    const struct priv_server *s, const struct priv_response *resp, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {(void *)(uintptr_t)resp, sizeof(*resp)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);

		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(int));
	}
	do
		n = sendmsg(s->req, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* 0: go on, -1: main is gone. */
static int serve_request(struct priv_server *s)
{
	/* One byte more than a request shows a longer one. */
	uint8_t buf[sizeof(struct priv_request) + 1];
	struct priv_request r;
	struct priv_response resp;
	struct priv_reply reply = {.fd = -1};
	struct err e = ERR_INIT;
	int ret;
	ssize_t n = recv(s->req, buf, sizeof(buf), 0);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return -1;
	if ((size_t)n == sizeof(r)) {
		memcpy(&r, buf, sizeof(r));
		ret = priv_serve_one(s, &r, &reply, &e);
	} else {
		ret = err_set(&e, ERR_USAGE, "a request of another size");
	}
	memset(&resp, 0, sizeof(resp));
	resp.ret = ret;
	resp.code = (int32_t)e.code;
	resp.pid = reply.pid;
	resp.value = reply.value;
	resp.has_fd = reply.fd >= 0;
	snprintf(resp.msg, sizeof(resp.msg), "%s", e.msg);
	snprintf(resp.hint, sizeof(resp.hint), "%s", e.hint);
	ret = send_response(s, &resp, reply.fd);
	if (reply.fd >= 0)
		close(reply.fd);
	return ret;
}

/* A VMM that opens the tap by itself has done so: its link is up from then on, and
 * bhyve sets the interface up as well. */
static void tap_opened(struct priv_server *s)
{
	struct host_if i;
	struct err e = ERR_INIT;

	if (host_if(s->c.interface, &i, NULL) < 0 || !i.carrier)
		return;
	s->tap_awaited = s->plugged = false;
	if (s->os->tap_carrier(s->c.interface, false, &e) < 0)
		log_error("%s", e.msg);
}

static void check_tap(struct priv_server *s)
{
	struct priv_vm_event ev = {.kind = PRIV_EVENT_TAP_GONE};
	struct pollfd vm = {.fd = s->vm_watch, .events = POLLIN};

	if (!if_watch_gone(s->tap_watch, s->c.interface)) {
		if (s->tap_awaited)
			tap_opened(s);
		return;
	}
	/* An adopted VMM alone holds the tap and takes it along when it exits: then its
	 * exit is the event. It comes within a moment. */
	if (s->tap_fd < 0 && poll(&vm, 1, TAP_EXIT_MS) == 1)
		return;
	/* Said once; the next tap gets a watch of its own. */
	close(s->tap_watch);
	s->tap_watch = -1;
	send_event(s, &ev);
}

static void pass_signals(const struct priv_server *s)
{
	char buf[16];
	ssize_t n = read(s->signals, buf, sizeof(buf));

	/* Each byte is a signal's number: SIGTERM and SIGINT end, SIGHUP reads again. */
	for (ssize_t i = 0; i < n; i++)
		kill(s->main_pid, buf[i]);
}

static _Noreturn void finish(struct priv_server *s)
{
	struct err e = ERR_INIT;
	bool clean;
	int st;

	close(s->req);
	close(s->ev);
	s->req = s->ev = -1;
	log_set_sink(NULL, NULL);
	while (waitpid(s->main_pid, &st, 0) < 0 && errno == EINTR)
		;
	clean = WIFEXITED(st) && WEXITSTATUS(st) == 0;
	if (WIFSIGNALED(st))
		log_error("bhyfid main was killed by signal %d", WTERMSIG(st));
	/* A VM that runs stays for the next bhyfid, and so does it that one is to be
	 * started only when the host is awake; else nothing may stay. */
	if (s->vm_pid == 0 && !s->parked && (s->prepared || s->claim.claimed) &&
	    priv_release(s, &e) < 0) {
		log_error("%s", e.msg);
		clean = false;
	}
	/* Ours by name while we hold the lock (main.c). */
	unlink("control");
	unlink("lock");
	_exit(clean ? 0 : 1);
}

void priv_serve(struct priv_server *s)
{
	struct priv_vm_event ev;

	log_set_sink(priv_log, s);
	while (true) {
		struct pollfd p[] = {{.fd = s->req, .events = POLLIN},
		    {.fd = s->vm_watch, .events = POLLIN},
		    {.fd = s->vm_stderr, .events = POLLIN},
		    {.fd = s->tap_watch, .events = POLLIN},
		    {.fd = s->signals, .events = POLLIN},
		    {.fd = s->npending > 0 ? s->ev : -1, .events = POLLOUT},
		    {.fd = s->renew_out, .events = POLLIN}};

		if (poll(p, ARRAY_LEN(p), -1) < 0) {
			if (errno != EINTR)
				finish(s);
			continue;
		}
		if (p[6].revents != 0)
			priv_renew_read(s);
		if (p[5].revents != 0)
			flush_events(s);
		if (p[4].revents != 0)
			pass_signals(s);
		if (p[3].revents != 0)
			check_tap(s);
		if (p[2].revents != 0)
			vm_stderr_read(s);
		if (p[1].revents != 0) {
			vm_ended(s, &ev);
			send_event(s, &ev);
		}
		/* Last: it may close what the others were about. */
		if (p[0].revents != 0 && serve_request(s) < 0)
			finish(s);
	}
}
