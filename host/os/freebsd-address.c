#include "address.h"

#include <errno.h>
#include <sys/socket.h>

/* route(4): each change of a route, an interface or an address is a message. */
int address_watch(struct err *e)
{
	int fd = socket(PF_ROUTE, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, AF_UNSPEC);

	return fd >= 0 ? fd : err_sys(e, errno, "routing socket");
}
