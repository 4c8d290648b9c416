/*
 * macnat: many hosts behind one station.
 *
 * Theory of operation
 *
 * An access point takes frames only from the address that associated, and sends only
 * to that one. So a host's frame goes out with the radio's address as its source, and
 * what comes in for the radio's address goes to the host that has the packet's IP
 * address. macnat_out stands at the ingress of the interface towards the hosts,
 * macnat_in at the radio's; each frame is redirected to the other interface, or left to
 * the supplicant (EAPOL), or dropped and counted. Nothing is ever sent to all hosts that
 * was not meant for all.
 *
 * Which host has an address is learned from what hosts send: sources of IPv4 and
 * IPv6 packets, senders of ARP, targets of neighbour advertisements. Never from 0.0.0.0
 * and ::, of a host that has no address yet, and never from the air. An entry is
 * confirmed by each packet of its host. For MACNAT_HOLD_S after the last one it
 * can't be taken: frames of another host from the same address are dropped, whatever they
 * say (a gratuitous ARP or an unsolicited advertisement is no better proof than any
 * packet). After that the next host that uses the address has it, so that an
 * address can move. After MACNAT_AGE_S without a packet nobody has it. If the tables are
 * full, the entry least recently used goes. Between hosts duplicate address detection
 * needs no help of ours: they hear each other without us.
 *
 * Addresses of the link layer within packets, which would betray or miss a host:
 *  - ARP. Out: the sender's becomes the radio's; sender and frame's source must be the
 *    same. In: the target's, where it is the radio's, becomes the host's.
 *  - ICMPv6 router and neighbour solicitations and advertisements. Out: source and
 *    target link-layer address options become the radio's. In: they speak of others and
 *    stay. One that speaks of the radio's own address (an access point that answers for
 *    its stations) would draw a host's frames for its neighbour to us, and is
 *    dropped; as is such an ARP. Redirects: in, the same; out, dropped: the
 *    address in them may be right or not.
 *  - DHCP. A client without an address has its answer sent to its hardware address, which
 *    the access point does not know: the broadcast flag is set in requests. The hardware
 *    address in them stays, by it the server tells hosts apart.
 * Checksums are amended, not computed anew: a wrong one stays wrong. UDP's 0 stays 0; one
 * that an offload will fill in is left to it.
 *
 * In from the air: frames that bear our own source address are the access point's
 * echo of our broadcasts, which would fail every duplicate address detection. Group
 * frames go as they are. Access points may send those to each station singly, under its
 * own address; by the packet's destination they become what they were. An ARP request or
 * neighbour solicitation sent to us for an address that we don't know goes to all
 * (solicited-node group), and what the host answers makes it known again; and so does the
 * answer to an ARP probe, whose target is 0.0.0.0. Everything else for an address that we
 * don't know is dropped.
 *
 * Other types of frames are dropped in both directions: an answer could not find its
 * host. So are tagged ones; a station has no VLANs. Neither fragments nor IPv4 options
 * nor IPv6 extension headers are in the way: every fragment has the addresses. Neighbour
 * discovery in fragments is dropped, as its receivers would (RFC 6980), and so are more
 * than EXT_MAX extension headers; what is behind AH or ESP is left as it is.
 *
 * The kernel's verifier sees that no byte outside of a frame is touched. Headers are read
 * in place where every packet passes, and through helpers where few do.
 */
#include "kernel.h"
#include "macnat.h"

#define ETH_P_RSN_PREAUTH 0x88c7
#define IP4_MIN 20
#define IP6_LEN 40
#define EXT_MAX 8   /* IPv6 extension headers */
#define OPTS_MAX 24 /* options of a neighbour discovery message */
#define IP_TCP 6
#define IP_UDP 17
#define IP_ICMP6 58
#define DHCP_SERVER 67

enum { RS = 133, RA, NS, NA, REDIRECT };

struct eth {
	struct mac dst, src;
	__be16 type;
};

