/* QEMU's monitor, as far as stopping a guest needs it. */
#ifndef BHYFI_VMM_QMP_H
#define BHYFI_VMM_QMP_H

#include "err.h"

/* Presses the power button over a connected monitor socket: greeting, capabilities,
 * system_powerdown, each answered within VMM_POWERDOWN_MS altogether. */
int qmp_powerdown(int monitor, struct err *e);

#endif
