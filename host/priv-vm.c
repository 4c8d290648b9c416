/*
 * The VMM as a child process. The order matters:
 *
 *     fork; the child waits on the `go` pipe
 *     vm.json is written with the child's pid: if that fails, `go` is closed and
 *     the child exits before it ran anything
 *     go; the child confines itself, changes user and executes
 *     `report`, closed by a good exec, brings the child's error otherwise
 *
 * So at no time does a VMM run that the next bhyfid would not find.
 */
#include "priv-server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../image/image.h"
#include "cleanup.h"
#include "log.h"
#include "os/native.h"

#define BACKLOG 4

struct launch {
	struct vm_spec spec;
	struct argv argv;
	int go[2], report[2], errs[2];
};

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void close_others(const int *keep, size_t n)
{
	int sorted[KEEP_FDS_MAX];
	unsigned next = 3;

	memcpy(sorted, keep, n * sizeof(keep[0]));
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	for (size_t i = 0; i < n; i++) {
		if (sorted[i] < (int)next)
			continue;
		if (sorted[i] > (int)next)
			close_range(next, (unsigned)sorted[i] - 1, 0);
		next = (unsigned)sorted[i] + 1;
	}
	close_range(next, ~0u, 0);
}

static int bind_socket(const struct priv_server *s, const char *name, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t mask = umask(0177);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool bound;

	/* A short name in our working directory, RUN/INSTANCE: sun_path is too small
	 * for some prefixes. */
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", name);
	unlink(name);
	bound = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	umask(mask);
	if (bound && listen(fd, BACKLOG) == 0 &&
	    (!s->can_switch || lchown(name, s->uid, s->gid) == 0))
		return fd;
	err_sys(e, errno, "socket %s", name);
	if (fd >= 0)
		close(fd);
	if (bound)
		unlink(name);
	return -1;
}

static int open_sockets(struct priv_server *s, struct vm_spec *spec, struct err *e)
{
	for (int i = 0; i < VMM_SOCKS; i++) {
		if (!(s->vmm->socks & 1u << i))
			continue;
		spec->sock_fd[i] = bind_socket(s, vmm_sock_names[i], e);
		if (spec->sock_fd[i] < 0)
			return -1;
	}
	return 0;
}

static void close_all(struct launch *l)
{
	int *const fds[] = {&l->spec.vmlinux_fd, &l->spec.initrd_fd, &l->go[0], &l->go[1],
	    &l->report[0], &l->report[1], &l->errs[0], &l->errs[1]};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	for (int i = 0; i < VMM_SOCKS; i++) {
		if (l->spec.sock_fd[i] >= 0)
			close(l->spec.sock_fd[i]);
		l->spec.sock_fd[i] = -1;
	}
	argv_free(&l->argv);
}

static int become_vm_user(
    const struct priv_server *s, const struct vm_spec *spec, struct err *e)
{
	gid_t group;
	size_t n =
	    s->vmm->device_group != NULL && s->vmm->device_group(spec, &group) ? 1 : 0;

	if (s->vmm->needs_root)
		return 0;
	if (!s->can_switch)
		return drop_capabilities(e);
	if (setgroups(n, &group) < 0 || setresgid(s->vm_gid, s->vm_gid, s->vm_gid) < 0 ||
	    setresuid(s->vm_uid, s->vm_uid, s->vm_uid) < 0)
		return err_sys(e, errno, "user of the VMM");
	return 0;
}

static void child_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	/* Its standard error leads to us, and it may outlive us. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int child_setup(
    struct priv_server *s, struct launch *l, int program, struct err *e)
{
	const struct vm_spec *p = &l->spec;
	const int keep[] = {p->tap_fd, p->sock_fd[0], p->sock_fd[1], p->sock_fd[2],
	    p->vmlinux_fd, p->initrd_fd, l->report[1], s->ev, program};
	int null = open("/dev/null", O_RDWR);

	_Static_assert(VMM_SOCKS == 3, "keep holds all sockets");
	if (setsid() < 0 && errno != EPERM)
		return err_sys(e, errno, "session");
	if (null < 0 || dup2(null, 0) < 0 || dup2(l->errs[1], 1) < 0 ||
	    dup2(l->errs[1], 2) < 0)
		return err_sys(e, errno, "standard error");
	close_others(keep, ARRAY_LEN(keep));
	/* The last three, report, our event socket and the program, go at exec. */
	for (size_t i = 0; i < ARRAY_LEN(keep) - 3; i++)
		if (keep[i] >= 0 && fcntl(keep[i], F_SETFD, 0) < 0)
			return err_sys(e, errno, "descriptors");
	umask(077);
	if (chdir("/") < 0)
		return err_sys(e, errno, "/");
	/* One that keeps root opens its own devices, and confines itself then. */
	if (!s->vmm->needs_root && vmm_confine(&s->c, e) < 0)
		return -1;
	return become_vm_user(s, p, e);
}

static _Noreturn void child(struct priv_server *s, struct launch *l)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";
	char home[] = "HOME=/";
	char *const env[] = {path, home, NULL};
	struct err e = ERR_INIT;
	int program;
	char go;

	child_signals();
	close(l->go[1]);
	while (read(l->go[0], &go, 1) < 0 && errno == EINTR)
		;
	if (go != 'g')
		_exit(1);
	program = open(l->argv.v[0], O_RDONLY | O_CLOEXEC);
	if (child_setup(s, l, program, &e) == 0) {
		execve(l->argv.v[0], l->argv.v, env);
		/* In a folder (a clone in somebody's home) that the VM's user may not
		 * enter; not the first choice, as the process is then named after the
		 * descriptor. */
		if (errno == EACCES && program >= 0)
			fexecve(program, l->argv.v, env);
		err_sys(&e, errno, "%s", l->argv.v[0]);
	}
	while (write(l->report[1], &e, sizeof(e)) < 0 && errno == EINTR)
		;
	_exit(1);
}

