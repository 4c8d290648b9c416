#include "netfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "escape.h"

int netfile_load(struct netfile *f, const struct cli *cli, bool optional, struct err *e)
{
	memset(f, 0, sizeof(*f));
	if (config_load(&f->config, cli->instance, e) < 0)
		return -1;
	f->path = f->config.networks;
	if (networks_text_load(f->path, &f->text, e) < 0) {
		/* Without rights there is the daemon, which says what it may. */
		if (access(f->path, R_OK) == 0 || errno != EACCES)
			return -1;
		if (optional && e != NULL)
			*e = (struct err)ERR_INIT;
		return optional ? 0 : err_hint(e, "run it as root");
	}
	f->known = true;
	return networks_parse(f->text.text, f->text.len, f->path, &f->parsed, e);
}

void netfile_free(struct netfile *f)
{
	networks_free(&f->parsed);
	networks_text_free(&f->text);
}

int netfile_save(const struct netfile *f, const struct networks_text *text, struct err *e)
{
	struct networks_text now;
	bool same;

	if (!f->known)
		return err_set(e, ERR_FAILED, "%s: it can not be read", f->path);
	if (networks_text_load(f->path, &now, e) < 0)
		return -1;
	same = now.len == f->text.len && memcmp(now.text, f->text.text, now.len) == 0;
	networks_text_free(&now);
	if (!same) {
		err_set(e, ERR_FAILED, "%s: somebody has changed it meanwhile", f->path);
		return err_hint(e, "do it again");
	}
	return networks_text_save(f->path, text, e);
}

struct client *netfile_daemon(const struct cli *cli, struct err *e)
{
	struct err why = ERR_INIT;
	struct client *c = client_open(cli->instance, &why);

	if (c == NULL && why.code != ERR_NOT_RUNNING && e != NULL)
		*e = why;
	return c;
}

int netfile_reload(struct client *c, struct err *e)
{
	json_t *o = client_call(c, "networks", json_pack("{s:b}", "reload", 1), e);

	json_decref(o);
	return o != NULL ? 0 : -1;
}

int netfile_ssid(
    const char *command, const char *arg, uint8_t *ssid, size_t *len, struct err *e)
{
	int n;

	if (strncmp(arg, "hex:", 4) == 0) {
		n = ssid_unhex(arg + 4, strlen(arg + 4), ssid, SSID_MAX);
		if (n < 0)
			return err_set(e, ERR_USAGE,
			    "%s: %.80s: expected 1 to 32 bytes in hex", command, arg);
		*len = (size_t)n;
		return 0;
	}
	*len = strlen(arg);
	if (*len == 0 || *len > SSID_MAX)
		return err_set(e, ERR_USAGE, "%s: an SSID has 1 to 32 bytes, not %zu",
		    command, *len);
	memcpy(ssid, arg, *len);
	return 0;
}

int netfile_priority(const struct cli *cli, char out[PRIORITY_SIZE], struct err *e)
{
	const char *value = cli_value(cli, "priority");
	char what[32];
	int64_t n;

	out[0] = '\0';
	if (value == NULL)
		return 0;
	snprintf(what, sizeof(what), "%.16s: --priority", cli->command->name);
	if (cli_number(value, what, 0, 1000000, &n, e) < 0)
		return -1;
	snprintf(out, PRIORITY_SIZE, "%lld", (long long)n);
	return 0;
}

void netfile_show(const uint8_t *ssid, size_t len, char *out, size_t size)
{
	if (len == 0)
		snprintf(out, size, "(hidden)");
	else
		escape_text((const char *)ssid, len, out, size);
}

const char *wifi_band(int mhz)
{
	if (mhz < 2400)
		return mhz > 0 ? "sub-GHz" : "?";
	if (mhz < 2500)
		return "2.4 GHz";
	if (mhz < 5925)
		return "5 GHz";
	return mhz < 10000 ? "6 GHz" : "60 GHz";
}

const char *wifi_security(const char *name)
{
	static const char *const rows[][2] = {
	    {"open", "open"},
	    {"owe", "OWE"},
	    {"wpa", "WPA"},
	    {"wpa2", "WPA2"},
	    {"wpa3", "WPA3"},
	    {"wpa2+wpa3", "WPA2/WPA3"},
	    {"eap", "802.1X"},
	    {"wep", "WEP"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i][0], name) == 0)
			return rows[i][1];
	return "?";
}
