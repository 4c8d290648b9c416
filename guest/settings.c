#include "settings.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ap-conf.h"
#include "msg.h"
#include "ssid.h"
#include "wipe.h"
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

/* "macs": [{"ssid": HEX, "mac": "..."}, ...] */
static int parse_macs(const json_t *o, struct settings *s, struct err *e)
{
	json_t *list = json_object_get(o, "macs"), *row;
	size_t i;

	if (json_array_size(list) == 0)
		return 0;
	if (json_array_size(list) > SETTINGS_MACS_MAX)
		return err_set(e, ERR_FAILED, "config: macs: more than %d networks",
		    SETTINGS_MACS_MAX);
	s->macs = calloc(json_array_size(list), sizeof(*s->macs));
	if (s->macs == NULL)
		return err_sys(e, ENOMEM, "config");
	json_array_foreach (list, i, row) {
		struct settings_mac *m = &s->macs[s->n_macs++];
		const char *hex = msg_str(row, "ssid", "");
		int len = ssid_unhex(hex, strlen(hex), m->ssid, sizeof(m->ssid));

		m->ssid_len = len > 0 ? (size_t)len : 0;
		if (len <= 0 || !msg_mac_parse(msg_str(row, "mac", ""), m->mac) ||
		    !msg_mac_is_station(m->mac))
			return err_set(e, ERR_FAILED,
			    "config: macs: expected networks and stations' addresses");
	}
	s->mac_random = true;
	return 0;
}

/* "", an address, or "random". */
static int parse_mac(const json_t *o, struct settings *s, struct err *e)
{
	const char *mac = msg_str(o, "mac", "");

	if (mac[0] == '\0')
		return parse_macs(o, s, e);
	if (strcmp(mac, "random") == 0) {
		s->mac_random = true;
		return parse_macs(o, s, e);
	}
	if (!msg_mac_parse(mac, s->mac) || !msg_mac_is_station(s->mac))
		return err_set(e, ERR_FAILED, "config: mac is no station's address");
	s->has_mac = true;
	return 0;
}

static int parse_forward(const json_t *row, struct settings_forward *f)
{
	const char *protocol = msg_str(row, "protocol", "");

	f->protocol = strcmp(protocol, "tcp") == 0   ? IPPROTO_TCP
		      : strcmp(protocol, "udp") == 0 ? IPPROTO_UDP
						     : 0;
	f->port = (uint16_t)msg_int(row, "port", 1, UINT16_MAX, 0);
	f->to = (uint16_t)msg_int(row, "to", 1, UINT16_MAX, 0);
	return f->protocol != 0 && f->port != 0 && f->to != 0 ? 0 : -1;
}

/* "forward": [{"protocol": "tcp", "port": N, "to": N}, ...], "subnet": "10.0.1.0" */
static int parse_nat(const json_t *o, struct settings *s, struct err *e)
{
	json_t *list = json_object_get(o, "forward"), *row;
	const char *subnet = msg_str(o, "subnet", "");
	const char *mac = msg_str(o, "host_mac", "");
	struct in_addr a = {0};
	size_t i;

	if (json_array_size(list) > SETTINGS_FORWARDS_MAX)
		return err_set(e, ERR_FAILED, "config: forward: more than %d ports",
		    SETTINGS_FORWARDS_MAX);
	json_array_foreach (list, i, row) {
		if (parse_forward(row, &s->forward[s->n_forward++]) < 0)
			return err_set(e, ERR_FAILED,
			    "config: forward: expected protocols and ports");
	}
	if (subnet[0] != '\0' && inet_pton(AF_INET, subnet, &a) != 1)
		return err_set(e, ERR_FAILED, "config: subnet is no IPv4 address");
	s->subnet = ntohl(a.s_addr) & UINT32_C(0xffffff00);
	if (mac[0] == '\0')
		return 0;
	s->has_host_mac =
	    msg_mac_parse(mac, s->host_mac) && msg_mac_is_station(s->host_mac);
	return s->has_host_mac
		   ? 0
		   : err_set(e, ERR_FAILED, "config: host_mac is no station's address");
}

int settings_parse(const json_t *o, struct settings *s, struct err *e)
{
	const char *networks = msg_str(o, "networks", "");
	const char *ap = msg_str(o, "ap", "");
	const char *log = msg_str(o, "log", "info");

	memset(s, 0, sizeof(*s));
	msg_str_copy(o, "mode", s->mode, sizeof(s->mode));
	if (s->mode[0] == '\0')
		memcpy(s->mode, "clone", sizeof("clone"));
	s->mtu = (int)msg_int(o, "mtu", 576, 2304, 0);
	s->beat_ms = (int)msg_int(o, "beat_ms", 100, 600000, BEAT_DEFAULT_MS);
	if (log_level_parse(log, &s->log) < 0)
		return err_set(e, ERR_FAILED, "config: log: no such level: %s", log);
	if (parse_country(o, s, e) < 0 || parse_mac(o, s, e) < 0 ||
	    parse_nat(o, s, e) < 0)
		return -1;
	if (strlen(networks) > WPA_CONF_MAX)
		return err_set(e, ERR_FAILED, "config: networks is larger than %d bytes",
		    WPA_CONF_MAX);
	if (strlen(ap) > AP_CONF_MAX)
		return err_set(
		    e, ERR_FAILED, "config: ap is larger than %d bytes", AP_CONF_MAX);
	s->networks = strdup(networks);
	s->ap = strdup(ap);
	if (s->networks == NULL || s->ap == NULL)
		return err_sys(e, ENOMEM, "config");
	return 0;
}

void settings_free(struct settings *s)
{
	wipe_free(&s->networks);
	wipe_free(&s->ap);
	free(s->macs);
	memset(s, 0, sizeof(*s));
}

static bool macs_equal(const struct settings *a, const struct settings *b)
{
	return a->mac_random == b->mac_random && a->n_macs == b->n_macs &&
	       (a->n_macs == 0 ||
		   memcmp(a->macs, b->macs, a->n_macs * sizeof(*a->macs)) == 0);
}

static bool nat_equal(const struct settings *a, const struct settings *b)
{
	return a->n_forward == b->n_forward &&
	       memcmp(a->forward, b->forward, sizeof(a->forward)) == 0 &&
	       a->subnet == b->subnet && a->has_host_mac == b->has_host_mac &&
	       memcmp(a->host_mac, b->host_mac, 6) == 0;
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
	return macs_equal(a, b) && nat_equal(a, b) && strcmp(a->ap, b->ap) == 0 &&
	       strcmp(a->mode, b->mode) == 0 && strcmp(a->networks, b->networks) == 0 &&
	       strcmp(a->country, b->country) == 0 && a->has_mac == b->has_mac &&
	       memcmp(a->mac, b->mac, 6) == 0 && a->mtu == b->mtu &&
	       a->beat_ms == b->beat_ms && a->log == b->log;
}
