#include "connect.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "escape.h"
#include "fs.h"

#define WAIT_DEFAULT_S 30
#define WAIT_MAX_S 300
#define FILE_MAX (32 * 1024)
#define CHECK_URL "http://connectivity-check.ubuntu.com/" /* answers 204 */

static const struct {
	const char *name;
	enum wifi_kind kind;
} kinds[] = {
    {"auto", WIFI_AUTO},
    {"open", WIFI_OPEN},
    {"owe", WIFI_OWE},
    {"wpa", WIFI_PERSONAL},
    {"wpa2", WIFI_WPA2},
    {"wpa3", WIFI_WPA3},
    {"eap", WIFI_EAP},
};

static const struct eap_method {
	const char *name, *eap, *phase2; /* phase2 NULL: it has no tunnel */
} eap_methods[] = {
    {"peap", "PEAP", "auth=MSCHAPV2"},
    {"ttls", "TTLS", "auth=MSCHAPV2"},
    {"ttls-pap", "TTLS", "auth=PAP"},
    {"pwd", "PWD", NULL},
};

static const struct eap_method *eap_method(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(eap_methods); i++)
		if (strcmp(eap_methods[i].name, name) == 0)
			return &eap_methods[i];
	return NULL;
}

static int parse_kind(const char *name, enum wifi_kind *kind, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = kinds[i].kind;
			return 0;
		}
	return err_set(e, ERR_USAGE,
	    "connect: --security: expected auto, open, owe, wpa, wpa2, wpa3 or eap, not "
	    "\"%.40s\"",
	    name);
}

/* What stands in quotes in the file. */
static int check_word(const char *option, const char *value, struct err *e)
{
	if (value == NULL)
		return 0;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 32 || *p == 127 || *p == '"')
			return err_set(e, ERR_USAGE,
			    "connect: --%s: control characters and quotation marks are "
			    "not allowed",
			    option);
	return value[0] != '\0' && strlen(value) < 256
		   ? 0
		   : err_set(
			 e, ERR_USAGE, "connect: --%s: expected 1 to 255 bytes", option);
}

static int eap_options(struct connect *k, const struct cli *cli, struct err *e)
{
	k->identity = cli_value(cli, "identity");
	k->ca_cert = cli_value(cli, "ca-cert");
	k->domain = cli_value(cli, "domain");
	if (k->eap != NULL && eap_method(k->eap) == NULL) {
		err_set(e, ERR_USAGE,
		    "connect: --eap: expected peap, ttls, ttls-pap or pwd, not "
		    "\"%.40s\"",
		    k->eap);
		return err_hint(e, "other methods: --block FILE");
	}
	if (check_word("identity", k->identity, e) < 0 ||
	    check_word("domain", k->domain, e) < 0)
		return -1;
	if (k->eap == NULL &&
	    (k->identity != NULL || k->ca_cert != NULL || k->domain != NULL))
		return err_set(e, ERR_USAGE,
		    "connect: --identity, --ca-cert and --domain go with --eap");
	if (k->eap == NULL)
		return 0;
	if (k->identity == NULL)
		return err_set(e, ERR_USAGE, "connect: --eap: expected --identity, too");
	/* The others prove that they know the password; this one tells it. */
	if (strcmp(k->eap, "ttls-pap") == 0 && k->ca_cert == NULL)
		return err_set(e, ERR_USAGE,
		    "connect: --eap ttls-pap: expected --ca-cert, too: the server is "
		    "told the password");
	if (k->kind != WIFI_AUTO && k->kind != WIFI_EAP)
		return err_set(
		    e, ERR_USAGE, "connect: --eap: --security says something else");
	k->kind = WIFI_EAP;
	return 0;
}

