#include "nets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "paths.h"

#define CONNECT_MS 90000
#define WPA_CLI "/sbin/wpa_cli"

static char secret_path[PATH_MAX];

struct inst *nets_unknown(void **state, const char *scenario)
{
	static const char nothing[] = "# nothing yet\n";
	struct inst *i = lab_inst(state, scenario);
	struct err e = ERR_INIT;
	struct child log;

	ok(fs_write_atomic(i->networks, 0600, nothing, strlen(nothing), &e), &e);
	lab_begin(i);
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	ok(child_wait_text(&log, "supplicant after", UP_MS, &e), &e);
	child_free(&log);
	return i;
}

char *nets_file(const struct inst *i)
{
	struct err e = ERR_INIT;
	char *text = NULL;

	ok(fs_read_file(i->networks, 65536, &text, NULL, &e), &e);
	return text;
}

const char *nets_secret(const struct inst *i, const char *text)
{
	struct err e = ERR_INIT;

	snprintf(secret_path, sizeof(secret_path), PATH_ETC "/%s.secret", i->name);
	ok(fs_write_atomic(secret_path, 0600, text, strlen(text), &e), &e);
	return secret_path;
}

void nets_done(const struct inst *i)
{
	(void)i;
	if (secret_path[0] != '\0')
		unlink(secret_path);
	secret_path[0] = '\0';
}

json_t *nets_connect(const struct inst *i, const char *ssid, const char *secret)
{
	struct err e = ERR_INIT;
	json_t *o;

	if (secret != NULL)
		o = inst_json(i, CONNECT_MS, &e, "connect", ssid, "-p",
		    nets_secret(i, secret), NULL);
	else
		o = inst_json(i, CONNECT_MS, &e, "connect", ssid, NULL);
	nets_done(i);
	ok(o != NULL ? 0 : -1, &e);
	return o;
}

void nets_connect_fails(const struct inst *i, const char *ssid, const char *secret,
    int status, const char *text)
{
	char AUTO_FREE *before = nets_file(i);
	char AUTO_FREE *after = NULL;

	lab_refuses(i, status,
	    (const char *const[]){"connect", ssid, "-p", nets_secret(i, secret), NULL},
	    (const char *const[]){text, NULL});
	nets_done(i);
	after = nets_file(i);
	assert_string_equal(before, after);
}

void nets_wait_in(const struct inst *i, const char *ssid)
{
	struct err e = ERR_INIT;
	struct child log;
	json_t *o;

	/* Each line of the log may be the news. */
	ok(inst_start(i, &log, &e, "log", "-f", NULL), &e);
	for (size_t seen = 0;;) {
		bool there;

		o = lab_status(i);
		there = strcmp(text_at(o, "wlan.ssid"), ssid) == 0 &&
			strcmp(text_at(o, "state"),
			    ssid[0] != '\0' ? "online" : "associating") == 0;
		json_decref(o);
		if (there)
			break;
		ok(child_wait_more(&log, &seen, CONNECT_MS, &e), &e);
	}
	child_free(&log);
}

char *nets_wpa_cli(const struct inst *i, const char *command)
{
	char copy[256], *save = NULL, dir[PATH_MAX];
	const char *argv[12] = {WPA_CLI, "-p", dir, "-i", "wlan0"};
	struct err e = ERR_INIT;
	struct child c;
	char *out;
	int n = 5;

	snprintf(dir, sizeof(dir), "%.4000s/wpa", i->run);
	snprintf(copy, sizeof(copy), "%s", command);
	for (char *w = strtok_r(copy, " ", &save); w != NULL && n < 11;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	ok(child_run(&c, argv, COMMAND_MS, &e), &e);
	out = strdup(c.out);
	child_free(&c);
	assert_non_null(out);
	return out;
}

void nets_wpa_cli_says(const struct inst *i, const char *command, const char *text)
{
	char AUTO_FREE *out = nets_wpa_cli(i, command);

	if (strstr(out, text) != NULL)
		return;
	print_error("wpa_cli %s: \"%s\" is not in: %s\n", command, text, out);
	fail();
}
