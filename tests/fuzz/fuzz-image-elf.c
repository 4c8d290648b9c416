/* Programs, libraries and modules of a package. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elfread.h"
#include "elfslim.h"
#include "kmod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_dynamic d;
	struct modinfo m;
	size_t off, len;
	char *copy;

	elf_dynamic_read(data, size, &d, NULL);
	elf_dynamic_free(&d);
	if (elf_section(data, size, ".modinfo", &off, &len, NULL) == 0) {
		modinfo_parse((const char *)data + off, len, &m, NULL);
		modinfo_free(&m);
	}
	copy = malloc(size + 1);
	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	len = size;
	if (kmod_slim(copy, &len, NULL) == 0 && len > size)
		__builtin_trap();
	memcpy(copy, data, size);
	len = size;
	if (elf_trim(copy, &len, NULL) == 0 && len > size)
		__builtin_trap();
	free(copy);
	return 0;
}
