#include "scenario.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "escape.h"
#include "hex.h"
#include "fs.h"
#include "msg.h"
#include "ssid.h"

/* inih gives a line to the handler, but not its number, and leaves out sections
 * without keys: `reader` counts lines and sees section headers. */
struct parse {
	const char *text;
	size_t len, pos;
	int line;
	int section_line; /* of the last header; 0 once the handler saw a key of it */
	struct scenario *s;
	char section[AIR_NAME_MAX + 16];
	int kind;      /* of `section`: index into sections[], -1 before the first */
	uint32_t seen; /* keys of this section */
	bool failed;
	struct err *e;
};

static const char *const security_names[] = {
    [AIR_OPEN] = "open",
    [AIR_WPA2] = "wpa2",
    [AIR_WPA3] = "wpa3",
    [AIR_WPA2_WPA3] = "wpa2+wpa3",
    [AIR_OWE] = "owe",
    [AIR_EAP] = "eap",
};
static_assert(ARRAY_LEN(security_names) == AIR_EAP + 1, "a name for each");

const char *air_security_name(enum air_security security)
{
	return (unsigned)security < ARRAY_LEN(security_names) ? security_names[security]
							      : "?";
}

static int name_index(const char *const names[], size_t n, const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], value) == 0)
			return (int)i;
	return -1;
}

/* Decimal digits only, up to max. */
static int parse_number(const char *text, unsigned max, unsigned *out, struct err *e)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
	if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || n > max)
		return err_set(e, ERR_FAILED, "expected a number up to %u", max);
	*out = (unsigned)n;
	return 0;
}

static int parse_bool(const char *text, bool *out, struct err *e)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return err_set(e, ERR_FAILED, "expected yes or no");
	*out = text[0] == 'y';
	return 0;
}

static int parse_addr4(const char *text, struct in_addr *out, struct err *e)
{
	if (inet_pton(AF_INET, text, out) != 1)
		return err_set(e, ERR_FAILED, "expected an IPv4 address");
	return 0;
}

static int parse_ssid(const char *value, struct air_ap *ap, struct err *e)
{
	size_t len = strlen(value);
	int n;

	if (strncmp(value, "P\"", 2) == 0) {
		n = ssid_value(value, ap->ssid, sizeof(ap->ssid));
		if (n < 0)
			return err_set(e, ERR_FAILED,
			    "bad escape, no end of P\"...\" or more than 32 bytes");
	} else if (strncmp(value, "hex:", 4) == 0) {
		n = ssid_unhex(value + 4, len - 4, ap->ssid, sizeof(ap->ssid));
		if (n < 0)
			return err_set(e, ERR_FAILED, "expected up to 32 bytes in hex");
	} else {
		if (len > AIR_SSID_MAX)
			return err_set(e, ERR_FAILED, "more than 32 bytes");
		memcpy(ap->ssid, value, len);
		n = (int)len;
	}
	ap->ssid_len = (size_t)n;
	return n > 0 ? 0 : err_set(e, ERR_FAILED, "empty");
}

static int net_subnet4(struct scenario *s, void *obj, const char *value, struct err *e)
{
	struct air_network *net = obj;
	char text[INET_ADDRSTRLEN];
	const char *slash = strchr(value, '/');
	uint32_t mask;

	(void)s;
	if (slash == NULL || (size_t)(slash - value) >= sizeof(text))
		return err_set(e, ERR_FAILED, "expected ADDRESS/PREFIX");
	memcpy(text, value, (size_t)(slash - value));
	text[slash - value] = '\0';
	if (parse_addr4(text, &net->subnet4, e) < 0 ||
	    parse_number(slash + 1, 29, &net->prefix4, e) < 0)
		return -1;
	if (net->prefix4 < 8)
		return err_set(e, ERR_FAILED, "expected a prefix of 8 to 29");
	mask = ~(uint32_t)0 << (32 - net->prefix4);
	if ((ntohl(net->subnet4.s_addr) & ~mask) != 0)
		return err_set(e, ERR_FAILED, "bits are set behind the prefix");
	return 0;
}

