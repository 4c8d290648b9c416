#include "peer.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

int peer_enable(int fd, struct err *e)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return err_sys(e, errno, "SO_PASSCRED");
	return 0;
}

bool peer_of(struct msghdr *m, uid_t *uid, gid_t *gid)
{
	struct ucred cred;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_CREDENTIALS &&
		    h->cmsg_len == CMSG_LEN(sizeof(cred))) {
			memcpy(&cred, CMSG_DATA(h), sizeof(cred));
			*uid = cred.uid;
			*gid = cred.gid;
			return true;
		}
	return false;
}

void process_title(const char *name)
{
	prctl(PR_SET_NAME, name);
}
