#include "peer.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* unix(4): since 13.0, credentials with each datagram. */
int peer_enable(int fd, struct err *e)
{
	int on = 1;

	if (setsockopt(fd, SOL_LOCAL, LOCAL_CREDS_PERSISTENT, &on, sizeof(on)) < 0)
		return err_sys(e, errno, "LOCAL_CREDS_PERSISTENT");
	return 0;
}

bool peer_of(struct msghdr *m, uid_t *uid, gid_t *gid)
{
	struct sockcred2 cred;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_CREDS2 &&
		    h->cmsg_len >= CMSG_LEN(sizeof(cred))) {
			memcpy(&cred, CMSG_DATA(h), sizeof(cred));
			*uid = cred.sc_euid;
			*gid = cred.sc_egid;
			return true;
		}
	return false;
}

void process_title(const char *name)
{
	setproctitle("-%s", name);
}
