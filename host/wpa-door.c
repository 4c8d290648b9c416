/*
 * Theory of operation. One loop over the sockets and main's end. A client is whoever
 * has sent a datagram: its address, and the user that the kernel says it is. What main
 * sends to it goes out as that user (seteuid): a client that gives a stranger's socket,
 * or a link to one, for its address reaches nothing that it could not reach itself.
 *
 * Nothing waits: what does not fit is dropped, and a client that is not there, or does
 * not read, is forgotten. The least active one makes room for a new one.
 */
#include "wpa-door.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "os/peer.h"
#include "priv-server.h"
#include "unixsock.h"

#define NOT_READ_MAX 10 /* datagrams in a row that a client had no room for */
#define CLOSE_MS 2000

const struct wpa_door_socket wpa_door_sockets[] = {
    {"wpa", "wlan0"},
};
_Static_assert(ARRAY_LEN(wpa_door_sockets) == WPA_DOOR_SOCKETS, "their number");

struct client {
	uint32_t number; /* 0: a free place */
	uint64_t used;   /* the bigger the later */
	unsigned not_read, socket;
	uid_t uid;
	gid_t gid;
	struct sockaddr_un addr;
	socklen_t addr_len;
};

struct door {
	int main_fd, fds[WPA_DOOR_SOCKETS];
	struct stat made[WPA_DOOR_SOCKETS];
	struct client clients[WPA_DOOR_CLIENTS];
	uint32_t next_number;
	uint64_t clock;
};

static void socket_path(unsigned i, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", wpa_door_sockets[i].dir, wpa_door_sockets[i].name);
}

/* Folder and socket, for the group alone. */
static int make_socket(struct door *d, unsigned i, gid_t gid, struct err *e)
{
	const char *dir = wpa_door_sockets[i].dir;
	bool group = gid != (gid_t)-1;
	char path[UNIX_NAME_MAX];

	socket_path(i, path, sizeof(path));
	if ((mkdir(dir, 0700) < 0 && errno != EEXIST) ||
	    (group && chown(dir, (uid_t)-1, gid) < 0) ||
	    chmod(dir, group ? 0750 : 0700) < 0)
		return err_sys(e, errno, "%s", dir);
	d->fds[i] = unix_bind(path, SOCK_DGRAM, gid, e);
	if (d->fds[i] < 0)
		return -1;
	if (stat(path, &d->made[i]) < 0)
		return err_sys(e, errno, "%s", path);
	return peer_enable(d->fds[i], e);
}

/* What another daemon has put there meanwhile stays. */
static void remove_socket(const struct door *d, unsigned i)
{
	struct stat st;
	char path[UNIX_NAME_MAX];

	if (d->fds[i] < 0)
		return;
	socket_path(i, path, sizeof(path));
	if (stat(path, &st) == 0 && st.st_ino == d->made[i].st_ino &&
	    st.st_dev == d->made[i].st_dev)
		unlink(path);
	rmdir(wpa_door_sockets[i].dir);
}

static void close_all(struct door *d)
{
	for (unsigned i = 0; i < WPA_DOOR_SOCKETS; i++)
		if (d->fds[i] >= 0)
			close(d->fds[i]);
}

/* To main. False where it is gone; what it has no room for is dropped. */
static bool to_main(
    struct door *d, const struct wpa_door_packet *p, size_t len, bool *full)
{
	ssize_t n =
	    send(d->main_fd, p, sizeof(p->head) + len, MSG_DONTWAIT | MSG_NOSIGNAL);

	*full = n < 0 && (errno == EAGAIN || errno == ENOBUFS);
	return n >= 0 || *full || errno == EINTR;
}

static bool forget(struct door *d, struct client *c)
{
	struct wpa_door_packet p = {.head = {.client = c->number, .kind = WPA_DOOR_GONE}};
	bool full;

	c->number = 0;
	return to_main(d, &p, 0, &full);
}

static struct client *by_address(
    struct door *d, unsigned socket, const struct sockaddr_un *sa, socklen_t len)
{
	for (size_t i = 0; i < WPA_DOOR_CLIENTS; i++) {
		struct client *c = &d->clients[i];

		if (c->number != 0 && c->socket == socket && c->addr_len == len &&
		    memcmp(&c->addr, sa, len) == 0)
			return c;
	}
	return NULL;
}

static struct client *new_client(struct door *d)
{
	struct client *oldest = &d->clients[0];

	for (size_t i = 0; i < WPA_DOOR_CLIENTS; i++) {
		if (d->clients[i].number == 0)
			oldest = &d->clients[i];
		if (oldest->number == 0)
			break;
		if (d->clients[i].used < oldest->used)
			oldest = &d->clients[i];
	}
	if (oldest->number != 0)
		forget(d, oldest);
	memset(oldest, 0, sizeof(*oldest));
	if (++d->next_number == 0)
		++d->next_number;
	oldest->number = d->next_number;
	return oldest;
}

static bool become(uid_t uid, gid_t gid)
{
	if (uid == geteuid() && gid == getegid())
		return true;
	return setegid(gid) == 0 && seteuid(uid) == 0;
}

static void become_root(uid_t uid, gid_t gid)
{
	/* Nothing may go on with another user's rights, or one's with another's. */
	if (seteuid(uid) < 0 || setegid(gid) < 0)
		_exit(1);
}

