#include "run.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "log.h"
#include "os/os.h"

#define RUN_TIMEOUT_MS 120000

bool run_live;

bool run_have(const char *program)
{
	char path[PATH_MAX];

	return run_live && os_path(path, sizeof(path), program, NULL) == 0 &&
	       access(path, X_OK) == 0;
}

int run_program(const char *const argv[], char **out, struct err *e)
{
	static const char *const env[] = {
	    "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin",
	    "LC_ALL=C", NULL};
	const struct cmd_opts opts = {.timeout_ms = RUN_TIMEOUT_MS, .env = env};
	AUTO_FREE char *line = cmd_quote(argv);
	int status = -1;

	if (out != NULL)
		*out = NULL;
	if (line != NULL)
		log_debug("run: %s", line);
	if (os_run(argv, &opts, out, &status, e) == 0)
		return 0;
	return status > 0 ? status : -1;
}
