#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "client.h"
#include "fs.h"
#include "out.h"
#include "stream.h"

#define LOG_FILE_MAX (4 * 1024 * 1024) /* the daemon rotates it at 1 MiB */

static int print_line(const struct cli *cli, const char *line, struct err *e)
{
	json_t *o;
	int ret;

	if (!cli->json) {
		out_safe_text(stdout, line);
		putchar('\n');
		return 0;
	}
	o = json_pack("{s:s%}", "line", line, strlen(line));
	if (o == NULL)
		return 0; /* not UTF-8: cut off by a crash in the middle of a line */
	ret = out_json_line(stdout, o, e);
	json_decref(o);
	return ret;
}

/* 1: printed; 0: there is no such file. */
static int print_file(const struct cli *cli, const char *suffix, struct err *e)
{
	char path[PATH_MAX];
	AUTO_FREE char *text = NULL;
	struct err why = ERR_INIT;
	char *save = NULL;
	int AUTO_CLOSE fd = -1;

	snprintf(
	    path, sizeof(path), "%s/%s/log%s", client_run_dir, cli->instance, suffix);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (fs_read_fd(fd, path, LOG_FILE_MAX, &text, NULL, &why) < 0) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		if (print_line(cli, line, e) < 0)
			return -1;
	return 1;
}

int cmd_log(struct cli *cli, int argc, char **argv, struct err *e)
{
	struct err why = ERR_INIT;
	int old, new;

	(void)argc;
	(void)argv;
	if (stream_run(cli, "log", "line", &why) == 0)
		return 0;
	if (e != NULL)
		*e = why;
	if (why.code != ERR_NOT_RUNNING || cli_value(cli, "follow") != NULL)
		return -1;
	/* The last run's, oldest first. */
	old = print_file(cli, ".old", e);
	new = old < 0 ? -1 : print_file(cli, "", e);
	if (new < 0 || old < 0)
		return -1;
	return old > 0 || new > 0 ? 0 : -1;
}
