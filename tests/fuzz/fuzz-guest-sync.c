/*
 * From one file to the next in a supplicant that runs, and what it says while a network
 * is joined. The input: two files and lines of events, with a NUL byte between.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wpa-join.h"
#include "wpa-sync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sync_files(const char *old, const char *new)
{
	static struct wpa_nets nets;
	static struct wpa_sync s;
	char cmd[WPA_SYNC_CMD_MAX];
	size_t added = 0;

	if (!wpa_nets_find(old, &nets) || !wpa_sync_init(&s, old, &nets, new))
		return;
	while (wpa_sync_next(&s, cmd)) {
		if (strlen(cmd) >= sizeof(cmd) || strchr(cmd, '\n') != NULL)
			__builtin_trap();
		added += strcmp(cmd, "ADD_NETWORK") == 0;
		if (added > WPA_NETS_MAX)
			__builtin_trap();
		if (!wpa_sync_reply(&s, strcmp(cmd, "ADD_NETWORK") == 0 ? "7" : "OK"))
			__builtin_trap();
	}
	/* Then there is nothing to do. */
	nets = s.now;
	if (wpa_sync_init(&s, new, &nets, new) && wpa_sync_next(&s, cmd))
		__builtin_trap();
}

static void join(char *events)
{
	struct wpa_event ev;
	struct wpa_join j;
	char *save = NULL;

	wpa_join_init(&j, 0);
	for (char *l = strtok_r(events, "\n", &save); l != NULL;
	     l = strtok_r(NULL, "\n", &save)) {
		wpa_event_parse(l, &ev);
		wpa_join_event(&j, &ev);
	}
	wpa_join_timeout(&j);
	if (j.result == WPA_JOIN_GOING || wpa_join_name(j.result) == NULL ||
	    strlen(j.reason) >= sizeof(j.reason))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 3), *new, *events;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	memset(text + size, 0, 3);
	new = text + strlen(text) + 1;
	new = new > text + size ? text + size : new;
	events = new + strlen(new) + 1;
	events = events > text + size ? text + size : events;
	sync_files(text, new);
	join(events);
	free(text);
	return 0;
}
