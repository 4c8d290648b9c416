/* What the files of the double of bhyve share. */
#ifndef BHYFI_DOUBLE_BHYVE_H
#define BHYFI_DOUBLE_BHYVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "double.h"

/* To standard error without a name before it, as bhyve does. */
#define EPRINTLN(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))

/* bhyve-vars.c: bhyve_config(5) as usr.sbin/bhyve/config.c has it */

void vars_init(void);
void vars_set(const char *path, const char *value);
/* "PATH=VALUE"; false: malformed. */
bool vars_option(const char *option);
void vars_file(const char *path);
/* NULL: not set. */
const char *vars_get(const char *path);
bool vars_bool(const char *path, bool def);
void vars_dump(void);
/* Ends with an error for the first variable that bhyve_config(5) does not have; bhyve
 * itself ignores it. */
void vars_check(void);

/* bhyve-tty.c: null modems as pairs of pseudo-terminals */

struct modem {
	char link[PATH_MAX]; /* SYSROOT/dev/nmdm...B */
	int master, slave;
	int watch;   /* inotify: the host opens and closes its end */
	int readers; /* how often it has it open now */
	int sock;    /* to QEMU */
	int peer;    /* QEMU's end, for it to inherit */
};

/* Makes both ends of what com1.path and the like name; false as bhyve's
 * uart_tty_open: not one. */
bool modem_open(struct modem *m, const char *path);
/* Moves bytes after a poll; from QEMU, or to it. */
void modem_from_guest(struct modem *m);
void modem_to_guest(struct modem *m);
void modem_watch(struct modem *m);

/* bhyve-vm.c: the machine */

struct machine {
	char name[128], bootrom[PATH_MAX], bootvars[PATH_MAX], esp[PATH_MAX];
	char tap[16], mac[24];
	unsigned cpus, memory_mib, mtu;
	struct modem com[2];
	int tap_fd;
};

/* Runs it to its end, as bhyve's process; its exit status. */
int machine_run(struct machine *m);

/* bhyve.c: "vms" in the state, a member for each of /dev/vmm. */

void vm_device(const char *name, char path[PATH_MAX]);
/* Whether a bhyve runs on it. */
bool vm_is_running(const json_t *vm);

#endif
