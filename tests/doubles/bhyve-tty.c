/*
 * nmdm(4) behind bhyve's UARTs. The host's end is a pseudo-terminal that
 * SYSROOT/dev/nmdm...B points to; as on FreeBSD
 *
 *   - it is not raw before somebody makes it so, and no more once it was closed;
 *   - what the guest writes while nobody has it open is lost;
 *   - of a burst towards the guest, what does not fit is lost: bhyve takes 16 bytes
 *     at a time, and on 15.1 the first of a burst were lost after 1,920 bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "bhyve.h"
#include "cleanup.h"

#define BURST 1920

/* As nmdm_clone has it: "nmdm", something, 'A' or 'B'. */
static bool is_nmdm(const char *path)
{
	const char *name = strncmp(path, "/dev/", 5) == 0 ? path + 5 : "";
	size_t len = strlen(name);

	return strncmp(name, "nmdm", 4) == 0 && len > 5 && strchr(name, '/') == NULL &&
	       (name[len - 1] == 'A' || name[len - 1] == 'B');
}

static bool has_module(const char *module)
{
	json_t *state = state_open();
	bool has = kld_has(state, module);

	state_close(state, false);
	return has;
}

bool modem_open(struct modem *m, const char *path)
{
	int s[2];

	if (!is_nmdm(path) || !has_module("nmdm")) {
		errno = ENOENT;
		return false;
	}
	snprintf(m->link, sizeof(m->link), "%s", double_path(path));
	m->link[strlen(m->link) - 1] ^= 'A' ^ 'B';
	m->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (m->master < 0 || grantpt(m->master) < 0 || unlockpt(m->master) < 0)
		double_err(70, errno, "pseudo-terminal");
	/* Held open, so that the host's closing is no end of file. */
	m->slave = open(ptsname(m->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	m->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (m->slave < 0 || m->watch < 0 ||
	    inotify_add_watch(m->watch, ptsname(m->master), IN_OPEN | IN_CLOSE) < 0)
		double_err(70, errno, "%s", ptsname(m->master));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s) < 0)
		double_err(70, errno, "socketpair");
	m->sock = s[0];
	m->peer = s[1];
	m->readers = 0;
	unlink(m->link);
	if (symlink(ptsname(m->master), m->link) < 0)
		double_err(70, errno, "%s", m->link);
	return true;
}

static void last_close(const struct modem *m)
{
	struct termios t;

	tcflush(m->slave, TCIOFLUSH);
	if (tcgetattr(m->slave, &t) < 0)
		return;
	t.c_iflag = BRKINT | ICRNL | IXON | IMAXBEL;
	t.c_oflag = OPOST | ONLCR;
	t.c_lflag = ECHO | ECHOE | ECHOKE | ECHOCTL | ICANON | ISIG | IEXTEN;
	t.c_cflag = (t.c_cflag & ~(tcflag_t)CLOCAL) | CREAD | CS8 | HUPCL;
	tcsetattr(m->slave, TCSANOW, &t);
}

void modem_watch(struct modem *m)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(m->watch, buf, sizeof(buf));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *ev = (const void *)(buf + at);

		if (ev->mask & IN_OPEN)
			m->readers++;
		else if (m->readers > 0 && --m->readers == 0)
			last_close(m);
		at += (ssize_t)(sizeof(*ev) + ev->len);
	}
}

void modem_from_guest(struct modem *m)
{
	char buf[4096];
	ssize_t n = read(m->sock, buf, sizeof(buf));

	/* Full, or nobody there: lost, as a tty's output that can not be written. */
	if (n > 0 && m->readers > 0 && write(m->master, buf, (size_t)n) < 0)
		return;
}

void modem_to_guest(struct modem *m)
{
	char buf[4096];
	ssize_t n = read(m->master, buf, sizeof(buf));
	int waiting = 0;

	if (n <= 0 || ioctl(m->peer, FIONREAD, &waiting) < 0 || waiting >= BURST)
		return;
	if (n > BURST - waiting)
		n = BURST - waiting;
	if (write(m->sock, buf, (size_t)n) < 0)
		return;
}
