/* What comes before the signature is checked, and the text behind it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "debrelease.h"
#include "debverify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	unsigned char *raw = NULL;
	struct deb_release r;
	size_t len;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	deb_is_clearsigned(text, size);
	deb_verify_status(text, NULL);
	deb_dearmour(text, size, &raw, &len, NULL);
	free(raw);
	if (deb_release_parse(text, size, &r, NULL) == 0) {
		for (size_t i = 0; i < r.file_count; i++)
			if (strlen(r.files[i].sha256) != 64 ||
			    strncmp(r.files[i].path, r.files[i].component,
				strlen(r.files[i].component)) != 0)
				__builtin_trap();
		deb_release_check(&r, "bookworm", 1795222382, NULL);
	}
	free(text);
	return 0;
}
