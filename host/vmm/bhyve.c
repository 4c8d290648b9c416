/*
 * bhyve, FreeBSD's. It is told everything by a bhyve_config(5) file, which it reads
 * leniently: what it does not know it ignores, so it is asked for what it understood
 * (config.dump) before it may start.
 *
 * A start works on copies in RUN/INSTANCE, since a hostile guest can write to each: the
 * disk that the firmware boots from (which can not be opened read-only) and the
 * firmware's variables.
 *
 * /dev/vmm/NAME stays when bhyve ends, in whatever way, and holds the guest's memory
 * and the card: it is destroyed after each exit, and before a start where a daemon
 * was killed meanwhile. Destroying the VM under a bhyve that runs ends that, so
 * nothing here is called while ours does.
 *
 * How a run ended, from bhyve's sources and as seen (15.1):
 *
 *     0 reset, 1 power-off, 2 halt, 3 triple fault, 4 error,
 *     SIGTERM before the guest has ACPI on (later it is the power button), SIGKILL,
 *     SIGABRT: bhyve gave up on an exit of the guest's
 *
 * A VM that somebody destroys under it ends it with 4 ("vm_run error -1, errno 6") on
 * 15.1, and by SIGABRT where that is taken for such an exit. Either is started again.
 */
#include "bhyve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../../image/image.h"
#include "../os/freebsd.h"
#include "bhyve-conf.h"
#include "cleanup.h"
#include "cmd.h"
#include "fs.h"
#include "log.h"

#define BHYVECTL "/usr/sbin/bhyvectl"
#define VARS_MAX (16 << 20) /* bhyve takes no more */

static int check_file(const char *path, int mode, const char *hint, struct err *e)
{
	char real[PATH_MAX];

	if (os_path(real, sizeof(real), path, e) < 0)
		return -1;
	return vmm_check_file(real, mode, hint, e);
}

static unsigned mib(const char *path)
{
	struct stat st;

	return path != NULL && stat(path, &st) == 0
		   ? (unsigned)((st.st_size + (1 << 20) - 1) >> 20)
		   : 0;
}

/*
 * The firmware has the program as a file and as an image; the stub copies the kernel
 * out of it, and the initrd, and the kernel unpacks itself. With less than that it
 * crashes or hangs without a word. Seen with OVMF: an initrd of 8.3 MiB and a kernel of
 * 7.9 (63 unpacked) start with 168 MiB and not with 160; 12.1 MiB with 176, not with 168.
 */
static int check_memory(const struct vm_spec *s, struct err *e)
{
	unsigned need = 64 + mib(s->vmlinux) + 2 * mib(s->vmlinuz) + 3 * mib(s->initrd);

	if (s->config->memory_mib >= need)
		return 0;
	err_set(e, ERR_PRECONDITION,
	    "memory: %u MiB is too little for UEFI firmware to start this image",
	    s->config->memory_mib);
	return err_hint(e, "set memory = %u", (need + 15) / 16 * 16);
}

static int bhyve_check(const struct vm_spec *s, struct err *e)
{
	struct bhyve_conf b = {.n = 0};
	char vars[PATH_MAX];
	int ret;

	if (check_file(s->config->bhyve, X_OK,
		"it comes with FreeBSD's base system; set bhyve to its path", e) < 0 ||
	    check_file(s->config->firmware, R_OK, "pkg install bhyve-firmware", e) < 0)
		return -1;
	if (bhyve_vars(s->config, vars) &&
	    check_file(vars, R_OK, "pkg install bhyve-firmware", e) < 0)
		return -1;
	if (s->stub == NULL) {
		err_set(e, ERR_PRECONDITION,
		    "image: no EFI stub in it, so UEFI firmware can not boot it");
		return err_hint(e, "bhyfi image build, from Debian's packages");
	}
	ret = bhyve_conf_make(&b, s, e);
	bhyve_conf_free(&b);
	return ret < 0 ? -1 : check_memory(s, e);
}

static int run_bhyvectl(const char *name, struct err *e)
{
	char vm[BHYVE_PATH_SIZE + 8];
	const char *const argv[] = {BHYVECTL, vm, "--destroy", NULL};

	snprintf(vm, sizeof(vm), "--vm=%s", name);
	return freebsd_run(argv, NULL, NULL, e);
}