static int block_options(const struct connect *k, const struct cli *cli, struct err *e)
{
	static const char *const others[] = {"security", "passphrase-file", "ask",
	    "hidden", "priority", "eap", "identity", "ca-cert", "domain"};

	if (k->block == NULL)
		return k->ssid_len > 0 ? 0
				       : err_set(e, ERR_USAGE, "connect: expected SSID");
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (cli_value(cli, others[i]) != NULL)
			return err_set(e, ERR_USAGE,
			    "connect: --block: all settings are in the file, not in --%s",
			    others[i]);
	return 0;
}

int connect_options(
    struct connect *k, const struct cli *cli, const char *ssid, struct err *e)
{
	const char *kind = cli_value(cli, "security"), *n;

	memset(k, 0, sizeof(*k));
	if (ssid != NULL && netfile_ssid("connect", ssid, k->ssid, &k->ssid_len, e) < 0)
		return -1;
	netfile_show(k->ssid, k->ssid_len, k->shown, sizeof(k->shown));
	ssid_hex(k->ssid, k->ssid_len, k->hex);
	k->hidden = cli_value(cli, "hidden") != NULL;
	k->ask = cli_value(cli, "ask") != NULL;
	k->save = cli_value(cli, "save") != NULL;
	k->secret_file = cli_value(cli, "passphrase-file");
	k->block = cli_value(cli, "block");
	k->eap = cli_value(cli, "eap");
	k->check_url = cli_value(cli, "check-url");
	if (k->check_url == NULL && cli_value(cli, "check") != NULL)
		k->check_url = CHECK_URL;
	k->wait_s = WAIT_DEFAULT_S;
	if (kind != NULL && parse_kind(kind, &k->kind, e) < 0)
		return -1;
	n = cli_value(cli, "wait");
	if (n != NULL &&
	    cli_number(n, "connect: --wait", 1, WAIT_MAX_S, &k->wait_s, e) < 0)
		return -1;
	if (netfile_priority(cli, k->priority, e) < 0)
		return -1;
	return eap_options(k, cli, e) < 0 || block_options(k, cli, e) < 0 ? -1 : 0;
}

void connect_free(struct connect *k)
{
	explicit_bzero(k->secret, sizeof(k->secret));
}

bool connect_is_unverified(const struct connect *k)
{
	return k->eap != NULL && k->ca_cert == NULL && eap_method(k->eap)->phase2 != NULL;
}

bool connect_needs_secret(enum wifi_kind kind)
{
	return kind == WIFI_PERSONAL || kind == WIFI_WPA2 || kind == WIFI_WPA3 ||
	       kind == WIFI_EAP;
}

static int mismatch(const struct connect *k, const char *security, struct err *e)
{
	return err_set(e, ERR_FAILED, "connect: %s: its security is %s", k->shown,
	    wifi_security(security));
}

int connect_kind_of(
    const struct connect *k, const char *security, enum wifi_kind *kind, struct err *e)
{
	static const struct {
		const char *security;
		enum wifi_kind kind;
		bool wpa2, wpa3;
	} rows[] = {
	    {"open", WIFI_OPEN, false, false},
	    {"owe", WIFI_OWE, false, false},
	    {"wpa", WIFI_PERSONAL, true, false},
	    {"wpa2", WIFI_PERSONAL, true, false},
	    {"wpa3", WIFI_PERSONAL, false, true},
	    {"wpa2+wpa3", WIFI_PERSONAL, true, true},
	    {"eap", WIFI_EAP, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].security, security) != 0)
			continue;
		*kind = k->kind == WIFI_AUTO ? rows[i].kind : k->kind;
		if (*kind == rows[i].kind || (*kind == WIFI_WPA2 && rows[i].wpa2) ||
		    (*kind == WIFI_WPA3 && rows[i].wpa3))
			return 0;
		return mismatch(k, security, e);
	}
	mismatch(k, security, e);
	return err_hint(e, "it can not be used: what it calls security is none");
}

static bool is_raw_key(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdefABCDEF") == 64;
}

