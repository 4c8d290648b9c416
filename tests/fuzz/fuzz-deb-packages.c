/* A Packages file, and a lookup of all that it names. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "debindex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct deb_index x = {0};
	struct strv names = {0};

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	if (deb_index_add(&x, text, size, 0, NULL) == 0)
		for (size_t i = 0; i < x.n && i < 16; i++) {
			const struct deb_entry *p = &x.v[i];

			/* Never out of the folder of downloads. */
			if (strstr(p->filename, "..") != NULL &&
			    strstr(p->filename, "/..") != NULL)
				__builtin_trap();
			if (p->filename[0] == '/' || p->filename[0] == '.')
				__builtin_trap();
			if (deb_index_newest(&x, p->name) == NULL)
				__builtin_trap();
			p = &x.v[i];
			if (p->depends != NULL)
				deb_index_choose(&x, p->depends, true, &names, NULL);
			if (p->pre_depends != NULL)
				deb_index_choose(&x, p->pre_depends, false, &names, NULL);
		}
	strv_free(&names);
	deb_index_free(&x);
	return 0;
}
