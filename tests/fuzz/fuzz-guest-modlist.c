/* The image's list of modules, and a name that the kernel asks for. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "modlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct modlist ml = {0};
	char *text = malloc(size + 1);
	char name[64] = "";
	size_t at = 0;

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	/* The last bytes serve as the name, too. */
	memcpy(name, text + (size > 40 ? size - 40 : 0), size > 40 ? 40 : size);
	(void)modlist_add(&ml, text, size, NULL);
	for (size_t i = 0; i < ml.mod_count; i++)
		if (ml.mods[i].first_dep + ml.mods[i].dep_count > ml.dep_count ||
		    modlist_find(&ml, ml.mods[i].name) == NULL)
			__builtin_trap();
	while (modlist_match(&ml, name, &at) != NULL)
		;
	modlist_free(&ml);
	return 0;
}
