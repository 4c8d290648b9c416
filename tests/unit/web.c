#include "web.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "err.h"
#include "fs.h"

#define DATE "Tue, 01 Oct 2024 10:00:00 GMT"
#define FILE_MAX (64u << 20)

struct answer {
	int fd;
	const char *mode;
	const char *data;
	size_t len, from;
	bool dated;
};

static bool put(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool put_text(int fd, const char *text)
{
	return put(fd, text, strlen(text));
}

static void simple(int fd, const char *status, const char *location)
{
	char head[512];

	snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\nContent-Length: 4\r\nConnection: close\r\n%s%s%s\r\nno\r\n",
	    status,
	    location == NULL ? "" : "Location: ", location == NULL ? "" : location,
	    location == NULL ? "" : "\r\n");
	put_text(fd, head);
}

static void header(const char *request, const char *name, char *out, size_t size)
{
	const char *p = request;

	out[0] = '\0';
	while ((p = strstr(p, "\r\n")) != NULL) {
		p += 2;
		if (strncasecmp(p, name, strlen(name)) != 0)
			continue;
		p += strlen(name);
		p += strspn(p, " ");
		snprintf(out, size, "%.*s", (int)strcspn(p, "\r"), p);
	}
}

/* Reads on until the client has closed. */
static void wait_for_end(int fd)
{
	char buf[256];

	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
}

static void send_file(struct web *w, const struct answer *a)
{
	char head[512], range[128] = "";
	size_t n = a->len - a->from, claim = n;

	if (strcmp(a->mode, "longer") == 0)
		claim++;
	if (strcmp(a->mode, "shorter") == 0)
		claim--;
	if (a->from > 0)
		snprintf(range, sizeof(range), "Content-Range: bytes %zu-%zu/%zu\r\n",
		    strcmp(a->mode, "moved") == 0 ? (size_t)0 : a->from, a->len - 1,
		    a->len);
	snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\n%s%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
	    a->from > 0 ? "206 Partial Content" : "200 OK", range,
	    a->dated ? "Last-Modified: " DATE "\r\n" : "", claim);
	if (!put_text(a->fd, head))
		return;
	if ((strcmp(a->mode, "broken") == 0 || !a->dated) &&
	    atomic_load(&w->breaks) > 0) {
		atomic_fetch_sub(&w->breaks, 1);
		put(a->fd, a->data + a->from, n / 2);
		return;
	}
	if (strcmp(a->mode, "stall") == 0) {
		put(a->fd, a->data + a->from, n / 2);
		wait_for_end(a->fd);
		return;
	}
	put(a->fd, a->data + a->from, n);
}

static void endless(int fd)
{
	static const char zeros[4096];

	if (put_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"))
		while (put(fd, zeros, sizeof(zeros)))
			;
}

static void answer_file(struct web *w, int fd, const char *mode, const char *file)
{
	struct answer a = {.fd = fd, .mode = mode, .dated = strcmp(mode, "undated") != 0};
	char path[1024];
	char AUTO_FREE *data = NULL;

	snprintf(path, sizeof(path), "%s/%s", w->root, file);
	if (fs_read_file(path, FILE_MAX, &data, &a.len, NULL) < 0) {
		simple(fd, "404 Not Found", NULL);
		return;
	}
	a.data = data;
	if (strncmp(w->last_range, "bytes=", 6) == 0 && strcmp(mode, "whole") != 0 &&
	    (w->last_if_range[0] == '\0' || strcmp(w->last_if_range, DATE) == 0))
		a.from = strtoul(w->last_range + 6, NULL, 10);
	if (a.from > 0 && a.from >= a.len)
		simple(fd, "416 Range Not Satisfiable", NULL);
	else
		send_file(w, &a);
}

static void redirect(struct web *w, int fd, const char *mode, const char *rest)
{
	char where[512];
	long hops = strtol(rest, NULL, 10);
	const char *file = strchr(rest, '/');

	if (strcmp(mode, "to") == 0)
		snprintf(where, sizeof(where), "/%s", rest);
	else if (strcmp(mode, "loop") == 0)
		snprintf(where, sizeof(where), "/loop/%s", rest);
	else if (strcmp(mode, "local") == 0)
		snprintf(where, sizeof(where), "file:///%s", rest);
	else if (hops > 1)
		snprintf(where, sizeof(where), "/hop/%ld%s", hops - 1,
		    file == NULL ? "" : file);
	else
		snprintf(where, sizeof(where), "%s", web_url(w, "ok"));
	if (strcmp(mode, "hop") == 0 && hops <= 1 && file != NULL)
		strncat(where, file, sizeof(where) - strlen(where) - 1);
	simple(fd, "302 Found", where);
}

static void serve(struct web *w, int fd)
{
	char request[4096], mode[32];
	size_t have = 0;
	ssize_t n;
	const char *rest;

	do {
		n = recv(fd, request + have, sizeof(request) - 1 - have, 0);
		if (n <= 0)
			return;
		have += (size_t)n;
		request[have] = '\0';
	} while (strstr(request, "\r\n\r\n") == NULL && have < sizeof(request) - 1);
	if (strncmp(request, "GET /", 5) != 0)
		return;
	atomic_fetch_add(&w->requests, 1);
	header(request, "Range:", w->last_range, sizeof(w->last_range));
	header(request, "If-Range:", w->last_if_range, sizeof(w->last_if_range));
	request[5 + strcspn(request + 5, " ")] = '\0';
	rest = strchr(request + 5, '/');
	snprintf(mode, sizeof(mode), "%.*s", rest == NULL ? 0 : (int)(rest - request - 5),
	    request + 5);
	rest = rest == NULL ? "" : rest + 1;
	if (strcmp(mode, "to") == 0 || strcmp(mode, "hop") == 0 ||
	    strcmp(mode, "loop") == 0 || strcmp(mode, "local") == 0)
		redirect(w, fd, mode, rest);
	else if (strcmp(mode, "gone") == 0)
		simple(fd, "410 Gone", NULL);
	else if (strcmp(mode, "endless") == 0)
		endless(fd);
	else
		answer_file(w, fd, mode, rest);
}

static void *run(void *arg)
{
	struct web *w = arg;
	int fd;

	while ((fd = accept(w->listener, NULL, NULL)) >= 0) {
		if (atomic_load(&w->stop)) {
			close(fd);
			break;
		}
		serve(w, fd);
		/* What the client still sends must not turn the end into a reset. */
		shutdown(fd, SHUT_WR);
		wait_for_end(fd);
		close(fd);
	}
	return NULL;
}

void web_start(struct web *w, const char *root)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);

	*w = (struct web){.root = root};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(w->listener >= 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(w->listener, 16), 0);
	assert_int_equal(getsockname(w->listener, (struct sockaddr *)&a, &len), 0);
	w->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
}

/* A connection wakes it; not every system's accept() ends by shutdown(). */
void web_stop(struct web *w)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)w->port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	atomic_store(&w->stop, true);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	pthread_join(w->thread, NULL);
	close(fd);
	close(w->listener);
}

const char *web_url(const struct web *w, const char *what)
{
	static _Thread_local char urls[4][512];
	static _Thread_local unsigned next;
	char *p = urls[next++ % 4];

	snprintf(p, sizeof(urls[0]), "http://127.0.0.1:%d/%s", w->port, what);
	return p;
}
