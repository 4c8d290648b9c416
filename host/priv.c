/*
 * How bhyfid becomes two processes, and main's side of the calls.
 *
 * The parent keeps root and everything it has; the child gives up, in this
 * order: descriptors, the folder tree (chroot), groups, user, capabilities. What
 * it needs of the C library beyond its chroot is loaded before: the time zone
 * (logs are in UTC), the character classes, and no name service.
 */
#include "priv.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "os/native.h"
#include "paths.h"
#include "priv-server.h"

static int signal_pipe = -1;

static void on_signal(int sig)
{
	int saved = errno;
	char c = (char)sig;

	/* Full is fine: a byte is there. */
	if (write(signal_pipe, &c, 1) < 0)
		errno = saved;
	errno = saved;
}

static int catch_signals(struct priv_server *s, struct err *e)
{
	struct sigaction act = {.sa_handler = on_signal};
	int p[2];

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, errno, "pipe");
	s->signals = p[0];
	signal_pipe = p[1];
	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	return 0;
}

/* The working directory from now on. */
static int enter_run_dir(const struct config *c, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), PATH_RUN "/%s", c->instance);
	if (chdir(path) < 0 || stat(".", &st) < 0)
		return err_sys(e, errno, "%s", path);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(e, ERR_FAILED, "%s: others can write it", path);
	return 0;
}

static int drop(const struct priv_server *s, struct err *e)
{
	if (chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, errno, "chroot");
	if (!s->can_switch) {
		log_info("a user namespace of one user: bhyfid and the VMM keep it");
	} else if (setgroups(0, NULL) < 0 || setresgid(s->gid, s->gid, s->gid) < 0 ||
		   setresuid(s->uid, s->uid, s->uid) < 0) {
		return err_sys(e, errno, "user %s", s->c.user);
	}
	return main_confine(e);
}

static struct priv *become_main(
    const struct priv_server *s, int req, int ev, const int *keep_fds, struct err *e)
{
	struct priv *p = malloc(sizeof(*p));
	int keep[KEEP_FDS_MAX] = {req, ev};
	size_t n = 2;

	if (p == NULL) {
		err_sys(e, ENOMEM, "bhyfid main");
		return NULL;
	}
	while (n < KEEP_FDS_MAX && *keep_fds >= 0)
		keep[n++] = *keep_fds++;
	close_others(keep, n);
	tzset();
	if (drop(s, e) < 0) {
		free(p);
		return NULL;
	}
	*p = (struct priv){.req = req, .ev = ev};
	return p;
}

static int server_init(struct priv_server *s, const struct config *c, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->c = s->former = *c;
	s->vmm = vmm_find(c->vmm);
	s->req = s->ev = s->signals = -1;
	s->tap_fd = s->tap_watch = s->renew_out = s->vm_watch = s->vm_stderr = -1;
	if (s->vmm == NULL)
		return err_set(
		    e, ERR_FAILED, "vmm %s: expected one of %s", c->vmm, vmm_names());
	s->os = os_for(c, e);
	if (s->os == NULL)
		return -1;
	if (config_resolve_user(c->user, &s->uid, &s->gid, e) < 0 ||
	    config_resolve_user(c->vm_user, &s->vm_uid, &s->vm_gid, e) < 0)
		return -1;
	s->can_switch = can_switch_user(s->uid) && can_switch_user(s->vm_uid);
	return enter_run_dir(c, e);
}

static void hold_signals(sigset_t *former)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, former);
}

struct priv *priv_split(const struct config *c, const int *keep_fds, struct err *e)
{
	static struct priv_server s;
	int req[2] = {-1, -1}, ev[2] = {-1, -1};
	struct priv *p = NULL;
	sigset_t held;

	/* So that no descriptor of ours is taken for standard error. */
	for (int fd = open("/dev/null", O_RDWR); fd >= 0 && fd < 3;)
		fd = open("/dev/null", O_RDWR);
	if (server_init(&s, c, e) < 0)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, req) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ev) < 0) {
		err_sys(e, errno, "socketpair");
		goto fail;
	}
	/* One that came before we pass it on would end us, and leave main alone. */
	hold_signals(&held);
	s.main_pid = fork();
	if (s.main_pid <= 0)
		sigprocmask(SIG_SETMASK, &held, NULL);
	if (s.main_pid < 0) {
		err_sys(e, errno, "fork");
		goto fail;
	}
	if (s.main_pid == 0)
		return become_main(&s, req[1], ev[1], keep_fds, e);
	close(req[1]);
	close(ev[1]);
	s.req = req[0];
	s.ev = ev[0];
	/* Main's own: sockets that it serves must end with it. */
	for (const int *fd = keep_fds; *fd >= 0; fd++)
		if (*fd > 2)
			close(*fd);
	if (catch_signals(&s, e) < 0)
		_exit(1);
	sigprocmask(SIG_SETMASK, &held, NULL);
	priv_serve(&s);
