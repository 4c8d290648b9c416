#include "vmm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bhyve.h"
#include "cleanup.h"
#include "fake.h"
#include "qemu.h"

const char *const vmm_sock_names[VMM_SOCKS] = {"agent", "console", "qmp"};

static const struct vmm_ops *const vmms[] = {&vmm_qemu, &vmm_bhyve, &vmm_fake};

const struct vmm_ops *vmm_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(vmms); i++)
		if (strcmp(vmms[i]->name, name) == 0)
			return vmms[i];
	return NULL;
}

const char *vmm_names(void)
{
	static char names[64];
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(vmms) && at < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
		    i > 0 ? ", " : "", vmms[i]->name);
	return names;
}

int vmm_check_file(const char *path, int mode, const char *hint, struct err *e)
{
	if (access(path, mode) == 0)
		return 0;
	err_sys(e, errno, "%s", path);
	if (e != NULL)
		e->code = ERR_PRECONDITION;
	return err_hint(e, "%s", hint);
}

static const char *const exit_names[] = {"poweroff", "reboot", "halt", "triple fault",
    "error", "terminated", "killed", "crash", "unknown"};
_Static_assert(ARRAY_LEN(exit_names) == VM_EXIT_UNKNOWN + 1, "an exit lacks its name");

const char *vm_exit_name(enum vm_exit reason)
{
	return exit_names[reason];
}

void argv_add(struct argv *a, const char *fmt, ...)
{
	va_list ap;
	int r;

	if (a->n >= VMM_ARGS_MAX) {
		a->overflow = true;
		return;
	}
	va_start(ap, fmt);
	r = vasprintf(&a->v[a->n], fmt, ap);
	va_end(ap);
	if (r < 0)
		a->overflow = true;
	else
		a->n++;
	a->v[a->n] = NULL;
}

int argv_done(const struct argv *a, struct err *e)
{
	return a->overflow ? err_sys(e, ENOMEM, "the command line of %s",
				 a->n > 0 ? a->v[0] : "the VMM")
			   : 0;
}

void argv_free(struct argv *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->v[i]);
	memset(a, 0, sizeof(*a));
}
