/* What answers in the place of a captive portal's check: the head of an HTTP answer. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "reach.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char location[REACH_URL_MAX];

	/* As it comes in, piece by piece. */
	for (size_t len = 0; len <= size; len += len / 8 + 1) {
		int status = reach_parse((const char *)data, len, location);

		if (status > 999 || strlen(location) >= sizeof(location))
			__builtin_trap();
	}
	return 0;
}
