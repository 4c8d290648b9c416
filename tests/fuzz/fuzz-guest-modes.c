/* guest/macs.c, guest/ap-conf.c, guest/settings.c: a first byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ap-conf.h"
#include "macs.h"
#include "msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_settings(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	struct settings s;
	json_t *o = msg_parse(text, len);

	if (o == NULL)
		return;
	if (settings_parse(o, &s, &e) == 0 && s.n_macs > SETTINGS_MACS_MAX)
		abort();
	settings_free(&s);
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wlan_state s = {.ssid_len = 0};
	uint8_t ssid[SSID_MAX];
	size_t len = 0;
	char *text;

	if (size == 0)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (text == NULL)
		return 0;
	if (data[0] == 'e' && macs_event_ssid(text, ssid, &len) && len > SSID_MAX)
		abort();
	if (data[0] == 's')
		ap_status_parse(text, &s);
	if (data[0] == 'g')
		ap_config_parse(text, &s);
	if (data[0] == 'c')
		one_settings(text, strlen(text));
	if (s.ssid_len > SSID_MAX || strlen(s.key_mgmt) >= sizeof(s.key_mgmt))
		abort();
	free(text);
	return 0;
}