static int net_subnet6(struct scenario *s, void *obj, const char *value, struct err *e)
{
	static const uint8_t zero[8];
	struct air_network *net = obj;
	char text[INET6_ADDRSTRLEN];
	const char *slash = strchr(value, '/');

	(void)s;
	if (slash == NULL || strcmp(slash, "/64") != 0 ||
	    (size_t)(slash - value) >= sizeof(text))
		return err_set(e, ERR_FAILED, "expected PREFIX::/64");
	memcpy(text, value, (size_t)(slash - value));
	text[slash - value] = '\0';
	if (inet_pton(AF_INET6, text, &net->subnet6) != 1)
		return err_set(e, ERR_FAILED, "expected an IPv6 prefix");
	if (memcmp(&net->subnet6.s6_addr[8], zero, sizeof(zero)) != 0)
		return err_set(e, ERR_FAILED, "bits are set behind the prefix");
	net->has6 = true;
	return 0;
}

static int net_dhcp(struct scenario *s, void *obj, const char *value, struct err *e)
{
	struct air_network *net = obj;
	const char *space = strchr(value, ' ');
	char text[INET_ADDRSTRLEN];

	(void)s;
	if (space == NULL || (size_t)(space - value) >= sizeof(text))
		return err_set(e, ERR_FAILED, "expected FIRST LAST");
	memcpy(text, value, (size_t)(space - value));
	text[space - value] = '\0';
	if (parse_addr4(text, &net->dhcp_first, e) < 0 ||
	    parse_addr4(space + 1, &net->dhcp_last, e) < 0)
		return -1;
	return 0;
}

static int net_lease(struct scenario *s, void *obj, const char *value, struct err *e)
{
	struct air_network *net = obj;

	(void)s;
	if (parse_number(value, 7 * 86400, &net->lease_s, e) < 0)
		return -1;
	/* dnsmasq takes no shorter ones. */
	return net->lease_s >= 120 ? 0 : err_set(e, ERR_FAILED, "expected at least 120");
}

static int net_dns(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_bool(value, &((struct air_network *)obj)->dns, e);
}

static int net_domain(struct scenario *s, void *obj, const char *value, struct err *e)
{
	struct air_network *net = obj;

	(void)s;
	if (*value == '\0' || strlen(value) >= sizeof(net->domain))
		return err_set(
		    e, ERR_FAILED, "expected 1 to %d bytes", AIR_DOMAIN_MAX - 1);
	for (const char *p = value; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' &&
		    (*p != '.' || p == value || p[1] == '.' || p[1] == '\0'))
			return err_set(e, ERR_FAILED, "not a domain name");
	strcpy(net->domain, value);
	return 0;
}

static int ap_network(struct scenario *s, void *obj, const char *value, struct err *e)
{
	struct air_ap *ap = obj;

	for (unsigned i = 0; i < s->n_networks; i++)
		if (strcmp(s->networks[i].name, value) == 0) {
			ap->network = i;
			return 0;
		}
	return err_set(e, ERR_FAILED, "no such network above");
}

static int ap_ssid(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_ssid(value, obj, e);
}

static int ap_security(struct scenario *s, void *obj, const char *value, struct err *e)
{
	int i = name_index(security_names, ARRAY_LEN(security_names), value);

	(void)s;
	if (i < 0)
		return err_set(
		    e, ERR_FAILED, "expected open, wpa2, wpa3, wpa2+wpa3, owe or eap");
	((struct air_ap *)obj)->security = (enum air_security)i;
	return 0;
}

static int ap_passphrase(struct scenario *s, void *obj, const char *value, struct err *e)
{
	struct air_ap *ap = obj;
	size_t len = strlen(value);

	(void)s;
	if (len < 8 || len > 63)
		return err_set(e, ERR_FAILED, "expected 8 to 63 characters");
	/* hostapd's sae_password has options behind a bar. */
	for (size_t i = 0; i < len; i++)
		if (value[i] < 32 || value[i] > 126 || value[i] == '|')
			return err_set(
			    e, ERR_FAILED, "expected printable ASCII without a bar");
	memcpy(ap->passphrase, value, len + 1);
	return 0;
}

/* The channels on which hwsim's own regulatory domain lets an AP start. */
static int ap_channel(struct scenario *s, void *obj, const char *value, struct err *e)
{
	unsigned n;

	(void)s;
	if (parse_number(value, 165, &n, e) < 0)
		return -1;
	if (!(n >= 1 && n <= 11) && !(n >= 36 && n <= 48 && n % 4 == 0) &&
	    !(n >= 149 && n <= 165 && n % 4 == 1))
		return err_set(e, ERR_FAILED, "expected 1-11, 36-48 or 149-165");
	((struct air_ap *)obj)->channel = n;
	return 0;
}