/* As the client itself; false where it is to be forgotten. */
static bool to_client(struct door *d, struct client *c, const char *data, size_t len)
{
	uid_t root = geteuid();
	gid_t root_group = getegid();
	ssize_t n = -1;
	int failed = EPERM;

	if (become(c->uid, c->gid)) {
		n = sendto(d->fds[c->socket], data, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)&c->addr, c->addr_len);
		failed = errno;
	}
	become_root(root, root_group);
	c->used = ++d->clock;
	if (n >= 0) {
		c->not_read = 0;
		return true;
	}
	if (failed != EAGAIN && failed != ENOBUFS && failed != EINTR)
		return false;
	return ++c->not_read <= NOT_READ_MAX;
}

/* False where main is gone. */
static bool from_client(struct door *d, unsigned socket)
{
	union {
		struct cmsghdr head;
		char space[PEER_CONTROL_SIZE];
	} control;
	struct sockaddr_un sa;
	struct wpa_door_packet p = {
	    .head = {.kind = WPA_DOOR_DATA, .socket = (uint16_t)socket}};
	struct iovec iov = {p.data, sizeof(p.data)};
	struct msghdr m = {.msg_name = &sa,
	    .msg_namelen = sizeof(sa),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(d->fds[socket], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	bool full, there = true;
	struct client *c;
	uid_t uid;
	gid_t gid;

	/* One without an address can not be answered. */
	if (n < 0 || m.msg_namelen <= offsetof(struct sockaddr_un, sun_path) ||
	    !peer_of(&m, &uid, &gid))
		return true;
	c = by_address(d, socket, &sa, m.msg_namelen);
	if (c == NULL) {
		c = new_client(d);
		c->socket = socket;
		c->addr = sa;
		c->addr_len = m.msg_namelen;
	}
	c->uid = uid;
	c->gid = gid;
	c->used = ++d->clock;
	p.head.client = c->number;
	full = (m.msg_flags & MSG_TRUNC) != 0;
	if (!full)
		there = to_main(d, &p, (size_t)n, &full);
	if (full && !to_client(d, c, "FAIL-BUSY\n", 10))
		there = there && forget(d, c);
	explicit_bzero(p.data, (size_t)n);
	return there;
}

static bool from_main(struct door *d)
{
	struct wpa_door_packet p;
	ssize_t n = recv(d->main_fd, &p, sizeof(p), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n < (ssize_t)sizeof(p.head))
		return false;
	for (size_t i = 0; i < WPA_DOOR_CLIENTS; i++) {
		struct client *c = &d->clients[i];

		if (c->number != 0 && c->number == p.head.client)
			return to_client(d, c, p.data, (size_t)n - sizeof(p.head)) ||
			       forget(d, c);
	}
	return true;
}

static _Noreturn void serve(struct door *d)
{
	struct pollfd p[WPA_DOOR_SOCKETS + 1];
	bool there = true;

	for (unsigned i = 0; i < WPA_DOOR_SOCKETS; i++)
		p[i] = (struct pollfd){.fd = d->fds[i], .events = POLLIN};
	p[WPA_DOOR_SOCKETS] = (struct pollfd){.fd = d->main_fd, .events = POLLIN};
	while (there) {
		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			break;
		if (p[WPA_DOOR_SOCKETS].revents != 0)
			there = from_main(d);
		for (unsigned i = 0; i < WPA_DOOR_SOCKETS && there; i++)
			if (p[i].revents != 0)
				there = from_client(d, i);
	}
	for (unsigned i = 0; i < WPA_DOOR_SOCKETS; i++)
		remove_socket(d, i);
	_exit(0);
}

static _Noreturn void become_door(struct door *d)
{
	int keep[WPA_DOOR_SOCKETS + 4] = {0, 1, 2, d->main_fd};

	for (unsigned i = 0; i < WPA_DOOR_SOCKETS; i++)
		keep[4 + i] = d->fds[i];
	close_others(keep, ARRAY_LEN(keep));
	/* It ends with main, whoever else ends. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	process_title("bhyfid-wpa");
	/* Where there are no other groups (a user namespace) this fails for that reason.
	 */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		_exit(1);
	serve(d);
}

int wpa_door_start(gid_t gid, struct err *e)
{
	static struct door d;
	int pair[2] = {-1, -1};
	pid_t pid;

	for (unsigned i = 0; i < WPA_DOOR_SOCKETS; i++)
		d.fds[i] = -1;
	for (unsigned i = 0; i < WPA_DOOR_SOCKETS; i++)
		if (make_socket(&d, i, gid, e) < 0)
			goto fail;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) <
	    0) {
		err_sys(e, errno, "socketpair");
		goto fail;
	}
	pid = fork();
	if (pid < 0) {
		err_sys(e, errno, "fork");
		goto fail;
	}
	if (pid == 0) {
		close(pair[0]);
		d.main_fd = pair[1];
		become_door(&d);
	}
	close(pair[1]);
	close_all(&d);
	return pair[0];
fail:
	for (unsigned i = 0; i < WPA_DOOR_SOCKETS; i++)
		remove_socket(&d, i);
	close_all(&d);
	if (pair[0] >= 0) {
		close(pair[0]);
		close(pair[1]);
	}
	return -1;
}

void wpa_door_close(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;

	if (fd < 0)
		return;
	/* Its end of ours, then ours of its: the names are gone by then. */
	shutdown(fd, SHUT_WR);
	while (poll(&p, 1, CLOSE_MS) > 0 && recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		;
	close(fd);
}
