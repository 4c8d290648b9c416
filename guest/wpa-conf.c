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

static bool is_dropped(const char *line, size_t len)
{
	size_t start = 0, n;

	while (start < len && isspace((unsigned char)line[start]))
		start++;
	n = strcspn(line + start, "= \t\n");
	if (start + n > len)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		if (strlen(dropped[i]) == n &&
		    strncasecmp(line + start, dropped[i], n) == 0)
			return true;
	return false;
}

int wpa_conf_make(
    const char *networks, const char *ctl_dir, char **out, size_t *len, struct err *e)
{
	size_t have = strlen(networks), room = have + strlen(ctl_dir) + 64, at;
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
		networks += line + (networks[line] == '\n');
	}
	at += (size_t)snprintf(text + at, room - at, "ctrl_interface=%s\n", ctl_dir);
	*out = text;
	*len = at;
	return 0;
}
