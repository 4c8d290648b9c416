/* Two versions, one on each line, and the same text as a dependency. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "deb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sign(int r)
{
	return (r > 0) - (r < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *b;
	struct deb_clause c;
	const char *p = text;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	while (deb_clause_next(&p, &c, NULL) == 1)
		for (size_t i = 0; i < c.n; i++)
			if (c.v[i].op != DEB_ANY && !deb_version_ok(c.v[i].version))
				__builtin_trap();
	b = strchr(text, '\n');
	if (b != NULL) {
		*b++ = '\0';
		b[strcspn(b, "\n")] = '\0';
		if (sign(deb_version_compare(text, b)) !=
			-sign(deb_version_compare(b, text)) ||
		    deb_version_compare(text, text) != 0)
			__builtin_trap();
	}
	free(text);
	return 0;
}
