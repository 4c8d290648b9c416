/*
 * The configuration writer. The input: one line that is an SSID in hex, one that is a
 * value, and a networks file. Whatever comes out is a file that the parser takes, with
 * that network in it, or without it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "networks-edit.h"
#include "networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *copy(const char *s, size_t len)
{
	char *c = malloc(len + 1);

	if (c == NULL)
		abort();
	memcpy(c, s, len);
	c[len] = '\0';
	return c;
}

static bool has(const struct networks_text *t, const uint8_t *ssid, size_t len)
{
	struct networks n;
	bool found;

	if (networks_parse(t->text, t->len, "out", &n, NULL) < 0)
		__builtin_trap();
	found = networks_find(&n, ssid, len) != NULL;
	networks_free(&n);
	return found;
}

static void edit(
    const struct networks_text *in, const uint8_t *ssid, size_t len, const char *value)
{
	struct network_key keys[] = {
	    {"psk", value}, {"identity", value}, {"key_mgmt", NULL}};
	struct networks_text out, without;
	struct err e = ERR_INIT;
	size_t removed;

	for (size_t n = 0; n <= 3; n++) {
		if (networks_set(in, "in", ssid, len, keys, n, &out, &e) < 0) {
			if (e.msg[0] == '\0')
				__builtin_trap();
			continue;
		}
		if (!has(&out, ssid, len))
			__builtin_trap();
		if (networks_remove(&out, "out", ssid, len, &without, &removed, &e) ==
		    0) {
			if (removed == 0 || has(&without, ssid, len))
				__builtin_trap();
			networks_text_free(&without);
		}
		networks_text_free(&out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data, *end = s + size, *nl[2];
	struct networks_text in;
	uint8_t ssid[SSID_MAX];
	char *value;
	int len;

	nl[0] = memchr(s, '\n', size);
	nl[1] = nl[0] != NULL ? memchr(nl[0] + 1, '\n', (size_t)(end - nl[0] - 1)) : NULL;
	if (nl[1] == NULL)
		return 0;
	len = ssid_unhex(s, (size_t)(nl[0] - s), ssid, sizeof(ssid));
	if (len < 0)
		return 0;
	value = copy(nl[0] + 1, (size_t)(nl[1] - nl[0] - 1));
	in.len = (size_t)(end - nl[1] - 1);
	in.text = copy(nl[1] + 1, in.len);
	edit(&in, ssid, (size_t)len, value);
	free(value);
	free(in.text);
	return 0;
}
