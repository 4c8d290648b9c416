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
		return out_json_end(stdout, o, e);
	}
	if (json_array_size(list) == 0) {
		printf("No network is kept.\n");
		return 0;
	}
	t = table_new(ARRAY_LEN(header));
	table_row(t, header);
	json_array_foreach (list, i, o) {
		char priority[PRIORITY_SIZE];
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

/* What was named, and the file that it is to change in. */
struct edit {
	uint8_t ssid[SSID_MAX];
	size_t ssid_len;
	char shown[ESCAPE_SIZE(SSID_MAX)];
	struct netfile file;
	struct networks_text text; /* as the file is to be */
};

/* To be ended with edit_end in every case. */
static int edit_begin(struct edit *d, struct cli *cli, const char *arg, struct err *e)
{
	if (netfile_ssid(cli->command->name, arg, d->ssid, &d->ssid_len, e) < 0)
		return -1;
	netfile_show(d->ssid, d->ssid_len, d->shown, sizeof(d->shown));
	return netfile_load(&d->file, cli, false, e);
}

static void edit_end(struct edit *d)
{
	networks_text_free(&d->text);
	netfile_free(&d->file);
}

static int say_kept(const struct cli *cli, const struct edit *d, const char *what,
    bool told, struct err *e)
{
	char hex[SSID_HEX_SIZE];

	if (!cli->json) {
		printf("%s: %s: %s%s\n", cli->instance, d->shown, what,
		    told ? "" : "; it holds from the next bhyfi up on");
		return 0;
	}
	ssid_hex(d->ssid, d->ssid_len, hex);
	return out_json_end(stdout,
	    json_pack("{s:s, s:s, s:s, s:b}", "instance", cli->instance, "ssid", d->shown,
		"ssid_hex", hex, "told", (int)told),
	    e);
}

/* Writes it and tells the daemon, where one runs. */
static int keep(
    const struct cli *cli, const struct edit *d, const char *what, struct err *e)
{
	struct err why = ERR_INIT;
	struct client *c = netfile_daemon(cli, &why);
	bool told = c != NULL;
	int ret;

	if (c == NULL && why.code != ERR_NONE) {
		*e = why;
		return -1;
	}
	ret = netfile_save(&d->file, &d->text, e);
	if (ret == 0 && told)
		ret = netfile_reload(c, e);
	client_close(c);
	return ret == 0 ? say_kept(cli, d, what, told, e) : -1;
}

static int parse_settings(const struct cli *cli, char priority[PRIORITY_SIZE],
    const char **disabled, struct err *e)
{
	const char *a = cli_value(cli, "autoconnect");

	if (netfile_priority(cli, priority, e) < 0)
		return -1;
	if (priority[0] == '\0' && a == NULL)
		return err_set(e, ERR_USAGE,
		    "networks: expected --priority or --autoconnect with an SSID");
	*disabled = NULL;
	if (a == NULL)
		return 0;
	if (strcmp(a, "yes") != 0 && strcmp(a, "no") != 0)
		return err_set(e, ERR_USAGE,
		    "networks: --autoconnect: expected yes or no, not \"%.40s\"", a);
	*disabled = a[0] == 'n' ? "1" : "0";
	return 0;
}

static int not_kept(const struct cli *cli, const struct edit *d, struct err *e)
{
	err_set(e, ERR_FAILED, "%s: %s: no such network is kept", cli->command->name,
	    d->shown);
	return err_hint(e, "bhyfi networks lists them");
}

static int change(struct cli *cli, const char *arg, struct err *e)
{
	struct edit d = {.ssid_len = 0};
	struct network_key keys[2];
	char priority[PRIORITY_SIZE];
	const char *disabled;
	size_t n = 0;
	int ret = -1;

	if (parse_settings(cli, priority, &disabled, e) < 0 ||
	    edit_begin(&d, cli, arg, e) < 0)
		goto out;
	if (priority[0] != '\0')
		keys[n++] = (struct network_key){"priority", priority};
	if (disabled != NULL)
		keys[n++] = (struct network_key){"disabled", disabled};
	if (networks_find(&d.file.parsed, d.ssid, d.ssid_len) == NULL)
		not_kept(cli, &d, e);
	else if (networks_set(&d.file.text, d.file.path, d.ssid, d.ssid_len, keys, n,
		     &d.text, e) == 0)
		ret = keep(cli, &d, "changed", e);
out:
	edit_end(&d);
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
	struct edit d = {.ssid_len = 0};
	size_t removed;
	int ret = -1;

	(void)argc;
	if (edit_begin(&d, cli, argv[1], e) < 0 ||
	    networks_remove(
		&d.file.text, d.file.path, d.ssid, d.ssid_len, &d.text, &removed, e) < 0)
		goto out;
	if (removed == 0)
		not_kept(cli, &d, e);
	else
		ret = keep(cli, &d, "forgotten", e);
out:
	edit_end(&d);
	return ret;
}
