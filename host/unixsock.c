#include "unixsock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int open_socket(const char *name, int type, struct sockaddr_un *sa, struct err *e)
{
	int fd;

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (strlen(name) >= UNIX_NAME_MAX)
		return err_sys(e, ENAMETOOLONG, "%s", name);
	snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", name);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd >= 0 ? fd : err_sys(e, errno, "socket");
}

int unix_connect(const char *name, struct err *e)
{
	struct sockaddr_un sa;
	int fd = open_socket(name, SOCK_STREAM, &sa, e);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	err_sys(e, errno, "connect to %s", name);
	close(fd);
	return -1;
}

int unix_bind(const char *name, int type, gid_t gid, struct err *e)
{
	struct sockaddr_un sa;
	int fd = open_socket(name, type, &sa, e), bound;
	mode_t mask;

	if (fd < 0)
		return -1;
	unlink(name);
	/* Nobody can connect before owner and mode are right. */
	mask = umask(0177);
	bound = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(mask);
	if (bound == 0 && (gid == (gid_t)-1 || (chown(name, (uid_t)-1, gid) == 0 &&
						   chmod(name, 0660) == 0)))
		return fd;
	err_sys(e, errno, "socket %s", name);
	close(fd);
	if (bound == 0)
		unlink(name);
	return -1;
}

int unix_listen(const char *name, gid_t gid, int backlog, struct err *e)
{
	int fd = unix_bind(name, SOCK_STREAM, gid, e);

	if (fd < 0 || listen(fd, backlog) == 0)
		return fd;
	err_sys(e, errno, "socket %s", name);
	close(fd);
	unlink(name);
	return -1;
}
