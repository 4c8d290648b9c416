/*
 * Virtual machine monitors, behind one table. The privileged process calls
 * these: what they make follows from the spec alone, which follows from its own
 * copy of the configuration.
 */
#ifndef BHYFI_VMM_H
#define BHYFI_VMM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../config.h"
#include "err.h"

/* Sockets that the VMM serves: bound by priv in RUN/INSTANCE, handed over as
 * listening descriptors. */
enum vmm_sock {
	VMM_SOCK_AGENT,
	VMM_SOCK_CONSOLE,
	VMM_SOCK_MONITOR, /* QMP */
	VMM_SOCKS,
};
extern const char *const vmm_sock_names[VMM_SOCKS]; /* "agent", "console", "qmp" */

struct image;

struct vm_spec {
	const struct config *config;
	const struct image *image; /* borrowed, as are the paths of its parts */
	const char *vmlinux, *vmlinuz, *initrd, *stub;
	const char *image_dir; /* as configured; NULL: the current one */
	char cmdline[512];
	uint8_t vm_mac[6];      /* of the VM's virtio-net: never the tap's */
	uint8_t station_mac[6]; /* of a simulated card; else zero */
	/* Descriptors for the child; -1 in `plan`, where names stand instead. */
	int tap_fd, sock_fd[VMM_SOCKS];
	int vmlinux_fd, initrd_fd;
	char run_dir[PATH_MAX]; /* RUN/INSTANCE */
	uid_t vm_uid;           /* as whom the VMM will run */
	gid_t vm_gid;
};

#define VMM_ARGS_MAX 96
#define VMM_POWERDOWN_MS 2000

/* An argument vector under construction; strings are owned. */
struct argv {
	char *v[VMM_ARGS_MAX + 1];
	int n;
	bool overflow;
};
void argv_add(struct argv *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* 0, or an error where something did not fit. */
int argv_done(const struct argv *a, struct err *e);
void argv_free(struct argv *a);

enum vm_exit {
	VM_EXIT_POWEROFF, /* as asked, or the guest's own will */
	VM_EXIT_REBOOT,
	VM_EXIT_HALT,         /* all processors halted for good */
	VM_EXIT_TRIPLE_FAULT, /* the guest's kernel broke down */
	VM_EXIT_ERROR,        /* the VMM reported an error */
	VM_EXIT_TERMINATED,   /* by SIGTERM, before the guest heard the power button */
	VM_EXIT_KILLED,
	VM_EXIT_CRASH,   /* the VMM died or reported an error */
	VM_EXIT_UNKNOWN, /* adopted: not our child, no status */
};

/* What `plan` shows. */
enum vmm_step {
	VMM_STEP_PREPARE, /* what prepare() does */
	VMM_STEP_STARTED, /* the VMM runs */
	VMM_STEP_CLEANUP, /* what cleanup() does */
};

struct vmm_ops {
	const char *name;
	/* Of the operating system whose cards and taps it uses (os.h); NULL: the one
	 * that we run on. */
	const char *os;
	/* Programs, firmware, acceleration: what must be there before start. Cheap:
	 * called at each start, and by `plan` and `bhyfid -n`. */
	int (*check)(const struct vm_spec *s, struct err *e);
	/* Makes what a start needs, in the working directory (RUN/INSTANCE), after
	 * check(); no VMM of ours runs. May be NULL. */
	int (*prepare)(const struct vm_spec *s, struct err *e);
	/* The command line; a caller's argv_free. */
	int (*command)(const struct vm_spec *s, struct argv *a, struct err *e);
	/* A group that the VMM needs beside vm_gid, to open an accelerator's device;
	 * false: none. May be NULL. */
	bool (*device_group)(const struct vm_spec *s, gid_t *group);
	/* Whether the VMM has to keep root (bhyve); else it runs as vm_user. */
	bool needs_root;
	enum vm_exit (*exit_reason)(int wait_status);
	bool needs_image;
	/* It needs none, but takes one that the configuration names: for tests. */
	bool takes_image;
	/* It boots UEFI firmware, which starts the kernel from a disk. */
	bool uefi;
	/* It opens the tap by name; else it gets a descriptor. */
	bool opens_tap;
	/* VMM_SOCK_* that it serves; a bit each. */
	unsigned socks;
	/*
	 * The power button, from the unprivileged side; monitor is a connected
	 * VMM_SOCK_MONITOR socket. Takes at most VMM_POWERDOWN_MS. NULL: send
	 * SIGTERM to the VMM instead.
	 */
	int (*powerdown)(int monitor, struct err *e);
	/*
	 * The host's end of the VM's serial port for VMM_SOCK_AGENT or _CONSOLE, raw,
	 * not blocking: where the VMM serves no sockets. It need not be there yet when
	 * the VMM has just been started. NULL: it serves sockets.
	 */
	int (*channel)(
	    const struct config *c, enum vmm_sock sock, int *fd, struct err *e);
	/* Removes what the VMM leaves behind once it has exited, and what prepare() made
	 * in the working directory. Done twice it is no error. May be NULL. */
	int (*cleanup)(const struct config *c, struct err *e);
	/* The step as commands that a shell would run. May be NULL. */
	int (*plan)(
	    const struct vm_spec *s, enum vmm_step step, FILE *out, struct err *e);
};

const char *vm_exit_name(enum vm_exit reason); /* "poweroff", ... */

/* NULL where no such VMM is known; *known lists their names. */
const struct vmm_ops *vmm_find(const char *name);
/* That access(2) allows the mode; else ERR_PRECONDITION with the hint. */
int vmm_check_file(const char *path, int mode, const char *hint, struct err *e);
const char *vmm_names(void); /* "qemu, bhyve, fake" */

#endif
