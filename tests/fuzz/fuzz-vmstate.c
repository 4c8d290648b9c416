/* vm.json, which decides what a new bhyfid signals and puts back. */
#include <stdint.h>

#include "priv-server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vm_record r;
	struct err e = ERR_INIT;

	if (vm_record_parse(&r, (const char *)data, size, &e) == 0 && r.pid <= 1)
		__builtin_trap();
	return 0;
}
