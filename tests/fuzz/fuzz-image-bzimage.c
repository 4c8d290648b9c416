/* A kernel from a package: its header and its payload. */
#include <stdint.h>
#include <stdlib.h>

#include "bzimage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bzimage b;
	char *elf;
	size_t len;

	if (bzimage_parse(data, size, size, &b, NULL) == 0 &&
	    bzimage_unpack(data, size, &b, &elf, &len, NULL) == 0)
		free(elf);
	return 0;
}