/* Whatever a bhyve that ended has left of the VM. */
static int destroy(const struct config *c, struct err *e)
{
	char name[BHYVE_PATH_SIZE], dev[BHYVE_PATH_SIZE + 16], path[PATH_MAX];

	bhyve_name(c, name);
	snprintf(dev, sizeof(dev), "/dev/vmm/%s", name);
	if (os_path(path, sizeof(path), dev, e) < 0)
		return -1;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	log_debug("bhyve: %s is destroyed", dev);
	return run_bhyvectl(name, e);
}

static int copy_vars(const struct config *c, struct err *e)
{
	char vars[PATH_MAX], path[PATH_MAX];
	char AUTO_FREE *data = NULL;
	size_t len;

	if (!bhyve_vars(c, vars))
		return 0;
	if (os_path(path, sizeof(path), vars, e) < 0 ||
	    fs_read_file(path, VARS_MAX, &data, &len, e) < 0)
		return -1;
	return fs_write_atomic(BHYVE_FILE_VARS, 0600, data, len, e);
}

static int check_dump(const struct vm_spec *s, const struct bhyve_conf *b, struct err *e)
{
	char file[PATH_MAX + 16];
	const char *const argv[] = {
	    s->config->bhyve, "-k", file, "-o", "config.dump=1", NULL};
	char AUTO_FREE *dump = NULL;
	int status;

	snprintf(file, sizeof(file), "%s/" BHYVE_FILE_CONF, s->run_dir);
	status = freebsd_ask(argv, &dump, e);
	if (status < 0)
		return -1;
	/* Its way to say that all went well. */
	if (status != 1)
		return err_set(e, ERR_FAILED, "%s: config.dump: exit status %d",
		    s->config->bhyve, status);
	return bhyve_conf_check(b, dump, e);
}

static int write_conf(const struct vm_spec *s, struct err *e)
{
	struct bhyve_conf b = {.n = 0};
	char AUTO_FREE *text = NULL;
	int ret = -1;

	if (bhyve_conf_make(&b, s, e) < 0)
		goto out;
	text = bhyve_conf_text(&b);
	if (text == NULL)
		err_sys(e, ENOMEM, BHYVE_FILE_CONF);
	else if (fs_write_atomic(BHYVE_FILE_CONF, 0600, text, strlen(text), e) == 0)
		ret = check_dump(s, &b, e);
out:
	bhyve_conf_free(&b);
	return ret;
}

static int bhyve_prepare(const struct vm_spec *s, struct err *e)
{
	if (destroy(s->config, e) < 0)
		return err_prefix(e, "left of a former start");
	unlink(BHYVE_FILE_ESP);
	if (image_esp(s->image, s->config->card.kind == CARD_SIM, s->cmdline,
		BHYVE_FILE_ESP, e) < 0 ||
	    copy_vars(s->config, e) < 0)
		return -1;
	return write_conf(s, e);
}

static int bhyve_command(const struct vm_spec *s, struct argv *a, struct err *e)
{
	char program[PATH_MAX];

	if (os_path(program, sizeof(program), s->config->bhyve, e) < 0)
		return -1;
	argv_add(a, "%s", program);
	argv_add(a, "-k");
	argv_add(a, "%s/" BHYVE_FILE_CONF, s->run_dir);
	return argv_done(a, e);
}

static enum vm_exit bhyve_exit_reason(int st)
{
	static const struct {
		int status;
		enum vm_exit reason;
	} rows[] = {{0, VM_EXIT_REBOOT}, {1, VM_EXIT_POWEROFF}, {2, VM_EXIT_HALT},
	    {3, VM_EXIT_TRIPLE_FAULT}, {4, VM_EXIT_ERROR},
	    {128 + SIGTERM, VM_EXIT_TERMINATED}, {128 + SIGKILL, VM_EXIT_KILLED}};
	int status = WIFEXITED(st)     ? WEXITSTATUS(st)
		     : WIFSIGNALED(st) ? 128 + WTERMSIG(st)
				       : -1;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			return rows[i].reason;
	return VM_EXIT_CRASH;
}

/* The host's end of a null modem. Whichever end is opened first makes both. */
static int bhyve_channel(
    const struct config *c, enum vmm_sock sock, int *fd, struct err *e)
{
	char dev[BHYVE_PATH_SIZE], path[PATH_MAX];
	struct termios t;

	bhyve_nmdm(c, sock, 'B', dev);
	if (os_path(path, sizeof(path), dev, e) < 0)
		return -1;
	*fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return err_sys(e, errno, "%s", path);
	if (tcgetattr(*fd, &t) == 0) {
		cfmakeraw(&t);
		/* It stays ours whether or not anybody is at the other end. */
		t.c_cflag |= CLOCAL | CREAD;
		if (tcsetattr(*fd, TCSANOW, &t) == 0)
			return 0;
	}
	err_sys(e, errno, "%s", path);
	close(*fd);
	*fd = -1;
	return -1;
}

