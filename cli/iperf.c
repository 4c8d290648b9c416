#include "iperf.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iperf_api.h>
#include <jansson.h>

#include "cleanup.h"
#include "client.h"
#include "clock.h"
#include "fs.h"

#define CONNECT_MS 5000
#define SLACK_MS 15000 /* over the measurement: connecting, results */
#define BUSY_MS 8000
#define BUSY_RETRY_MS 300
#define BUSY_START_MS 1000
#define BUSY_REFUSED_MS 2000
#define RESULT_MAX (1024 * 1024)
#define REPAINT_MS 200

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return -1;
	n = strtoul(text, &end, 10);
	if (*end != '\0' || n < 1 || n > 65535)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

int iperf_server_parse(const char *text, struct iperf_server *s, struct err *e)
{
	const char *host = text, *port = NULL, *end = strchr(text, ':');
	size_t len = strlen(text);

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			goto bad;
		host = text + 1;
		len = (size_t)(end - host);
		port = end[1] == ':' ? end + 2 : NULL;
	} else if (end != NULL && strchr(end + 1, ':') == NULL) {
		len = (size_t)(end - text);
		port = end + 1;
	}
	s->port = IPERF_PORT;
	if (len == 0 || len >= sizeof(s->host) || host[0] == '-' ||
	    (port != NULL && parse_port(port, &s->port) < 0))
		goto bad;
	memcpy(s->host, host, len);
	s->host[len] = '\0';
	return 0;
bad:
	err_set(e, ERR_USAGE, "%.80s: expected SERVER or SERVER:PORT", text);
	return err_hint(e, "an IPv6 address with a port stands in brackets");
}

/* The library's own error for a name without an address is of no use. */
int iperf_server_check(const struct iperf_server *s, struct err *e)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int r = getaddrinfo(s->host, NULL, &hints, &found);

	if (r != 0)
		return err_set(e, ERR_FAILED, "speedtest: %s: %s", s->host,
		    r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	freeaddrinfo(found);
	return 0;
}

static double number(const json_t *o, const char *key, double min, double max, double def)
{
	const json_t *j = json_object_get(o, key);
	double n = json_is_number(j) ? json_number_value(j) : def;

	return isfinite(n) && n >= min && n <= max ? n : def;
}

int iperf_result_parse(
    const char *text, size_t len, struct iperf_result *r, struct err *e)
{
	json_t *o = json_loadb(text, len, 0, NULL);
	const json_t *end = json_object_get(o, "end");
	const json_t *sent = json_object_get(end, "sum_sent");
	const json_t *received = json_object_get(end, "sum_received");
	const json_t *cpu = json_object_get(end, "cpu_utilization_percent");
	const char *why = client_str(o, "error", NULL);
	double bps = number(received, "bits_per_second", 0, 1e15, -1);
	int ret = 0;

	if (why != NULL)
		ret = err_set(e, ERR_FAILED, "%s", why);
	else if (bps <= 0)
		ret = err_set(e, ERR_FAILED, "nothing was received");
	r->mbps = bps / 1e6;
	r->retransmits = (int64_t)number(sent, "retransmits", 0, 1e15, -1);
	r->cpu_local_pct = number(cpu, "host_total", 0, 1e6, -1);
	r->cpu_remote_pct = number(cpu, "remote_total", 0, 1e6, -1);
	json_decref(o);
	return ret;
}

static struct iperf_test *prepare(const struct iperf_server *s, bool down, int seconds)
{
	struct iperf_test *t = iperf_new_test();

	if (t == NULL)
		return NULL;
	iperf_defaults(t);
	iperf_set_test_role(t, 'c');
	iperf_set_test_server_hostname(t, s->host);
	iperf_set_test_server_port(t, s->port);
	iperf_set_test_duration(t, seconds);
	iperf_set_test_reverse(t, down);
	iperf_set_test_connect_timeout(t, CONNECT_MS);
	iperf_set_test_json_output(t, 1);
	return t;
}

/*
 * A server takes one client at a time, and is not done with the last one when that
 * has its result: then it says so, or resets the connection right at the start, or
 * for a moment does not listen at all. first: our first attempt, began: this one's
 * time.
 */
