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
