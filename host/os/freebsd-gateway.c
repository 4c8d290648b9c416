/* By the table of routes as sysctl(3) gives it (route(4), NET_RT_FLAGS). */
#include "gateway.h"

#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysctl.h>

#include "cleanup.h"

#define ROUTES_MAX (1024 * 1024)

static void *routes(int family, size_t *len)
{
	int mib[6] = {CTL_NET, PF_ROUTE, 0, family, NET_RT_FLAGS, RTF_GATEWAY};
	void *buf;

	if (sysctl(mib, 6, NULL, len, NULL, 0) < 0 || *len == 0 || *len > ROUTES_MAX)
		return NULL;
	*len += 4096; /* it may have grown */
	buf = malloc(*len);
	if (buf == NULL || sysctl(mib, 6, buf, len, NULL, 0) < 0) {
		free(buf);
		return NULL;
	}
	return buf;
}

static bool is_zero(const struct sockaddr *sa, size_t from, size_t len)
{
	static const uint8_t zero[16];

	return sa->sa_len < from + len || memcmp((const char *)sa + from, zero, len) == 0;
}

/* A mask may be cut behind its last byte that is not zero: of length zero, mostly. */
static bool mask_is_zero(const struct sockaddr *sa)
{
	for (size_t i = offsetof(struct sockaddr_in, sin_addr); i < sa->sa_len; i++)
		if (((const uint8_t *)sa)[i] != 0)
			return false;
	return true;
}

/* The gateway of a message about a default route; NULL for others. */
static const struct sockaddr *gateway_of(struct rt_msghdr *m, int family)
{
	const struct sockaddr *a[RTAX_MAX] = {NULL};
	char *p = (char *)(m + 1), *end = (char *)m + m->rtm_msglen;

	for (int i = 0; i < RTAX_MAX; i++) {
		struct sockaddr *sa = (void *)p;

		if ((m->rtm_addrs & (1 << i)) == 0)
			continue;
		if (p + sizeof(sa->sa_len) > end || p + SA_SIZE(sa) > end)
			return NULL;
		a[i] = sa;
		p += SA_SIZE(sa);
	}
	if (a[RTAX_DST] == NULL || a[RTAX_GATEWAY] == NULL || a[RTAX_NETMASK] == NULL ||
	    a[RTAX_GATEWAY]->sa_family != family || !mask_is_zero(a[RTAX_NETMASK]))
		return NULL;
	if (!(family == AF_INET
		    ? is_zero(a[RTAX_DST], offsetof(struct sockaddr_in, sin_addr), 4)
		    : is_zero(a[RTAX_DST], offsetof(struct sockaddr_in6, sin6_addr), 16)))
		return NULL;
	return a[RTAX_GATEWAY];
}

/* The kernel writes a link-local address's interface into it. */
static void mend_scope(struct sockaddr_in6 *s, unsigned ifindex)
{
	if (!IN6_IS_ADDR_LINKLOCAL(&s->sin6_addr))
		return;
	s->sin6_addr.s6_addr[2] = s->sin6_addr.s6_addr[3] = 0;
	s->sin6_scope_id = ifindex;
}

static bool find(int family, unsigned ifindex, struct sockaddr_storage *sa, size_t size)
{
	size_t len = 0;
	AUTO_FREE char *buf = routes(family, &len);
	struct rt_msghdr *m;

	for (size_t at = 0; buf != NULL && at + sizeof(*m) <= len; at += m->rtm_msglen) {
		const struct sockaddr *gateway;

		m = (void *)(buf + at);
		if (m->rtm_msglen < sizeof(*m) || m->rtm_msglen > len - at)
			break;
		if (m->rtm_version != RTM_VERSION || m->rtm_index != ifindex)
			continue;
		gateway = gateway_of(m, family);
		if (gateway == NULL || gateway->sa_len < size)
			continue;
		memset(sa, 0, sizeof(*sa));
		memcpy(sa, gateway, size);
		return true;
	}
	return false;
}

bool host_gateway(const char *ifname, struct sockaddr_storage *sa, socklen_t *len)
{
	unsigned ifindex = if_nametoindex(ifname);

	*len = sizeof(struct sockaddr_in);
	if (ifindex == 0)
		return false;
	if (find(AF_INET, ifindex, sa, *len)) {
		((struct sockaddr_in *)(void *)sa)->sin_port = 0;
		return true;
	}
	*len = sizeof(struct sockaddr_in6);
	if (!find(AF_INET6, ifindex, sa, *len))
		return false;
	((struct sockaddr_in6 *)(void *)sa)->sin6_port = 0;
	mend_scope((void *)sa, ifindex);
	return true;
}

void host_gateway_bind(int fd, const char *ifname)
{
	(void)fd;
	(void)ifname;
}
