/*
 * Theory of operation. A batch is one datagram: begin, messages, end. The kernel takes
 * all of it or nothing, and answers each message that it refuses, and the last, which
 * asks for an answer. To replace a table it is made (which is no error if it is there),
 * deleted and made anew.
 *
 * What passes: what hosts send to the uplink and to each other, what belongs to
 * connections that there are, and forwarded ports. TCP and UDP connections that are
 * established take the flow table's way, past all of this. To the guest itself: DHCP (the
 * client's side has a packet socket and does not come by here), ICMP, mDNS. Names are
 * not asked of the guest but, by its address, of the uplink's servers.
 */
#include "rules.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "cleanup.h"

#define TABLE "bhyfi"
#define FLOWS "flows"
#define BATCH_MAX 32768
#define REG_A NFT_REG_1
#define REG_B NFT_REG_2
#define PORT_DHCP 67
#define PORT_DNS 53
#define PORT_MDNS 5353
/* Of iptables' and nft's names. */
#define PRIO_DSTNAT (-100)
#define PRIO_SRCNAT 100

struct batch {
	uint8_t buf[BATCH_MAX];
	size_t len;
	uint32_t seq;
	bool failed;
};

/* A message under construction; NULL: out of memory. */
static struct nl_msg *begin(struct batch *b, int type, int flags, int family, int res_id)
{
	struct nlmsghdr h = {.nlmsg_type = (uint16_t)type,
	    .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
	    .nlmsg_seq = ++b->seq};
	struct nfgenmsg g = {.nfgen_family = (uint8_t)family,
	    .version = NFNETLINK_V0,
	    .res_id = htons((uint16_t)res_id)};
	struct nl_msg *m = nlmsg_inherit(&h);

	if (m != NULL && nlmsg_append(m, &g, sizeof(g), NLMSG_ALIGNTO) == 0)
		return m;
	nlmsg_free(m);
	b->failed = true;
	return NULL;
}

static struct nl_msg *begin_nft(struct batch *b, int type, int flags)
{
	struct nl_msg *m =
	    begin(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET, 0);

	/* The first attribute of each of these messages is the table's name. */
	if (m != NULL && nla_put_string(m, NFTA_CHAIN_TABLE, TABLE) < 0)
		b->failed = true;
	return m;
}

static void end(struct batch *b, struct nl_msg *m)
{
	const struct nlmsghdr *h = m != NULL ? nlmsg_hdr(m) : NULL;
	size_t len = h != NULL ? NLMSG_ALIGN(h->nlmsg_len) : 0;

	if (h == NULL || sizeof(b->buf) - b->len < len) {
		b->failed = true;
	} else {
		memcpy(b->buf + b->len, h, h->nlmsg_len);
		b->len += len;
	}
	nlmsg_free(m);
}

static void put32(struct nl_msg *m, int attr, uint32_t value)
{
	nla_put_u32(m, attr, htonl(value));
}

static void add_table(struct batch *b, int type)
{
	static_assert(
	    (int)NFTA_TABLE_NAME == (int)NFTA_CHAIN_TABLE, "the first attribute");

	end(b, begin_nft(b, type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0));
}

static void add_flowtable(struct batch *b, const struct rules *r)
{
	struct nl_msg *m = begin_nft(b, NFT_MSG_NEWFLOWTABLE, NLM_F_CREATE);
	struct nlattr *hook, *devs;

	static_assert(
	    (int)NFTA_FLOWTABLE_TABLE == (int)NFTA_CHAIN_TABLE, "the first attribute");
	if (m != NULL) {
		nla_put_string(m, NFTA_FLOWTABLE_NAME, FLOWS);
		hook = nla_nest_start(m, NFTA_FLOWTABLE_HOOK);
		put32(m, NFTA_FLOWTABLE_HOOK_NUM, NF_NETDEV_INGRESS);
		put32(m, NFTA_FLOWTABLE_HOOK_PRIORITY, 0);
		devs = nla_nest_start(m, NFTA_FLOWTABLE_HOOK_DEVS);
		nla_put_string(m, NFTA_DEVICE_NAME, r->host_if);
		nla_put_string(m, NFTA_DEVICE_NAME, r->air_if);
		nla_nest_end(m, devs);
		nla_nest_end(m, hook);
	}
	end(b, m);
}

