/*
 * Theory of operation. What concerns a client alone is answered here: ATTACH, DETACH,
 * LEVEL and PING, as wpa_supplicant has them (its ctrl_iface_unix.c). Everything else
 * goes to the guest by way of the relay. There is one monitor in the guest, ours, at
 * the supplicant's default level, and its events go to every client that is attached.
 */
#include "wpa-clients.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "log.h"
#include "wpa-door.h"

#define LEVEL_DEFAULT 3 /* MSG_INFO */

struct client {
	uint32_t number; /* 0: a free place */
	bool attached;
	int level;
	unsigned asks; /* under way */
	struct wpa_clients *all;
};

struct wpa_clients {
	int fd;
	struct wpa_relay *relay;
	struct event *readable;
	struct client list[WPA_DOOR_CLIENTS];
	unsigned dropped;
};

static void say(struct wpa_clients *c, uint32_t number, const char *text, size_t len)
{
	struct wpa_door_packet p = {.head = {.client = number, .kind = WPA_DOOR_DATA}};

	if (len > sizeof(p.data))
		len = sizeof(p.data);
	memcpy(p.data, text, len);
	if (send(c->fd, &p, sizeof(p.head) + len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    c->dropped++ == 0)
		log_warn("wpa: what does not fit through the door is dropped: %s",
		    strerror(errno));
	explicit_bzero(&p, sizeof(p.head) + len);
}

static void say_text(struct client *cl, const char *text)
{
	say(cl->all, cl->number, text, strlen(text));
}

static void on_reply(void *arg, const char *reply, const char *why)
{
	struct client *cl = arg;

	cl->asks--;
	if (reply == NULL)
		log_debug("wpa: %s", why);
	say_text(cl, reply != NULL ? reply : "FAIL\n");
}

static void cmd_attach(struct client *cl, const char *arg)
{
	(void)arg;
	cl->attached = true;
	cl->level = LEVEL_DEFAULT;
	say_text(cl, "OK\n");
}

static void cmd_detach(struct client *cl, const char *arg)
{
	(void)arg;
	say_text(cl, cl->attached ? "OK\n" : "FAIL\n");
	cl->attached = false;
}

static void cmd_level(struct client *cl, const char *arg)
{
	bool good = cl->attached && arg[0] >= '0' && arg[0] <= '9';

	if (good)
		cl->level = atoi(arg);
	say_text(cl, good ? "OK\n" : "FAIL\n");
}

static void cmd_ping(struct client *cl, const char *arg)
{
	(void)arg;
	say_text(cl, "PONG\n");
}

static const struct {
	const char *name;
	void (*run)(struct client *cl, const char *arg);
} commands[] = {
    {"ATTACH", cmd_attach},
    {"DETACH", cmd_detach},
    {"LEVEL ", cmd_level},
    {"PING", cmd_ping},
};

static void request(struct client *cl, const char *data, size_t len)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*s",
	    (int)(len < sizeof(text) ? len : sizeof(text) - 1), data);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		size_t n = strlen(commands[i].name);
		bool takes = commands[i].name[n - 1] == ' ';

		if (takes ? strncmp(text, commands[i].name, n) == 0
			  : strcmp(text, commands[i].name) == 0 && len == n) {
			commands[i].run(cl, text + n);
			return;
		}
	}
	if (cl->asks >= WPA_CLIENT_ASKS) {
		say_text(cl, "FAIL-BUSY\n");
		return;
	}
	cl->asks++;
	wpa_relay_ask(cl->all->relay, data, len, on_reply, cl);
}

static void forget(struct client *cl)
{
	wpa_relay_forget(cl->all->relay, cl);
	cl->number = 0;
}

static struct client *find(struct wpa_clients *c, uint32_t number, bool make)
{
	struct client *free_place = NULL;

	for (size_t i = 0; i < WPA_DOOR_CLIENTS; i++) {
		if (c->list[i].number == number)
			return &c->list[i];
		if (c->list[i].number == 0 && free_place == NULL)
			free_place = &c->list[i];
	}
	if (make && free_place != NULL)
		*free_place =
		    (struct client){.number = number, .level = LEVEL_DEFAULT, .all = c};
	return make ? free_place : NULL;
}

static void on_packet(struct wpa_clients *c, const struct wpa_door_packet *p, size_t len)
{
	bool gone = p->head.kind == WPA_DOOR_GONE;
	struct client *cl = p->head.client != 0 ? find(c, p->head.client, !gone) : NULL;

	if (cl == NULL)
		return;
	if (gone)
		forget(cl);
	else
		request(cl, p->data, len);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct wpa_clients *c = arg;
	struct wpa_door_packet p;
	ssize_t n = recv(fd, &p, sizeof(p), MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(p.head)) {
		log_warn("wpa: the door's process is gone; no more wpa_cli");
		event_del(c->readable);
		return;
	}
	on_packet(c, &p, (size_t)n - sizeof(p.head));
	explicit_bzero(&p, (size_t)n);
}

struct wpa_clients *wpa_clients_new(
    struct event_base *base, int fd, struct wpa_relay *relay)
{
	struct wpa_clients *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->fd = fd;
	c->relay = relay;
	if (fd < 0)
		return c;
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	if (c->readable != NULL && event_add(c->readable, NULL) == 0)
		return c;
	wpa_clients_free(c);
	return NULL;
}

void wpa_clients_free(struct wpa_clients *c)
{
	if (c == NULL)
		return;
	if (c->readable != NULL)
		event_free(c->readable);
	wpa_door_close(c->fd);
	free(c);
}

static int level_of(const char *text)
{
	return text[0] == '<' && text[1] >= '0' && text[1] <= '9' && text[2] == '>'
		   ? text[1] - '0'
		   : LEVEL_DEFAULT;
}

void wpa_clients_event(struct wpa_clients *c, const char *text)
{
	char clean[4096];
	size_t len;

	if (c->fd < 0)
		return;
	len = wpa_relay_clean(text, clean, sizeof(clean));
	for (size_t i = 0; i < WPA_DOOR_CLIENTS; i++) {
		const struct client *cl = &c->list[i];

		if (cl->number != 0 && cl->attached && level_of(clean) >= cl->level)
			say(c, cl->number, clean, len);
	}
}
