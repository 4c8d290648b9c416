#include "qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "escape.h"
#include "msg.h"
#include "vmm.h"

#define QMP_LINE_MAX (16 * 1024)

struct qmp {
	int fd;
	int64_t deadline;
	size_t have;
	char buf[QMP_LINE_MAX];
};

static int qmp_wait(const struct qmp *q, short events, struct err *e)
{
	struct pollfd p = {.fd = q->fd, .events = events};

	while (true) {
		int64_t left = q->deadline - clock_ms();
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (r > 0)
			return 0;
		if (r == 0)
			return err_set(e, ERR_TIMEOUT, "QEMU's monitor: no answer");
		if (errno != EINTR)
			return err_sys(e, errno, "QEMU's monitor: poll");
	}
}

static int qmp_send(const struct qmp *q, const char *line, struct err *e)
{
	size_t len = strlen(line);

	while (len > 0) {
		ssize_t n = send(q->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			line += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (qmp_wait(q, POLLOUT, e) < 0)
				return -1;
		} else if (errno != EINTR) {
			return err_sys(e, errno, "QEMU's monitor");
		}
	}
	return 0;
}

/* The next object; a new reference. */
static json_t *qmp_next(struct qmp *q, struct err *e)
{
	while (true) {
		char *end = memchr(q->buf, '\n', q->have);

		if (end != NULL) {
			size_t len = (size_t)(end - q->buf);
			json_t *o = msg_parse(q->buf, len);

			q->have -= len + 1;
			memmove(q->buf, end + 1, q->have);
			if (o == NULL)
				err_set(
				    e, ERR_FAILED, "QEMU's monitor: not a QMP message");
			return o;
		}
		if (q->have == sizeof(q->buf)) {
			err_set(e, ERR_FAILED, "QEMU's monitor: a message too long");
			return NULL;
		}
		if (qmp_wait(q, POLLIN, e) < 0)
			return NULL;
		ssize_t n =
		    recv(q->fd, q->buf + q->have, sizeof(q->buf) - q->have, MSG_DONTWAIT);
		if (n == 0) {
			err_set(e, ERR_NOT_RUNNING, "QEMU's monitor: closed");
			return NULL;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			err_sys(e, errno, "QEMU's monitor");
			return NULL;
		}
		if (n > 0)
			q->have += (size_t)n;
	}
}

/* Sends a command and waits for its answer, over events that come between. */
static int qmp_command(struct qmp *q, const char *line, struct err *e)
{
	if (qmp_send(q, line, e) < 0)
		return -1;
	while (true) {
		json_t *o = qmp_next(q, e);
		int ret = 1;

		if (o == NULL)
			return -1;
		if (json_object_get(o, "return") != NULL)
			ret = 0;
		else if (json_object_get(o, "error") != NULL)
			ret = err_set(e, ERR_FAILED, "QEMU's monitor: %s",
			    msg_str(json_object_get(o, "error"), "desc", "refused"));
		json_decref(o);
		if (ret <= 0)
			return ret;
	}
}

int qmp_powerdown(int monitor, struct err *e)
{
	struct qmp q = {.fd = monitor, .deadline = clock_ms() + VMM_POWERDOWN_MS};
	json_t *greeting = qmp_next(&q, e);
	bool valid = greeting != NULL && json_object_get(greeting, "QMP") != NULL;

	if (greeting == NULL)
		return -1;
	json_decref(greeting);
	if (!valid)
		return err_set(e, ERR_FAILED, "QEMU's monitor: no greeting");
	if (qmp_command(&q, "{\"execute\":\"qmp_capabilities\"}\n", e) < 0)
		return -1;
	return qmp_command(&q, "{\"execute\":\"system_powerdown\"}\n", e);
}