/* 4096 rounds of SHA-1 that hostapd need not do at each start. */
static int ap_psk(struct scenario *s, void *obj, const char *value, struct err *e)
{
	struct air_ap *ap = obj;

	(void)s;
	if (strlen(value) != sizeof(ap->psk) - 1)
		return err_set(e, ERR_FAILED, "expected 64 hex digits");
	for (const char *p = value; *p != '\0'; p++)
		if (hex_digit(*p) < 0)
			return err_set(e, ERR_FAILED, "expected 64 hex digits");
	memcpy(ap->psk, value, sizeof(ap->psk));
	return 0;
}

/* In quotes in hostapd's list of users, which knows no escapes. */
static int parse_word(const char *value, char out[64], struct err *e)
{
	size_t len = strlen(value);

	if (len < 1 || len > 63)
		return err_set(e, ERR_FAILED, "expected 1 to 63 characters");
	for (size_t i = 0; i < len; i++)
		if (value[i] < 32 || value[i] > 126 || strchr("\"\\", value[i]) != NULL)
			return err_set(e, ERR_FAILED,
			    "expected printable ASCII without quotation marks and "
			    "backslashes");
	memcpy(out, value, len + 1);
	return 0;
}

static int parse_file(const char *value, char out[AIR_FILE_MAX + 1], struct err *e)
{
	size_t len = strlen(value);

	if (len < 1 || len > AIR_FILE_MAX || value[0] == '.')
		return err_set(
		    e, ERR_FAILED, "expected a file name of 1 to %d bytes", AIR_FILE_MAX);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)value[i]) && strchr("-_.", value[i]) == NULL)
			return err_set(e, ERR_FAILED, "bad character in a file name");
	memcpy(out, value, len + 1);
	return 0;
}

static int ap_identity(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_word(value, ((struct air_ap *)obj)->identity, e);
}

static int ap_password(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_word(value, ((struct air_ap *)obj)->password, e);
}

static int ap_certificate(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_file(value, ((struct air_ap *)obj)->certificate, e);
}

static int ap_client_ca(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_file(value, ((struct air_ap *)obj)->client_ca, e);
}

static int ap_hidden(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_bool(value, &((struct air_ap *)obj)->hidden, e);
}

static int ap_wds(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_bool(value, &((struct air_ap *)obj)->wds, e);
}

static int ap_mobility(struct scenario *s, void *obj, const char *value, struct err *e)
{
	(void)s;
	return parse_bool(value, &((struct air_ap *)obj)->mobility, e);
}

static int ap_bssid(struct scenario *s, void *obj, const char *value, struct err *e)
{
	struct air_ap *ap = obj;

	(void)s;
	if (!msg_mac_parse(value, ap->bssid))
		return err_set(e, ERR_FAILED, "expected a MAC address");
	if ((ap->bssid[0] & 1) != 0)
		return err_set(e, ERR_FAILED, "a group address");
	return 0;
}

struct key {
	const char *name;
	bool required;
	int (*set)(struct scenario *s, void *obj, const char *value, struct err *e);
};

static const struct key network_keys[] = {
    {"subnet4", false, net_subnet4},
    {"subnet6", false, net_subnet6},
    {"dhcp", false, net_dhcp},
    {"lease", false, net_lease},
    {"dns", false, net_dns},
    {"domain", false, net_domain},
};

static const struct key ap_keys[] = {
    {"network", true, ap_network},
    {"ssid", true, ap_ssid},
    {"security", true, ap_security},
    {"passphrase", false, ap_passphrase},
    {"channel", true, ap_channel},
    {"psk", false, ap_psk},
    {"hidden", false, ap_hidden},
    {"wds", false, ap_wds},
    {"mobility", false, ap_mobility},
    {"bssid", false, ap_bssid},
    {"identity", false, ap_identity},
    {"password", false, ap_password},
    {"certificate", false, ap_certificate},
    {"client-ca", false, ap_client_ca},
};

static const struct key station_keys[] = {
    {"ssid", true, ap_ssid},
    {"security", true, ap_security},
    {"passphrase", false, ap_passphrase},
    {"channel", true, ap_channel},
    {"psk", false, ap_psk},
};