static void add_chain(struct batch *b, const char *name, const char *type, uint32_t hook,
    int priority, uint32_t policy)
{
	struct nl_msg *m = begin_nft(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nlattr *nest;

	if (m != NULL) {
		nla_put_string(m, NFTA_CHAIN_NAME, name);
		nest = nla_nest_start(m, NFTA_CHAIN_HOOK);
		put32(m, NFTA_HOOK_HOOKNUM, hook);
		put32(m, NFTA_HOOK_PRIORITY, (uint32_t)priority);
		nla_nest_end(m, nest);
		put32(m, NFTA_CHAIN_POLICY, policy);
		nla_put_string(m, NFTA_CHAIN_TYPE, type);
	}
	end(b, m);
}

/* A rule and the expression in it that is being written. */
struct rule {
	struct batch *b;
	struct nl_msg *m;
	struct nlattr *list, *element, *data;
};

static void rule_begin(struct rule *r, struct batch *b, const char *chain)
{
	static_assert(
	    (int)NFTA_RULE_TABLE == (int)NFTA_CHAIN_TABLE, "the first attribute");
	r->b = b;
	r->m = begin_nft(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	if (r->m == NULL)
		return;
	nla_put_string(r->m, NFTA_RULE_CHAIN, chain);
	r->list = nla_nest_start(r->m, NFTA_RULE_EXPRESSIONS);
}

static bool expr_begin(struct rule *r, const char *name)
{
	if (r->m == NULL)
		return false;
	r->element = nla_nest_start(r->m, NFTA_LIST_ELEM);
	nla_put_string(r->m, NFTA_EXPR_NAME, name);
	r->data = nla_nest_start(r->m, NFTA_EXPR_DATA);
	/* Out of memory: the batch is not sent. */
	if (r->data == NULL) {
		r->b->failed = true;
		nlmsg_free(r->m);
		r->m = NULL;
	}
	return r->m != NULL;
}

static void expr_end(struct rule *r)
{
	nla_nest_end_keep_empty(r->m, r->data);
	nla_nest_end(r->m, r->element);
}

static void put_value(struct rule *r, int attr, const void *value, size_t len)
{
	struct nlattr *nest = nla_nest_start(r->m, attr);

	nla_put(r->m, NFTA_DATA_VALUE, (int)len, value);
	nla_nest_end(r->m, nest);
}

static void load_meta(struct rule *r, uint32_t key)
{
	if (!expr_begin(r, "meta"))
		return;
	put32(r->m, NFTA_META_KEY, key);
	put32(r->m, NFTA_META_DREG, REG_A);
	expr_end(r);
}

static void compare(struct rule *r, uint32_t op, const void *value, size_t len)
{
	if (!expr_begin(r, "cmp"))
		return;
	put32(r->m, NFTA_CMP_SREG, REG_A);
	put32(r->m, NFTA_CMP_OP, op);
	put_value(r, NFTA_CMP_DATA, value, len);
	expr_end(r);
}

static void match_if(struct rule *r, uint32_t key, uint32_t index)
{
	load_meta(r, key);
	compare(r, NFT_CMP_EQ, &index, sizeof(index));
}

static void match_byte(struct rule *r, uint32_t key, uint8_t value)
{
	load_meta(r, key);
	compare(r, NFT_CMP_EQ, &value, sizeof(value));
}

static void load_header(struct rule *r, uint32_t base, uint32_t offset, uint32_t len)
{
	if (!expr_begin(r, "payload"))
		return;
	put32(r->m, NFTA_PAYLOAD_DREG, REG_A);
	put32(r->m, NFTA_PAYLOAD_BASE, base);
	put32(r->m, NFTA_PAYLOAD_OFFSET, offset);
	put32(r->m, NFTA_PAYLOAD_LEN, len);
	expr_end(r);
}

/* UDP's port is where TCP's is. */
static void match_port(struct rule *r, uint8_t protocol, uint16_t port)
{
	uint16_t n = htons(port);

	match_byte(r, NFT_META_L4PROTO, protocol);
	load_header(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	compare(r, NFT_CMP_EQ, &n, sizeof(n));
}

static void match_to(struct rule *r, uint32_t address)
{
	uint32_t n = htonl(address);

	match_byte(r, NFT_META_NFPROTO, NFPROTO_IPV4);
	load_header(r, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	compare(r, NFT_CMP_EQ, &n, sizeof(n));
}

/* Any of these bits. */
static void match_ct(struct rule *r, uint32_t key, uint32_t bits)
{
	const uint32_t zero = 0;

	if (!expr_begin(r, "ct"))
		return;
	put32(r->m, NFTA_CT_KEY, key);
	put32(r->m, NFTA_CT_DREG, REG_A);
	expr_end(r);
	if (!expr_begin(r, "bitwise"))
		return;
	put32(r->m, NFTA_BITWISE_SREG, REG_A);
	put32(r->m, NFTA_BITWISE_DREG, REG_A);
	put32(r->m, NFTA_BITWISE_LEN, sizeof(bits));
	put_value(r, NFTA_BITWISE_MASK, &bits, sizeof(bits));
	put_value(r, NFTA_BITWISE_XOR, &zero, sizeof(zero));
	expr_end(r);
	compare(r, NFT_CMP_NEQ, &zero, sizeof(zero));
}

static void verdict(struct rule *r, uint32_t code)
{
	struct nlattr *data, *v;

	if (expr_begin(r, "immediate")) {
		put32(r->m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
		data = nla_nest_start(r->m, NFTA_IMMEDIATE_DATA);
		v = nla_nest_start(r->m, NFTA_DATA_VERDICT);
		put32(r->m, NFTA_VERDICT_CODE, code);
		nla_nest_end(r->m, v);
		nla_nest_end(r->m, data);
		expr_end(r);
	}
}

static void load_value(struct rule *r, uint32_t reg, const void *value, size_t len)
{
	if (!expr_begin(r, "immediate"))
		return;
	put32(r->m, NFTA_IMMEDIATE_DREG, reg);
	put_value(r, NFTA_IMMEDIATE_DATA, value, len);
	expr_end(r);
}

static void change_target(struct rule *r, uint32_t address, uint16_t port)
{
	uint32_t a = htonl(address);
	uint16_t p = htons(port);

	load_value(r, REG_A, &a, sizeof(a));
	load_value(r, REG_B, &p, sizeof(p));
	if (!expr_begin(r, "nat"))
		return;
	put32(r->m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put32(r->m, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	put32(r->m, NFTA_NAT_REG_ADDR_MIN, REG_A);
	put32(r->m, NFTA_NAT_REG_PROTO_MIN, REG_B);
	expr_end(r);
}

static void masquerade(struct rule *r)
{
	if (expr_begin(r, "masq"))
		expr_end(r);
}

static void offload(struct rule *r)
{
	if (!expr_begin(r, "flow_offload"))
		return;
	nla_put_string(r->m, NFTA_FLOW_TABLE_NAME, FLOWS);
	expr_end(r);
}

static void rule_end(struct rule *r)
{
	if (r->m != NULL)
		nla_nest_end(r->m, r->list);
	end(r->b, r->m);
}

static void accept_known(struct rule *r, struct batch *b, const char *chain)
{
	rule_begin(r, b, chain);
	match_ct(r, NFT_CT_STATE,
	    NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
	verdict(r, NF_ACCEPT);
	rule_end(r);
}

static void add_input(struct batch *b, const struct rules *r)
{
	static const uint8_t icmp[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};
	struct rule u;

	add_chain(b, "input", "filter", NF_INET_LOCAL_IN, 0, NF_DROP);
	accept_known(&u, b, "input");
	for (size_t i = 0; i < ARRAY_LEN(icmp); i++) {
		rule_begin(&u, b, "input");
		match_byte(&u, NFT_META_L4PROTO, icmp[i]);
		verdict(&u, NF_ACCEPT);
		rule_end(&u);
	}
	rule_begin(&u, b, "input");
	match_if(&u, NFT_META_IIF, r->host_index);
	match_port(&u, IPPROTO_UDP, PORT_DHCP);
	verdict(&u, NF_ACCEPT);
	rule_end(&u);
	rule_begin(&u, b, "input");
	match_port(&u, IPPROTO_UDP, PORT_MDNS);
	verdict(&u, NF_ACCEPT);
	rule_end(&u);
}

static void between(
    struct batch *b, struct rule *u, const struct rules *r, bool from_air, bool to_air)
{
	rule_begin(u, b, "forward");
	match_if(u, NFT_META_IIF, from_air ? r->air_index : r->host_index);
	match_if(u, NFT_META_OIF, to_air ? r->air_index : r->host_index);
}

static void add_forward(struct batch *b, const struct rules *r)
{
	struct rule u;

	add_chain(b, "forward", "filter", NF_INET_FORWARD, 0, NF_DROP);
	rule_begin(&u, b, "forward");
	match_ct(&u, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
	offload(&u);
	rule_end(&u);
	accept_known(&u, b, "forward");
	/* What belongs to no connection would leave with the host's own address. */
	rule_begin(&u, b, "forward");
	match_ct(&u, NFT_CT_STATE, NF_CT_STATE_INVALID_BIT);
	verdict(&u, NF_DROP);
	rule_end(&u);
	between(b, &u, r, false, true);
	verdict(&u, NF_ACCEPT);
	rule_end(&u);
	/* Of hosts that have us for a router between them: IPv6's. */
	between(b, &u, r, false, false);
	verdict(&u, NF_ACCEPT);
	rule_end(&u);
	between(b, &u, r, true, false);
	match_ct(&u, NFT_CT_STATUS, IPS_DST_NAT);
	verdict(&u, NF_ACCEPT);
	rule_end(&u);
	/* IPv6 has no other addresses here: it comes to the host's own port. */
	between(b, &u, r, true, false);
	match_byte(&u, NFT_META_L4PROTO, IPPROTO_ICMPV6);
	verdict(&u, NF_ACCEPT);
	rule_end(&u);
	for (unsigned i = 0; i < r->n_forward; i++) {
		between(b, &u, r, true, false);
		match_byte(&u, NFT_META_NFPROTO, NFPROTO_IPV6);
		match_port(&u, r->forward[i].protocol, r->forward[i].to);
		verdict(&u, NF_ACCEPT);
		rule_end(&u);
	}
}

static void send_names_to(
    struct batch *b, const struct rules *r, uint32_t from, uint32_t server)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
	struct rule u;

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		rule_begin(&u, b, "prerouting");
		match_if(&u, NFT_META_IIF, r->host_index);
		match_to(&u, from);
		match_port(&u, protocols[i], PORT_DNS);
		change_target(&u, server, PORT_DNS);
		rule_end(&u);
	}
}

static void add_nat(struct batch *b, const struct rules *r)
{
	const uint32_t ours[] = {r->gateway, r->dns2};
	struct rule u;

	add_chain(b, "prerouting", "nat", NF_INET_PRE_ROUTING, PRIO_DSTNAT, NF_ACCEPT);
	add_chain(b, "postrouting", "nat", NF_INET_POST_ROUTING, PRIO_SRCNAT, NF_ACCEPT);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (ours[i] != 0 && r->dns[i] != 0)
			send_names_to(b, r, ours[i], r->dns[i]);
	for (unsigned i = 0; r->uplink != 0 && r->forward_to != 0 && i < r->n_forward;
	     i++) {
		rule_begin(&u, b, "prerouting");
		match_if(&u, NFT_META_IIF, r->air_index);
		match_to(&u, r->uplink);
		match_port(&u, r->forward[i].protocol, r->forward[i].port);
		change_target(&u, r->forward_to, r->forward[i].to);
		rule_end(&u);
	}
	rule_begin(&u, b, "postrouting");
	match_if(&u, NFT_META_OIF, r->air_index);
	match_byte(&u, NFT_META_NFPROTO, NFPROTO_IPV4);
	masquerade(&u);
	rule_end(&u);
}

/* Until the answer to message `last`; the first error among the others counts. */
static int take_answers(struct nl_sock *sk, uint32_t last, struct err *e)
{
	for (int wrong = 0;;) {
		struct sockaddr_nl from;
		unsigned char *buf = NULL;
		int left = nl_recv(sk, &from, &buf, NULL);
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;

		if (left <= 0)
			return err_set(e, ERR_FAILED, "nftables: %s", nl_geterror(left));
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			const struct nlmsgerr *answer = nlmsg_data(h);

			if (h->nlmsg_type != NLMSG_ERROR ||
			    h->nlmsg_len < NLMSG_HDRLEN + sizeof(*answer))
				continue;
			if (answer->error != 0 && wrong == 0) {
				wrong = -answer->error;
				err_sys(e, wrong, "nftables: message %u of %u",
				    h->nlmsg_seq, last);
			}
			if (h->nlmsg_seq == last) {
				free(buf);
				return wrong != 0 ? -1 : 0;
			}
		}
		free(buf);
	}
}

static int send_batch(const struct batch *b, uint32_t last, struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	int n = sk != NULL ? nl_connect(sk, NETLINK_NETFILTER) : -NLE_NOMEM;
	struct timeval limit = {5, 0};

	if (n < 0) {
		nl_socket_free(sk);
		return err_set(e, ERR_FAILED, "nftables: %s", nl_geterror(n));
	}
	/* It answers before send returns; this is for a kernel that does not. */
	setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send(nl_socket_get_fd(sk), b->buf, b->len, 0) < 0)
		n = err_sys(e, errno, "nftables");
	else
		n = take_answers(sk, last, e);
	nl_socket_free(sk);
	return n;
}

/* `fill` writes what is in the table; NULL: there shall be none. */
static int replace(const struct rules *r,
    void (*fill)(struct batch *b, const struct rules *r), struct err *e)
{
	struct batch *b = calloc(1, sizeof(*b));
	uint32_t last;
	int ret = -1;

	if (b == NULL)
		return err_sys(e, ENOMEM, "nftables");
	end(b, begin(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	add_table(b, NFT_MSG_NEWTABLE);
	add_table(b, NFT_MSG_DELTABLE);
	if (fill != NULL) {
		add_table(b, NFT_MSG_NEWTABLE);
		fill(b, r);
	}
	/* The table once more is no change, but a message to be answered. */
	end(b, begin_nft(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK));
	last = b->seq;
	if (fill == NULL)
		add_table(b, NFT_MSG_DELTABLE);
	end(b, begin(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	if (b->failed)
		err_set(e, ERR_FAILED, "nftables: out of memory");
	else
		ret = send_batch(b, last, e);
	free(b);
	return ret;
}

static void fill_all(struct batch *b, const struct rules *r)
{
	add_flowtable(b, r);
	add_input(b, r);
	add_forward(b, r);
	add_nat(b, r);
}

int rules_set(const struct rules *r, struct err *e)
{
	return replace(r, fill_all, e);
}

int rules_clear(struct err *e)
{
	return replace(NULL, NULL, e);
}
