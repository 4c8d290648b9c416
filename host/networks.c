/*
 * Theory of operation.
 *
 * The grammar is wpa_supplicant 2.10's own (its config file has no other description):
 * lines; `#` outside of quotes begins a comment; `key=value` on the top level, and
 * blocks `network={`, `cred={`, `blob-base64-NAME={` up to a line `}`. Values that are
 * strings are "text" up to the last quote of the line, P"text" with printf escapes, or
 * hex.
 *
 * Checked is what people get wrong and what the guest could only complain about on
 * its console: the table `fields` has a row for each key that is looked into. Keys
 * that it lacks are passed on as they are.
 *
 * Secrets: the text, the line buffer and every value are wiped; an error shows keys
 * and expectations, a value only where its row says that it is no secret.
 */
#include "networks.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "escape.h"
#include "fs.h"
#include "msg.h"

/* The buffers of wpa_supplicant: it cuts longer lines in two and reads rubbish. */
#define GLOBAL_LINE_MAX 511
#define BLOCK_LINE_MAX 1999

enum block {
	BLOCK_NONE,
	BLOCK_NETWORK,
	BLOCK_OTHER, /* cred, blob: passed on */
};

struct parser {
	const char *name;
	unsigned line, block_line;
	size_t offset, next; /* of the line in the text, and of that behind it */
	enum block block;
	struct networks *out;
	struct network *net; /* while in a network block */
	bool secret_needed;  /* the default key_mgmt, or one with a passphrase */
	struct err *e;
};

static int fail(struct parser *p, const char *key, const char *expected)
{
	return err_set(
	    p->e, ERR_FAILED, "%s:%u: %s: expected %s", p->name, p->line, key, expected);
}

static void warn(struct parser *p, unsigned line, const char *text)
{
	if (p->out->warning[0] == '\0')
		snprintf(p->out->warning, sizeof(p->out->warning), "%s:%u: %s", p->name,
		    line, text);
}

/* Fields of a network block. */

static int check_ssid(struct parser *p, const char *key, const char *v)
{
	int n = ssid_value(v, p->net->ssid, sizeof(p->net->ssid));

	if (n <= 0) {
		p->net->ssid_len = 0;
		return fail(p, key,
		    "\"text\", P\"text with \\escapes\" or hex digits, 1 to 32 bytes");
	}
	p->net->ssid_len = (size_t)n;
	return 0;
}

static int check_psk(struct parser *p, const char *key, const char *v)
{
	const char *expected = "a passphrase of 8 to 63 printable characters in quotes, "
			       "or 64 hex digits without";
	uint8_t buf[64];
	int n = ssid_value(v, buf, sizeof(buf));
	bool good = v[0] == '"' ? n >= 8 && n <= 63 : v[0] != 'P' && n == 32;

	if (v[0] == '"')
		for (int i = 0; i < n; i++)
			if (buf[i] < 32 || buf[i] > 126)
				good = false;
	explicit_bzero(buf, sizeof(buf));
	/* A key held elsewhere: wpa_supplicant's own extension. */
	if (strncmp(v, "ext:", 4) == 0)
		good = true;
	if (!good)
		return fail(p, key, expected);
	p->net->has_secret = true;
	return 0;
}

static int check_secret(struct parser *p, const char *key, const char *v)
{
	uint8_t buf[BLOCK_LINE_MAX];
	int n = ssid_value(v, buf, sizeof(buf));

	explicit_bzero(buf, sizeof(buf));
	/* password=hash:..., wep keys in hex and the like are no strings. */
	if (v[0] == '\0' || ((v[0] == '"' || v[0] == 'P') && n <= 0))
		return fail(p, key, "a value in quotes");
	p->net->has_secret = true;
	return 0;
}

static bool word_in(const char *list, const char *word, size_t len)
{
	const char *s = list;

	while (*s != '\0') {
		size_t n = strcspn(s, " ");

		if (n == len && memcmp(s, word, n) == 0)
			return true;
		s += n + (s[n] == ' ');
	}
	return false;
}