static void *network_new(struct scenario *s, const char *name, struct err *e)
{
	struct air_network *net;

	for (unsigned i = 0; i < s->n_networks; i++)
		if (strcmp(s->networks[i].name, name) == 0) {
			err_set(e, ERR_FAILED, "network %s is there already", name);
			return NULL;
		}
	if (s->n_networks == AIR_MAX_NETWORKS) {
		err_set(e, ERR_FAILED, "more than %d networks", AIR_MAX_NETWORKS);
		return NULL;
	}
	net = &s->networks[s->n_networks++];
	*net = (struct air_network){.lease_s = 3600, .dns = true};
	snprintf(net->name, sizeof(net->name), "%s", name);
	strcpy(net->domain, "air.example");
	return net;
}

static void *ap_new(struct scenario *s, const char *name, struct err *e)
{
	struct air_ap *ap;

	for (unsigned i = 0; i < s->n_aps; i++)
		if (strcmp(s->aps[i].name, name) == 0) {
			err_set(e, ERR_FAILED, "ap %s is there already", name);
			return NULL;
		}
	if (s->n_aps == AIR_MAX_APS) {
		err_set(e, ERR_FAILED, "more than %d APs", AIR_MAX_APS);
		return NULL;
	}
	ap = &s->aps[s->n_aps];
	*ap = (struct air_ap){0};
	memcpy(ap->bssid, (uint8_t[]){0x02, 0xbf, 0, 0, (uint8_t)s->n_aps, 0x01}, 6);
	snprintf(ap->name, sizeof(ap->name), "%s", name);
	s->n_aps++;
	return ap;
}

static void *station_new(struct scenario *s, const char *name, struct err *e)
{
	struct air_ap *st = &s->stations[s->n_stations];

	if (s->n_stations == AIR_MAX_STATIONS) {
		err_set(e, ERR_FAILED, "more than %d stations", AIR_MAX_STATIONS);
		return NULL;
	}
	*st = (struct air_ap){0};
	memcpy(st->bssid, (uint8_t[]){0x02, 0xbf, 0, 0, (uint8_t)s->n_stations, 0x02}, 6);
	snprintf(st->name, sizeof(st->name), "%s", name);
	s->n_stations++;
	return st;
}

static void *network_last(struct scenario *s)
{
	return &s->networks[s->n_networks - 1];
}

static void *ap_last(struct scenario *s)
{
	return &s->aps[s->n_aps - 1];
}

static void *station_last(struct scenario *s)
{
	return &s->stations[s->n_stations - 1];
}

/* Whether the DHCP range lies in the subnet, behind the gateway. */
static int network_done(struct scenario *s, struct err *e)
{
	const struct air_network *net = network_last(s);
	uint32_t base = ntohl(net->subnet4.s_addr), first = ntohl(net->dhcp_first.s_addr),
		 last = ntohl(net->dhcp_last.s_addr), size;

	if (net->prefix4 == 0 && !net->has6)
		return err_set(e, ERR_FAILED, "neither subnet4 nor subnet6");
	if (last == 0)
		return 0;
	if (net->prefix4 == 0)
		return err_set(e, ERR_FAILED, "dhcp without subnet4");
	size = (uint32_t)1 << (32 - net->prefix4);
	/* Not the gateway (1), the benchmark's address (size - 2) or broadcast. */
	if (first < base + 2 || last < first || last - base > size - 3)
		return err_set(e, ERR_FAILED, "dhcp range not in the subnet's free part");
	return 0;
}

static int eap_done(const struct air_ap *ap, struct err *e)
{
	bool any = ap->identity[0] != '\0' || ap->password[0] != '\0' ||
		   ap->certificate[0] != '\0' || ap->client_ca[0] != '\0';
	bool all = ap->identity[0] != '\0' && ap->password[0] != '\0' &&
		   ap->certificate[0] != '\0';

	if (ap->security == AIR_EAP)
		return all ? 0
			   : err_set(e, ERR_FAILED,
				 "security = eap wants identity, password and "
				 "certificate");
	return any ? err_set(e, ERR_FAILED,
			 "identity, password, certificate and client-ca go with "
			 "security = eap")
		   : 0;
}

