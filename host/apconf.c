/*
 * hostapd has some 600 keys. Those here are the ones that say how a WPA2 or WPA3
 * Personal, an OWE or an open network works and is sent. Not here is what names files or
 * programs (they would be the guest's), other servers (the guest has no address), or more
 * than one network.
 */
#include "apconf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "escape.h"
#include "fs.h"
#include "nearest.h"
#include "ssid.h"

#define VALUE_MAX 512

struct parser;

struct key {
	const char *name;
	int (*check)(struct parser *p, const struct key *k, const char *value);
	long min, max;
	const char *expected; /* NULL: from min and max */
};

struct parser {
	struct apconf *a;
	bool has_ssid, has_channel, has_wpa, has_secret;
};

static int number(struct parser *p, const struct key *k, const char *v)
{
	char *end;
	long n;

	(void)p;
	errno = 0;
	n = strtol(v, &end, 10);
	return *v != '\0' && !isspace((unsigned char)*v) && *end == '\0' && errno == 0 &&
		       n >= k->min && n <= k->max
		   ? 0
		   : -1;
}

static int channel(struct parser *p, const struct key *k, const char *v)
{
	p->has_channel = true;
	return strcmp(v, "acs_survey") == 0 ? 0 : number(p, k, v);
}

static int wpa(struct parser *p, const struct key *k, const char *v)
{
	p->has_wpa = strcmp(v, "0") != 0;
	return number(p, k, v);
}

static int keep_ssid(struct parser *p, int len)
{
	if (len < 1 || p->has_ssid)
		return -1;
	p->has_ssid = true;
	p->a->ssid_len = (size_t)len;
	return 0;
}

static int ssid(struct parser *p, const struct key *k, const char *v)
{
	size_t len = strlen(v);

	(void)k;
	if (len > sizeof(p->a->ssid))
		return -1;
	memcpy(p->a->ssid, v, len);
	return keep_ssid(p, (int)len);
}

static int ssid2(struct parser *p, const struct key *k, const char *v)
{
	(void)k;
	return keep_ssid(p, ssid_value(v, p->a->ssid, sizeof(p->a->ssid)));
}

static int letters(struct parser *p, const struct key *k, const char *v)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+_[] ";

	(void)p;
	return strlen(v) >= (size_t)k->min && strlen(v) <= (size_t)k->max &&
		       strspn(v, allowed) == strlen(v)
		   ? 0
		   : -1;
}

static int band(struct parser *p, const struct key *k, const char *v)
{
	(void)p;
	(void)k;
	return strcmp(v, "g") == 0 || strcmp(v, "a") == 0 || strcmp(v, "b") == 0 ? 0 : -1;
}

static int country(struct parser *p, const struct key *k, const char *v)
{
	(void)p;
	(void)k;
	return strlen(v) == 2 && isupper((unsigned char)v[0]) &&
		       isupper((unsigned char)v[1])
		   ? 0
		   : -1;
}

static int numbers(struct parser *p, const struct key *k, const char *v)
{
	(void)p;
	(void)k;
	return *v != '\0' && strspn(v, "0123456789 ,-") == strlen(v) ? 0 : -1;
}

static int passphrase(struct parser *p, const struct key *k, const char *v)
{
	size_t len = strlen(v);

	p->has_secret = true;
	if (len < (size_t)k->min || len > (size_t)k->max)
		return -1;
	for (; *v != '\0'; v++)
		if ((unsigned char)*v < 32 || (unsigned char)*v == 127)
			return -1;
	return 0;
}

static int psk(struct parser *p, const struct key *k, const char *v)
{
	(void)k;
	p->has_secret = true;
	return strlen(v) == 64 && strspn(v, "0123456789abcdefABCDEF") == 64 ? 0 : -1;
}

