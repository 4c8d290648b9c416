/* Configuration files, and the text of a card. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	struct card_id id;
	struct err e = ERR_INIT;
	char text[64];
	size_t n = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	FILE *f;

	if (size == 0)
		return 0;
	memcpy(text, data, n);
	text[n] = '\0';
	card_id_parse(text, &id, &e);
	if (config_init(&c, "fuzz", &e) < 0)
		__builtin_trap();
	f = fmemopen((void *)(uintptr_t)data, size, "r");
	if (f == NULL)
		return 0;
	/* What was taken has to be within its bounds. */
	if (config_parse(&c, f, "fuzz.conf", &e) == 0 &&
	    (c.memory_mib < 64 || c.interface[0] == '\0' || c.networks[0] != '/'))
		__builtin_trap();
	fclose(f);
	return 0;
}
