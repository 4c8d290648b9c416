/* DHCP from the uplink and from the hosts: what is read of it, and what is done then. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nat/dhcpc.h"
#include "nat/leases.h"
#include "nat/subnet.h"

#define NET UINT32_C(0xc0a8d700)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_send(void *arg, const struct dhcp_msg *m, uint32_t to)
{
	uint8_t out[DHCP_MAX];

	(void)arg;
	(void)to;
	(void)dhcp_build(m, out);
}

static void on_timer(void *arg, int64_t ms)
{
	(void)arg;
	if (ms < 0)
		__builtin_trap();
}

static void on_lease(void *arg, const struct dhcpc_lease *l)
{
	(void)arg;
	if (l != NULL && (l->address == 0 || l->n_dns > DHCP_DNS_MAX))
		__builtin_trap();
}

static const struct dhcpc_ops ops = {on_send, on_timer, on_lease};

static void as_client(const struct dhcp_msg *m)
{
	struct dhcp_msg more = *m;
	struct dhcpc c;

	dhcpc_init(&c, &ops, NULL);
	dhcpc_start(&c, m->mac, m->xid - 1, 0);
	dhcpc_take(&c, m, 1);
	more.type = DHCP_ACK;
	dhcpc_take(&c, &more, 2);
	dhcpc_timer(&c, 1000000);
	dhcpc_take(&c, m, 1000001);
}

static void as_server(const struct dhcp_msg *m)
{
	static struct leases l;
	struct dhcp_msg out, again;
	uint8_t data[DHCP_MAX];
	size_t len;

	leases_init(&l, NET);
	memset(l.domain, 'd', sizeof(l.domain) - 1);
	for (int64_t now = 1; now < 3; now++) {
		if (!leases_answer(&l, m, now, &out))
			continue;
		if (out.yiaddr != 0 && (out.yiaddr & SUBNET_MASK) != NET)
			__builtin_trap();
		len = dhcp_build(&out, data);
		if (len > DHCP_MAX || !dhcp_parse(data, len, &again))
			__builtin_trap();
	}
	(void)leases_host(&l, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp_msg m;
	const uint8_t *p;
	size_t len;

	p = dhcp_unwrap(data, size, &len);
	if (p != NULL && (p < data || p + len > data + size))
		__builtin_trap();
	if (!dhcp_parse(data, size, &m))
		return 0;
	as_client(&m);
	as_server(&m);
	return 0;
}