static int bhyve_cleanup(const struct config *c, struct err *e)
{
	unlink(BHYVE_FILE_CONF);
	unlink(BHYVE_FILE_VARS);
	unlink(BHYVE_FILE_ESP);
	return destroy(c, e);
}

static int plan_copies(const struct vm_spec *s, FILE *out, struct err *e)
{
	const struct config *c = s->config;
	char vars[PATH_MAX], esp[PATH_MAX + 16];
	const char *argv[16] = {"bhyfi", "image", "esp"};
	char AUTO_FREE *line = NULL;
	int n = 3;

	snprintf(esp, sizeof(esp), "%s/" BHYVE_FILE_ESP, s->run_dir);
	if (c->card.kind == CARD_SIM)
		argv[n++] = "--air";
	if (s->image_dir != NULL) {
		argv[n++] = "--image";
		argv[n++] = s->image_dir;
	}
	argv[n++] = "--cmdline";
	argv[n++] = s->cmdline;
	argv[n] = esp;
	line = cmd_quote(argv);
	if (line == NULL)
		return err_sys(e, ENOMEM, "plan");
	fprintf(out, "mkdir -p %s\n%s\n", s->run_dir, line);
	if (bhyve_vars(c, vars))
		fprintf(out, "cp %s %s/" BHYVE_FILE_VARS "\n", vars, s->run_dir);
	return 0;
}

static int plan_conf(const struct vm_spec *s, FILE *out, struct err *e)
{
	struct bhyve_conf b = {.n = 0};
	char AUTO_FREE *text = NULL;
	int ret = bhyve_conf_make(&b, s, e);

	if (ret == 0) {
		text = bhyve_conf_text(&b);
		ret = text != NULL ? 0 : err_sys(e, ENOMEM, "plan");
	}
	bhyve_conf_free(&b);
	if (ret < 0)
		return -1;
	fprintf(out, "cat > %s/" BHYVE_FILE_CONF " <<'EOF'\n%sEOF\n", s->run_dir, text);
	fprintf(out, "# prints what bhyve understood, and exits with 1\n");
	fprintf(out, "%s -k %s/" BHYVE_FILE_CONF " -o config.dump=1 || [ $? -eq 1 ]\n",
	    s->config->bhyve, s->run_dir);
	return 0;
}

static int bhyve_plan(
    const struct vm_spec *s, enum vmm_step step, FILE *out, struct err *e)
{
	char name[BHYVE_PATH_SIZE], agent[BHYVE_PATH_SIZE], console[BHYVE_PATH_SIZE];

	bhyve_name(s->config, name);
	switch (step) {
	case VMM_STEP_PREPARE:
		fprintf(out, "[ ! -e /dev/vmm/%s ] || " BHYVECTL " --vm=%s --destroy\n",
		    name, name);
		return plan_copies(s, out, e) < 0 ? -1 : plan_conf(s, out, e);
	case VMM_STEP_STARTED:
		bhyve_nmdm(s->config, VMM_SOCK_AGENT, 'B', agent);
		bhyve_nmdm(s->config, VMM_SOCK_CONSOLE, 'B', console);
		fprintf(out, "# bhyfid speaks to the guest's agent on %s\n", agent);
		fprintf(out, "# and keeps what its console says: cu -l %s\n", console);
		return 0;
	case VMM_STEP_CLEANUP:
		fprintf(out, BHYVECTL " --vm=%s --destroy\n", name);
		fprintf(out,
		    "rm -f %s/" BHYVE_FILE_CONF " %s/" BHYVE_FILE_VARS
		    " %s/" BHYVE_FILE_ESP "\n",
		    s->run_dir, s->run_dir, s->run_dir);
		return 0;
	}
	return 0;
}

const struct vmm_ops vmm_bhyve = {
    .name = "bhyve",
    .os = "freebsd",
    .check = bhyve_check,
    .prepare = bhyve_prepare,
    .command = bhyve_command,
    .needs_root = true,
    .exit_reason = bhyve_exit_reason,
    .needs_image = true,
    .uefi = true,
    .opens_tap = true,
    .channel = bhyve_channel,
    .cleanup = bhyve_cleanup,
    .plan = bhyve_plan,
};
