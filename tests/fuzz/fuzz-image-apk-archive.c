/* A package: as a whole, up to the hash that it can not have; and as data to unpack. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apk.h"
#include "fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool all(const char *path)
{
	(void)path;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct apk_package p = {
	    .name = "a", .version = "1.0-r0", .id_len = 20, .size = size, .installed = 1};
	struct apk_file f = {.data = 0};
	char dir[] = "/tmp/fuzz-apk-XXXXXX";
	FILE *file = tmpfile();

	if (file == NULL)
		return 0;
	if (fs_write_all(fileno(file), data, size, NULL) == 0) {
		apk_file_check(fileno(file), &p, &f, NULL);
		apk_file_free(&f);
		if (mkdtemp(dir) != NULL) {
			apk_unpack(fileno(file), &p, &f, dir, all, NULL);
			if (fs_remove_tree(dir, NULL) < 0)
				__builtin_trap();
		}
	}
	fclose(file);
	return 0;
}
