/*
 * The guest's agent as a local process: for tests without a hypervisor. It gets
 * the same listening sockets as QEMU would, no kernel, no tap. Of an image it reads how
 * it is to fail.
 */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"

#define FAKE_PROGRAM PATH_LIBEXEC "/bhyfi-guest-fake"

static int fake_check(const struct vm_spec *s, struct err *e)
{
	(void)s;
	return vmm_check_file(
	    FAKE_PROGRAM, X_OK, "it is part of the tests: build with -Dtests=true", e);
}

static void sock_arg(struct argv *a, const struct vm_spec *s, enum vmm_sock sock,
    const char *by_fd, const char *by_path)
{
	if (s->sock_fd[sock] >= 0) {
		argv_add(a, "%s", by_fd);
		argv_add(a, "%d", s->sock_fd[sock]);
	} else {
		argv_add(a, "%s", by_path);
		argv_add(a, "%s/%s", s->run_dir, vmm_sock_names[sock]);
	}
}

static int fake_command(const struct vm_spec *s, struct argv *a, struct err *e)
{
	argv_add(a, FAKE_PROGRAM);
	sock_arg(a, s, VMM_SOCK_AGENT, "--agent-fd", "--agent");
	sock_arg(a, s, VMM_SOCK_CONSOLE, "--console-fd", "--console");
	if (s->initrd_fd >= 0) {
		argv_add(a, "--image-fd");
		argv_add(a, "%d", s->initrd_fd);
	}
	if (s->config->card.kind == CARD_SIM) {
		argv_add(a, "--scenario");
		argv_add(a, "%s", s->config->card.scenario);
	}
	return argv_done(a, e);
}

static enum vm_exit fake_exit_reason(int st)
{
	return WIFEXITED(st) && WEXITSTATUS(st) == 0 ? VM_EXIT_POWEROFF : VM_EXIT_CRASH;
}

const struct vmm_ops vmm_fake = {
    .name = "fake",
    .check = fake_check,
    .command = fake_command,
    .exit_reason = fake_exit_reason,
    .takes_image = true,
    .socks = 1u << VMM_SOCK_AGENT | 1u << VMM_SOCK_CONSOLE,
};
