/* The cleanup attribute, for free and close only. */
#ifndef BHYFI_CLEANUP_H
#define BHYFI_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* char AUTO_FREE *p = NULL; int AUTO_CLOSE fd = -1; */
#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE __attribute__((cleanup(cleanup_close)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
