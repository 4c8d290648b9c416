#include "reach.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "cleanup.h"
#include "clock.h"
#include "os/native.h"

#define HTTP_MS 8000
#define HEAD_MAX 8192

static bool is_usable(const char *addr)
{
	return strncasecmp(addr, "fe80:", 5) != 0 && strncmp(addr, "169.254.", 8) != 0;
}

/* The first that leads anywhere; IPv4 before IPv6. */
static bool usable_address(const char *ifname, char *addr, size_t size)
{
	struct host_if i = {.exists = false};
	const char *best = NULL;

	if (host_if(ifname, &i, NULL) < 0)
		return false;
	for (size_t k = 0; k < i.naddrs && k < HOST_ADDRS_MAX; k++)
		if (is_usable(i.addrs[k]) && (best == NULL || strchr(best, ':') != NULL))
			best = i.addrs[k];
	if (best == NULL)
		return false;
	snprintf(addr, size, "%.*s", (int)strcspn(best, "/"), best);
	return true;
}

int reach_address(
    const char *ifname, int timeout_ms, char *addr, size_t size, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;
	int AUTO_CLOSE fd = address_watch(e);
	char buf[8192];

	if (fd < 0)
		return -1;
	while (!usable_address(ifname, addr, size)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - clock_ms();

		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR)) {
			err_set(e, ERR_TIMEOUT, "%s has no address after %d s", ifname,
			    timeout_ms / 1000);
			return err_hint(e,
			    "the network does not answer DHCP, or this host does not "
			    "ask on %s",
			    ifname);
		}
		while (read(fd, buf, sizeof(buf)) > 0)
			;
	}
	return 0;
}

struct url {
	char host[256], port[8], path[REACH_URL_MAX];
};

static int parse_url(const char *text, struct url *u, struct err *e)
{
	static const char scheme[] = "http://";
	const char *s = text + strlen(scheme);
	size_t host, port = 0;

	if (strncmp(text, scheme, strlen(scheme)) != 0 || strlen(text) >= REACH_URL_MAX)
		return err_set(
		    e, ERR_USAGE, "%.80s: expected http://HOST[:PORT]/PATH", text);
	host = strcspn(s, ":/");
	if (s[host] == ':')
		port = strcspn(s + host + 1, "/");
	if (host == 0 || host >= sizeof(u->host) || port >= sizeof(u->port))
		return err_set(
		    e, ERR_USAGE, "%.80s: expected http://HOST[:PORT]/PATH", text);
	for (const char *p = s; *p != '\0'; p++)
		if (!isgraph((unsigned char)*p))
			return err_set(e, ERR_USAGE, "%.80s: not a URL", text);
	snprintf(u->host, sizeof(u->host), "%.*s", (int)host, s);
	snprintf(u->port, sizeof(u->port), "%.*s", (int)port, s + host + 1);
	if (port == 0)
		memcpy(u->port, "80", 3);
	s += host + (port > 0 ? port + 1 : 0);
	snprintf(u->path, sizeof(u->path), "%s", *s == '/' ? s : "/");
	return 0;
}

/* From our address of that family; another one's routes decide. */
static void bind_to(int fd, int family, const char *from)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};

	if (family == AF_INET && inet_pton(AF_INET, from, &a4.sin_addr) == 1)
		(void)bind(fd, (struct sockaddr *)&a4, sizeof(a4));
	if (family == AF_INET6 && inet_pton(AF_INET6, from, &a6.sin6_addr) == 1)
		(void)bind(fd, (struct sockaddr *)&a6, sizeof(a6));
}

static bool ready(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left = deadline - clock_ms();

	return left > 0 && poll(&p, 1, (int)left) > 0;
}

static int connect_one(const struct addrinfo *ai, const char *from, int64_t deadline)
{
	int fd = socket(
	    ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	int error = 0;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return -1;
	bind_to(fd, ai->ai_family, from);
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 ||
	    (errno == EINPROGRESS && ready(fd, POLLOUT, deadline) &&
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0))
		return fd;
	close(fd);
	return -1;
}

static int connect_to(
    const struct url *u, const char *from, int64_t deadline, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int fd = -1, why = getaddrinfo(u->host, u->port, &hints, &list);

	if (why != 0)
		return err_set(e, ERR_FAILED, "%s: %s", u->host, gai_strerror(why));
	for (const struct addrinfo *ai = list; ai != NULL && fd < 0; ai = ai->ai_next)
		fd = connect_one(ai, from, deadline);
	freeaddrinfo(list);
	return fd >= 0 ? fd : err_set(e, ERR_FAILED, "%s does not answer", u->host);
}

/* The value of a header in a line of the head, NULL: another line. */
static const char *header(const char *line, size_t len, const char *name, size_t *vlen)
{
	size_t n = strlen(name);
	const char *v = line + n + 1, *end = line + len;

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	while (v < end && (*v == ' ' || *v == '\t'))
		v++;
	while (end > v && isspace((unsigned char)end[-1]))
		end--;
	*vlen = (size_t)(end - v);
	return v;
}

int reach_parse(const char *text, size_t len, char location[REACH_URL_MAX])
{
	const char *end = text + len, *line = text, *nl;
	int status = 0;

	location[0] = '\0';
	if (len < 12)
		return memcmp(text, "HTTP/1.", len < 7 ? len : 7) == 0 ? 0 : -1;
	if (memcmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ')
		return -1;
	for (int i = 9; i < 12; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -1;
		status = 10 * status + text[i] - '0';
	}
	if (status < 100)
		return -1;
	for (; (nl = memchr(line, '\n', (size_t)(end - line))) != NULL; line = nl + 1) {
		size_t n = (size_t)(nl - line), vlen;
		const char *v = header(line, n, "Location", &vlen);

		if (n == 0 || (n == 1 && line[0] == '\r'))
			return status;
		if (v != NULL && vlen < REACH_URL_MAX) {
			memcpy(location, v, vlen);
			location[vlen] = '\0';
		}
	}
	return 0;
}

/* Until the head is complete; its status. */
static int read_head(
    int fd, int64_t deadline, char location[REACH_URL_MAX], struct err *e)
{
	char text[HEAD_MAX];
	size_t have = 0;
	int status = 0;

	while (have < sizeof(text) && ready(fd, POLLIN, deadline)) {
		ssize_t n = recv(fd, text + have, sizeof(text) - have, 0);

		if (n <= 0)
			break;
		have += (size_t)n;
		status = reach_parse(text, have, location);
		if (status != 0)
			break;
	}
	return status > 0 ? status : err_set(e, ERR_FAILED, "no answer in HTTP");
}

int reach_portal(const char *url, const char *from, char *portal, struct err *e)
{
	int64_t deadline = clock_ms() + HTTP_MS;
	char request[2 * REACH_URL_MAX];
	struct url u;
	int status, len;

	if (parse_url(url, &u, e) < 0)
		return -1;
	int AUTO_CLOSE fd = connect_to(&u, from, deadline, e);

	if (fd < 0)
		return -1;
	len = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: bhyfi\r\nConnection: "
	    "close\r\n\r\n",
	    u.path, u.host);
	if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len)
		return err_sys(e, errno, "%s", u.host);
	status = read_head(fd, deadline, portal, e);
	if (status < 0)
		return err_prefix(e, "%s", u.host);
	if (status == 204)
		return 0;
	/* One that answers in its own words instead of leading elsewhere. */
	if (strncmp(portal, "http://", 7) != 0 && strncmp(portal, "https://", 8) != 0)
		snprintf(portal, REACH_URL_MAX, "%s", url);
	return 1;
}