static int security_done(const struct air_ap *ap, struct err *e)
{
	bool bare = ap->security == AIR_OPEN || ap->security == AIR_OWE ||
		    ap->security == AIR_EAP;

	if (bare != (ap->passphrase[0] == '\0'))
		return bare ? err_set(e, ERR_FAILED, "passphrase with security = %s",
				  air_security_name(ap->security))
			    : err_set(e, ERR_FAILED, "no passphrase");
	if (ap->psk[0] != '\0' && ap->security != AIR_WPA2 &&
	    ap->security != AIR_WPA2_WPA3)
		return err_set(e, ERR_FAILED, "psk without WPA2");
	return eap_done(ap, e);
}

static int station_done(struct scenario *s, struct err *e)
{
	const struct air_ap *st = station_last(s);

	if (st->security == AIR_EAP)
		return err_set(e, ERR_FAILED, "a station of the air has no 802.1X");
	return security_done(st, e);
}

static int ap_done(struct scenario *s, struct err *e)
{
	const struct air_ap *ap = ap_last(s);

	if (security_done(ap, e) < 0)
		return -1;
	for (unsigned i = 0; i + 1 < s->n_aps; i++)
		if (memcmp(s->aps[i].bssid, ap->bssid, sizeof(ap->bssid)) == 0)
			return err_set(e, ERR_FAILED, "bssid is taken");
	return 0;
}

static const struct section {
	const char *name;
	const struct key *keys;
	unsigned n_keys;
	void *(*create)(struct scenario *s, const char *name, struct err *e);
	void *(*last)(struct scenario *s);
	int (*done)(struct scenario *s, struct err *e); /* of the last one */
} sections[] = {
    {"network", network_keys, ARRAY_LEN(network_keys), network_new, network_last,
	network_done},
    {"ap", ap_keys, ARRAY_LEN(ap_keys), ap_new, ap_last, ap_done},
    {"station", station_keys, ARRAY_LEN(station_keys), station_new, station_last,
	station_done},
};

static void fail(struct parse *p, int line)
{
	if (!p->failed)
		err_prefix(p->e, "%d", line);
	p->failed = true;
}

/* One line, as fgets: inih's lines must fit its buffer and hold no NUL. */
static char *reader(char *str, int num, void *stream)
{
	struct parse *p = stream;
	const char *start = p->text + p->pos, *nl;
	size_t left = p->len - p->pos, len;

	if (left == 0 || p->failed)
		return NULL;
	nl = memchr(start, '\n', left);
	len = nl != NULL ? (size_t)(nl - start) + 1 : left;
	p->line++;
	if (len >= (size_t)num || memchr(start, '\0', len) != NULL) {
		err_set(p->e, ERR_FAILED, "%s",
		    len >= (size_t)num ? "line too long" : "NUL byte");
		fail(p, p->line);
		return NULL;
	}
	memcpy(str, start, len);
	str[len] = '\0';
	p->pos += len;
	if (str[strspn(str, " \t")] == '[') {
		if (p->section_line != 0) {
			err_set(p->e, ERR_FAILED, "a section without keys");
			fail(p, p->section_line);
			return NULL;
		}
		p->section_line = p->line;
	}
	return str;
}

static int section_close(struct parse *p)
{
	const struct section *sec;

	if (p->kind < 0)
		return 0;
	sec = &sections[p->kind];
	for (unsigned i = 0; i < sec->n_keys; i++)
		if (sec->keys[i].required && (p->seen & 1u << i) == 0)
			return err_set(p->e, ERR_FAILED, "[%s]: no %s", p->section,
			    sec->keys[i].name);
	if (sec->done(p->s, p->e) < 0)
		return err_prefix(p->e, "[%s]", p->section);
	return 0;
}

