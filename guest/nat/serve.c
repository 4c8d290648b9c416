#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

static void answer(struct serve *s, const struct dhcp_msg *in)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(DHCP_CLIENT_PORT),
	    .sin_addr.s_addr = INADDR_BROADCAST};
	uint8_t data[DHCP_MAX];
	struct dhcp_msg out;
	size_t len;

	if (s->leases.subnet == 0 || !leases_answer(&s->leases, in, clock_ms(), &out))
		return;
	/* To one that has no address yet the kernel could only send with an entry in its
	 * table of neighbours; each host is listening for this, too. */
	if (out.ciaddr != 0 && !out.broadcast && out.type != DHCP_NAK)
		to.sin_addr.s_addr = htonl(out.ciaddr);
	len = dhcp_build(&out, data);
	if (sendto(s->fd, data, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		log_debug("DHCP server: %s", strerror(errno));
}

static void on_packet(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;
	uint8_t data[DHCP_MAX];
	struct dhcp_msg in;
	ssize_t n;

	(void)what;
	while ((n = recv(fd, data, sizeof(data), 0)) >= 0)
		if (dhcp_parse(data, (size_t)n, &in))
			answer(s, &in);
	s->changed(s->arg);
}

int serve_open(struct serve *s, struct event_base *base, const char *ifname,
    void (*changed)(void *arg), void *arg, struct err *e)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT)};
	int on = 1;

	s->changed = changed;
	s->arg = arg;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_BINDTODEVICE, ifname,
		(socklen_t)strlen(ifname)) < 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
	    bind(s->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_sys(e, errno, "DHCP server");
	s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_packet, s);
	if (s->readable == NULL || event_add(s->readable, NULL) < 0)
		return err_sys(e, ENOMEM, "DHCP server");
	return 0;
}

void serve_close(struct serve *s)
{
	if (s->readable != NULL)
		event_free(s->readable);
	if (s->fd > 0)
		close(s->fd);
	s->readable = NULL;
	s->fd = 0;
}
