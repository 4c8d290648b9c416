#ifndef BHYFI_VMM_BHYVE_H
#define BHYFI_VMM_BHYVE_H

#include "vmm.h"

extern const struct vmm_ops vmm_bhyve;

#endif
