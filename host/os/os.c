#include "os.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "../vmm/vmm.h"
#include "cleanup.h"
#include "cmd.h"
#include "freebsd.h"
#include "linux.h"

/* The first is the one that we run on. */
static const struct os_ops *const systems[] = {
#ifdef __linux__
    &os_linux,
#endif
    &os_freebsd,
};

#define ARGS_MAX 24 /* of a program that is run, with the NULL at the end */

static char root[PATH_MAX];

static const struct os_ops *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(systems); i++)
		if (name == NULL || strcmp(systems[i]->name, name) == 0)
			return systems[i];
	return NULL;
}

bool os_is_native(const char *name)
{
	return strcmp(systems[0]->name, name) == 0;
}

int os_select(const char *name, const char *dir, const struct os_ops **os, struct err *e)
{
	size_t len = strlen(dir);

	*os = find(name);
	if (*os == NULL)
		return err_set(e, ERR_USAGE,
		    "operating system \"%.40s\": expected freebsd or linux", name);
	if (len > 0 && (dir[0] != '/' || len >= sizeof(root)))
		return err_set(e, ERR_USAGE, "%.80s: expected an absolute folder", dir);
	while (len > 0 && dir[len - 1] == '/')
		len--;
	memmove(root, dir, len);
	root[len] = '\0';
	return 0;
}

const struct os_ops *os_for(const struct config *c, struct err *e)
{
	const struct vmm_ops *vmm = vmm_find(c->vmm);
	const struct os_ops *os;

	if (os_select(vmm != NULL ? vmm->os : NULL, c->sysroot, &os, e) < 0)
		return NULL;
	return os;
}

const char *os_root(void)
{
	return root;
}

int os_path(char *buf, size_t size, const char *path, struct err *e)
{
	int n = snprintf(buf, size, "%s%s", root, path);

	if (n < 0 || (size_t)n >= size)
		return err_set(e, ERR_FAILED, "%.80s: the path is too long", path);
	return 0;
}

int os_run(const char *const argv[], const struct cmd_opts *opts, char **out, int *status,
    struct err *e)
{
	static const char *const env[] = {
	    "PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C", "HOME=/", NULL};
	struct cmd_opts own = *opts;
	const char *args[ARGS_MAX];
	char program[PATH_MAX];
	size_t n = 1;

	if (os_path(program, sizeof(program), argv[0], e) < 0)
		return -1;
	args[0] = program;
	for (; argv[n] != NULL; n++) {
		if (n == ARGS_MAX - 1)
			return err_set(e, ERR_FAILED, "%s: too many arguments", argv[0]);
		args[n] = argv[n];
	}
	args[n] = NULL;
	own.env = env;
	own.cwd = "/";
	return cmd_run(args, &own, out, status, e);
}
