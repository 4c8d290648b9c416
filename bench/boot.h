/* How long a start takes, with both kernels, against a floor; bench.c says what that is.
 */
#ifndef BHYFI_BENCH_BOOT_H
#define BHYFI_BENCH_BOOT_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "inst.h"

#define BOOT_ROUNDS 3
#define BOOT_MS 120000

enum kernel { KERNEL_DISTRIBUTION, KERNEL_SMALL, KERNELS };

/* In ms. */
struct start {
	double pid1; /* the floor's: from the VMM's start to a PID 1 that does nothing */
	double assoc, up, lease;
};

struct boot {
	char initrd[PATH_MAX];     /* the floor's */
	char small[PATH_MAX];      /* the folder of the small kernel's image */
	char why_not[ERR_MSG_MAX]; /* there is no such image; "": there is */
	struct start starts[KERNELS][BOOT_ROUNDS];
};

/*
 * Makes what is started, before the namespace without a network is entered: the current
 * image, and one with the small kernel, which takes ten minutes the first time. A system
 * that can not build that kernel goes without its rows. boot_end removes the files.
 */
int boot_make(struct boot *b, struct err *e);
/* BOOT_ROUNDS times, one kernel after the other in each, so that what changes on the
 * machine meets both. */
int boot_measure(struct boot *b, struct err *e);
void boot_print(const struct boot *b);
/* NULL without memory. */
json_t *boot_json(const struct boot *b);
void boot_end(struct boot *b);

int boot_down(const struct inst *i, struct err *e);

/* The argument vector of a VMM that runs, NUL between; *args is freed and replaced. */
int boot_args(pid_t pid, char **args, size_t *len, struct err *e);

double bench_median(const double *v, int n);

#endif
