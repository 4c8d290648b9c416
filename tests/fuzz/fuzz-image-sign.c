/* Signature and key files, or one of each with a zero byte between them. What was read as
 * a signature is checked with what was read as a key. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct sign_secret secret = {.seed = {0}};
	struct sign_public public;
	struct signature s;
	struct err e = ERR_INIT;
	bool is_public = sign_public_parse(text, size, &public, &e) == 0;

	if (sign_secret_parse(text, size, &secret, &e) == 0)
		free(sign_text(&secret, "x", data, size, &e));
	/* A key in the first half, a signature in the second. */
	for (size_t cut = 0; cut < size; cut++) {
		if (data[cut] != 0)
			continue;
		is_public = sign_public_parse(text, cut, &public, &e) == 0;
		text += cut + 1;
		size -= cut + 1;
		break;
	}
	if (sign_parse(text, size, &s, &e) == 0 && is_public)
		sign_check(&s, &public, "data", 4, &e);
	return 0;
}
