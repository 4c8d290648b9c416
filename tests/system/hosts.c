#include "hosts.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "ns.h"

#define BRIDGE "lan"

/* What a host says to the other end. */
enum word { WORD_READY, WORD_MET, WORD_DONE, WORD_FAILED };

struct packet {
	enum word word;
	char text[ERR_MSG_MAX];
};

static struct nlmsghdr *link_request(
    char *buf, uint16_t flags, unsigned index, unsigned change)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *i;

	h->nlmsg_type = RTM_NEWLINK;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	i->ifi_index = (int)index;
	i->ifi_flags = i->ifi_change = change;
	return h;
}

static int transact(struct nlmsghdr *h, const char *what, struct err *e)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[8192];
	ssize_t n = -1;

	if (s != NULL && mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(s, h, h->nlmsg_len) >= 0)
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
	if (n >= 0)
		n = mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(s), NULL, NULL);
	if (n < 0)
		err_sys(e, errno, "%s", what);
	if (s != NULL)
		mnl_socket_close(s);
	return n < 0 ? -1 : 0;
}

static int link_up(const char *ifname, struct err *e)
{
	char buf[256];

	return transact(link_request(buf, 0, if_nametoindex(ifname), IFF_UP), ifname, e);
}

static int link_enslave(const char *ifname, struct err *e)
{
	char buf[256];
	struct nlmsghdr *h = link_request(buf, 0, if_nametoindex(ifname), IFF_UP);

	mnl_attr_put_u32(h, IFLA_MASTER, if_nametoindex(BRIDGE));
	return transact(h, ifname, e);
}

