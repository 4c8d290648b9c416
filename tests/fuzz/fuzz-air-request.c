/* Requests to the simulated WLAN. */
#include <stddef.h>
#include <stdint.h>

#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct air_request r;
	struct err e;
	json_int_t id;

	(void)request_parse((const char *)data, size, &r, &id, &e);
	return 0;
}
