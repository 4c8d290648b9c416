/* mDNS messages as they are passed on. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nat/mdns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	static struct mdns m;

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	mdns_ask_group(copy, size);
	/* Nothing but bits of classes is changed, from 1 to 0. */
	for (size_t i = 0; i < size; i++)
		if (copy[i] != data[i] && copy[i] != (data[i] & 0x7f))
			__builtin_trap();
	memset(&m, 0, sizeof(m));
	if (!mdns_passes(&m, 0, copy, size, 1000) || mdns_passes(&m, 1, copy, size, 1000))
		__builtin_trap();
	free(copy);
	return 0;
}
