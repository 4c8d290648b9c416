#include "proof.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

/* When it is asked, and asked again; the last is the end. */
static const int rounds_ms[] = {0, 250, 1000, PROOF_MS};

void proof_init(struct proof *p, struct event_base *base,
    void (*done)(void *arg, bool seen), void *arg)
{
	*p = (struct proof){.base = base, .done = done, .arg = arg, .fd = -1};
}

void proof_stop(struct proof *p)
{
	if (p->readable != NULL)
		event_free(p->readable);
	if (p->timer != NULL)
		event_free(p->timer);
	if (p->fd >= 0)
		close(p->fd);
	p->readable = p->timer = NULL;
	p->fd = -1;
}

static void end(struct proof *p, bool seen)
{
	proof_stop(p);
	p->done(p->arg, seen);
}

static void on_frame(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	struct proof *p = arg;
	uint8_t byte;

	(void)what;
	while (recvfrom(fd, &byte, 1, MSG_TRUNC, (struct sockaddr *)&from, &len) >= 0) {
		if (from.sll_pkttype != PACKET_OUTGOING &&
		    ntohs(from.sll_protocol) != ETH_P_PAE) {
			end(p, true);
			return;
		}
		len = sizeof(from);
	}
}

static void send_frame(const struct proof *p, const uint8_t *frame, size_t len)
{
	if (send(p->fd, frame, len, MSG_DONTWAIT) < 0)
		log_debug("proof: %s", strerror(errno));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	uint8_t frame[PROOF_FRAME_MAX];
	struct timeval tv = {0, 0};
	struct proof *p = arg;
	int ms;

	(void)fd;
	(void)what;
	if (p->out + 1 == ARRAY_LEN(rounds_ms)) {
		end(p, false);
		return;
	}
	send_frame(p, frame, proof_discover(frame, p->mac, p->xid));
	send_frame(p, frame, proof_echo(frame, p->mac, p->xid));
	ms = rounds_ms[p->out + 1] - rounds_ms[p->out];
	p->out++;
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	evtimer_add(p->timer, &tv);
}

int proof_start(struct proof *p, unsigned ifindex, const uint8_t mac[6], struct err *e)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ALL),
	    .sll_ifindex = (int)ifindex};

	proof_stop(p);
	p->out = 0;
	memcpy(p->mac, mac, 6);
	if (getrandom(&p->xid, sizeof(p->xid), GRND_NONBLOCK) < 0)
		p->xid = 0x62687969; /* it need not be secret */
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		err_sys(e, errno, "packet socket");
		proof_stop(p);
		return -1;
	}
	p->readable = event_new(p->base, p->fd, EV_READ | EV_PERSIST, on_frame, p);
	p->timer = evtimer_new(p->base, on_timer, p);
	if (p->readable == NULL || p->timer == NULL || event_add(p->readable, NULL) < 0) {
		proof_stop(p);
		return err_sys(e, ENOMEM, "packet socket");
	}
	event_active(p->timer, EV_TIMEOUT, 1);
	return 0;
}
