#ifndef BHYFI_OS_LINUX_SECCOMP_H
#define BHYFI_OS_LINUX_SECCOMP_H

#include "err.h"

/* Takes from the calling process what bhyfid main never does: run a program, trace,
 * mount, load modules, open a socket that is
 * neither UNIX nor rtnetlink. Such calls then
 * fail with EPERM. Without libseccomp at build time it does nothing. */
int linux_seccomp(struct err *e);

#endif