static const struct key keys[] = {
    {"ssid", ssid, 0, 0, "1 to 32 bytes, once"},
    {"ssid2", ssid2, 0, 0, "\"text\", P\"text\" or hex digits, once"},
    {"utf8_ssid", number, 0, 1, NULL},
    {"country_code", country, 0, 0, "two capital letters"},
    {"country3", letters, 1, 8, "a number"},
    {"ieee80211d", number, 0, 1, NULL},
    {"ieee80211h", number, 0, 1, NULL},
    {"hw_mode", band, 0, 0, "g (2.4 GHz), a (5 and 6 GHz) or b"},
    {"channel", channel, 0, 233, NULL},
    {"op_class", number, 0, 255, NULL},
    {"chanlist", numbers, 0, 0, "channels"},
    {"beacon_int", number, 15, 65535, NULL},
    {"dtim_period", number, 1, 255, NULL},
    {"max_num_sta", number, 1, 2007, NULL},
    {"rts_threshold", number, -1, 65535, NULL},
    {"fragm_threshold", number, -1, 2346, NULL},
    {"preamble", number, 0, 1, NULL},
    {"supported_rates", numbers, 0, 0, "numbers"},
    {"basic_rates", numbers, 0, 0, "numbers"},
    {"ignore_broadcast_ssid", number, 0, 2, NULL},
    {"ap_isolate", number, 0, 1, NULL},
    {"ap_max_inactivity", number, 1, 1000000, NULL},
    {"disassoc_low_ack", number, 0, 1, NULL},
    {"skip_inactivity_poll", number, 0, 1, NULL},
    {"wds_sta", number, 0, 1, NULL},
    {"multicast_to_unicast", number, 0, 1, NULL},
    {"wmm_enabled", number, 0, 1, NULL},
    {"uapsd_advertisement_enabled", number, 0, 1, NULL},
    {"auth_algs", number, 1, 3, NULL},
    {"ieee80211n", number, 0, 1, NULL},
    {"require_ht", number, 0, 1, NULL},
    {"ht_capab", letters, 1, 200, "[...] as hostapd.conf(5) has them"},
    {"obss_interval", number, 0, 900, NULL},
    {"ieee80211ac", number, 0, 1, NULL},
    {"require_vht", number, 0, 1, NULL},
    {"vht_capab", letters, 1, 300, "[...] as hostapd.conf(5) has them"},
    {"vht_oper_chwidth", number, 0, 3, NULL},
    {"vht_oper_centr_freq_seg0_idx", number, 0, 255, NULL},
    {"vht_oper_centr_freq_seg1_idx", number, 0, 255, NULL},
    {"ieee80211ax", number, 0, 1, NULL},
    {"he_oper_chwidth", number, 0, 3, NULL},
    {"he_oper_centr_freq_seg0_idx", number, 0, 255, NULL},
    {"he_oper_centr_freq_seg1_idx", number, 0, 255, NULL},
    {"he_bss_color", number, 1, 63, NULL},
    {"he_su_beamformer", number, 0, 1, NULL},
    {"he_su_beamformee", number, 0, 1, NULL},
    {"he_mu_beamformer", number, 0, 1, NULL},
    {"wpa", wpa, 0, 3, NULL},
    {"wpa_key_mgmt", letters, 1, 120, "key managements"},
    {"wpa_pairwise", letters, 1, 60, "ciphers"},
    {"rsn_pairwise", letters, 1, 60, "ciphers"},
    {"group_cipher", letters, 1, 30, "a cipher"},
    {"group_mgmt_cipher", letters, 1, 30, "a cipher"},
    {"wpa_passphrase", passphrase, 8, 63, "8 to 63 printable characters"},
    {"wpa_psk", psk, 0, 0, "64 hex digits"},
    {"sae_password", passphrase, 1, 128, "a password"},
    {"sae_pwe", number, 0, 2, NULL},
    {"sae_groups", numbers, 0, 0, "numbers"},
    {"sae_require_mfp", number, 0, 1, NULL},
    {"sae_anti_clogging_threshold", number, 0, 255, NULL},
    {"owe_groups", numbers, 0, 0, "numbers"},
    {"transition_disable", letters, 1, 8, "a number"},
    {"ieee80211w", number, 0, 2, NULL},
    {"wpa_group_rekey", number, 0, 604800, NULL},
    {"wpa_strict_rekey", number, 0, 1, NULL},
    {"wpa_gmk_rekey", number, 0, 604800, NULL},
    {"wpa_ptk_rekey", number, 0, 604800, NULL},
    {"wpa_disable_eapol_key_retries", number, 0, 1, NULL},
    {"okc", number, 0, 1, NULL},
    {"bss_transition", number, 0, 1, NULL},
    {"rrm_neighbor_report", number, 0, 1, NULL},
    {"rrm_beacon_report", number, 0, 1, NULL},
    {"time_advertisement", number, 0, 2, NULL},
};

/* Of a hostapd.conf that was made for another system: the guest has its own. */
static const char *const ours[] = {"interface", "bridge", "driver", "ctrl_interface",
    "ctrl_interface_group", "logger_syslog", "logger_syslog_level", "logger_stdout",
    "logger_stdout_level", "nl80211"};

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return false;
}

static const char *key_name(unsigned i, void *arg)
{
	(void)arg;
	return keys[i].name;
}

