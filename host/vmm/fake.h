#ifndef BHYFI_VMM_FAKE_H
#define BHYFI_VMM_FAKE_H

#include "vmm.h"

extern const struct vmm_ops vmm_fake;

#endif
