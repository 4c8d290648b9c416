#include "stream.h"

int cmd_console(struct cli *cli, int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return stream_run(cli, "console", "data", e);
}
