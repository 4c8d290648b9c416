/*
 * Theory of operation.
 *
 * Who may send ICMP? On Linux a group within net.ipv4.ping_group_range, by a datagram
 * socket, and root by a raw one; on FreeBSD root. All others connect to the gateway's
 * TCP port 53: a refusal is an answer, too. A kind that goes unanswered three times is
 * exchanged for the other one: some gateways drop echo requests, some all that they do
 * not serve. The guest can not measure it instead: in most modes it has no address.
 */
#include "latency.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "os/gateway.h"

#define TCP_PORT 53
#define MISSES_MAX 3

enum kind {
	KIND_DATAGRAM,
	KIND_RAW,
	KIND_TCP,
};

struct latency {
	int fd; /* -1: none */
	enum kind kind;
	struct sockaddr_storage sa;
	socklen_t sa_len; /* 0: no gateway */
	char host[64];
	struct echo echo;
	bool waiting, asked;
	unsigned misses;
	double sent, ms; /* ms: NAN where none was measured */
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1e6;
}

static void close_socket(struct latency *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->waiting = false;
}

struct latency *latency_new(void)
{
	struct latency *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->fd = -1;
	l->ms = NAN;
	return l;
}

void latency_free(struct latency *l)
{
	if (l == NULL)
		return;
	close_socket(l);
	free(l);
}

static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* RFC 792, RFC 4443; the sum of ICMPv6 is the kernel's to fill in. */
void echo_write(const struct echo *x, uint8_t out[ECHO_SIZE])
{
	unsigned id = x->id >= 0 ? (unsigned)x->id : 0;
	uint16_t sum;

	memset(out, 0, 8);
	out[0] = x->six ? 128 : 8;
	out[4] = (uint8_t)(id >> 8);
	out[5] = (uint8_t)id;
	out[6] = (uint8_t)(x->number >> 8);
	out[7] = (uint8_t)x->number;
	memcpy(out + 8, x->cookie, ECHO_COOKIE);
	if (x->six)
		return;
	sum = checksum(out, ECHO_SIZE);
	out[2] = (uint8_t)(sum >> 8);
	out[3] = (uint8_t)sum;
}

bool echo_is_answer(
    const struct echo *x, const uint8_t *data, size_t len, bool with_header)
{
	if (with_header) {
		size_t header = len > 0 ? (size_t)(data[0] & 15) * 4 : 0;

		if (header < 20 || header > len)
			return false;
		data += header;
		len -= header;
	}
	return len >= ECHO_SIZE && data[0] == (x->six ? 129 : 0) && data[1] == 0 &&
	       (x->id < 0 || (data[4] << 8 | data[5]) == x->id) &&
	       (data[6] << 8 | data[7]) == x->number &&
	       memcmp(data + 8, x->cookie, ECHO_COOKIE) == 0;
}

