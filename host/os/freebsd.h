/* What the files of os/freebsd*.c share. */
#ifndef BHYFI_OS_FREEBSD_H
#define BHYFI_OS_FREEBSD_H

#include "os.h"

extern const struct os_ops os_freebsd;

/* freebsd-cmd.c: FreeBSD's programs, the only place that runs any. */

/*
 * Runs a program that changes something: argv[0] is its path on FreeBSD, os_root() is
 * put in front. *out (may be NULL) gets its standard output, the caller's. -1 unless it
 * exits with 0; *status (may be NULL) then tells, -1 where it did not run.
 */
int freebsd_run(const char *const argv[], char **out, int *status, struct err *e);

/*
 * Runs one that only asks: returns its exit status, 0 or 1, with its output in *out (the
 * caller's, never NULL then); -1 for any other end. While a plan is made it is not run:
 * then the answer is 1 and "".
 */
int freebsd_ask(const char *const argv[], char **out, struct err *e);

/* From now on freebsd_run() writes the command lines to out, for a shell on FreeBSD,
 * and runs nothing; NULL: as before. An argument that begins with '$' stays one. */
void freebsd_record(FILE *out);
bool freebsd_recording(void);

/* Whether kldstat(8) knows a module (flag "-m") or a file ("-n", with .ko): 1 or 0, -1
 * where it does not tell. */
int freebsd_kldstat(const char *flag, const char *name, struct err *e);

/* The first line of a sysctl's value; false where it can not be read. */
bool freebsd_sysctl(const char *name, char *out, size_t size);

/* Loads those of the kernel modules (NULL at the end) that are not there. */
int freebsd_modules(const char *const names[], struct err *e);

/* freebsd-card.c */

int freebsd_cards(struct card_list *l, struct err *e);
int freebsd_card_examine(
    const struct card_id *id, struct card_claim *claim, struct err *e);
int freebsd_card_claim(const struct card_id *id, uid_t vm_uid,
    const struct card_claim *claim, struct err *e);
int freebsd_card_release(
    const struct card_id *id, const struct card_claim *claim, struct err *e);

/* freebsd-tap.c */

int freebsd_tap_create(const struct config *c, int *fd, struct err *e);
int freebsd_tap_set_mac(const char *ifname, const uint8_t mac[6], struct err *e);
int freebsd_tap_destroy(const char *ifname, const char *instance, struct err *e);

/* freebsd-sleep.c */

int freebsd_before_sleep(struct err *e);

/* freebsd-net.c */

int freebsd_tap_carrier(const char *ifname, bool on, struct err *e);
int freebsd_tap_renew(const char *ifname, struct err *e);

#endif
