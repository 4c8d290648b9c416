/* The EFI stub from a package. */
#include <stdint.h>
#include <stdlib.h>

#include "pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pe_section s[] = {{".a", "abc", 3}, {".linux", "x", 1}};
	size_t len, off, n;
	char *out;

	if (pe_append(data, size, s, 2, &out, &len, NULL) < 0)
		return 0;
	/* What was made of it can be read again. */
	if (pe_section(out, len, ".linux", &off, &n, NULL) != 0)
		__builtin_trap();
	free(out);
	return 0;
}
