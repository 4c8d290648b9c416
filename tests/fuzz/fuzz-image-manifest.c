/* manifest.json of an image that somebody copied here. */
#include <stdint.h>
#include <stdlib.h>

#include "manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *m = manifest_parse((const char *)data, size, NULL);

	if (m != NULL)
		free(manifest_id(m, NULL));
	json_decref(m);
	return 0;
}
