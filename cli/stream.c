#include "stream.h"

#include <string.h>

#include "client.h"
#include "out.h"

static int print_piece(
    const struct cli *cli, const json_t *o, const char *member, struct err *e)
{
	const char *text = client_str(o, member, NULL);

	if (text == NULL)
		return 0; /* a kind of answer that a later daemon may know */
	if (cli->json)
		return out_json_line(stdout, o, e);
	out_safe_text(stdout, text);
	if (strcmp(member, "line") == 0)
		putchar('\n');
	return out_flush(stdout, e);
}

int stream_run(const struct cli *cli, const char *cmd, const char *member, struct err *e)
{
	bool follow = cli_value(cli, "follow") != NULL, began = false;
	struct client *c = client_open(cli->instance, e);
	struct err why = ERR_INIT;
	int ret = 0;

	if (c == NULL)
		return -1;
	if (client_send(c, cmd, json_pack("{s:b}", "follow", (int)follow), e) < 0)
		ret = -1;
	while (ret == 0) {
		json_t *o = client_recv(c, follow ? -1 : CLIENT_CALL_MS, &why);

		if (o == NULL) {
			/* Once it ran, its end is no "not running"; of what can be
			 * followed it is the end. */
			if (follow && began && why.code == ERR_NOT_RUNNING)
				break;
			if (began && why.code == ERR_NOT_RUNNING)
				why.code = ERR_FAILED;
			ret = -1;
			if (e != NULL)
				*e = why;
			break;
		}
		began = true;
		if (json_object_get(o, "ok") != NULL && !follow) {
			json_decref(o);
			break;
		}
		ret = print_piece(cli, o, member, e);
		json_decref(o);
	}
	client_close(c);
	return ret;
}
