/* .modinfo and modules.builtin. */
#include <stdint.h>

#include "kmod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strv names = {0};
	struct modinfo m;

	if (modinfo_parse((const char *)data, size, &m, NULL) == 0)
		for (size_t i = 0; i < m.aliases.n; i++)
			(void)kmod_alias_is_pci(m.aliases.v[i], 0x8086, 0x2723);
	modinfo_free(&m);
	kmods_parse_builtin((const char *)data, size, &names, NULL);
	strv_free(&names);
	return 0;
}
