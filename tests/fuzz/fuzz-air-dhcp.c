/* air/dhcp-message.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp d = {.state = DHCP_REQUEST};
	uint8_t buf[DHCP_MESSAGE_MAX];
	struct dhcp_lease lease;

	/* With the number and the address that it has. */
	if (size >= 34) {
		memcpy(&d.xid, data + 4, 4);
		memcpy(d.mac, data + 28, 6);
	}
	if (dhcp_parse(&d, data, size, &lease) >= 0 && lease.prefix > 32)
		abort();
	d.lease = lease;
	if (dhcp_make(&d, buf) > sizeof(buf))
		abort();
	return 0;
}