static bool is_busy(int64_t first, int64_t began)
{
	int64_t now = clock_ms();

	if (now - first > BUSY_MS)
		return false;
	return i_errno == IEACCESSDENIED ||
	       (i_errno == IERECVMESSAGE && now - began < BUSY_START_MS) ||
	       (i_errno == IECONNECT && now - first < BUSY_REFUSED_MS);
}

/* In the child: the result or {"error":...} into fd. */
static _Noreturn void child(const struct iperf_server *s, bool down, int seconds, int fd)
{
	int null = open("/dev/null", O_RDWR);
	int64_t first = clock_ms();
	struct iperf_test *t;
	const char *text;
	int rc;

	/* It prints, too. */
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
	}
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	/* Whatever becomes of the parent, this process has an end. */
	alarm((unsigned)(seconds + SLACK_MS / 1000 + 1));
	while (true) {
		int64_t began = clock_ms();

		t = prepare(s, down, seconds);
		if (t == NULL)
			_exit(1);
		i_errno = IENONE;
		/* With JSON it returns 0 for most errors, too. */
		rc = iperf_run_client(t);
		if (!is_busy(first, began))
			break;
		iperf_free_test(t);
		/* Nothing tells when the server is free. */
		poll(NULL, 0, BUSY_RETRY_MS);
	}
	if (rc < 0) {
		/* errno's text belongs to it; its JSON may be missing altogether. */
		json_t *o = json_pack("{s:s}", "error", iperf_strerror(i_errno));

		text = o != NULL ? json_dumps(o, 0) : NULL;
	} else {
		text = iperf_get_test_json_output_string(t);
	}
	if (text != NULL)
		fs_write_all(fd, text, strlen(text), NULL);
	_exit(0);
}

/* Reads to the end, or to the deadline. */
static int collect(int fd, bool down, int64_t began, int64_t deadline, struct progress *p,
    char *buf, size_t *len, struct err *e)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	*len = 0;
	while (true) {
		int64_t now = clock_ms(), left = deadline - now;
		ssize_t n;

		if (left <= 0)
			return err_set(e, ERR_TIMEOUT, "the server stalls");
		progress_paint(p, "  %s ... %.0f s", down ? "down" : "up",
		    (double)(now - began) / 1000);
		if (poll(&pfd, 1,
			(int)(p->on && left > REPAINT_MS ? REPAINT_MS : left)) <= 0)
			continue;
		n = read(fd, buf + *len, RESULT_MAX - *len);
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "speedtest");
		if (n == 0)
			return 0;
		*len += n > 0 ? (size_t)n : 0;
		if (*len == RESULT_MAX)
			return err_set(e, ERR_FAILED, "an absurdly long result");
	}
}

int iperf_measure(const struct iperf_server *s, bool down, int seconds,
    struct progress *p, struct iperf_result *r, struct err *e)
{
	int64_t began = clock_ms(), deadline = began + seconds * 1000 + SLACK_MS;
	AUTO_FREE char *buf = malloc(RESULT_MAX);
	int fds[2], ret = -1;
	size_t len;
	pid_t pid;

	if (buf == NULL)
		return err_sys(e, ENOMEM, "speedtest");
	if (pipe(fds) < 0)
		return err_sys(e, errno, "pipe");
	/* What waits in our buffers is not the child's to print. */
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(s, down, seconds, fds[1]);
	}
	close(fds[1]);
	if (pid < 0) {
		err_sys(e, errno, "fork");
		close(fds[0]);
		return -1;
	}
	ret = collect(fds[0], down, began, deadline, p, buf, &len, e);
	close(fds[0]);
	progress_end(p);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (ret == 0 && len == 0)
		ret = err_set(e, ERR_FAILED, "libiperf ended without a result");
	else if (ret == 0)
		ret = iperf_result_parse(buf, len, r, e);
	if (ret < 0)
		err_prefix(e, "speedtest: %s port %u", s->host, (unsigned)s->port);
	return ret;
}