struct arp {
	__be16 htype, ptype;
	__u8 hlen, plen;
	__be16 op;
	struct mac sha;
	__be16 spa[2];
	struct mac tha;
	__be16 tpa[2];
};

struct ip4 {
	__u8 version_ihl, tos;
	__be16 len, id, frag;
	__u8 ttl, proto;
	__be16 check;
	__be32 src, dst;
};

struct ip6 {
	__be32 version;
	__be16 len;
	__u8 next, hops;
	struct macnat_address6 src, dst;
};

/* The part of a request that we look at. */
struct dhcp {
	__be16 sport, dport, udp_len, check;
	__u8 op, htype, hlen, hop_count;
	__be32 xid;
	__be16 secs, flags;
	__be32 ciaddr, yiaddr, siaddr, giaddr;
};

SETTING struct macnat_config config = {0};
__u64 counts[MACNAT_COUNTS] = {0};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MACNAT_TABLE4);
	__type(key, __u32);
	__type(value, struct macnat_host);
} hosts4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MACNAT_TABLE6);
	__type(key, struct macnat_address6);
	__type(value, struct macnat_host);
} hosts6 SEC(".maps");

static __always_inline void count(enum macnat_count what)
{
	__sync_fetch_and_add(&counts[what], 1);
}

static __always_inline int drop(enum macnat_count why)
{
	count(why);
	return TC_ACT_SHOT;
}

static __always_inline bool same(const struct mac *a, const struct mac *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] &&
	       a->word[2] == b->word[2];
}

static __always_inline bool ours(const struct mac *m)
{
	return m->word[0] == config.mac.word[0] && m->word[1] == config.mac.word[1] &&
	       m->word[2] == config.mac.word[2];
}

static __always_inline struct mac our_mac(void)
{
	struct mac m = {{config.mac.word[0], config.mac.word[1], config.mac.word[2]}};

	return m;
}

static __always_inline bool is_group(const struct mac *m)
{
	return (m->word[0] & bpf_htons(0x0100)) != 0;
}

static __always_inline bool is_zero(const struct mac *m)
{
	return (m->word[0] | m->word[1] | m->word[2]) == 0;
}

static __always_inline __u32 now(void)
{
	return (__u32)(bpf_ktime_get_coarse_ns() >> MACNAT_TICK_SHIFT);
}

/* The verifier has to see the comparison with END wherever AT is looked at. */
#define AT(skb, off) ((void *)((__u8 *)(long)(skb)->data + (off)))
#define END(skb) ((void *)(long)(skb)->data_end)

/* Makes len bytes of the frame readable in place. */
static __always_inline bool linear(struct __sk_buff *skb, __u32 len)
{
	if (AT(skb, len) <= END(skb))
		return true;
	return len <= skb->len && bpf_skb_pull_data(skb, len) == 0;
}

/* The tables. */

enum claim { CLAIM_HELD, CLAIM_STORE, CLAIM_REFUSED };

/* What an entry (NULL: none) has to say about an address that mac uses. */
static __always_inline enum claim claim(
    struct macnat_host *h, const struct mac *mac, __u32 t)
{
	if (h == NULL) {
		count(MACNAT_LEARNED);
		return CLAIM_STORE;
	}
	if (same(&h->mac, mac)) {
		if (h->seen != t)
			h->seen = t;
		return CLAIM_HELD;
	}
	if (t - h->seen < MACNAT_TICKS(MACNAT_HOLD_S))
		return CLAIM_REFUSED;
	count(MACNAT_MOVED);
	return CLAIM_STORE;
}

/* False: another host has it. */
static __always_inline bool claim4(__u32 address, const struct mac *mac)
{
	struct macnat_host fresh = {.mac = *mac, .seen = now()};
	struct macnat_host *h = bpf_map_lookup_elem(&hosts4, &address);
	enum claim c = claim(h, mac, fresh.seen);

	if (c == CLAIM_STORE)
		bpf_map_update_elem(&hosts4, &address, &fresh, BPF_ANY);
	return c != CLAIM_REFUSED;
}