static int check_words(struct parser *p, const char *key, const char *v, const char *list)
{
	size_t n, words = 0;
	char expected[400];

	for (const char *s = v; *s != '\0'; s += n) {
		s += strspn(s, " \t");
		n = strcspn(s, " \t");
		if (n == 0)
			break;
		words++;
		if (!word_in(list, s, n))
			words = SIZE_MAX / 2;
	}
	if (words > 0 && words < SIZE_MAX / 2)
		return 0;
	snprintf(expected, sizeof(expected), "some of: %s", list);
	return fail(p, key, expected);
}

static int check_key_mgmt(struct parser *p, const char *key, const char *v)
{
	static const char known[] =
	    "NONE WPA-PSK WPA-EAP IEEE8021X WPA-NONE FT-PSK FT-EAP FT-EAP-SHA384 "
	    "WPA-PSK-SHA256 WPA-EAP-SHA256 SAE FT-SAE SAE-EXT-KEY FT-SAE-EXT-KEY WPS "
	    "OSEN WPA-EAP-SUITE-B WPA-EAP-SUITE-B-192 FILS-SHA256 FILS-SHA384 "
	    "FT-FILS-SHA256 FT-FILS-SHA384 OWE DPP";

	if (check_words(p, key, v, known) < 0)
		return -1;
	snprintf(p->net->key_mgmt, sizeof(p->net->key_mgmt), "%s", v);
	p->secret_needed = strstr(v, "PSK") != NULL || strstr(v, "SAE") != NULL;
	return 0;
}

static int check_proto(struct parser *p, const char *key, const char *v)
{
	return check_words(p, key, v, "WPA RSN WPA2 OSEN");
}

static int check_pairwise(struct parser *p, const char *key, const char *v)
{
	return check_words(p, key, v, "CCMP CCMP-256 GCMP GCMP-256 TKIP NONE");
}

static int check_group(struct parser *p, const char *key, const char *v)
{
	return check_words(
	    p, key, v, "CCMP CCMP-256 GCMP GCMP-256 TKIP WEP104 WEP40 GTK_NOT_USED");
}

static int parse_number(const char *v, long min, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(v, &end, 0);
	return errno != 0 || end == v || *end != '\0' || *out < min || *out > max ? -1
										  : 0;
}

static int check_disabled(struct parser *p, const char *key, const char *v)
{
	long n;

	if (parse_number(v, 0, 2, &n) < 0)
		return fail(p, key, "0 or 1");
	p->net->disabled = n != 0;
	return 0;
}

static int check_scan_ssid(struct parser *p, const char *key, const char *v)
{
	long n;

	if (parse_number(v, 0, 1, &n) < 0)
		return fail(p, key, "0 or 1");
	p->net->hidden = n != 0;
	return 0;
}

static int check_mode(struct parser *p, const char *key, const char *v)
{
	long n;

	if (parse_number(v, 0, 0, &n) < 0)
		return fail(
		    p, key, "0, a station: nothing else has a data path to the host");
	return 0;
}

static int check_ieee80211w(struct parser *p, const char *key, const char *v)
{
	long n;

	return parse_number(v, 0, 3, &n) < 0 ? fail(p, key, "0, 1 or 2") : 0;
}

static int check_priority(struct parser *p, const char *key, const char *v)
{
	long n;

	if (parse_number(v, INT_MIN, INT_MAX, &n) < 0)
		return fail(p, key, "a number");
	p->net->priority = (int)n;
	return 0;
}

static int check_bssid(struct parser *p, const char *key, const char *v)
{
	uint8_t mac[6];

	if (strcmp(v, "any") == 0 || strcmp(v, "\"any\"") == 0 || v[0] == '\0')
		return 0;
	return msg_mac_parse(v, mac) ? 0 : fail(p, key, "aa:bb:cc:dd:ee:ff or any");
}

