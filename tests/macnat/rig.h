/* Where macnat's programs run under test: in the kernel, or on a model of it. */
#ifndef BHYFI_TEST_MACNAT_RIG_H
#define BHYFI_TEST_MACNAT_RIG_H

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "macnat/macnat.h"

#define RIG_FRAME_MAX 3072 /* the kernel's for one that is in place as a whole */
#define RIG_HOST_IF 7
#define RIG_AIR_IF 9

extern const uint8_t rig_radio[6];

enum rig_way { RIG_OUT, RIG_IN };

struct rig {
	const char *name;
	/* Runs a program on a frame, in place. TC_ACT_*, or -1: it could not run. */
	int (*run)(enum rig_way way, uint8_t *frame, size_t *len);
	uint64_t (*count)(enum macnat_count what);
	/* Makes all entries so many seconds older. */
	void (*age)(unsigned seconds);
	/* Nothing known, nothing counted. */
	void (*reset)(void);
};

/* Frames in place as a whole, and frames of which only the Ethernet header is. */
extern const struct rig rig_native, rig_split;
/* What only the model has. */
void rig_native_tag(bool on);     /* frames bear a VLAN's tag */
void rig_native_partial(bool on); /* frames' checksums are to be filled in */

/* What the kernel tells of the programs; -1 if they can not be loaded. */
int rig_kernel_open(void);
extern const struct rig rig_kernel;

/* One that fails says why and returns false. */
struct rig_case {
	const char *name;
	bool (*run)(const struct rig *rig);
};
extern const struct rig_case rig_cases[];
extern const size_t rig_case_count;
/* The one that may run no test with short frames; NULL: none. */
extern const struct rig *rig_refusing;

/* What holds for each frame and verdict; used by the fuzzer too. known: whether a frame
 * from this address was sent by a host before. False with *why. */
bool rig_sane(enum rig_way way, const uint8_t *before, const uint8_t *after, size_t len,
    int verdict, bool (*known)(const uint8_t mac[6]), const char **why);

#endif
