/* A networks file. What is taken must be taken again as it goes to the guest. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct networks n, again;
	struct err e = ERR_INIT;

	if (networks_parse((const char *)data, size, "wpa.conf", &n, &e) < 0) {
		if (e.code == ERR_NONE || e.msg[0] == '\0')
			__builtin_trap();
		return 0;
	}
	if (strlen(n.text) != n.text_len)
		__builtin_trap();
	/* Hex may make a line longer than the bounds. */
	if (networks_parse(n.text, n.text_len, "again", &again, &e) == 0) {
		if (again.n != n.n || again.text_len != n.text_len ||
		    memcmp(again.text, n.text, n.text_len) != 0)
			__builtin_trap();
		networks_free(&again);
	} else if (strstr(e.msg, "longer than") == NULL &&
		   strstr(e.msg, "larger than") == NULL) {
		__builtin_trap();
	}
	networks_free(&n);
	return 0;
}
