#include "wpa-conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static const char *const dropped[] = {
    "ctrl_interface",
    "ctrl_interface_group",
    "update_config",
    "load_dynamic_eap",
    "opensc_engine_path",
    "pkcs11_engine_path",
    "pkcs11_module_path",
    "openssl_ciphers_path",
    "ext_password_backend",
    "driver_param",
};

/* What stands for all networks where the user says nothing of it. Behind the user's own
 * lines, so that the supplicant's complaints name those by their number. */
static const struct {
	const char *key, *value;
} defaults[] = {
    /* Looks for a better AP of the same network every 30 s below -70 dBm, which the
     * driver watches; with a good signal once a day: a scan costs air time and battery.
     */
    {"bgscan", "\"simple:30:-70:86400\""},
    /* WPA3 as the AP prefers it: hash to element, or hunting and pecking. */
    {"sae_pwe", "2"},
};

static bool is_key(const char *line, size_t len, const char *key)
{
	size_t start = 0, n;

	while (start < len && isspace((unsigned char)line[start]))
		start++;
	n = strcspn(line + start, "= \t\n");
	return start + n <= len && strlen(key) == n &&
	       strncasecmp(line + start, key, n) == 0;
}

static bool is_dropped(const char *line, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		if (is_key(line, len, dropped[i]))
			return true;
	return false;
}

static bool is_end(const char *line, size_t len)
{
	while (len > 0 && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	return len > 0 && *line == '}';
}

int wpa_conf_make(
    const char *networks, const char *ctl_dir, char **out, size_t *len, struct err *e)
{
	size_t have = strlen(networks), room = have + strlen(ctl_dir) + 256, at;
	bool set[ARRAY_LEN(defaults)] = {false}, in_block = false;
	char *text;

	if (have > WPA_CONF_MAX)
		return err_set(e, ERR_FAILED,
		    "networks: the configuration is larger than %d bytes", WPA_CONF_MAX);
	text = malloc(room);
	if (text == NULL)
		return err_sys(e, ENOMEM, "networks");
	at = 0;
	while (*networks != '\0') {
		size_t line = strcspn(networks, "\n");

		/* A line that is dropped leaves an empty one: the supplicant's complaints
		 * name lines, and are to name the host's. */
		if (!is_dropped(networks, line)) {
			memcpy(text + at, networks, line);
			at += line;
		}
		text[at++] = '\n';
		in_block = in_block
			       ? !is_end(networks, line)
			       : line >= 2 && memcmp(networks + line - 2, "={", 2) == 0;
		for (size_t i = 0; i < ARRAY_LEN(defaults) && !in_block; i++)
			set[i] = set[i] || is_key(networks, line, defaults[i].key);
		networks += line + (networks[line] == '\n');
	}
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (!set[i])
			at += (size_t)snprintf(text + at, room - at, "%s=%s\n",
			    defaults[i].key, defaults[i].value);
	at += (size_t)snprintf(text + at, room - at, "ctrl_interface=%s\n", ctl_dir);
	*out = text;
	*len = at;
	return 0;
}

static bool is_lacking(const struct wpa_lacks *l, const char *word, size_t n)
{
	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->words[i]) == n && memcmp(l->words[i], word, n) == 0)
			return true;
	return false;
}

bool wpa_lacks_learn(struct wpa_lacks *l, const char *line)
{
	/* "Line 3: invalid key_mgmt 'FT-PSK'" */
	static const char complaint[] = ": invalid key_mgmt '";
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	const char *word = strstr(line, complaint);
	size_t n;

	if (strncmp(line, "Line ", 5) != 0 || word == NULL)
		return false;
	word += sizeof(complaint) - 1;
	n = strspn(word, letters);
	if (n == 0 || n >= WPA_LACK_SIZE || word[n] != '\'' || l->n == WPA_LACKS_MAX)
		return false;
	if (is_lacking(l, word, n))
		return false;
	memcpy(l->words[l->n], word, n);
	l->words[l->n++][n] = '\0';
	return true;
}

/* The next word in [*at, end) of p: its length, and *at where it starts. 0: none. */
static size_t next_word(const char *p, size_t *at, size_t end)
{
	size_t n = 0;

	while (*at < end && (p[*at] == ' ' || p[*at] == '\t'))
		(*at)++;
	while (*at + n < end && p[*at + n] != ' ' && p[*at + n] != '\t')
		n++;
	return n;
}

/* What is left of the words in [p, p + len), written from p on; all of it where nothing
 * would be left: that is for the supplicant to complain of. */
static size_t keep_known(const struct wpa_lacks *l, char *p, size_t len)
{
	char *comment = memchr(p, '#', len);
	size_t end = comment == NULL ? len : (size_t)(comment - p), to = 0, n;
	size_t known = 0, lacking = 0;

	for (size_t i = 0; (n = next_word(p, &i, end)) > 0; i += n)
		(*(is_lacking(l, p + i, n) ? &lacking : &known))++;
	if (known == 0 || lacking == 0)
		return len;
	for (size_t i = 0; (n = next_word(p, &i, end)) > 0; i += n) {
		if (is_lacking(l, p + i, n))
			continue;
		if (to > 0)
			p[to++] = ' ';
		memmove(p + to, p + i, n);
		to += n;
	}
	return to;
}

bool wpa_lacks_apply(const struct wpa_lacks *l, char *conf, size_t *len)
{
	size_t from = 0, to = 0;

	while (conf[from] != '\0') {
		size_t line = strcspn(conf + from, "\n"), kept = line;
		char *value = memchr(conf + from, '=', line);

		if (is_key(conf + from, line, "key_mgmt") && value != NULL) {
			size_t head = (size_t)(value + 1 - (conf + from));

			kept = head + keep_known(l, value + 1, line - head);
		}
		memmove(conf + to, conf + from, kept);
		to += kept;
		from += line;
		if (conf[from] == '\n')
			conf[to++] = conf[from++];
	}
	explicit_bzero(conf + to, from - to);
	*len = to;
	return to < from;
}
