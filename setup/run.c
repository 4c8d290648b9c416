#include "run.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "os/freebsd.h"

#define RUN_TIMEOUT_MS 120000

bool run_live;

bool run_have(const char *program)
{
	char path[PATH_MAX];

	return run_live && os_path(path, sizeof(path), program, NULL) == 0 &&
	       access(path, X_OK) == 0;
}

int run_program(const char *os, const char *const argv[], struct err *e)
{
	const struct cmd_opts opts = {.timeout_ms = RUN_TIMEOUT_MS};

	return strcmp(os, os_freebsd.name) == 0 ? freebsd_run(argv, NULL, NULL, e)
						: os_run(argv, &opts, NULL, NULL, e);
}