/* Files of the host do not exist in the guest. */
static int check_file(struct parser *p, const char *key, const char *v)
{
	(void)key;
	if (v[0] == '"' && strncmp(v, "\"blob://", 8) != 0 &&
	    strncmp(v, "\"hash:", 6) != 0 && strncmp(v, "\"probe:", 7) != 0)
		warn(p, p->line,
		    "a file that the guest does not have; put it in a blob "
		    "(blob://NAME)");
	return 0;
}

struct field {
	const char *key;
	int (*check)(struct parser *p, const char *key, const char *value);
};

static const struct field fields[] = {
    {"ssid", check_ssid},
    {"psk", check_psk},
    {"sae_password", check_secret},
    {"password", check_secret},
    {"private_key_passwd", check_secret},
    {"wep_key0", check_secret},
    {"wep_key1", check_secret},
    {"wep_key2", check_secret},
    {"wep_key3", check_secret},
    {"key_mgmt", check_key_mgmt},
    {"proto", check_proto},
    {"pairwise", check_pairwise},
    {"group", check_group},
    {"disabled", check_disabled},
    {"scan_ssid", check_scan_ssid},
    {"mode", check_mode},
    {"ieee80211w", check_ieee80211w},
    {"priority", check_priority},
    {"bssid", check_bssid},
    {"ca_cert", check_file},
    {"client_cert", check_file},
    {"private_key", check_file},
    {"ca_path", check_file},
};

/* Lines that are the host's business, not the guest's. */
static const char *const dropped[] = {
    "ctrl_interface",
    "ctrl_interface_group",
    "update_config",
};

static bool is_dropped(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		if (strcmp(key, dropped[i]) == 0)
			return true;
	return false;
}

static bool key_is_valid(const char *key)
{
	if (!isalpha((unsigned char)key[0]))
		return false;
	for (const char *s = key; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("_-.", *s) == NULL)
			return false;
	return true;
}

static int begin_network(struct parser *p)
{
	struct networks *out = p->out;

	if (out->n == NETWORKS_MAX)
		return err_set(p->e, ERR_FAILED, "%s:%u: more than %d networks", p->name,
		    p->line, NETWORKS_MAX);
	p->net = &out->list[out->n++];
	memset(p->net, 0, sizeof(*p->net));
	p->net->line = p->line;
	p->net->begin = p->offset;
	p->secret_needed = true;
	return 0;
}

static void end_network(struct parser *p)
{
	const struct network *net = p->net;

	p->net->end = p->next;
	if (p->secret_needed && !net->has_secret && !net->disabled)
		warn(p, net->line,
		    "a network without a passphrase; for an open one say key_mgmt=NONE");
	else if (net->ssid_len == 0)
		warn(p, net->line, "a network without an ssid: joins any");
	p->net = NULL;
}

/* "network={" and its like. 1: it was one. */
static int block_line(struct parser *p, const char *s)
{
	size_t len = strlen(s);

	if (len < 2 || strcmp(s + len - 2, "={") != 0)
		return 0;
	if (p->block != BLOCK_NONE)
		return err_set(p->e, ERR_FAILED,
		    "%s:%u: a block within the block of line %u (a } is missing)",
		    p->name, p->line, p->block_line);
	if (strcmp(s, "network={") == 0) {
		if (begin_network(p) < 0)
			return -1;
		p->block = BLOCK_NETWORK;
	} else if (strcmp(s, "cred={") == 0 || strncmp(s, "blob-base64-", 12) == 0) {
		p->block = BLOCK_OTHER;
	} else {
		return err_set(p->e, ERR_FAILED,
		    "%s:%u: unknown block: expected network={, cred={ or "
		    "blob-base64-NAME={",
		    p->name, p->line);
	}
	p->block_line = p->line;
	return 1;
}

