#include <string.h>

#include "cli.h"
#include "client.h"
#include "msg.h"
#include "out.h"
#include "paths.h"

int cmd_version(struct cli *cli, int argc, char **argv, struct err *e)
{
	/* A daemon that is not there, or that we may not ask, is no error here. */
	struct client *c = client_open(cli->instance, NULL);
	json_t *daemon = c != NULL ? client_call(c, "version", NULL, NULL) : NULL, *o;
	char theirs[64];
	int ret = 0;

	(void)argc;
	(void)argv;
	client_close(c);
	json_object_del(daemon, "ok");
	out_safe(client_str(daemon, "version", "?"), theirs, sizeof(theirs));
	if (cli->json) {
		o = json_pack(
		    "{s:s,s:i}", "version", BHYFI_VERSION, "protocol", PROTOCOL_VERSION);
		if (o != NULL && daemon != NULL)
			json_object_set(o, "daemon", daemon);
		ret = out_json_end(stdout, o, e);
	} else {
		printf("bhyfi %s\n", BHYFI_VERSION);
		if (daemon != NULL && strcmp(theirs, BHYFI_VERSION) != 0)
			printf("bhyfid %s (instance %s): restart it by bhyfi down and "
			       "bhyfi up\n",
			    theirs, cli->instance);
		else if (daemon != NULL)
			printf("bhyfid %s (instance %s)\n", theirs, cli->instance);
	}
	json_decref(daemon);
	return ret;
}
