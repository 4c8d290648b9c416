/* networks, forget: what is kept. */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "client.h"
#include "netfile.h"
#include "out.h"

static int print_list(const struct cli *cli, json_t *list, struct err *e)
{
	static const char *const header[] = {
	    "", "SSID", "SECURITY", "PRIORITY", "AUTOCONNECT"};
	struct table *t;
	json_t *o;
	size_t i;
	int ret;

	if (cli->json) {
		o = json_pack("{s:O}", "networks", list);
		ret = out_json(stdout, o, e);
		json_decref(o);
		return ret;
	}
	if (json_array_size(list) == 0) {
		printf("No network is kept.\n");
		return 0;
	}
	t = table_new(ARRAY_LEN(header));
	table_row(t, header);
	json_array_foreach (list, i, o) {
		char priority[24];
		const char *ssid = client_str(o, "ssid", "");

		snprintf(priority, sizeof(priority), "%lld",
		    (long long)json_integer_value(json_object_get(o, "priority")));
		table_row(t,
		    (const char *const[]){
			json_is_true(json_object_get(o, "connected")) ? "*" : "",
			ssid[0] != '\0' ? ssid : "(any)",
			wifi_security(client_str(o, "security", "")), priority,
			json_is_true(json_object_get(o, "autoconnect")) ? "yes" : "no"});
	}
	ret = table_print(t, stdout, true, e);
	table_free(t);
	return ret;
}

/* The daemon's list: it knows which one we are in, and may read the file. */
static int list_networks(struct cli *cli, struct err *e)
{
	struct client *c = netfile_daemon(cli, NULL);
	json_t *answer = c != NULL ? client_call(c, "networks", NULL, NULL) : NULL;
	json_t *list = json_incref(json_object_get(answer, "networks"));
	struct netfile f;
	int ret;

	json_decref(answer);
	client_close(c);
	if (list == NULL) {
		ret = netfile_load(&f, cli, false, e);
		if (ret == 0)
			list = networks_json(&f.parsed, "");
		netfile_free(&f);
		if (ret < 0)
			return -1;
	}
	ret = print_list(cli, list, e);
	json_decref(list);
	return ret;
}

/* Writes it and tells the daemon, where one runs. *told: one does. */
static int keep(struct cli *cli, const struct netfile *f,
    const struct networks_text *text, bool *told, struct err *e)
{
	struct err why = ERR_INIT;
	struct client *c = netfile_daemon(cli, &why);
	int ret;

	*told = c != NULL;
	if (c == NULL && why.code != ERR_NONE) {
		*e = why;
		return -1;
	}
	ret = netfile_save(f, text, e);
	if (ret == 0 && c != NULL)
		ret = netfile_reload(c, e);
	client_close(c);
	return ret;
}

static int say_kept(const struct cli *cli, const char *shown, const char *hex,
    const char *what, bool told, struct err *e)
{
	json_t *o;
	int ret;

	if (!cli->json) {
		printf("%s: %s: %s%s\n", cli->instance, shown, what,
		    told ? "" : "; it holds from the next bhyfi up on");
		return 0;
	}
	o = json_pack("{s:s, s:s, s:s, s:b}", "instance", cli->instance, "ssid", shown,
	    "ssid_hex", hex, "told", (int)told);
	ret = out_json(stdout, o, e);
	json_decref(o);
	return ret;
}

static int parse_settings(
    const struct cli *cli, char priority[24], const char **disabled, struct err *e)
{
	const char *p = cli_value(cli, "priority");
	const char *a = cli_value(cli, "autoconnect");
	int64_t n;

	priority[0] = '\0';
	*disabled = NULL;
	if (p != NULL) {
		if (cli_number(p, "networks: --priority", 0, 1000000, &n, e) < 0)
			return -1;
		snprintf(priority, 24, "%lld", (long long)n);
	}
	if (a == NULL)
		return 0;
	if (strcmp(a, "yes") != 0 && strcmp(a, "no") != 0)
		return err_set(e, ERR_USAGE,
		    "networks: --autoconnect: expected yes or no, not \"%.40s\"", a);
	*disabled = a[0] == 'n' ? "1" : "0";
	return 0;
}

static int not_kept(const char *command, const char *shown, struct err *e)
{
	err_set(e, ERR_FAILED, "%s: %s: no such network is kept", command, shown);
	return err_hint(e, "bhyfi networks lists them");
}

static int change(struct cli *cli, const char *arg, struct err *e)
{
	char priority[24], shown[ESCAPE_SIZE(SSID_MAX)], hex[SSID_HEX_SIZE];
	struct network_key keys[2];
	struct networks_text text = {NULL, 0};
	uint8_t ssid[SSID_MAX];
	const char *disabled;
	struct netfile f;
	size_t len, n = 0;
	bool told = false;
	int ret = -1;

	if (netfile_ssid("networks", arg, ssid, &len, e) < 0 ||
	    parse_settings(cli, priority, &disabled, e) < 0)
		return -1;
	if (priority[0] == '\0' && disabled == NULL)
		return err_set(e, ERR_USAGE,
		    "networks: expected --priority or --autoconnect with an SSID");
	netfile_show(ssid, len, shown, sizeof(shown));
	ssid_hex(ssid, len, hex);
	if (priority[0] != '\0')
		keys[n++] = (struct network_key){"priority", priority};
	if (disabled != NULL)
		keys[n++] = (struct network_key){"disabled", disabled};
	if (netfile_load(&f, cli, false, e) < 0)
		goto out;
	if (networks_find(&f.parsed, ssid, len) == NULL)
		not_kept("networks", shown, e);
	else if (networks_set(&f.text, f.path, ssid, len, keys, n, &text, e) == 0 &&
		 keep(cli, &f, &text, &told, e) == 0)
		ret = say_kept(cli, shown, hex, "changed", told, e);
out:
	networks_text_free(&text);
	netfile_free(&f);
	return ret;
}

int cmd_networks(struct cli *cli, int argc, char **argv, struct err *e)
{
	if (argc > 1)
		return change(cli, argv[1], e);
	if (cli_value(cli, "priority") != NULL || cli_value(cli, "autoconnect") != NULL)
		return err_set(
		    e, ERR_USAGE, "networks: expected an SSID with these options");
	return list_networks(cli, e);
}

int cmd_forget(struct cli *cli, int argc, char **argv, struct err *e)
{
	char shown[ESCAPE_SIZE(SSID_MAX)], hex[SSID_HEX_SIZE];
	struct networks_text text = {NULL, 0};
	uint8_t ssid[SSID_MAX];
	size_t len, removed;
	struct netfile f;
	bool told = false;
	int ret = -1;

	(void)argc;
	if (netfile_ssid("forget", argv[1], ssid, &len, e) < 0)
		return -1;
	netfile_show(ssid, len, shown, sizeof(shown));
	ssid_hex(ssid, len, hex);
	if (netfile_load(&f, cli, false, e) < 0 ||
	    networks_remove(&f.text, f.path, ssid, len, &text, &removed, e) < 0)
		goto out;
	if (removed == 0)
		not_kept("forget", shown, e);
	else if (keep(cli, &f, &text, &told, e) == 0)
		ret = say_kept(cli, shown, hex, "forgotten", told, e);
out:
	networks_text_free(&text);
	netfile_free(&f);
	return ret;
}
