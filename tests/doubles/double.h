/*
 * Doubles of FreeBSD's programs, for tests on Linux: one executable with a link at
 * each program's path under a folder, SYSROOT; the path that it was started by says
 * which one it is and where SYSROOT is.
 *
 * They have real state (SYSROOT/var/double/state.json) and refuse what FreeBSD's own
 * programs and kernel refuse, with their messages and exit statuses (15.1's sources and
 * a running 15.1). Interfaces are Linux' own, in the present network namespace: a tap
 * that ifconfig made is a real one.
 *
 * SYSROOT/var/double/log gets a line for each program that ran: its name and
 * arguments.
 */
#ifndef BHYFI_DOUBLE_H
#define BHYFI_DOUBLE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct double_program {
	const char *path; /* FreeBSD's: "/usr/sbin/devctl" */
	int (*run)(int argc, char **argv);
};

/* main.c */

extern char double_root[PATH_MAX]; /* SYSROOT, no slash at its end */
extern const char *double_name;    /* "devctl" */

/* SYSROOT and a path of FreeBSD's; in a buffer of its own, of which there are four. */
const char *double_path(const char *path);

/* As FreeBSD's <err.h>: "NAME: text" (": reason") to standard error; err and errx exit.
 * errnum is Linux', the reason is FreeBSD's. */
_Noreturn void double_err(int status, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void double_errx(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void double_warnx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What FreeBSD's strerror says; those of Linux that differ. */
const char *double_strerror(int errnum);

/* getopt(3) as FreeBSD's: options end at the first other argument. The caller resets
 * optind where it parses a second vector. */
int double_getopt(int argc, char **argv, const char *options);

/* state.c: the state is locked from state_open to state_close. */

json_t *state_open(void);
/* save: writes it back (all or nothing). Takes the reference. */
void state_close(json_t *state, bool save);
/* Where a program ends in between (err): nothing is saved, the lock goes with it. */

/* The member of an object as text or number, with a default. */
const char *state_text(const json_t *o, const char *key, const char *def);
json_int_t state_int(const json_t *o, const char *key, json_int_t def);
bool state_bool(const json_t *o, const char *key);
/* An object of that name in o, made where it is not there. */
json_t *state_object(json_t *o, const char *key);

/* pci.c */

/* The device at "pci0:3:0:0", or of a driver's name "iwlwifi0"; NULL: none. Members:
 * domain bus slot function class rev hdr vendor device subvendor subdevice
 * vendor_name device_name; native: the driver that probes it; driver, unit: bound now
 * ("" none); attached; fixed: its driver was set; vm: whose it is; detach_busy: its
 * driver refuses to go; caps, bars: lists of lines as pciconf prints them. */
json_t *pci_find(json_t *state, const char *name);
/* Drivers bid for those devices that have none, as after a module was loaded. */
void pci_probe_all(json_t *state);
/* The drivers of a module that goes let go; false: busy. */
bool pci_unload(json_t *state, const char *driver);

/* kld.c */

/* Whether the module is in the kernel or loaded. */
bool kld_has(const json_t *state, const char *module);
/* 0, EEXIST, ENOENT ...; probe: drivers bid for devices at once. */
int kld_load(json_t *state, const char *name, bool probe);

/* boot.c */

/* Whether vmm finds an IOMMU that it may use. */
bool iommu_works(const json_t *state);
/* The machine starts anew: nothing runs, and files say what is loaded and bound. */
int double_reboot(const char *sysroot);

/* ifconfig.c */

/* What bhyve does to the tap that it has opened, by VMIO_SIOCSIFFLAGS: it is up, and
 * link0 is off. */
void tap_opened(const char *ifname);
/* What FreeBSD's tap does when its device is closed: down, its addresses gone, unless
 * link0 is set. Called by the double of bhyve where it ends. */
void tap_closed(const char *ifname);

/* service.c */

/* The value of a variable of rc.conf, by a shell, as rc(8) reads it; the caller's,
 * NULL: not set. */
char *rc_value(const char *name);
/* The interface went down or away: its DHCP client ends. */
void dhclient_lost_link(const char *ifname);

/* install.c */

/* Makes SYSROOT: the links, configuration files, and the state of a laptop with a card
 * at pci0:3:0:0 that iwlwifi0 drives. */
int double_install(const char *program, const char *sysroot);

/* Each program; the table in main.c names their paths. */
int double_bhyve(int argc, char **argv);
int double_bhyvectl(int argc, char **argv);
int double_pciconf(int argc, char **argv);
int double_devctl(int argc, char **argv);
int double_kldload(int argc, char **argv);
int double_kldstat(int argc, char **argv);
int double_kldunload(int argc, char **argv);
int double_ifconfig(int argc, char **argv);
int double_sysctl(int argc, char **argv);
int double_service(int argc, char **argv);
int double_rtsold(int argc, char **argv);
int double_pkill(int argc, char **argv);
int double_sysrc(int argc, char **argv);
int double_dhclient(int argc, char **argv);
int double_kenv(int argc, char **argv);
int double_devmatch(int argc, char **argv);
int double_acpidump(int argc, char **argv);
int double_zfs(int argc, char **argv);
int double_mount(int argc, char **argv);

extern const struct double_program double_programs[]; /* ends with path NULL */

#endif
