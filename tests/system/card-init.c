/*
 * The first program of a guest whose passed-through card is played by the simulated WLAN:
 * no machine that runs here has a Wi-Fi card to pass through. It adds to the kernel's
 * command line, as programs read it, what starts the simulation, and becomes the
 * guest's own init. card-image.c puts it into an image.
 *
 * The guest's init mounts /proc, which would bring the true command line back. So
 * proc and sysfs are mounted here, and a filter answers the next such mount with EBUSY,
 * as the kernel does where a file system is mounted already.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INIT "/init.guest"
#define COPY "/cmdline"
#define MORE " bhyfi.air=wpa2 bhyfi.air.mac=02:00:5e:00:53:01\n"
#define FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC) /* of proc and sysfs only */

static int add_to_command_line(void)
{
	char text[4096];
	int in = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	int out = open(COPY, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	ssize_t n = in >= 0 ? read(in, text, sizeof(text) - sizeof(MORE)) : -1;

	if (n <= 0 || out < 0)
		return -1;
	n -= text[n - 1] == '\n';
	memcpy(text + n, MORE, sizeof(MORE) - 1);
	n += (ssize_t)sizeof(MORE) - 1;
	if (write(out, text, (size_t)n) != n)
		return -1;
	return mount(COPY, "/proc/cmdline", NULL, MS_BIND, NULL);
}

static int keep_mounts(void)
{
	struct sock_filter filter[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mount, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FLAGS, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EBUSY),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {
	    .len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	(void)argc;
	if (mount("proc", "/proc", "proc", FLAGS, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", FLAGS, NULL) < 0 ||
	    add_to_command_line() < 0 || keep_mounts() < 0)
		perror("card-init");
	execv(INIT, argv);
	perror(INIT);
	return 1;
}
