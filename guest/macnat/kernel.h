/* What the programs need of the kernel: as BPF the kernel's own helpers; compiled for
 * this machine, for tests, a model of them (tests/macnat/model.h). */
#ifndef BHYFI_GUEST_MACNAT_KERNEL_H
#define BHYFI_GUEST_MACNAT_KERNEL_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#ifdef __bpf__
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
/* Set before the programs are loaded, constant from then on. */
#define SETTING const volatile
#else
#include "model.h"
#endif

#endif
