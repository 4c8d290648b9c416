/* What a guest says of the air: the table, and any reply made fit for a terminal. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bss.h"
#include "wpa-relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *text, size_t size)
{
	size_t room = 4 * size + 1, len;
	char *out = malloc(room);

	if (out == NULL)
		abort();
	len = wpa_relay_clean(text, out, room);
	if (len >= room || strlen(out) != len)
		__builtin_trap();
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)out[i] < 32 && out[i] != '\n' && out[i] != '\t') ||
		    out[i] == 127)
			__builtin_trap();
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bss_list l;
	char *text = malloc(size + 1);
	size_t added;
	json_t *o;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&l, 0, sizeof(l));
	for (int i = 0; i < 3; i++) {
		added = bss_parse(&l, text);
		/* The same page again brings nothing new. */
		if (l.n > BSS_MAX || (i > 0 && added > 0))
			__builtin_trap();
	}
	for (size_t i = 0; i < l.n; i++)
		if (l.list[i].ssid_len > SSID_MAX || l.list[i].security == NULL)
			__builtin_trap();
	o = bss_json(&l, NULL, "");
	if (json_array_size(o) != l.n)
		__builtin_trap();
	json_decref(o);
	check_clean(text, strlen(text));
	free(text);
	return 0;
}