static int make_bridge(struct err *e)
{
	char buf[256];
	struct nlmsghdr *h = link_request(buf, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
	struct nlattr *info;

	mnl_attr_put_strz(h, IFLA_IFNAME, BRIDGE);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(h, info);
	return transact(h, BRIDGE, e) ? -1 : link_up(BRIDGE, e);
}

/* A cable from the bridge to eth0 in the namespace of pid. */
static int make_cable(unsigned number, pid_t pid, struct err *e)
{
	char buf[512], name[IFNAMSIZ];
	struct nlmsghdr *h = link_request(buf, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
	struct nlattr *info, *data, *peer;

	snprintf(name, sizeof(name), "host%u", number);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, "eth0");
	mnl_attr_put_u32(h, IFLA_NET_NS_PID, (uint32_t)pid);
	mnl_attr_nest_end(h, peer);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	return transact(h, name, e) ? -1 : link_enslave(name, e);
}

static int tell(int fd, enum word word, const char *text, struct err *e)
{
	struct packet p = {.word = word};

	snprintf(p.text, sizeof(p.text), "%s", text);
	if (send(fd, &p, sizeof(p), MSG_NOSIGNAL) != sizeof(p))
		return err_sys(e, errno, "host");
	return 0;
}

/* The other end's word to go on; it is gone when that has failed. */
static int await_go(int fd, struct err *e)
{
	char go;

	return recv(fd, &go, 1, 0) == 1 ? 0 : err_set(e, ERR_FAILED, "told to end");
}

int hosts_meet(struct host *h, struct err *e)
{
	return tell(h->fd, WORD_MET, "", e) ? -1 : await_go(h->fd, e);
}

int hosts_join(
    const char *net4, const char *net6, struct lease *l, struct ipv6 *v6, struct err *e)
{
	if (net_dhcp("udhcpc", "eth0", 60000, l, e) || net_ipv6("eth0", 60000, v6, e))
		return -1;
	if (strncmp(l->address, net4, strlen(net4)) != 0 ||
	    strncmp(v6->address[0], net6, strlen(net6)) != 0)
		return err_set(e, ERR_FAILED, "%s and %s are not of the network",
		    l->address, v6->address[0]);
	return 0;
}

static _Noreturn void be_host(struct host *h, int (*body)(struct host *h, struct err *e))
{
	struct err e = ERR_INIT;

	if (ns_new_net(&e) || tell(h->fd, WORD_READY, "", &e) || await_go(h->fd, &e) ||
	    link_up("eth0", &e) || body(h, &e))
		tell(h->fd, WORD_FAILED, e.msg, NULL);
	else
		tell(h->fd, WORD_DONE, "", NULL);
	fflush(NULL);
	_exit(0);
}

struct hosts {
	unsigned n;
	struct host host[HOSTS_MAX];
	pid_t pid[HOSTS_MAX];
};

static int start_one(
    struct hosts *hs, int (*body)(struct host *h, struct err *e), struct err *e)
{
	struct host *h = &hs->host[hs->n];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_sys(e, errno, "host");
	fflush(NULL);
	hs->pid[hs->n] = fork();
	if (hs->pid[hs->n] == 0) {
		struct host own = {hs->n, pair[1]};

		/* Only of the parent: when it closes them all shall know. */
		for (unsigned i = 0; i < hs->n; i++)
			close(hs->host[i].fd);
		close(pair[0]);
		be_host(&own, body);
	}
	close(pair[1]);
	*h = (struct host){hs->n, pair[0]};
	hs->n++;
	return hs->pid[hs->n - 1] > 0 ? 0 : err_sys(e, errno, "fork");
}

/* Until each has said a word, the same as the first's. */
static int await_all(struct hosts *hs, int timeout_ms, enum word *word, struct err *e)
{
	int64_t deadline = clock_ms() + timeout_ms;

	for (unsigned i = 0; i < hs->n; i++) {
		struct pollfd pfd = {.fd = hs->host[i].fd, .events = POLLIN};
		int64_t left = deadline - clock_ms();
		struct packet p;

		if (poll(&pfd, 1, left > 0 ? (int)left : 0) <= 0)
			return err_set(
			    e, ERR_TIMEOUT, "host %u: nothing in %d ms", i, timeout_ms);
		if (recv(pfd.fd, &p, sizeof(p), 0) != sizeof(p))
			return err_set(e, ERR_FAILED, "host %u: it is gone", i);
		if (p.word == WORD_FAILED)
			return err_set(e, ERR_FAILED, "host %u: %s", i, p.text);
		if (i > 0 && p.word != *word)
			return err_set(e, ERR_FAILED, "host %u: out of step", i);
		*word = p.word;
	}
	return 0;
}

static int go_all(struct hosts *hs, struct err *e)
{
	for (unsigned i = 0; i < hs->n; i++)
		if (send(hs->host[i].fd, "g", 1, MSG_NOSIGNAL) != 1)
			return err_sys(e, errno, "host %u", i);
	return 0;
}

static int drive(struct hosts *hs, int timeout_ms, struct err *e)
{
	enum word word;

	do {
		if (await_all(hs, timeout_ms, &word, e))
			return -1;
		for (unsigned i = 0; word == WORD_READY && i < hs->n; i++)
			if (make_cable(i, hs->pid[i], e))
				return -1;
	} while (word != WORD_DONE && go_all(hs, e) == 0);
	return word == WORD_DONE ? 0 : -1;
}

int hosts_run(unsigned n, const char *tap, int timeout_ms,
    int (*body)(struct host *h, struct err *e), struct err *e)
{
	static struct hosts hs;
	int rc = make_bridge(e) || link_enslave(tap, e) ? -1 : 0;

	memset(&hs, 0, sizeof(hs));
	while (rc == 0 && hs.n < n)
		rc = start_one(&hs, body, e);
	if (rc == 0)
		rc = drive(&hs, timeout_ms, e);
	for (unsigned i = 0; i < hs.n; i++) {
		close(hs.host[i].fd);
		if (rc != 0 && hs.pid[i] > 0)
			kill(hs.pid[i], SIGKILL);
		if (hs.pid[i] > 0)
			waitpid(hs.pid[i], NULL, 0);
	}
	/* The cables went with the namespaces. */
	net_delete(BRIDGE, NULL);
	return rc;
}

#define PKTTYPE ((uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE))
#define LD(size, at) BPF_STMT(BPF_LD | (size) | BPF_ABS, at)
#define IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define TAKE BPF_STMT(BPF_RET | BPF_K, 64)
#define LEAVE BPF_STMT(BPF_RET | BPF_K, 0)

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int set_filter(int fd, const struct sock_filter *f, size_t n, struct err *e)
{
	struct sock_filter copy[16];
	struct sock_fprog prog = {.len = (unsigned short)n, .filter = copy};

	memcpy(copy, f, n * sizeof(*f));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		return err_sys(e, errno, "filter");
	return 0;
}

static int filter(int fd, enum hosts_watch w, const void *what, struct err *e)
{
	const uint8_t *p = what;
	uint8_t mac[6];

	if (net_mac("eth0", mac, e))
		return -1;
	/* The identifier is made from the MAC address (EUI-64). */
	const uint8_t id[8] = {
	    mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};

	switch (w) {
	case WATCH_FOREIGN: {
		const struct sock_filter f[] = {
		    LD(BPF_B, PKTTYPE), IF(PACKET_OTHERHOST, 0, 1), TAKE, LEAVE};

		return set_filter(fd, f, ARRAY_LEN(f), e);
	}
	case WATCH_FOREIGN4: {
		const struct sock_filter f[] = {LD(BPF_B, PKTTYPE),
		    IF(PACKET_OUTGOING, 7, 0), LD(BPF_H, 12), IF(ETH_P_IP, 0, 5),
		    LD(BPF_W, 30), IF(be32(p), 3, 0), IF(be32(p) | 0xff, 2, 0),
		    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0xe0000000, 1, 0), TAKE, LEAVE};

		return set_filter(fd, f, ARRAY_LEN(f), e);
	}
	case WATCH_FOREIGN6: {
		const struct sock_filter f[] = {LD(BPF_B, PKTTYPE),
		    IF(PACKET_OUTGOING, 9, 0), LD(BPF_H, 12), IF(ETH_P_IPV6, 0, 7),
		    LD(BPF_B, 38), IF(0xff, 5, 0), LD(BPF_W, 46), IF(be32(id), 0, 2),
		    LD(BPF_W, 50), IF(be32(id + 4), 1, 0), TAKE, LEAVE};

		return set_filter(fd, f, ARRAY_LEN(f), e);
	}
	case WATCH_SOURCE: {
		const struct sock_filter f[] = {LD(BPF_W, 6), IF(be32(p), 0, 3),
		    LD(BPF_H, 10), IF((uint32_t)(p[4] << 8 | p[5]), 0, 1), TAKE, LEAVE};

		return set_filter(fd, f, ARRAY_LEN(f), e);
	}
	}
	return err_set(e, ERR_USAGE, "no such watch");
}

int hosts_watch(enum hosts_watch w, const void *what, struct err *e)
{
	/* Bound, and thereby begun, with its filter in place. */
	struct sockaddr_ll all = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ALL),
	    .sll_ifindex = (int)if_nametoindex("eth0")};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(e, errno, "packet socket");
	if (filter(fd, w, what, e) == 0) {
		if (bind(fd, (const struct sockaddr *)&all, sizeof(all)) == 0)
			return fd;
		err_sys(e, errno, "packet socket");
	}
	close(fd);
	return -1;
}

int hosts_saw_none(int watch, const char *name, struct err *e)
{
	uint8_t frame[64];
	char hex[2 * sizeof(frame) + 1] = "";
	ssize_t n = recv(watch, frame, sizeof(frame), 0);

	close(watch);
	if (n < 0 && errno == EAGAIN)
		return 0;
	for (ssize_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", frame[i]);
	return err_set(e, ERR_FAILED, "%s: a frame: %s", name, hex);
}
