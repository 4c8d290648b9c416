/* Router advertisements, and neighbour discovery's packets. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nat/ra.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct in6_addr from = {.s6_addr = {0xfe, 0x80, [15] = 1}};
	uint8_t out[RA_MAX];
	struct ra r = {0};
	struct nd nd;

	(void)ra_take(&r, &from, data, size, 1000);
	/* Another router says the same, and then the first one again, later. */
	from.s6_addr[15] = 2;
	(void)ra_take(&r, &from, data, size, 2000);
	from.s6_addr[15] = 1;
	(void)ra_take(&r, &from, data, size, 2000000000);
	if (ra_build(&r, mac, 2000000000, out) > RA_MAX)
		__builtin_trap();
	ra_withdraw(&r);
	if (ra_any(&r, 1000) || ra_build(&r, mac, 1000, out) > RA_MAX)
		__builtin_trap();
	if (nd_parse(data, size, &nd) && IN6_IS_ADDR_MULTICAST(&nd.target))
		__builtin_trap();
	return 0;
}
