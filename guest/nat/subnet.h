/* Which addresses the hosts get: a /24 that the uplink has no other use for. */
#ifndef BHYFI_NAT_SUBNET_H
#define BHYFI_NAT_SUBNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBNET_MASK UINT32_C(0xffffff00)

/* In use on the uplink's side; host byte order. */
struct subnet_used {
	uint32_t address, mask;
};

/*
 * `now` (0: none yet) if it does not clash; else the one that is wished for (0: none) if
 * that does not; else the first of ours. 0 where each clashes.
 */
uint32_t subnet_choose(
    uint32_t now, uint32_t wish, const struct subnet_used *used, size_t n);

bool subnet_clashes(uint32_t subnet, const struct subnet_used *used, size_t n);

#endif