int connect_check_secret(const struct connect *k, enum wifi_kind kind, struct err *e)
{
	size_t len = strlen(k->secret);
	bool printable = true, ascii = true;

	for (const char *p = k->secret; *p != '\0'; p++) {
		printable = printable && (unsigned char)*p >= 32 && *p != 127;
		ascii = ascii && *p >= 32 && *p < 127;
	}
	if (!printable)
		return err_set(
		    e, ERR_USAGE, "connect: the passphrase: a control character");
	if (kind == WIFI_WPA3 || kind == WIFI_EAP)
		return len >= 1 && len < PASSPHRASE_SIZE - 1
			   ? 0
			   : err_set(e, ERR_USAGE,
				 "connect: the passphrase: expected 1 to "
				 "%d bytes",
				 PASSPHRASE_SIZE - 2);
	if ((ascii && len >= 8 && len <= 63) || is_raw_key(k->secret))
		return 0;
	return err_set(e, ERR_USAGE,
	    "connect: the passphrase: expected 8 to 63 printable characters, not %zu",
	    len);
}

#define VALUE_SIZE 300
#define KEYS_MAX 16

struct keys {
	struct network_key list[KEYS_MAX];
	char values[KEYS_MAX][VALUE_SIZE]; /* may hold secrets */
	size_t n;
};

/* value NULL: the key is not to be there. */
static void set(struct keys *s, const char *key, const char *value)
{
	if (s->n < KEYS_MAX)
		s->list[s->n++] = (struct network_key){key, value};
}

static void set_quoted(struct keys *s, const char *key, const char *value)
{
	if (s->n == KEYS_MAX)
		return;
	snprintf(s->values[s->n], VALUE_SIZE, "\"%s\"", value);
	set(s, key, s->values[s->n]);
}

/* Fast transition (802.11r) is used where the access point has it, too. */
static void set_personal(struct keys *s, enum wifi_kind kind, const char *secret)
{
	bool raw = is_raw_key(secret);

	if (raw && kind == WIFI_PERSONAL)
		kind = WIFI_WPA2; /* WPA3 needs the passphrase itself */
	set(s, "key_mgmt",
	    kind == WIFI_WPA3   ? "SAE FT-SAE"
	    : kind == WIFI_WPA2 ? "WPA-PSK WPA-PSK-SHA256 FT-PSK"
				: "WPA-PSK WPA-PSK-SHA256 FT-PSK SAE FT-SAE");
	set(s, "ieee80211w", kind == WIFI_WPA3 ? "2" : "1");
	if (secret[0] == '\0')
		return; /* that of the file stays */
	if (kind == WIFI_WPA3) {
		set_quoted(s, "sae_password", secret);
		set(s, "psk", NULL);
		return;
	}
	if (raw)
		set(s, "psk", secret);
	else
		set_quoted(s, "psk", secret);
	set(s, "sae_password", NULL);
}

static void set_kind(struct keys *s, const struct connect *k, enum wifi_kind kind)
{
	switch (kind) {
	case WIFI_OPEN:
	case WIFI_OWE:
		set(s, "key_mgmt", kind == WIFI_OPEN ? "NONE" : "OWE");
		set(s, "ieee80211w", kind == WIFI_OPEN ? NULL : "2");
		set(s, "psk", NULL);
		set(s, "sae_password", NULL);
		break;
	case WIFI_PERSONAL:
	case WIFI_WPA2:
	case WIFI_WPA3:
		set_personal(s, kind, k->secret);
		break;
	case WIFI_AUTO:
	case WIFI_EAP:
		break;
	}
	if (k->hidden)
		set(s, "scan_ssid", "1");
	if (k->priority[0] != '\0')
		set(s, "priority", k->priority);
}

