/* What bhyve prints for config.dump. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/bhyve-conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bhyve_conf b = {.n = 0};
	struct err e = ERR_INIT;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	bhyve_conf_set(&b, &e, "name", "bhyfi-wlan");
	bhyve_conf_set(&b, &e, "memory.size", "160M");
	/* What passes has both in it. */
	if (bhyve_conf_check(&b, text, &e) == 0 &&
	    (strstr(text, "name=bhyfi-wlan") == NULL ||
		strstr(text, "memory.size=160M") == NULL))
		__builtin_trap();
	bhyve_conf_free(&b);
	free(text);
	return 0;
}
