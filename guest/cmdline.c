#include "cmdline.h"

#include <string.h>

#include "cleanup.h"
#include "fs.h"

bool cmdline_find(const char *text, const char *key, char *dst, size_t size)
{
	size_t n = strlen(key);
	bool found = false;

	while (*text != '\0') {
		size_t len = strcspn(text, " \t\n");

		if (len > n && strncmp(text, key, n) == 0 && text[n] == '=') {
			found = len - n - 1 < size;
			if (found) {
				memcpy(dst, text + n + 1, len - n - 1);
				dst[len - n - 1] = '\0';
			}
		}
		text += len;
		text += strspn(text, " \t\n");
	}
	return found;
}

bool cmdline_get(const char *key, char *dst, size_t size)
{
	AUTO_FREE char *text = NULL;

	if (fs_read_file("/proc/cmdline", 16384, &text, NULL, NULL) < 0)
		return false;
	return cmdline_find(text, key, dst, size);
}