static bool nonblocking(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

/* A socket for echoes, of the first kind that is allowed from l->kind on; what is left
 * is TCP. */
static void open_echo(struct latency *l, const char *ifname)
{
	bool six = l->sa.ss_family == AF_INET6;
	int proto = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	for (; l->kind != KIND_TCP; l->kind++) {
		l->fd = socket(
		    l->sa.ss_family, l->kind == KIND_RAW ? SOCK_RAW : SOCK_DGRAM, proto);
		if (l->fd < 0)
			continue;
		host_gateway_bind(l->fd, ifname);
		if (nonblocking(l->fd) &&
		    connect(l->fd, (const struct sockaddr *)&l->sa, l->sa_len) == 0)
			break;
		close_socket(l);
	}
	l->echo.six = six;
	/* A datagram socket's number is the kernel's. */
	l->echo.id = l->kind == KIND_RAW ? (int)(getpid() & 0xffff) : -1;
}

static void answered(struct latency *l)
{
	l->ms = now_ms() - l->sent;
	l->waiting = false;
	l->misses = 0;
}

static void missed(struct latency *l)
{
	l->waiting = false;
	if (++l->misses < MISSES_MAX)
		return;
	l->misses = 0;
	close_socket(l);
	l->kind = l->kind == KIND_TCP ? KIND_DATAGRAM : KIND_TCP;
}

static void send_echo(struct latency *l)
{
	uint8_t packet[ECHO_SIZE];
	double now = now_ms();

	l->echo.number++;
	memcpy(
	    l->echo.cookie, &now, sizeof(now) < ECHO_COOKIE ? sizeof(now) : ECHO_COOKIE);
	echo_write(&l->echo, packet);
	l->sent = now;
	l->waiting =
	    send(l->fd, packet, sizeof(packet), MSG_NOSIGNAL) == (ssize_t)sizeof(packet);
	if (!l->waiting)
		missed(l);
}

static void send_tcp(struct latency *l, const char *ifname)
{
	/* Closed at once, without a farewell of its own. */
	const struct linger abort_it = {.l_onoff = 1};
	struct sockaddr_storage sa = l->sa;

	close_socket(l);
	l->fd = socket(sa.ss_family, SOCK_STREAM, 0);
	if (l->fd < 0)
		return;
	if (sa.ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)&sa)->sin6_port = htons(TCP_PORT);
	else
		((struct sockaddr_in *)(void *)&sa)->sin_port = htons(TCP_PORT);
	setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
	host_gateway_bind(l->fd, ifname);
	l->sent = now_ms();
	l->waiting = true;
	if (!nonblocking(l->fd))
		missed(l);
	else if (connect(l->fd, (const struct sockaddr *)&sa, l->sa_len) == 0 ||
		 errno == ECONNREFUSED)
		answered(l);
	else if (errno != EINPROGRESS)
		missed(l);
	if (!l->waiting)
		close_socket(l);
}

/* The gateway as it is now; false where there is none. */
static bool find_gateway(struct latency *l, const char *ifname)
{
	struct sockaddr_storage sa;
	socklen_t len = 0;

	if (!host_gateway(ifname, &sa, &len))
		len = 0;
	if (len == l->sa_len && (len == 0 || memcmp(&sa, &l->sa, len) == 0))
		return len != 0;
	close_socket(l);
	l->kind = KIND_DATAGRAM;
	l->misses = 0;
	l->sa_len = len;
	l->host[0] = '\0';
	if (len == 0)
		return false;
	l->sa = sa;
	if (getnameinfo((const struct sockaddr *)&sa, len, l->host, sizeof(l->host), NULL,
		0, NI_NUMERICHOST) != 0)
		l->host[0] = '\0';
	return true;
}

void latency_ask(struct latency *l, const char *ifname)
{
	if (l->waiting && now_ms() - l->sent < LATENCY_MS)
		return;
	if (l->waiting)
		missed(l);
	l->asked = find_gateway(l, ifname);
	if (!l->asked)
		return;
	if (l->kind != KIND_TCP && l->fd < 0)
		open_echo(l, ifname);
	if (l->kind == KIND_TCP)
		send_tcp(l, ifname);
	else
		send_echo(l);
}

int latency_fd(const struct latency *l, short *events)
{
	*events = l->kind == KIND_TCP ? POLLOUT : POLLIN;
	return l->waiting ? l->fd : -1;
}

static void ready_tcp(struct latency *l)
{
	socklen_t size = sizeof(int);
	int code = 0;

	getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &code, &size);
	if (code == 0 || code == ECONNREFUSED || code == ECONNRESET)
		answered(l);
	else
		missed(l);
	close_socket(l);
}

void latency_ready(struct latency *l)
{
	bool header = l->kind == KIND_RAW && l->sa.ss_family == AF_INET;
	uint8_t buf[512];
	ssize_t n;

	if (!l->waiting)
		return;
	if (l->kind == KIND_TCP) {
		ready_tcp(l);
		return;
	}
	/* A raw socket also gets what others asked for. */
	while (l->waiting && (n = recv(l->fd, buf, sizeof(buf), 0)) >= 0)
		if (echo_is_answer(&l->echo, buf, (size_t)n, header))
			answered(l);
	if (l->waiting && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		missed(l);
}

void latency_take(struct latency *l, struct latency_result *out)
{
	out->ms = l->ms;
	out->by = !l->asked ? NULL : l->kind == KIND_TCP ? "tcp" : "icmp";
	out->host = l->asked && l->host[0] != '\0' ? l->host : NULL;
	l->ms = NAN;
}
