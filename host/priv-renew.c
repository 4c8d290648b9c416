/*
 * What the host needs each time that its interface is plugged in, a DHCP client
 * started anew above all, takes seconds on FreeBSD, whose rc scripts do it. Main waits
 * for each request, and must not wait for that with the guest's frames unread; so it
 * runs in a child, one at a time. Plugged in again meanwhile, it is done once more
 * after the child: two of rc.d/dhclient at a time would disturb each other.
 *
 * The child keeps nothing of ours but a socket, on which it sends its log lines as we
 * send ours to main, and which tells its end. It is never killed: what it has
 * started would run on. On an interface that is unplugged or gone its programs end by
 * themselves, and what they then complain about interests nobody.
 */
#include "priv-server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

static _Noreturn void child(struct priv_server *s, int out)
{
	struct err e = ERR_INIT;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	close_others(&out, 1);
	s->ev = out;
	log_set_sink(priv_log, s);
	if (s->os->tap_renew(s->c.interface, &e) < 0)
		log_error("interface %s: %s", s->c.interface, e.msg);
	_exit(0);
}

static int start(struct priv_server *s, struct err *e)
{
	int p[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return err_sys(e, errno, "socketpair");
	s->renew_pid = fork();
	if (s->renew_pid == 0)
		child(s, p[1]);
	close(p[1]);
	if (s->renew_pid < 0) {
		close(p[0]);
		s->renew_pid = 0;
		return err_sys(e, errno, "fork");
	}
	s->renew_out = p[0];
	return 0;
}

void priv_renew(struct priv_server *s)
{
	struct err e = ERR_INIT;

	if (s->os->tap_renew == NULL)
		return;
	s->renew_again = s->renew_pid > 0;
	/* No reason to give up the network: the interface works without. */
	if (!s->renew_again && start(s, &e) < 0)
		log_error("interface %s: %s", s->c.interface, e.msg);
}

static void ended(struct priv_server *s)
{
	int st;

	close(s->renew_out);
	s->renew_out = -1;
	while (waitpid(s->renew_pid, &st, 0) < 0 && errno == EINTR)
		;
	s->renew_pid = 0;
	if (s->renew_again && s->plugged)
		priv_renew(s);
	s->renew_again = false;
}

void priv_renew_read(struct priv_server *s)
{
	struct priv_packet p;
	ssize_t n = recv(s->renew_out, &p, sizeof(p), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(p)) {
		ended(s);
		return;
	}
	if (!s->plugged && p.level < LOG_LEVEL_DEBUG)
		p.level = LOG_LEVEL_DEBUG;
	if (p.level <= (int32_t)log_get_level())
		priv_send(s, &p);
}
