/* Text from packages and from apt: control fields, dependencies, URIs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apt.h"
#include "deb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *value = NULL;
	char path[DEB_PATH_MAX];
	struct deb_list list;
	struct strv names = {0};

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	apt_parse_uris(text, &list, NULL);
	deb_list_free(&list);
	if (deb_field(text, size, "Depends", &value, NULL) == 0 && value != NULL)
		deb_depends(value, &names, NULL);
	strv_free(&names);
	free(value);
	if (deb_clean_path(text, path, sizeof(path), NULL) == 0 && path[0] == '/')
		__builtin_trap();
	free(text);
	return 0;
}
