/*
 * UNIX sockets by short names: sun_path holds about 100 bytes, an instance's folder may
 * be deeper. So names are relative, to the working directory.
 */
#ifndef BHYFI_UNIXSOCK_H
#define BHYFI_UNIXSOCK_H

#include <sys/types.h>

#include "err.h"

#define UNIX_NAME_MAX 100

/* A connected stream socket, non-blocking. */
int unix_connect(const char *name, struct err *e);

/* A bound socket of a type (SOCK_...), non-blocking; what is there under that name goes.
 * Only the owner, and the group if gid is not -1, may connect. */
int unix_bind(const char *name, int type, gid_t gid, struct err *e);
/* The same for streams, listening. */
int unix_listen(const char *name, gid_t gid, int backlog, struct err *e);

#endif
