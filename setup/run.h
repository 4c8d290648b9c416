/* Programs of the system that is set up, below os_root(). */
#ifndef BHYFI_SETUP_RUN_H
#define BHYFI_SETUP_RUN_H

#include <stdbool.h>

#include "err.h"

/*
 * Whether the system below os_root() is one that runs, so that its programs may be
 * asked: the real one, or another system's doubles; not a folder with our own system
 * in it. Set before anything else here.
 */
extern bool run_live;

/* run_live, and the program is there. */
bool run_have(const char *program);

/* Runs argv[0], an absolute path of the system os; -1 unless it ends with 0. FreeBSD's
 * programs by freebsd_run(), as its questions by freebsd_ask(): one place for all. */
int run_program(const char *os, const char *const argv[], struct err *e);

#endif