static __always_inline bool claim6(
    const struct macnat_address6 *address, const struct mac *mac)
{
	struct macnat_host fresh = {.mac = *mac, .seen = now()};
	struct macnat_host *h = bpf_map_lookup_elem(&hosts6, address);
	enum claim c = claim(h, mac, fresh.seen);

	if (c == CLAIM_STORE)
		bpf_map_update_elem(&hosts6, address, &fresh, BPF_ANY);
	return c != CLAIM_REFUSED;
}

static __always_inline bool found(const struct macnat_host *h, struct mac *mac)
{
	if (h == NULL || now() - h->seen >= MACNAT_TICKS(MACNAT_AGE_S))
		return false;
	*mac = h->mac;
	return true;
}

static __always_inline bool find4(__u32 address, struct mac *mac)
{
	return found(bpf_map_lookup_elem(&hosts4, &address), mac);
}

static __always_inline bool find6(const struct macnat_address6 *address, struct mac *mac)
{
	return found(bpf_map_lookup_elem(&hosts6, address), mac);
}

/* Addresses. */

static __always_inline bool group4(__u32 a)
{
	return (a & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000);
}

/* 0/8 but 0.0.0.0, 127/8, groups, and all that is above. */
static __always_inline bool no_source4(__u32 a)
{
	__u32 top = a & bpf_htonl(0xff000000);

	return top == 0 || top == bpf_htonl(0x7f000000) ||
	       (a & bpf_htonl(0xe0000000)) == bpf_htonl(0xe0000000);
}