/* The first certificate's lines between BEGIN and END: what a blob holds. */
static int certificate(const char *path, char **out, struct err *e)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	AUTO_FREE char *text = NULL;
	char *from, *to;

	if (fs_read_file(path, FILE_MAX, &text, NULL, e) < 0)
		return -1;
	from = strstr(text, begin);
	to = from != NULL ? strstr(from, "-----END CERTIFICATE-----") : NULL;
	if (to == NULL)
		return err_set(e, ERR_FAILED, "%s: no certificate in PEM in it", path);
	from += strlen(begin);
	*to = '\0';
	for (const char *p = from; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("+/=\r\n", *p) == NULL)
			return err_set(e, ERR_FAILED, "%s: not base64", path);
	*out = strdup(from + strspn(from, "\r\n"));
	return *out != NULL ? 0 : err_set(e, ERR_FAILED, "%s: out of memory", path);
}

static void put_key(FILE *f, const char *key, const char *value)
{
	if (value != NULL)
		fprintf(f, "\t%s=\"%s\"\n", key, value);
}

/* A block for 802.1X, and behind it the certificate that it names. */
static int eap_block(const struct connect *k, struct networks_text *out, struct err *e)
{
	AUTO_FREE char *cert = NULL;
	const struct eap_method *method = eap_method(k->eap);
	char value[SSID_VALUE_SIZE], blob[SSID_HEX_SIZE + 16];
	FILE *f;

	if (k->ca_cert != NULL && certificate(k->ca_cert, &cert, e) < 0)
		return -1;
	f = open_memstream(&out->text, &out->len);
	if (f == NULL)
		return err_set(e, ERR_FAILED, "connect: out of memory");
	ssid_value_text(k->ssid, k->ssid_len, value);
	snprintf(blob, sizeof(blob), "blob://ca-%s", k->hex);
	fprintf(f, "network={\n\tssid=%s\n", value);
	fprintf(f, "\tkey_mgmt=WPA-EAP WPA-EAP-SHA256 FT-EAP\n\tieee80211w=1\n");
	fprintf(f, "\teap=%s\n", method->eap);
	put_key(f, "identity", k->identity);
	put_key(f, "password", k->secret);
	put_key(f, "phase2", method->phase2);
	put_key(f, "ca_cert", cert != NULL ? blob : NULL);
	put_key(f, "domain_suffix_match", k->domain);
	fprintf(f, "%s", k->hidden ? "\tscan_ssid=1\n" : "");
	if (k->priority[0] != '\0')
		fprintf(f, "\tpriority=%s\n", k->priority);
	fprintf(f, "}\n");
	if (cert != NULL)
		fprintf(f, "blob-base64-ca-%s={\n%s}\n", k->hex, cert);
	return fclose(f) == 0 ? 0 : err_set(e, ERR_FAILED, "connect: out of memory");
}

static int put_block(const struct connect *k, const struct networks_text *block,
    const char *name, const struct netfile *f, struct networks_text *out, struct err *e)
{
	uint8_t ssid[SSID_MAX];
	size_t len;

	return networks_put_block(
	    &f->text, f->path, block, name, k->ssid, k->ssid_len, out, ssid, &len, e);
}

int connect_text(const struct connect *k, enum wifi_kind kind, const struct netfile *f,
    struct networks_text *out, struct err *e)
{
	struct networks_text block = {NULL, 0};
	struct keys keys;
	int ret;

	if (k->block != NULL || (kind == WIFI_EAP && k->eap != NULL)) {
		ret = k->block != NULL
			  ? fs_read_file(k->block, FILE_MAX, &block.text, &block.len, e)
			  : eap_block(k, &block, e);
		if (ret == 0)
			ret = put_block(
			    k, &block, k->block != NULL ? k->block : "--eap", f, out, e);
		networks_text_free(&block);
		return ret;
	}
	keys.n = 0;
	set_kind(&keys, k, kind);
	ret = networks_set(
	    &f->text, f->path, k->ssid, k->ssid_len, keys.list, keys.n, out, e);
	explicit_bzero(&keys, sizeof(keys));
	return ret;
}
