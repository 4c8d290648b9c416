/* A package: the archive in the archive, unpacked into a folder of its own. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "deb.h"
#include "fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool all(const char *path)
{
	(void)path;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dir[] = "/tmp/fuzz-deb-XXXXXX";

	if (mkdtemp(dir) == NULL)
		return 0;
	deb_unpack_memory(data, size, dir, all, NULL);
	if (fs_remove_tree(dir, NULL) < 0)
		__builtin_trap();
	return 0;
}
