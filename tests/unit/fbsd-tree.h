/* A SYSROOT with the doubles of FreeBSD's programs (tests/doubles), for one test. */
#ifndef BHYFI_TEST_FBSD_TREE_H
#define BHYFI_TEST_FBSD_TREE_H

#include <jansson.h>
#include <stdbool.h>

extern char fbsd_root[];

/* A network namespace and a SYSROOT of our own; false: not allowed (root only), or no
 * taps here. */
bool fbsd_enter(void);
/* A SYSROOT of a new name, in the namespace that we are in. */
void fbsd_begin(void);
/* A fresh SYSROOT in the place of the former one. */
void fbsd_install(void);
void fbsd_leave(void);
/* The machine starts anew, from loader.conf and rc.conf. */
void fbsd_reboot(void);

/* A path below fbsd_root; one of four buffers. */
char *fbsd_at(const char *path);
bool fbsd_has(const char *path);
/* Whether the kernel has the VM of an instance of ours. */
bool fbsd_has_vm(const char *instance);

/* The state of the doubles, to be changed and saved (which takes the reference). */
json_t *fbsd_state(void);
void fbsd_save(json_t *state);
/* The card's object in it. */
json_t *fbsd_card(json_t *state);
/* "iwlwifi", "ppt", "". Static. */
const char *fbsd_driver(void);

/* The next run of a program but skip ("" any) fails, or kills who started it: see
 * doubles/main.c. */
void fbsd_fault(const char *program, int skip, const char *action, const char *message);
/* Whether the fault has not happened. */
bool fbsd_fault_waits(void);

/* Waits for a program that killed who started it and goes on. */
void fbsd_settle(void);

/* What ran since the last call, a line each; the caller's. */
char *fbsd_log(void);
/* Each of the texts (NULL at the end) is in what was said, behind the one before. */
void fbsd_in_order(const char *said, const char *const texts[]);

/* Replaces a file of the tree. */
void fbsd_write(const char *path, const char *text);

#endif