/* s: a line without blanks around it and without comment. *keep: it goes to the guest. */
static int parse_line(struct parser *p, char *s, bool *keep)
{
	char *eq;
	int ret;

	*keep = true;
	if (strcmp(s, "}") == 0) {
		if (p->block == BLOCK_NONE)
			return err_set(p->e, ERR_FAILED, "%s:%u: a } without a block",
			    p->name, p->line);
		if (p->block == BLOCK_NETWORK)
			end_network(p);
		p->block = BLOCK_NONE;
		return 0;
	}
	ret = block_line(p, s);
	if (ret != 0)
		return ret < 0 ? -1 : 0;
	if (p->block == BLOCK_OTHER)
		return 0;
	eq = strchr(s, '=');
	if (eq != NULL)
		*eq = '\0';
	if (eq == NULL || !key_is_valid(s))
		return err_set(p->e, ERR_FAILED,
		    "%s:%u: expected KEY=VALUE without blanks "
		    "around the =",
		    p->name, p->line);
	if (p->block == BLOCK_NONE) {
		*keep = !is_dropped(s);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(s, fields[i].key) == 0)
			return fields[i].check(p, s, eq + 1);
	return 0;
}

/* Cuts the comment and the blanks at the end; returns the line without those at
 * its beginning. A # between the first and the last quote is text. */
static char *trim(char *s)
{
	char *quote, *hash;
	size_t len;

	s += strspn(s, " \t\r");
	if (*s == '#') {
		*s = '\0';
		return s;
	}
	quote = strchr(s, '"');
	if (quote != NULL)
		quote = strrchr(quote, '"');
	hash = strchr(quote != NULL ? quote : s, '#');
	if (hash != NULL)
		*hash = '\0';
	len = strlen(s);
	while (len > 0 && strchr(" \t\r", s[len - 1]) != NULL)
		s[--len] = '\0';
	return s;
}

/* The text goes to the guest as JSON, which is UTF-8. A quoted value that is not means
 * the same in hex. Returns the length written; the text has room for it. */
static int put_line(struct parser *p, const char *line)
{
	char *out = p->out->text + p->out->text_len;
	const char *eq = strchr(line, '=');
	uint8_t value[BLOCK_LINE_MAX];
	int n, len;

	if (utf8_valid(line, strlen(line)))
		return sprintf(out, "%s\n", line);
	n = eq != NULL ? ssid_value(eq + 1, value, sizeof(value)) : -1;
	if (n < 0 || p->block != BLOCK_NETWORK)
		return err_set(p->e, ERR_FAILED,
		    "%s:%u: neither UTF-8 nor a value in quotes", p->name, p->line);
	len = sprintf(out, "%.*s=", (int)(eq - line), line);
	for (int i = 0; i < n; i++)
		len += sprintf(out + len, "%02x", value[i]);
	explicit_bzero(value, sizeof(value));
	return len + sprintf(out + len, "\n");
}

static int take_line(struct parser *p, const char *line, size_t len)
{
	size_t max = p->block == BLOCK_NONE ? GLOBAL_LINE_MAX : BLOCK_LINE_MAX;
	char buf[BLOCK_LINE_MAX + 1], copy[BLOCK_LINE_MAX + 1];
	bool keep;
	char *s;
	int ret, n;

	if (len > max)
		return err_set(p->e, ERR_FAILED, "%s:%u: line longer than %zu bytes",
		    p->name, p->line, max);
	memcpy(buf, line, len);
	buf[len] = '\0';
	s = trim(buf);
	if (*s == '\0')
		return 0;
	snprintf(copy, sizeof(copy), "%s", s);
	ret = parse_line(p, s, &keep);
	if (ret == 0 && keep) {
		n = put_line(p, copy);
		ret = n < 0 ? -1 : 0;
		p->out->text_len += n < 0 ? 0 : (size_t)n;
	}
	explicit_bzero(buf, sizeof(buf));
	explicit_bzero(copy, sizeof(copy));
	return ret;
}

static int parse_all(struct parser *p, const char *text, size_t len)
{
	const char *end = text + len;

	for (const char *s = text; s < end;) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t n = (size_t)((nl != NULL ? nl : end) - s);

		p->line++;
		p->offset = (size_t)(s - text);
		p->next = p->offset + n + (nl != NULL);
		if (memchr(s, '\0', n) != NULL)
			return err_set(
			    p->e, ERR_FAILED, "%s:%u: a NUL byte", p->name, p->line);
		if (take_line(p, s, n) < 0)
			return -1;
		s += n + 1;
	}
	if (p->block != BLOCK_NONE)
		return err_set(p->e, ERR_FAILED,
		    "%s:%u: the block is not closed with a }", p->name, p->block_line);
	return 0;
}

