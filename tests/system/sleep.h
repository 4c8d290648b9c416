/* The host goes to sleep and wakes: what its scripts call, and what has to be so. */
#ifndef BHYFI_TEST_SLEEP_H
#define BHYFI_TEST_SLEEP_H

#include "harness.h"

enum clean {
	ANY,
	CLEAN,   /* the guest had released the card */
	UNCLEAN, /* it had not */
};

/* `bhyfi suspend`, status 0. */
void sleep_suspend(const struct inst *i, enum clean clean);
/* `bhyfi resume`, status 0; the seconds that it took. */
double sleep_resume(const struct inst *i);
/* No VM (of that program's name), the interface there without carrier, nothing of the
 * machine on record. */
void sleep_suspended(const struct inst *i, const char *vmm);

/* How often: what BHYFI_SLEEPS says, or so often. */
int sleep_times(int usual);
/* n times: suspended, resumed, an answer from the gateway; each time and their least,
 * median and greatest are printed. The address of the first lease is kept throughout,
 * as the interface is. */
void sleep_cycles(const struct inst *i, int n, const char *vmm);

#endif
