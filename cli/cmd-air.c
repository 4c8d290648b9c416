#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "client.h"
#include "out.h"

#define AIR_MS 60000 /* an order may mean a restart of the access point */

/* "5", "true" and "false" as what they are, anything else as text. NULL without
 * memory or where it is not UTF-8. */
static json_t *value(const char *text)
{
	long long n;
	char *end;

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(text[0] == 't');
	errno = 0;
	n = strtoll(text, &end, 10);
	if (text[0] != '\0' && strchr("-0123456789", text[0]) != NULL && *end == '\0' &&
	    end != text && errno == 0)
		return json_integer(n);
	return json_string(text);
}

static json_t *request(int argc, char **argv, struct err *e)
{
	json_t *o = json_pack("{s:s}", "op", argv[1]);

	for (int i = 2; i < argc && o != NULL; i++) {
		char *eq = strchr(argv[i], '=');

		if (eq == NULL || eq == argv[i]) {
			err_set(e, ERR_USAGE, "air: %.40s: expected KEY=VALUE", argv[i]);
			json_decref(o);
			return NULL;
		}
		*eq = '\0';
		if (json_object_set_new(o, argv[i], value(eq + 1)) < 0) {
			err_set(e, ERR_USAGE, "air: %.40s: not UTF-8", argv[i]);
			json_decref(o);
			return NULL;
		}
	}
	if (o == NULL)
		err_set(e, ERR_USAGE, "air: not UTF-8");
	return o;
}

int cmd_air(struct cli *cli, int argc, char **argv, struct err *e)
{
	json_t *o = request(argc, argv, e), *reply = NULL, *status = NULL;
	struct client *c = o != NULL ? client_open(cli->instance, e) : NULL;
	int ret = -1;

	if (c == NULL)
		goto out;
	status = client_call(c, "status", NULL, e);
	if (status == NULL)
		goto out;
	if (strncmp(client_str(json_object_get(status, "card"), "pci", ""), "sim:", 4) !=
	    0) {
		err_set(e, ERR_PRECONDITION,
		    "air: instance %s has a real card, not a simulated one",
		    cli->instance);
		err_hint(e, "card = sim:SCENARIO in the configuration makes it one");
		goto out;
	}
	if (client_send(c, "air", json_pack("{s:O}", "request", o), e) < 0)
		goto out;
	reply = client_recv(c, AIR_MS, e);
	if (reply == NULL)
		goto out;
	ret = out_json(stdout, json_object_get(reply, "reply"), e);
out:
	json_decref(status);
	json_decref(reply);
	json_decref(o);
	client_close(c);
	return ret;
}
