/* The text of an index, and the solver on what is in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apk-solve.h"
#include "apk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct apk_index x = {0};
	struct apk_solution s = {0};
	char *text = malloc(size + 1);
	size_t n;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (apk_index_add(&x, text, size, 0, NULL) == 0 && apk_index_ready(&x, NULL) == 0)
		for (size_t i = 0; i < x.package_count && i < 8; i++) {
			struct apk_dep d = {.name = x.packages[i].name, .op = APK_ANY};

			if (!x.packages[i].usable)
				continue;
			apk_index_providers(&x, d.name, &n);
			/* What is chosen meets the wish. */
			if (apk_solve(&x, &d, 1, &s, NULL) == 0 &&
			    apk_solution_provider(&x, &s, &d) == APK_NO_PACKAGE)
				__builtin_trap();
			apk_solution_free(&s);
		}
	apk_index_free(&x);
	return 0;
}
