/*
 * What nftables is told: one table that is replaced as a whole. Messages are built by
 * hand on libnl's core, as there is no static libnftnl in Debian.
 */
#ifndef BHYFI_NAT_RULES_H
#define BHYFI_NAT_RULES_H

#include <stdint.h>

#include "err.h"
#include "settings.h"

struct rules {
	unsigned host_index, air_index; /* interfaces */
	const char *host_if, *air_if;
	uint32_t gateway,
	    dns2;            /* our addresses for the hosts; host byte order; 0: none */
	uint32_t uplink;     /* our address on the uplink; 0: none */
	uint32_t dns[2];     /* where questions to these two go; 0: nowhere */
	uint32_t forward_to; /* the host that ports are forwarded to; 0: none */
	const struct settings_forward *forward;
	unsigned n_forward;
};

/* At once, or not at all. Connections that there are go on. */
int rules_set(const struct rules *r, struct err *e);
/* No table, as before; it is no error if there is none. */
int rules_clear(struct err *e);

#endif
