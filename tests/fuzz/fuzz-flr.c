/* The list of cards with a broken reset. */
#include <stdint.h>
#include <string.h>

#include "flr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flr_list l;
	struct err e = ERR_INIT;

	if (flr_parse(&l, (const char *)data, size, "fuzz", &e) < 0) {
		/* File and line stand in every error. */
		if (strncmp(e.msg, "fuzz:", 5) != 0)
			__builtin_trap();
		return 0;
	}
	for (size_t i = 0; i < l.n; i++)
		if (strncmp(l.entries[i].source, "https://", 8) != 0 ||
		    l.entries[i].name[0] == '\0' ||
		    flr_find(&l, l.entries[i].vendor, l.entries[i].device) == NULL)
			__builtin_trap();
	return 0;
}
