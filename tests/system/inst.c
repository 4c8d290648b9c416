#include "inst.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fs.h"
#include "ns.h"
#include "paths.h"

#define BHYFI BHYFI_TEST_BIN "/bhyfi"
#define ARGS_MAX 32

static void append(char *text, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + len, size - len, fmt, ap);
	va_end(ap);
}

/* The networks that the scenarios of the air have. */
static void default_networks(struct inst *i, const char *scenario)
{
	const char *const wpa[] = {"wpa2", "hidden", "ess", "wds"};

	if (strcmp(scenario, "open") == 0)
		inst_network(i, "\tssid=\"bhyfi-open\"\n\tkey_mgmt=NONE\n");
	if (strcmp(scenario, "wds-open") == 0)
		inst_network(i, "\tssid=\"bhyfi-wds-open\"\n\tkey_mgmt=NONE\n");
	if (strcmp(scenario, "wpa3") == 0)
		inst_network(i, "\tssid=\"bhyfi-wpa3\"\n\tkey_mgmt=SAE\n"
				"\tieee80211w=2\n\tsae_password=\"" PASSPHRASE "\"\n");
	if (strcmp(scenario, "two") == 0)
		inst_network(i, "\tssid=\"bhyfi-two\"\n\tpsk=\"" PASSPHRASE "\"\n");
	for (size_t k = 0; k < ARRAY_LEN(wpa); k++) {
		if (strcmp(scenario, wpa[k]) == 0)
			append(i->network_text, sizeof(i->network_text),
			    "network={\n\tssid=\"bhyfi-%s\"\n\tpsk=\"" PASSPHRASE
			    "\"\n%s}\n",
			    wpa[k], k == 1 ? "\tscan_ssid=1\n" : "");
	}
}

void inst_init(struct inst *i, const char *name, const char *scenario)
{
	char copy[sizeof(i->name)];

	snprintf(copy, sizeof(copy), "%s", name); /* it may be i->name */
	name = copy;
	memset(i, 0, sizeof(*i));
	snprintf(i->name, sizeof(i->name), "%s", name);
	ns_tap_name(name, i->tap);
	snprintf(i->conf, sizeof(i->conf), PATH_ETC "/%s.conf", name);
	snprintf(i->networks, sizeof(i->networks), PATH_ETC "/%s.networks", name);
	snprintf(i->run, sizeof(i->run), PATH_RUN "/%s", name);
	append(i->settings, sizeof(i->settings), "card = sim:%s\n", scenario);
	inst_set(i, "networks", i->networks);
	inst_set(i, "interface", i->tap);
	default_networks(i, scenario);
}

void inst_set(struct inst *i, const char *key, const char *value)
{
	append(i->settings, sizeof(i->settings), "%s = %s\n", key, value);
}

void inst_network(struct inst *i, const char *lines)
{
	append(i->network_text, sizeof(i->network_text), "network={\n%s}\n", lines);
}

int inst_write(const struct inst *i, struct err *e)
{
	if (fs_mkdir_p(PATH_ETC, 0755, e) ||
	    fs_write_atomic(i->conf, 0644, i->settings, strlen(i->settings), e))
		return -1;
	return fs_write_atomic(
	    i->networks, 0600, i->network_text, strlen(i->network_text), e);
}

void inst_remove(const struct inst *i)
{
	fs_remove_tree(i->conf, NULL);
	fs_remove_tree(i->networks, NULL);
	fs_remove_tree(i->run, NULL);
}

static int start(
    const struct inst *i, struct child *c, bool json, va_list ap, struct err *e)
{
	const char *argv[ARGS_MAX + 1] = {BHYFI, "-i", i->name};
	int n = 3;

	if (json)
		argv[n++] = "--json";
	while (n < ARGS_MAX && (argv[n] = va_arg(ap, const char *)))
		n++;
	argv[n] = NULL;
	return child_start(c, argv, e);
}

int inst_start(const struct inst *i, struct child *c, struct err *e, ...)
{
	va_list ap;
	int rc;

	va_start(ap, e);
	rc = start(i, c, false, ap, e);
	va_end(ap);
	return rc;
}

static int finish(struct child *c, int timeout_ms, struct err *e)
{
	if (!child_wait(c, timeout_ms, e))
		return 0;
	err_prefix(e, "bhyfi");
	child_free(c);
	return -1;
}

int inst_run(const struct inst *i, struct child *c, int timeout_ms, struct err *e, ...)
{
	va_list ap;
	int rc;

	va_start(ap, e);
	rc = start(i, c, false, ap, e);
	va_end(ap);
	return rc ? -1 : finish(c, timeout_ms, e);
}

int inst_run_list(const struct inst *i, struct child *c, int timeout_ms,
    const char *const command[], struct err *e)
{
	const char *argv[ARGS_MAX + 1] = {BHYFI, "-i", i->name};

	for (int n = 3; *command != NULL && n < ARGS_MAX; n++)
		argv[n] = *command++;
	return child_run(c, argv, timeout_ms, e);
}

json_t *inst_json(const struct inst *i, int timeout_ms, struct err *e, ...)
{
	json_error_t why;
	json_t *o = NULL;
	struct child c;
	va_list ap;
	int rc;

	va_start(ap, e);
	rc = start(i, &c, true, ap, e);
	va_end(ap);
	if (rc || finish(&c, timeout_ms, e))
		return NULL;
	if (c.status != 0)
		err_set(e, ERR_FAILED, "bhyfi: status %d: %s", c.status, c.err);
	else if (!(o = json_loads(c.out, 0, &why)))
		err_set(e, ERR_FAILED, "bhyfi: not JSON (%s): %.200s", why.text, c.out);
	child_free(&c);
	return o;
}

json_t *json_at(const json_t *o, const char *path)
{
	char key[64];

	while (o && *path) {
		size_t len = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		o = json_object_get(o, key);
		path += len + (path[len] == '.');
	}
	/* Borrowed, as jansson's own accessors have it. */
	return (json_t *)(uintptr_t)o;
}

const char *text_at(const json_t *o, const char *path)
{
	const char *s = json_string_value(json_at(o, path));

	return s ? s : "";
}

double number_at(const json_t *o, const char *path)
{
	const json_t *n = json_at(o, path);

	return json_is_number(n) ? json_number_value(n) : -1;
}
