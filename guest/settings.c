#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "wpa-conf.h"

#define BEAT_DEFAULT_MS 5000

static int parse_country(const json_t *o, struct settings *s, struct err *e)
{
	const char *c = msg_str(o, "country", "");

	if (c[0] == '\0')
		return 0;
	if (strlen(c) != 2 || !isalnum((unsigned char)c[0]) ||
	    !isalnum((unsigned char)c[1]))
		return err_set(e, ERR_FAILED, "config: country is not two letters");
	s->country[0] = (char)toupper((unsigned char)c[0]);
	s->country[1] = (char)toupper((unsigned char)c[1]);
	return 0;
}

static int parse_mac(const json_t *o, struct settings *s, struct err *e)
{
	const char *mac = msg_str(o, "mac", "");

	if (mac[0] == '\0')
		return 0;
	if (!msg_mac_parse(mac, s->mac) || (s->mac[0] & 1) != 0)
		return err_set(e, ERR_FAILED, "config: mac is no station's address");
	s->has_mac = true;
	return 0;
}

int settings_parse(const json_t *o, struct settings *s, struct err *e)
{
	const char *networks = msg_str(o, "networks", "");
	const char *log = msg_str(o, "log", "info");

	memset(s, 0, sizeof(*s));
	msg_str_copy(o, "mode", s->mode, sizeof(s->mode));
	if (s->mode[0] == '\0')
		memcpy(s->mode, "clone", sizeof("clone"));
	s->mtu = (int)msg_int(o, "mtu", 576, 2304, 0);
	s->beat_ms = (int)msg_int(o, "beat_ms", 100, 600000, BEAT_DEFAULT_MS);
	if (log_level_parse(log, &s->log) < 0)
		return err_set(e, ERR_FAILED, "config: log: no such level: %s", log);
	if (parse_country(o, s, e) < 0 || parse_mac(o, s, e) < 0)
		return -1;
	if (strlen(networks) > WPA_CONF_MAX)
		return err_set(e, ERR_FAILED, "config: networks is larger than %d bytes",
		    WPA_CONF_MAX);
	s->networks = strdup(networks);
	if (s->networks == NULL)
		return err_sys(e, ENOMEM, "config");
	return 0;
}

void settings_free(struct settings *s)
{
	if (s->networks != NULL)
		explicit_bzero(s->networks, strlen(s->networks));
	free(s->networks);
	memset(s, 0, sizeof(*s));
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
	return strcmp(a->mode, b->mode) == 0 && strcmp(a->networks, b->networks) == 0 &&
	       strcmp(a->country, b->country) == 0 && a->has_mac == b->has_mac &&
	       memcmp(a->mac, b->mac, 6) == 0 && a->mtu == b->mtu &&
	       a->beat_ms == b->beat_ms && a->log == b->log;
}
