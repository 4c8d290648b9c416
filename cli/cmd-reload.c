/* reload: the daemon reads its configuration and the files that it names again. */
#include <stdio.h>

#include "cli.h"
#include "client.h"
#include "out.h"

int cmd_reload(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct client *c = client_open(cli->instance, e);
	json_t *answer, *o;
	bool rest;

	(void)argc;
	(void)argv;
	if (c == NULL)
		return -1;
	answer = client_call(c, "reload", NULL, e);
	client_close(c);
	if (answer == NULL)
		return -1;
	rest = json_is_true(json_object_get(answer, "restart_needed"));
	json_decref(answer);
	if (!cli->json) {
		printf("%s: reloaded%s\n", cli->instance,
		    rest ? "; some of what has changed waits for the next start" : "");
		return 0;
	}
	o = json_pack("{s:s, s:b}", "instance", cli->instance, "restart_needed", rest);
	return out_json_end(stdout, o, e);
}
