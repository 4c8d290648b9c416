#include "dhcp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

#define AGAIN_S 1

void dhcp_stop(struct dhcp *d)
{
	if (d->readable != NULL)
		event_free(d->readable);
	if (d->timer != NULL)
		event_free(d->timer);
	if (d->fd >= 0)
		close(d->fd);
	d->readable = d->timer = NULL;
	d->fd = -1;
}

static void ask(struct dhcp *d)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(67),
	    .sin_addr.s_addr = htonl(INADDR_BROADCAST)};
	static const struct timeval again = {AGAIN_S, 0};
	uint8_t buf[DHCP_MESSAGE_MAX];
	size_t len = dhcp_make(d, buf);

	if (sendto(d->fd, buf, len, 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
		log_warn("%s: DHCP: %s", d->ifname, strerror(errno));
	evtimer_add(d->timer, &again);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct dhcp *d = arg;

	(void)fd;
	(void)what;
	/* An offer that is not confirmed is forgotten. */
	if (++d->tries % 4 == 0)
		d->state = DHCP_DISCOVER;
	ask(d);
}

static void on_message(evutil_socket_t fd, short what, void *arg)
{
	uint8_t buf[DHCP_MESSAGE_MAX];
	struct dhcp_lease lease;
	struct dhcp *d = arg;
	ssize_t n;
	int type;

	(void)what;
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0)
		return;
	type = dhcp_parse(d, buf, (size_t)n, &lease);
	if (type == DHCP_OFFER && d->state == DHCP_DISCOVER) {
		d->lease = lease;
		d->state = DHCP_REQUEST;
		ask(d);
	} else if (type == DHCP_ACK && d->state == DHCP_REQUEST) {
		dhcp_stop(d);
		d->lease = lease;
		d->done(d->arg, &d->lease);
	} else if (type == DHCP_NAK) {
		d->state = DHCP_DISCOVER;
	}
}

int dhcp_start(struct dhcp *d, struct event_base *base, const char *ifname,
    const uint8_t mac[6], void (*done)(void *arg, const struct dhcp_lease *lease),
    void *arg, struct err *e)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(68)};
	const int on = 1;

	*d = (struct dhcp){.state = DHCP_DISCOVER, .fd = -1, .done = done, .arg = arg};
	snprintf(d->ifname, sizeof(d->ifname), "%s", ifname);
	memcpy(d->mac, mac, 6);
	if (getrandom(&d->xid, sizeof(d->xid), 0) != sizeof(d->xid))
		return err_sys(e, errno, "random numbers");
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (d->fd < 0 || setsockopt(d->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
	    setsockopt(
		d->fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname)) ||
	    bind(d->fd, (const struct sockaddr *)&any, sizeof(any)) < 0) {
		err_sys(e, errno, "%s: DHCP", ifname);
		dhcp_stop(d);
		return -1;
	}
	d->readable = event_new(base, d->fd, EV_READ | EV_PERSIST, on_message, d);
	d->timer = evtimer_new(base, on_timer, d);
	if (d->readable == NULL || d->timer == NULL || event_add(d->readable, NULL) < 0) {
		dhcp_stop(d);
		return err_sys(e, ENOMEM, "%s: DHCP", ifname);
	}
	ask(d);
	return 0;
}
