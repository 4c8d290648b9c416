/* host/apconf.c: what it takes is whole lines of known keys. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct apconf a;

	if (apconf_parse((const char *)data, size, "x", &a, &e) < 0) {
		if (e.msg[0] == '\0' || strpbrk(e.msg, "\x1b\n") != NULL)
			abort();
		return 0;
	}
	if (a.ssid_len == 0 || a.ssid_len > 32 || strlen(a.text) > size + 2 ||
	    strncmp(a.text, "interface", 9) == 0 || strstr(a.text, "\nbridge=") != NULL)
		abort();
	apconf_free(&a);
	return 0;
}