static int section_open(struct parse *p, const char *text)
{
	const char *name = strchr(text, ' ');
	size_t len = name != NULL ? (size_t)(name - text) : strlen(text);
	unsigned kind;

	for (kind = 0; kind < ARRAY_LEN(sections); kind++)
		if (strlen(sections[kind].name) == len &&
		    strncmp(sections[kind].name, text, len) == 0)
			break;
	if (kind == ARRAY_LEN(sections) || name == NULL ||
	    strlen(text) >= sizeof(p->section))
		return err_set(p->e, ERR_FAILED,
		    "expected [network NAME], [ap NAME] or [station NAME] of up to %d "
		    "bytes",
		    AIR_NAME_MAX);
	name++;
	if (*name == '\0' || strlen(name) > AIR_NAME_MAX)
		return err_set(
		    p->e, ERR_FAILED, "expected a name of 1 to %d bytes", AIR_NAME_MAX);
	for (const char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return err_set(p->e, ERR_FAILED, "bad character in a name");
	if (sections[kind].create(p->s, name, p->e) == NULL)
		return -1;
	strcpy(p->section, text);
	p->kind = (int)kind;
	p->seen = 0;
	return 0;
}

static int key_set(struct parse *p, const char *name, const char *value)
{
	const struct section *sec = &sections[p->kind];
	unsigned i;

	for (i = 0; i < sec->n_keys; i++)
		if (strcmp(sec->keys[i].name, name) == 0)
			break;
	if (i == sec->n_keys) {
		char shown[128];

		escape_text(name, strlen(name), shown, sizeof(shown));
		return err_set(p->e, ERR_FAILED, "unknown key: %s", shown);
	}
	if ((p->seen & 1u << i) != 0)
		return err_set(p->e, ERR_FAILED, "%s: given twice", name);
	p->seen |= 1u << i;
	if (sec->keys[i].set(p->s, sec->last(p->s), value, p->e) < 0)
		return err_prefix(p->e, "%s", name);
	return 0;
}

static int handler(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;

	if (p->failed)
		return 0;
	if (p->section_line != 0) {
		int line = p->section_line;

		p->section_line = 0;
		if (section_close(p) < 0 || section_open(p, section) < 0) {
			fail(p, line);
			return 0;
		}
	}
	if (p->kind < 0)
		err_set(p->e, ERR_FAILED, "a key before the first section");
	if (p->kind < 0 || key_set(p, name, value) < 0) {
		fail(p, p->line);
		return 0;
	}
	return 1;
}

int scenario_parse(const char *text, size_t len, struct scenario *out, struct err *e)
{
	struct err own = ERR_INIT;
	struct parse p = {
	    .text = text, .len = len, .s = out, .kind = -1, .e = e != NULL ? e : &own};
	int line;

	*out = (struct scenario){0};
	if (len > AIR_SCENARIO_MAX)
		return err_set(e, ERR_FAILED, "more than %d bytes", AIR_SCENARIO_MAX);
	line = ini_parse_stream(reader, &p, handler, &p);
	if (p.failed)
		return -1;
	if (line != 0)
		return err_set(e, ERR_FAILED, "%d: expected KEY = VALUE", line);
	if (p.section_line != 0) {
		err_set(e, ERR_FAILED, "a section without keys");
		return err_prefix(e, "%d", p.section_line);
	}
	if (section_close(&p) < 0)
		return err_prefix(e, "%d", p.line);
	if (out->n_aps == 0 && out->n_stations == 0)
		return err_set(e, ERR_FAILED, "%d: no [ap NAME]", p.line);
	return 0;
}

int scenario_load(const char *path, struct scenario *out, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct err at = ERR_INIT;
	size_t len;

	if (fs_read_file(path, AIR_SCENARIO_MAX, &text, &len, e) < 0)
		return -1;
	/* "PATH:LINE: what", as compilers have it. */
	if (scenario_parse(text, len, out, &at) < 0)
		return err_set(e, at.code, "%s:%s", path, at.msg);
	return 0;
}

bool scenario_bridged(const struct scenario *s, unsigned network)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_aps; i++) {
		if (s->aps[i].network != network)
			continue;
		if (s->aps[i].wds)
			return true;
		n++;
	}
	return n > 1;
}

void scenario_ifname(const struct scenario *s, unsigned network, char *buf, size_t size)
{
	if (scenario_bridged(s, network)) {
		snprintf(buf, size, "br%u", network);
		return;
	}
	for (unsigned i = 0; i < s->n_aps; i++)
		if (s->aps[i].network == network) {
			snprintf(buf, size, "ap%u", i);
			return;
		}
	*buf = '\0';
}

struct in_addr air_network_addr4(const struct air_network *net, unsigned n)
{
	return (struct in_addr){htonl(ntohl(net->subnet4.s_addr) + n)};
}

struct in6_addr air_network_addr6(const struct air_network *net, unsigned n)
{
	struct in6_addr a = net->subnet6;

	a.s6_addr[14] = (uint8_t)(n >> 8);
	a.s6_addr[15] = (uint8_t)n;
	return a;
}
