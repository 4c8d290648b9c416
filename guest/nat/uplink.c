#include "uplink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"

/* UDP to the client's port, in IPv4 without options or with. */
static int set_filter(int fd, struct err *e)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
	    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_CLIENT_PORT, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, DHCP_MAX + DHCP_HEADERS),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {ARRAY_LEN(code), code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		return err_sys(e, errno, "packet filter");
	return 0;
}

static void send_to_all(const struct uplink *u, uint8_t *packet, size_t len)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_IP),
	    .sll_ifindex = (int)u->ifindex,
	    .sll_halen = ETH_ALEN};

	memset(to.sll_addr, 0xff, ETH_ALEN);
	len = dhcp_wrap(packet, len);
	if (sendto(u->fd, packet, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		log_debug("DHCP: %s", strerror(errno));
}

/* With our address; the answer comes to the packet socket. */
static void send_to_one(
    const struct uplink *u, const uint8_t *msg, size_t len, uint32_t server)
{
	int AUTO_CLOSE fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in own = {
	    .sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT)};
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(DHCP_SERVER_PORT),
	    .sin_addr.s_addr = htonl(server)};

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, u->ifname,
		(socklen_t)strlen(u->ifname)) < 0 ||
	    bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    sendto(fd, msg, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		log_debug("DHCP: %s", strerror(errno));
}

static void on_send(void *arg, const struct dhcp_msg *m, uint32_t to)
{
	uint8_t packet[DHCP_HEADERS + DHCP_MAX];
	struct uplink *u = arg;
	size_t len = dhcp_build(m, packet + DHCP_HEADERS);

	if (to != 0)
		send_to_one(u, packet + DHCP_HEADERS, len, to);
	else
		send_to_all(u, packet, len);
}

static void set_timer(void *arg, int64_t ms)
{
	struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
	struct uplink *u = arg;

	evtimer_add(u->timer, &tv);
}

static void on_lease(void *arg, const struct dhcpc_lease *l)
{
	struct uplink *u = arg;

	u->lease(u->arg, l);
}

static const struct dhcpc_ops client_ops = {on_send, set_timer, on_lease};

static void on_packet(evutil_socket_t fd, short what, void *arg)
{
	uint8_t packet[DHCP_HEADERS + DHCP_MAX];
	struct uplink *u = arg;
	ssize_t n;

	(void)what;
	while ((n = recv(fd, packet, sizeof(packet), 0)) >= 0) {
		size_t len;
		const uint8_t *p = dhcp_unwrap(packet, (size_t)n, &len);
		struct dhcp_msg m;

		if (p != NULL && dhcp_parse(p, len, &m))
			dhcpc_take(&u->client, &m, clock_ms());
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct uplink *u = arg;

	(void)fd;
	(void)what;
	dhcpc_timer(&u->client, clock_ms());
}

int uplink_open(struct uplink *u, struct event_base *base, unsigned ifindex,
    const char *ifname, const uint8_t mac[6],
    void (*lease)(void *arg, const struct dhcpc_lease *l), void *arg, struct err *e)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_IP),
	    .sll_ifindex = (int)ifindex};

	*u = (struct uplink){
	    .ifindex = ifindex, .ifname = ifname, .lease = lease, .arg = arg};
	memcpy(u->mac, mac, 6);
	dhcpc_init(&u->client, &client_ops, u);
	/* Without a protocol nothing arrives before the filter is there. */
	u->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->fd < 0)
		return err_sys(e, errno, "packet socket");
	if (set_filter(u->fd, e) < 0)
		return -1;
	if (bind(u->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_sys(e, errno, "packet socket");
	u->readable = event_new(base, u->fd, EV_READ | EV_PERSIST, on_packet, u);
	u->timer = evtimer_new(base, on_timer, u);
	if (u->readable == NULL || u->timer == NULL || event_add(u->readable, NULL) < 0)
		return err_sys(e, ENOMEM, "DHCP");
	return 0;
}

void uplink_joined(struct uplink *u, bool same)
{
	uint32_t xid = (uint32_t)clock_ms();

	/* It only has to differ from others'. */
	(void)!getrandom(&xid, sizeof(xid), GRND_NONBLOCK);
	if (same)
		dhcpc_again(&u->client, xid, clock_ms());
	else
		dhcpc_start(&u->client, u->mac, xid, clock_ms());
}

void uplink_left(struct uplink *u)
{
	dhcpc_stop(&u->client);
	evtimer_del(u->timer);
}

void uplink_close(struct uplink *u)
{
	if (u->readable != NULL)
		event_free(u->readable);
	if (u->timer != NULL)
		event_free(u->timer);
	if (u->fd > 0)
		close(u->fd);
	memset(u, 0, sizeof(*u));
}
