#include "freebsd.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"

#define LOAD_MAX 16 /* words of a kldload */
#define RUN_MS 30000
#define OUTPUT_MAX (1 << 20) /* pciconf -lvbc of a large machine: 100 KiB */

static FILE *record;

void freebsd_record(FILE *out)
{
	record = out;
}

bool freebsd_recording(void)
{
	return record != NULL;
}

static int write_line(const char *const argv[], struct err *e)
{
	for (int i = 0; argv[i] != NULL; i++) {
		char AUTO_FREE *word = cmd_quote((const char *const[]){argv[i], NULL});

		if (word == NULL)
			return err_sys(e, ENOMEM, "plan");
		fprintf(
		    record, "%s%s", i > 0 ? " " : "", argv[i][0] == '$' ? argv[i] : word);
	}
	fputc('\n', record);
	return 0;
}

static int run(
    const char *const argv[], int ok_status, char **out, int *status, struct err *e)
{
	const struct cmd_opts opts = {
	    .timeout_ms = RUN_MS, .max_output = OUTPUT_MAX, .ok_status = ok_status};

	return os_run(argv, &opts, out, status, e);
}

int freebsd_run(const char *const argv[], char **out, int *status, struct err *e)
{
	if (record == NULL)
		return run(argv, 0, out, status, e);
	if (status != NULL)
		*status = 0;
	if (out != NULL && (*out = strdup("")) == NULL)
		return err_sys(e, ENOMEM, "plan");
	return write_line(argv, e);
}

int freebsd_ask(const char *const argv[], char **out, struct err *e)
{
	int status = 1;

	if (record == NULL)
		return run(argv, 1, out, &status, e) < 0 ? -1 : status;
	*out = strdup("");
	return *out != NULL ? status : err_sys(e, ENOMEM, "plan");
}

int freebsd_kldstat(const char *flag, const char *name, struct err *e)
{
	const char *const argv[] = {"/sbin/kldstat", "-q", flag, name, NULL};
	char AUTO_FREE *out = NULL;
	int status = freebsd_ask(argv, &out, e);

	return status < 0 ? -1 : status == 0;
}

bool freebsd_sysctl(const char *name, char *out, size_t size)
{
	const char *const argv[] = {"/sbin/sysctl", "-n", name, NULL};
	char AUTO_FREE *text = NULL;

	if (freebsd_ask(argv, &text, NULL) != 0)
		return false;
	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
	return true;
}

int freebsd_modules(const char *const names[], struct err *e)
{
	const char *load[LOAD_MAX] = {"/sbin/kldload", "-n"};
	int n = 2;

	for (; *names != NULL && n < LOAD_MAX - 1; names++) {
		int known = freebsd_kldstat("-m", *names, e);

		if (known < 0)
			return -1;
		if (known == 0)
			load[n++] = *names;
	}
	load[n] = NULL;
	/* Asked first, as with a raised securelevel kldload fails even for those that
	 * are there. */
	if (n > 2 && freebsd_run(load, NULL, NULL, e) < 0)
		return err_hint(e, "bhyfi setup has them loaded at boot");
	return 0;
}
