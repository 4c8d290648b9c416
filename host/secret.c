#include "secret.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "build-config.h"
#include BHYFI_MALLOC

/* What it allocates may be freed with free() by those who called json_dumps, so the
 * size has to come from the allocator. */
static void wipe_free(void *p)
{
	if (p == NULL)
		return;
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void secret_wipe_json(void)
{
	json_set_alloc_funcs(malloc, wipe_free);
}
