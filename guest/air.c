#include "air.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmdline.h"
#include "log.h"
#include "msg.h"
#include "spawn.h"

#define PROGRAM "/air/bhyfi-air"
#define SCENARIO_KEY "bhyfi.air"
#define MAC_KEY "bhyfi.air.mac"

bool air_wanted(void)
{
	char scenario[64];

	return access(PROGRAM, X_OK) == 0 &&
	       cmdline_get(SCENARIO_KEY, scenario, sizeof(scenario));
}

static void take_log(const json_t *o)
{
	enum log_level level;

	if (log_level_parse(msg_str(o, "level", "info"), &level) < 0)
		level = LOG_LEVEL_INFO;
	log_line(level, "air: %s", msg_str(o, "text", ""));
}

static void take(struct air *a, const char *data, size_t len)
{
	json_t *o = msg_parse(data, len);
	const char *event;

	if (o == NULL) {
		log_warn("air: a packet that is no object");
		return;
	}
	event = msg_str(o, "event", "");
	if (strcmp(event, "radio") == 0)
		a->ops->radio(a->arg, msg_str(o, "radio", ""));
	else if (strcmp(event, "on") == 0)
		a->ops->on(a->arg);
	else if (strcmp(event, "failed") == 0)
		a->ops->failed(a->arg, msg_str(o, "reason", "no reason given"));
	else if (strcmp(event, "log") == 0)
		take_log(o);
	else if (json_object_get(o, "id") != NULL)
		a->ops->reply(a->arg, o);
	json_decref(o);
}

static void on_packet(evutil_socket_t fd, short what, void *arg)
{
	char *AUTO_FREE buf = malloc(MSG_MAX);
	struct air *a = arg;
	ssize_t n;

	(void)what;
	if (buf == NULL)
		return;
	n = recv(fd, buf, MSG_MAX, 0);
	if (n > 0)
		take(a, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		event_del(a->ev); /* its exit is seen by SIGCHLD */
}

int air_start(struct air *a, struct event_base *base, const struct air_ops *ops,
    void *arg, struct err *e)
{
	char scenario[64] = "", mac[MAC_TEXT_SIZE] = "";
	const char *argv[] = {PROGRAM, scenario, NULL, NULL};
	int sv[2];

	*a = (struct air){.base = base, .ops = ops, .arg = arg, .fd = -1};
	if (!cmdline_get(SCENARIO_KEY, scenario, sizeof(scenario)))
		return err_set(e, ERR_FAILED, "air: no scenario is named");
	if (cmdline_get(MAC_KEY, mac, sizeof(mac)))
		argv[2] = mac;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(e, errno, "air: socketpair");
	a->pid = spawn_child(argv, STDERR_FILENO, sv[1], e);
	close(sv[1]);
	a->fd = sv[0];
	if (a->pid < 0) {
		a->pid = 0;
		return err_prefix(e, "air");
	}
	a->ev = event_new(base, a->fd, EV_READ | EV_PERSIST, on_packet, a);
	if (a->ev == NULL || event_add(a->ev, NULL) < 0)
		return err_sys(e, ENOMEM, "air");
	return 0;
}

int air_request(struct air *a, const json_t *o, struct err *e)
{
	char *AUTO_FREE text = NULL;

	if (a->pid == 0)
		return err_set(e, ERR_FAILED, "this guest has no simulated WLAN");
	text = json_dumps(o, JSON_COMPACT);
	if (text == NULL)
		return err_sys(e, ENOMEM, "air");
	if (send(a->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return err_sys(e, errno, "air");
	return 0;
}

void air_free(struct air *a)
{
	a->pid = 0;
	if (a->ev != NULL)
		event_free(a->ev);
	a->ev = NULL;
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

bool air_child_gone(struct air *a, pid_t pid, int status)
{
	char how[64], reason[96];

	if (a->pid == 0 || pid != a->pid)
		return false;
	/* What it said before it went is still there to be read. */
	while (a->fd >= 0 && event_pending(a->ev, EV_READ, NULL))
		on_packet(a->fd, EV_READ, a);
	air_free(a);
	spawn_status_text(status, how, sizeof(how));
	snprintf(reason, sizeof(reason), "the simulated WLAN %s", how);
	a->ops->failed(a->arg, reason);
	return true;
}