static __always_inline bool group6(const struct macnat_address6 *a)
{
	return (a->word[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

static __always_inline bool unspecified6(const struct macnat_address6 *a)
{
	return (a->word[0] | a->word[1] | a->word[2] | a->word[3]) == 0;
}

/* Groups and ::1. */
static __always_inline bool no_source6(const struct macnat_address6 *a)
{
	return group6(a) || ((a->word[0] | a->word[1] | a->word[2]) == 0 &&
				a->word[3] == bpf_htonl(1));
}

static __always_inline struct mac mac_of_group4(__u32 a)
{
	__u32 low = bpf_ntohl(a);
	struct mac m = {{bpf_htons(0x0100), bpf_htons(0x5e00 | (low >> 16 & 0x7f)),
	    bpf_htons(low & 0xffff)}};

	return m;
}

static __always_inline struct mac mac_of_group6(const struct macnat_address6 *a)
{
	__u32 low = bpf_ntohl(a->word[3]);
	struct mac m = {
	    {bpf_htons(0x3333), bpf_htons(low >> 16), bpf_htons(low & 0xffff)}};

	return m;
}

static __always_inline struct mac mac_of_solicited(const struct macnat_address6 *a)
{
	__u32 low = bpf_ntohl(a->word[3]);
	struct mac m = {{bpf_htons(0x3333), bpf_htons(0xff00 | (low >> 16 & 0xff)),
	    bpf_htons(low & 0xffff)}};

	return m;
}

static __always_inline struct mac mac_of_all(void)
{
	struct mac m = {{0xffff, 0xffff, 0xffff}};

	return m;
}

/*
 * ARP and neighbour discovery, the same for both directions. These functions and those
 * of the protocols return 0, or the counter of the reason to drop the frame.
 */

static __always_inline int load_arp(struct __sk_buff *skb, struct arp *a)
{
	if (bpf_skb_load_bytes(skb, sizeof(struct eth), a, sizeof(*a)) < 0)
		return MACNAT_DROP_SHORT;
	if (a->htype != bpf_htons(1) || a->ptype != bpf_htons(ETH_P_IP) || a->hlen != 6 ||
	    a->plen != 4 || (a->op != bpf_htons(1) && a->op != bpf_htons(2)))
		return MACNAT_DROP_MALFORMED;
	return 0;
}

static __always_inline int store_arp(struct __sk_buff *skb, const struct arp *a)
{
	if (bpf_skb_store_bytes(skb, sizeof(struct eth), a, sizeof(*a), 0) < 0)
		return MACNAT_DROP_SHORT;
	return 0;
}

static __always_inline __u32 arp_address(const __be16 a[2])
{
	union {
		__be16 half[2];
		__u32 whole;
	} u = {{a[0], a[1]}};

	return u.whole;
}

struct ndp {
	__u32 icmp, options, end; /* offsets in the frame; icmp 0: no such message */
	__u8 type;
	bool fragment;
};

/* Finds the ICMPv6 header behind the extension headers; n->icmp stays 0 where there is
 * none. */
static __noinline int find_icmp6(struct __sk_buff *skb, __u8 next, struct ndp *n)
{
	__u32 off = sizeof(struct eth) + IP6_LEN;
	__u8 ext[8];

	for (int i = 0; i <= EXT_MAX; i++) {
		if (next == IP_ICMP6) {
			n->icmp = off;
			return 0;
		}
		/* Hop-by-hop options, routing, fragment, destination options, mobility,
		 * HIP, shim6. */
		if (next != 0 && next != 43 && next != 44 && next != 60 && next != 135 &&
		    next != 139 && next != 140)
			return 0;
		if (bpf_skb_load_bytes(skb, off, ext, sizeof(ext)) < 0)
			return MACNAT_DROP_SHORT;
		if (next == 44) {
			if (((ext[2] << 8 | ext[3]) & 0xfff8) != 0)
				return 0;
			n->fragment = true;
			off += 8;
		} else {
			off += (ext[1] + 1u) * 8;
		}
		next = ext[0];
	}
	return MACNAT_DROP_MALFORMED;
}

/* Of a packet that has no more bytes than its header says: where neighbour discovery's
 * options are, if it is that. */
static __noinline int find_ndp(
    struct __sk_buff *skb, __u8 next, __u8 hops, __u16 len, struct ndp *n)
{
	__u8 head[4];
	int why = find_icmp6(skb, next, n);

	if (why != 0 || n->icmp == 0)
		return why;
	if (bpf_skb_load_bytes(skb, n->icmp, head, sizeof(head)) < 0)
		return MACNAT_DROP_SHORT;
	switch (head[0]) {
	case RS:
		n->options = n->icmp + 8;
		break;
	case RA:
		n->options = n->icmp + 16;
		break;
	case NS:
	case NA:
		n->options = n->icmp + 24;
		break;
	case REDIRECT:
		n->options = n->icmp + 40;
		break;
	default:
		n->icmp = 0;
		return 0;
	}
	n->type = head[0];
	n->end = sizeof(struct eth) + IP6_LEN + len;
	if (n->fragment || hops != 255 || head[1] != 0 || n->end < n->options)
		return MACNAT_DROP_MALFORMED;
	return n->end > skb->len ? MACNAT_DROP_SHORT : 0;
}

struct lladdr {
	__u8 type, len;
	struct mac mac;
};

static __always_inline int rewrite_lladdr(
    struct __sk_buff *skb, __u32 icmp, __u32 off, struct lladdr *old)
{
	struct lladdr new = {old->type, old->len, our_mac()};
	__s64 diff = bpf_csum_diff(
	    (__be32 *)(void *)old, sizeof(*old), (__be32 *)(void *)&new, sizeof(new), 0);

	if (bpf_skb_store_bytes(skb, off, &new, sizeof(new), 0) < 0 ||
	    bpf_l4_csum_replace(skb, icmp + 2, 0, (__u64)diff, 0) < 0)
		return MACNAT_DROP_SHORT;
	return 0;
}

/* Walks the options. Out: those with an address become the radio's. In: must not be. */
static __noinline int do_options(struct __sk_buff *skb, struct ndp *n, bool out)
{
	__u32 off = n->options;
	struct lladdr opt;
	int why;

	for (int i = 0; i < OPTS_MAX && off < n->end; i++) {
		if (off + sizeof(opt) > n->end)
			return MACNAT_DROP_MALFORMED;
		if (bpf_skb_load_bytes(skb, off, &opt, sizeof(opt)) < 0)
			return MACNAT_DROP_SHORT;
		if (opt.len == 0 || ((opt.type == 1 || opt.type == 2) && opt.len != 1))
			return MACNAT_DROP_MALFORMED;
		if (opt.type == 1 || opt.type == 2) {
			if (!out && ours(&opt.mac))
				return MACNAT_DROP_REFLECTED;
			why = out ? rewrite_lladdr(skb, n->icmp, off, &opt) : 0;
			if (why != 0)
				return why;
		}
		off += opt.len * 8u;
	}
	return off == n->end ? 0 : MACNAT_DROP_MALFORMED;
}

/* From the hosts. */

static __noinline int out_arp(struct __sk_buff *skb, const struct mac *src)
{
	struct arp a;
	int why = load_arp(skb, &a);
	__u32 spa = arp_address(a.spa);

	if (why != 0)
		return why;
	if (!same(&a.sha, src))
		return MACNAT_DROP_SOURCE;
	if (spa != 0) { /* else it probes */
		if (no_source4(spa))
			return MACNAT_DROP_SOURCE;
		if (!claim4(spa, src))
			return MACNAT_DROP_CONFLICT;
	}
	a.sha = our_mac();
	if (same(&a.tha, src))
		a.tha = a.sha;
	return store_arp(skb, &a);
}

static __noinline int out_dhcp(struct __sk_buff *skb, __u32 off)
{
	struct dhcp d;
	__be16 flags;

	/* What is shorter or no request is none of ours. */
	if (bpf_skb_load_bytes(skb, off, &d, sizeof(d)) < 0 || d.op != 1 ||
	    d.giaddr != 0 || (d.flags & bpf_htons(0x8000)) != 0)
		return 0;
	flags = d.flags | bpf_htons(0x8000);
	if (bpf_skb_store_bytes(skb, off + __builtin_offsetof(struct dhcp, flags), &flags,
		sizeof(flags), 0) < 0 ||
	    bpf_l4_csum_replace(skb, off + __builtin_offsetof(struct dhcp, check),
		d.flags, flags, sizeof(flags) | BPF_F_MARK_MANGLED_0) < 0)
		return MACNAT_DROP_SHORT;
	return 0;
}

static __always_inline int out_ip4(struct __sk_buff *skb, const struct mac *src)
{
	__u32 len = sizeof(struct eth) + sizeof(struct ip4), header;
	struct ip4 *ip;
	__u8 ports[4];

	if (!linear(skb, len))
		return MACNAT_DROP_SHORT;
	ip = AT(skb, sizeof(struct eth));
	if ((void *)(ip + 1) > END(skb))
		return MACNAT_DROP_SHORT;
	header = (ip->version_ihl & 15u) * 4;
	if (ip->version_ihl >> 4 != 4 || header < IP4_MIN)
		return MACNAT_DROP_MALFORMED;
	if (ip->src != 0) {
		if (no_source4(ip->src))
			return MACNAT_DROP_SOURCE;
		if (!claim4(ip->src, src))
			return MACNAT_DROP_CONFLICT;
	}
	if (ip->proto != IP_UDP || (ip->frag & bpf_htons(0x1fff)) != 0)
		return 0;
	header += sizeof(struct eth);
	if (bpf_skb_load_bytes(skb, header, ports, sizeof(ports)) < 0)
		return 0;
	return ports[2] == 0 && ports[3] == DHCP_SERVER ? out_dhcp(skb, header) : 0;
}

static __noinline int out_ndp(
    struct __sk_buff *skb, const struct mac *src, __u8 next, __u8 hops, __u16 len)
{
	struct macnat_address6 target;
	struct ndp n = {0};
	int why = find_ndp(skb, next, hops, len, &n);

	if (why != 0 || n.icmp == 0)
		return why;
	if (n.type == REDIRECT)
		return MACNAT_DROP_REDIRECT;
	if (n.type == NA) {
		if (bpf_skb_load_bytes(skb, n.icmp + 8, &target, sizeof(target)) < 0)
			return MACNAT_DROP_SHORT;
		if (no_source6(&target) || unspecified6(&target))
			return MACNAT_DROP_SOURCE;
		if (!claim6(&target, src))
			return MACNAT_DROP_CONFLICT;
	}
	return do_options(skb, &n, true);
}

static __always_inline int out_ip6(struct __sk_buff *skb, const struct mac *src)
{
	struct macnat_address6 from;
	struct ip6 *ip;

	if (!linear(skb, sizeof(struct eth) + sizeof(*ip)))
		return MACNAT_DROP_SHORT;
	ip = AT(skb, sizeof(struct eth));
	if ((void *)(ip + 1) > END(skb))
		return MACNAT_DROP_SHORT;
	if ((ip->version & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000))
		return MACNAT_DROP_MALFORMED;
	from = ip->src;
	if (!unspecified6(&from)) {
		if (no_source6(&from))
			return MACNAT_DROP_SOURCE;
		if (!claim6(&from, src))
			return MACNAT_DROP_CONFLICT;
	}
	if (ip->next == IP_TCP || ip->next == IP_UDP)
		return 0;
	return out_ndp(skb, src, ip->next, ip->hops, bpf_ntohs(ip->len));
}

int macnat_out(struct __sk_buff *skb);
int macnat_in(struct __sk_buff *skb);

/* From eth0. The frame's source is written last: a host's frame that is not finished
 * never has the radio's address. */
SEC("tc")
int macnat_out(struct __sk_buff *skb)
{
	struct eth *eth;
	struct mac src;
	int why;

	if (skb->vlan_present)
		return drop(MACNAT_DROP_TAGGED);
	eth = AT(skb, 0);
	if ((void *)(eth + 1) > END(skb))
		return drop(MACNAT_DROP_SHORT);
	src = eth->src;
	if (is_group(&src) || is_zero(&src))
		return drop(MACNAT_DROP_SOURCE);
	if (ours(&eth->dst))
		return drop(MACNAT_DROP_HAIRPIN);
	if (eth->type == bpf_htons(ETH_P_IP))
		why = out_ip4(skb, &src);
	else if (eth->type == bpf_htons(ETH_P_IPV6))
		why = out_ip6(skb, &src);
	else if (eth->type == bpf_htons(ETH_P_ARP))
		why = out_arp(skb, &src);
	else
		why = MACNAT_DROP_TYPE;
	if (why != 0)
		return drop(why);
	eth = AT(skb, 0);
	if ((void *)(eth + 1) > END(skb))
		return drop(MACNAT_DROP_SHORT);
	eth->src = our_mac();
	count(MACNAT_OUT);
	return bpf_redirect(config.air_if, 0);
}

/* From the air. Each takes the frame's destination and leaves there who shall have it. */

static __noinline int in_arp(struct __sk_buff *skb, struct mac *dst)
{
	struct mac host;
	struct arp a;
	int why = load_arp(skb, &a);
	__u32 tpa = arp_address(a.tpa);
	bool group = is_group(dst), known;

	if (why != 0)
		return why;
	if (ours(&a.sha))
		return MACNAT_DROP_REFLECTED;
	known = tpa != 0 && find4(tpa, &host);
	if (!group) {
		if (known)
			*dst = host;
		else if (a.op == bpf_htons(1) || tpa == 0)
			*dst = mac_of_all();
		else
			return MACNAT_DROP_UNKNOWN;
	}
	if (!known || !ours(&a.tha))
		return 0;
	a.tha = host;
	return store_arp(skb, &a);
}

static __always_inline int in_ip4(struct __sk_buff *skb, struct mac *dst)
{
	struct ip4 *ip;

	if (!linear(skb, sizeof(struct eth) + sizeof(*ip)))
		return MACNAT_DROP_SHORT;
	ip = AT(skb, sizeof(struct eth));
	if ((void *)(ip + 1) > END(skb))
		return MACNAT_DROP_SHORT;
	if (ip->version_ihl >> 4 != 4 || (ip->version_ihl & 15) < IP4_MIN / 4)
		return MACNAT_DROP_MALFORMED;
	if (is_group(dst))
		return 0;
	if (ip->dst == 0xffffffff)
		*dst = mac_of_all();
	else if (group4(ip->dst))
		*dst = mac_of_group4(ip->dst);
	else if (!find4(ip->dst, dst))
		return MACNAT_DROP_UNKNOWN;
	return 0;
}

/* type: the message's; 0 if it is none of neighbour discovery. */
static __noinline int in_ndp(
    struct __sk_buff *skb, __u8 next, __u8 hops, __u16 len, __u8 *type)
{
	struct ndp n = {0};
	int why = find_ndp(skb, next, hops, len, &n);

	if (why != 0 || n.icmp == 0)
		return why;
	*type = n.type;
	return do_options(skb, &n, false);
}

static __always_inline int in_ip6(struct __sk_buff *skb, struct mac *dst)
{
	struct macnat_address6 to;
	struct ip6 *ip;
	__u8 type = 0;
	int why;

	if (!linear(skb, sizeof(struct eth) + sizeof(*ip)))
		return MACNAT_DROP_SHORT;
	ip = AT(skb, sizeof(struct eth));
	if ((void *)(ip + 1) > END(skb))
		return MACNAT_DROP_SHORT;
	if ((ip->version & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000))
		return MACNAT_DROP_MALFORMED;
	to = ip->dst;
	if (ip->next != IP_TCP && ip->next != IP_UDP) {
		why = in_ndp(skb, ip->next, ip->hops, bpf_ntohs(ip->len), &type);
		if (why != 0)
			return why;
	}
	if (is_group(dst))
		return 0;
	if (group6(&to))
		*dst = mac_of_group6(&to);
	else if (find6(&to, dst))
		return 0;
	else if (type == NS)
		*dst = mac_of_solicited(&to);
	else
		return MACNAT_DROP_UNKNOWN;
	return 0;
}

/* From wlan0. */
SEC("tc")
int macnat_in(struct __sk_buff *skb)
{
	struct eth *eth = AT(skb, 0);
	struct mac dst;
	int why;

	if ((void *)(eth + 1) > END(skb))
		return drop(MACNAT_DROP_SHORT);
	dst = eth->dst;
	if (ours(&eth->src))
		return drop(MACNAT_DROP_REFLECTED);
	if (!is_group(&dst) && !ours(&dst))
		return drop(MACNAT_DROP_FOREIGN);
	if (skb->vlan_present)
		return drop(MACNAT_DROP_TAGGED);
	if (eth->type == bpf_htons(ETH_P_PAE) ||
	    eth->type == bpf_htons(ETH_P_RSN_PREAUTH)) {
		count(MACNAT_KEPT);
		return TC_ACT_OK;
	}
	if (eth->type == bpf_htons(ETH_P_IP))
		why = in_ip4(skb, &dst);
	else if (eth->type == bpf_htons(ETH_P_IPV6))
		why = in_ip6(skb, &dst);
	else if (eth->type == bpf_htons(ETH_P_ARP))
		why = in_arp(skb, &dst);
	else
		why = MACNAT_DROP_TYPE;
	if (why != 0)
		return drop(why);
	eth = AT(skb, 0);
	if ((void *)(eth + 1) > END(skb))
		return drop(MACNAT_DROP_SHORT);
	eth->dst = dst;
	count(is_group(&dst) ? MACNAT_GROUP : MACNAT_IN);
	return bpf_redirect(config.host_if, 0);
}

char license_text[] SEC("license") = "BSD-2-Clause";
