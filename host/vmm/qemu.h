#ifndef BHYFI_VMM_QEMU_H
#define BHYFI_VMM_QEMU_H

#include "vmm.h"

extern const struct vmm_ops vmm_qemu;

#endif