static int unknown(const char *name, struct err *e)
{
	const char *near = nearest_name(name, ARRAY_LEN(keys), key_name, NULL);
	char shown[64];

	escape_text(name, strlen(name) < 48 ? strlen(name) : 48, shown, sizeof(shown));
	err_set(e, ERR_FAILED, "%s: not a key that bhyfi takes", shown);
	return near != NULL ? err_hint(e, "did you mean %s?", near)
			    : err_hint(e, "doc/modes.md lists them");
}

static int check_value(struct parser *p, const char *name, const char *v, struct err *e)
{
	const struct key *k = NULL;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			k = &keys[i];
	if (k == NULL)
		return unknown(name, e);
	if (strlen(v) <= VALUE_MAX && k->check(p, k, v) == 0)
		return 0;
	if (k->expected != NULL)
		return err_set(e, ERR_FAILED, "%s: expected %s", name, k->expected);
	return err_set(
	    e, ERR_FAILED, "%s: expected a number from %ld to %ld", name, k->min, k->max);
}

/* One line of the file, terminated, to `out`. A line that is left out leaves an empty
 * one, so that numbers in hostapd's complaints stay right. */
static int take_line(struct parser *p, char *line, char **out, struct err *e)
{
	char *start = line + strspn(line, " \t"), *value = strchr(start, '=');
	size_t len = strlen(line);

	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		line[--len] = '\0';
	if (*start != '#' && *start != '\0') {
		if (value == NULL)
			return err_set(e, ERR_FAILED, "expected KEY=VALUE");
		*value = '\0';
		if (!is_ours(start)) {
			if (check_value(p, start, value + 1, e) < 0)
				return -1;
			*out += sprintf(*out, "%s=%s", start, value + 1);
		}
	}
	*(*out)++ = '\n';
	return 0;
}

static int finish(struct parser *p, struct err *e)
{
	if (!p->has_ssid)
		return err_set(e, ERR_FAILED, "no ssid");
	if (!p->has_channel)
		return err_set(e, ERR_FAILED, "no channel");
	if (p->has_secret && !p->has_wpa)
		return err_set(
		    e, ERR_FAILED, "a passphrase, but no wpa=2: it would be open");
	if (!p->has_wpa)
		snprintf(p->a->warning, sizeof(p->a->warning),
		    "the access point is open: everybody near can join");
	return 0;
}

int apconf_parse(
    const char *text, size_t len, const char *name, struct apconf *a, struct err *e)
{
	struct parser p = {.a = a};
	char *copy, *at, *out;
	unsigned line = 0;
	int ret = 0;

	memset(a, 0, sizeof(*a));
	if (len > APCONF_FILE_MAX)
		return err_set(
		    e, ERR_FAILED, "%s: more than %d bytes", name, APCONF_FILE_MAX);
	if (memchr(text, '\0', len) != NULL)
		return err_set(e, ERR_FAILED, "%s: a NUL byte: expected text", name);
	a->text = out = calloc(1, len + 2);
	copy = at = strndup(text, len);
	if (copy == NULL || a->text == NULL) {
		ret = err_sys(e, ENOMEM, "%s", name);
		goto out;
	}
	while (ret == 0 && at != NULL && *at != '\0') {
		line++;
		ret = take_line(&p, strsep(&at, "\n"), &out, e);
		if (ret < 0)
			err_prefix(e, "%s:%u", name, line);
	}
	if (ret == 0) {
		ret = finish(&p, e);
		if (ret < 0)
			err_prefix(e, "%s", name);
	}
out:
	if (copy != NULL)
		explicit_bzero(copy, len);
	free(copy);
	if (ret < 0)
		apconf_free(a);
	return ret;
}

int apconf_read(int fd, const char *name, struct apconf *a, struct err *e)
{
	char AUTO_FREE *text = NULL;
	size_t len;
	int ret;

	if (fs_read_private(fd, name, APCONF_FILE_MAX, &text, &len, e) < 0)
		return -1;
	ret = apconf_parse(text, len, name, a, e);
	explicit_bzero(text, len);
	return ret;
}

int apconf_load(const char *path, struct apconf *a, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		return apconf_read(fd, path, a, e);
	if (errno != ENOENT)
		return err_sys(e, errno, "%s", path);
	err_set(e, ERR_PRECONDITION, "%s: no such file", path);
	return err_hint(e, "mode ap needs a hostapd.conf there; see doc/modes.md");
}

void apconf_free(struct apconf *a)
{
	if (a->text != NULL)
		explicit_bzero(a->text, strlen(a->text));
	free(a->text);
	a->text = NULL;
}
