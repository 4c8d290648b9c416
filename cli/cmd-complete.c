/* complete: what a shell offers as an argument, a word on a line. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "client.h"
#include "config.h"
#include "escape.h"
#include "netfile.h"
#include "os/os.h"
#include "out.h"
#include "paths.h"
#include "ssid.h"

/* As it can be given back as an operand: a name that is not to be printed, or that would
 * be taken for something else, by its digits. */
static void print_ssid(const char *hex)
{
	char text[SSID_MAX + 1], safe[ESCAPE_SIZE(SSID_MAX)];
	uint8_t ssid[SSID_MAX];
	int len = ssid_unhex(hex, strlen(hex), ssid, sizeof(ssid));

	if (len <= 0 || ssid_is_hidden(ssid, (size_t)len))
		return;
	memcpy(text, ssid, (size_t)len);
	text[len] = '\0';
	escape_text(text, (size_t)len, safe, sizeof(safe));
	if (strcmp(text, safe) == 0 && text[0] != '-' && strncmp(text, "hex:", 4) != 0)
		printf("%s\n", text);
	else
		printf("hex:%s\n", hex);
}

static void print_ssids(const json_t *list)
{
	const json_t *o;
	size_t i;

	json_array_foreach (list, i, o)
		print_ssid(client_str(o, "ssid_hex", ""));
}

/* A member of the daemon's answer; NULL where it has none. A new reference. */
static json_t *ask(const struct cli *cli, const char *cmd, json_t *args, const char *key)
{
	struct client *c = client_open(cli->instance, NULL);
	json_t *answer = NULL, *list;

	if (c != NULL)
		answer = client_call(c, cmd, args, NULL);
	else
		json_decref(args);
	list = json_incref(json_object_get(answer, key));
	json_decref(answer);
	client_close(c);
	return list;
}

static int complete_networks(const struct cli *cli)
{
	json_t *list = ask(cli, "networks", NULL, "networks");
	struct netfile f;

	if (list == NULL) {
		if (netfile_load(&f, cli, true, NULL) == 0 && f.known)
			list = networks_json(&f.parsed, "");
		netfile_free(&f);
	}
	print_ssids(list);
	json_decref(list);
	return 0;
}

/* Those that are kept, and what was heard last: a scan would take too long. */
static int complete_heard(const struct cli *cli)
{
	json_t *list = ask(cli, "scan", json_pack("{s:b}", "fresh", 0), "aps");

	complete_networks(cli);
	print_ssids(list);
	json_decref(list);
	return 0;
}

static int complete_instances(const struct cli *cli)
{
	const struct dirent *d;
	DIR *dir = opendir(PATH_ETC);

	(void)cli;
	if (dir == NULL)
		return -1;
	while ((d = readdir(dir)) != NULL) {
		char name[INSTANCE_MAX];

		/* Other programs' files have their place here, too. */
		if (config_instance_of(d->d_name, name) &&
		    strcmp(name, "wpa_supplicant") != 0 && strcmp(name, "hostapd") != 0)
			printf("%s\n", name);
	}
	closedir(dir);
	return 0;
}

static int complete_cards(const struct cli *cli)
{
	struct card_list l = {.n = 0};
	const struct os_ops *os;

	(void)cli;
	if (os_select(NULL, "", &os, NULL) < 0 || os->cards(&l, NULL) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		char id[CARD_TEXT_SIZE];

		card_id_text(&l.cards[i].id, id);
		printf("%s\n", id);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct cli *cli);
} kinds[] = {
    {"instances", complete_instances},
    {"networks", complete_networks},
    {"heard", complete_heard},
    {"cards", complete_cards},
};

/* Nobody wants errors in the middle of a line that is being typed. */
int cmd_complete(struct cli *cli, int argc, char **argv, struct err *e)
{
	(void)argc;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, argv[1]) == 0)
			return kinds[i].run(cli);
	return err_set(e, ERR_USAGE,
	    "complete: expected instances, networks, heard or cards, not \"%.40s\"",
	    argv[1]);
}
