/* Events, replies and output of wpa_supplicant; the host's networks. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fake-nets.h"
#include "wpa-conf.h"
#include "wpa-parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lines(char *text, struct wpa_lacks *lacks)
{
	struct wlan_state s = {0};
	struct wpa_event ev;
	char clean[64];

	for (char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		char end = line[len];

		line[len] = '\0';
		wpa_event_parse(line, &ev);
		(void)wpa_event_apply(&ev, &s);
		(void)wpa_output_clean(line, clean, sizeof(clean));
		(void)wpa_lacks_learn(lacks, line);
		line[len] = end;
		line += len + (end == '\n');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *conf = NULL;
	struct fake_net nets[4];
	struct wpa_lacks lacks = {.n = 0};
	struct wlan_state s = {0};
	size_t len;

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	lines(text, &lacks);
	(void)wpa_status_parse(text, &s);
	if (s.ssid_len > SSID_MAX)
		__builtin_trap();
	(void)fake_nets_parse(text, nets, 4);
	if (wpa_conf_make(text, "/run/wpa/ctl", &conf, &len, NULL) == 0 &&
	    len != strlen(conf))
		__builtin_trap();
	/* Once is enough. */
	if (conf != NULL && wpa_lacks_apply(&lacks, conf, &len) &&
	    (len != strlen(conf) || wpa_lacks_apply(&lacks, conf, &len)))
		__builtin_trap();
	free(conf);
	free(text);
	return 0;
}
