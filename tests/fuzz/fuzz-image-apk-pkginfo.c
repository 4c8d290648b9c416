/* .PKGINFO. */
#include <stdint.h>
#include <string.h>

#include "apk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct apk_pkginfo info;

	if (apk_pkginfo_parse((const char *)data, size, &info, NULL) == 0 &&
	    (info.name[0] == '\0' ||
		(info.datahash[0] != '\0' && strlen(info.datahash) != 64)))
		__builtin_trap();
	return 0;
}
