/* Two versions, and a dependency, by lines. The order has to be one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *b, *deps;
	char shown[600];
	struct apk_dep d;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	b = text + strcspn(text, "\n");
	b += *b == '\n';
	if (b > text)
		b[-1] = '\0';
	deps = b + strcspn(b, "\n");
	if (*deps == '\n')
		*deps++ = '\0';
	if (apk_version_compare(text, text) != 0)
		__builtin_trap();
	if (apk_version_ok(text) && apk_version_ok(b) &&
	    apk_version_compare(text, b) != -apk_version_compare(b, text))
		__builtin_trap();
	while (apk_dep_next(&deps, &d, NULL) == 1) {
		apk_version_match(text, d.op, d.version);
		apk_dep_show(&d, shown, sizeof(shown));
	}
	free(text);
	return 0;
}