/* Lets the child go on and hears whether it did. */
static int release_child(struct launch *l, const char *prog, struct err *e)
{
	struct err child_err;
	ssize_t n;

	close(l->report[1]);
	l->report[1] = -1;
	if (write(l->go[1], "g", 1) != 1)
		return err_sys(e, errno, "%s", prog);
	do
		n = read(l->report[0], &child_err, sizeof(child_err));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != sizeof(child_err))
		return err_set(e, ERR_FAILED, "%s: did not start", prog);
	if (e != NULL)
		*e = child_err;
	return err_prefix(e, "the VMM did not start");
}

static int start_child(
    struct priv_server *s, struct launch *l, const char *image, struct err *e)
{
	struct err again = ERR_INIT;
	pid_t pid;

	if (pipe2(l->go, O_CLOEXEC) < 0 || pipe2(l->report, O_CLOEXEC) < 0 ||
	    pipe2(l->errs, O_CLOEXEC) < 0)
		return err_sys(e, errno, "pipe");
	pid = fork();
	if (pid < 0)
		return err_sys(e, errno, "fork");
	if (pid == 0)
		child(s, l);
	if (proc_watch(pid, &s->vm_watch, e) < 0 || vm_record_put(s, pid, image, e) < 0 ||
	    release_child(l, l->argv.v[0], e) < 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (s->vm_watch >= 0)
			close(s->vm_watch);
		s->vm_watch = -1;
		/* What is prepared stays on record. */
		if (vm_record_put(s, 0, "", &again) < 0)
			log_error("%s", again.msg);
		return -1;
	}
	s->vm_pid = pid;
	s->vm_child = true;
	s->vm_lines = 0;
	s->vm_line_len = 0;
	if (s->vm_stderr >= 0)
		close(s->vm_stderr);
	s->vm_stderr = l->errs[0];
	l->errs[0] = -1;
	fcntl(s->vm_stderr, F_SETFL, O_NONBLOCK);
	return 0;
}

int vm_launch(struct priv_server *s, struct err *e)
{
	struct launch l = {.go = {-1, -1}, .report = {-1, -1}, .errs = {-1, -1}};
	struct image img = {0};
	int ret = -1;

	for (int i = 0; i < VMM_SOCKS; i++)
		l.spec.sock_fd[i] = -1;
	l.spec.vmlinux_fd = l.spec.initrd_fd = -1;
	if (vm_image_take(s, &l.spec, &img, e) < 0)
		goto out;
	l.spec.tap_fd = s->tap_fd;
	if (s->vmm->check(&l.spec, e) == 0 &&
	    (s->vmm->prepare == NULL || s->vmm->prepare(&l.spec, e) == 0) &&
	    open_sockets(s, &l.spec, e) == 0 && s->vmm->command(&l.spec, &l.argv, e) == 0)
		ret = start_child(s, &l, img.id != NULL ? img.id : "", e);
out:
	if (ret < 0)
		for (int i = 0; i < VMM_SOCKS; i++)
			if (l.spec.sock_fd[i] >= 0)
				unlink(vmm_sock_names[i]);
	close_all(&l);
	image_close(&img);
	return ret;
}

void vm_ended(struct priv_server *s, struct priv_vm_event *ev)
{
	struct err e = ERR_INIT;
	int st = 0;

	*ev = (struct priv_vm_event){
	    .kind = PRIV_EVENT_VM_EXIT, .pid = s->vm_pid, .reason = VM_EXIT_UNKNOWN};
	if (s->vm_child && waitpid(s->vm_pid, &st, 0) == s->vm_pid) {
		ev->wait_status = st;
		ev->reason = s->vmm->exit_reason(st);
	}
	vm_stderr_read(s);
	if (s->vm_stderr >= 0)
		close(s->vm_stderr);
	close(s->vm_watch);
	s->vm_watch = s->vm_stderr = -1;
	s->vm_pid = 0;
	/* It may hold memory and the card. The release tries again. */
	if (s->vmm->cleanup != NULL && s->vmm->cleanup(&s->c, &e) < 0)
		log_error("%s", e.msg);
}

static void vm_line(struct priv_server *s)
{
	if (s->vm_line_len == 0)
		return;
	if (s->vm_lines < VM_LINES_MAX)
		log_warn("%s: %.*s", s->vmm->name, (int)s->vm_line_len, s->vm_line);
	else if (s->vm_lines == VM_LINES_MAX)
		log_warn("%s: further lines are dropped", s->vmm->name);
	if (s->vm_lines <= VM_LINES_MAX)
		s->vm_lines++;
	s->vm_line_len = 0;
}

void vm_stderr_read(struct priv_server *s)
{
	char buf[1024];
	ssize_t n;

	if (s->vm_stderr < 0)
		return;
	n = read(s->vm_stderr, buf, sizeof(buf));
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\n' || s->vm_line_len == sizeof(s->vm_line))
			vm_line(s);
		if (buf[i] != '\n')
			s->vm_line[s->vm_line_len++] = buf[i];
	}
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	vm_line(s);
	close(s->vm_stderr);
	s->vm_stderr = -1;
}
