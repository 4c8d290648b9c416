#include "os.h"

#include <stddef.h>
#include <string.h>

#include "cleanup.h"
#include "linux.h"

/* The first is the one that we run on. */
static const struct os_ops *const systems[] = {
#ifdef __linux__
    &os_linux,
#endif
};

const struct os_ops *os_host(void)
{
	return systems[0];
}

const struct os_ops *os_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(systems); i++)
		if (strcmp(systems[i]->name, name) == 0)
			return systems[i];
	return NULL;
}
