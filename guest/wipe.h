/* Texts that hold a secret. */
#ifndef BHYFI_GUEST_WIPE_H
#define BHYFI_GUEST_WIPE_H

#include <stdlib.h>
#include <string.h>

/* Wipes and frees it, and sets it to NULL, which it may be already. */
static inline void wipe_free(char **text)
{
	if (*text != NULL)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

#endif