int networks_parse(
    const char *text, size_t len, const char *name, struct networks *n, struct err *e)
{
	struct parser p = {.name = name, .out = n, .e = e};

	memset(n, 0, sizeof(*n));
	if (len > NETWORKS_FILE_MAX)
		return err_set(
		    e, ERR_FAILED, "%s: larger than %d bytes", name, NETWORKS_FILE_MAX);
	n->list = calloc(NETWORKS_MAX, sizeof(*n->list));
	/* Hex doubles a value; the last line may lack its newline. */
	n->text = malloc(2 * len + 2);
	if (n->list == NULL || n->text == NULL) {
		err_sys(e, ENOMEM, "%s", name);
		networks_free(n);
		return -1;
	}
	n->text[0] = '\0';
	if (parse_all(&p, text, len) < 0) {
		n->text_len = 2 * len;
		networks_free(n);
		return -1;
	}
	if (n->n == 0 && n->warning[0] == '\0')
		snprintf(n->warning, sizeof(n->warning), "%s: no network in it", name);
	return 0;
}

int networks_read(int fd, const char *name, struct networks *n, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	int ret;

	if (fs_read_private(fd, name, NETWORKS_FILE_MAX, &text, &len, e) < 0)
		return -1;
	ret = networks_parse(text, len, name, n, e);
	explicit_bzero(text, len);
	free(text);
	return ret;
}

int networks_load(const char *path, struct networks *n, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT) {
		err_set(e, ERR_PRECONDITION, "%s: no networks file", path);
		return err_hint(e, "bhyfi connect SSID makes one; it is a "
				   "wpa_supplicant.conf of mode 0600");
	}
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return networks_read(fd, path, n, e);
}

const char *network_security(const struct network *net)
{
	bool psk = strstr(net->key_mgmt, "PSK") != NULL;

	if (strstr(net->key_mgmt, "SAE") != NULL)
		return psk ? "wpa2+wpa3" : "wpa3";
	if (strstr(net->key_mgmt, "EAP") != NULL ||
	    strstr(net->key_mgmt, "8021X") != NULL ||
	    strstr(net->key_mgmt, "FILS") != NULL)
		return "eap";
	if (strstr(net->key_mgmt, "OWE") != NULL)
		return "owe";
	if (psk || net->key_mgmt[0] == '\0')
		return "wpa2";
	return net->has_secret ? "wep" : "open";
}

const struct network *networks_find(
    const struct networks *n, const uint8_t *ssid, size_t len)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->list[i].ssid_len == len && memcmp(n->list[i].ssid, ssid, len) == 0)
			return &n->list[i];
	return NULL;
}

static json_t *network_json(const struct network *net, const char *joined)
{
	char ssid[ESCAPE_SIZE(SSID_MAX)], hex[SSID_HEX_SIZE];

	escape_text((const char *)net->ssid, net->ssid_len, ssid, sizeof(ssid));
	ssid_hex(net->ssid, net->ssid_len, hex);
	return json_pack("{s:s, s:s, s:s, s:i, s:b, s:b, s:b}", "ssid", ssid, "ssid_hex",
	    hex, "security", network_security(net), "priority", net->priority,
	    "autoconnect", (int)!net->disabled, "hidden", (int)net->hidden, "connected",
	    (int)(joined[0] != '\0' && strcmp(joined, hex) == 0));
}

json_t *networks_json(const struct networks *n, const char *joined)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->n; i++)
		json_array_append_new(list, network_json(&n->list[i], joined));
	return list;
}

void networks_free(struct networks *n)
{
	if (n->text != NULL)
		explicit_bzero(n->text, n->text_len);
	free(n->text);
	free(n->list);
	memset(n, 0, sizeof(*n));
}