fail:
	for (int i = 0; i < 2; i++) {
		if (req[i] >= 0)
			close(req[i]);
		if (ev[i] >= 0)
			close(ev[i]);
	}
	return p;
}

void priv_free(struct priv *p)
{
	if (p == NULL)
		return;
	close(p->req);
	close(p->ev);
	free(p);
}

static int receive(
    const struct priv *p, struct priv_response *resp, int *fd, struct err *e)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {resp, sizeof(*resp)};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(p->req, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*resp))
		return err_set(e, ERR_NOT_RUNNING, "bhyfid priv: it is gone");
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	if (resp->has_fd && h != NULL && h->cmsg_level == SOL_SOCKET &&
	    h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(h), sizeof(int));
	resp->msg[sizeof(resp->msg) - 1] = '\0';
	resp->hint[sizeof(resp->hint) - 1] = '\0';
	return 0;
}

int priv_call(struct priv *p, enum priv_op op, int32_t arg, const uint8_t mac[6],
    struct priv_reply *reply, struct err *e)
{
	struct priv_request r = {.op = (uint32_t)op, .arg = arg};
	struct priv_response resp;
	ssize_t n;
	int fd;

	if (mac != NULL)
		memcpy(r.mac, mac, sizeof(r.mac));
	do
		n = send(p->req, &r, sizeof(r), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, ERR_NOT_RUNNING, "bhyfid priv: it is gone");
	if (receive(p, &resp, &fd, e) < 0)
		return -1;
	if (resp.ret < 0) {
		err_set(e, (enum err_code)resp.code, "%s", resp.msg);
		if (resp.hint[0] != '\0')
			err_hint(e, "%s", resp.hint);
	}
	if (reply != NULL)
		*reply = (struct priv_reply){
		    .pid = resp.pid, .value = resp.value, .fd = resp.ret < 0 ? -1 : fd};
	if (fd >= 0 && (reply == NULL || resp.ret < 0))
		close(fd);
	return resp.ret < 0 ? -1 : 0;
}

int priv_open(struct priv *p, enum priv_op op, int32_t arg, int32_t *value, struct err *e)
{
	struct priv_reply r = {.fd = -1};

	if (priv_call(p, op, arg, NULL, &r, e) < 0)
		return -1;
	if (value != NULL)
		*value = r.value;
	return r.fd >= 0 ? r.fd : err_set(e, ERR_FAILED, "priv: no descriptor");
}

/* Takes back what escape_text made of a line, which our own log does again. */
static void unescape(char *text)
{
	unsigned byte;
	char *to = text;

	for (const char *p = text; *p != '\0';) {
		if (p[0] == '\\' && p[1] == '\\') {
			*to++ = '\\';
			p += 2;
		} else if (p[0] == '\\' && p[1] == 'x' && isxdigit((unsigned char)p[2]) &&
			   isxdigit((unsigned char)p[3]) &&
			   sscanf(p + 2, "%2x", &byte) == 1 && byte != 0) {
			*to++ = (char)byte;
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
}

int priv_event_fd(const struct priv *p)
{
	return p->ev;
}

int priv_event(struct priv *p, struct priv_vm_event *ev, struct err *e)
{
	struct priv_packet packet;
	ssize_t n;

	while (true) {
		n = recv(p->ev, &packet, sizeof(packet), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n != sizeof(packet))
			return err_set(e, ERR_NOT_RUNNING, "bhyfid priv: it is gone");
		if (!packet.is_log) {
			*ev = packet.ev;
			return 1;
		}
		packet.text[sizeof(packet.text) - 1] = '\0';
		unescape(packet.text);
		if (packet.level >= LOG_LEVEL_ERROR && packet.level <= LOG_LEVEL_DEBUG)
			log_line((enum log_level)packet.level, "%s", packet.text);
	}
}
