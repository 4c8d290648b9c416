/* What the cases share: addresses, packets, and what is checked of each frame. */
#ifndef BHYFI_TEST_MACNAT_CASE_H
#define BHYFI_TEST_MACNAT_CASE_H

#include <stdio.h>
#include <string.h>

#include "frame.h"

#define CHECK(c)                                                                         \
	do {                                                                             \
		if (!(c)) {                                                              \
			printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, rig->name, #c);  \
			return false;                                                    \
		}                                                                        \
	} while (0)

static const uint8_t router[6] = {0x02, 0xbb, 0, 0, 0, 1};
static const uint8_t other_ap[6] = {0x02, 0xcc, 0, 0, 0, 1};
static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t none[6];
static const uint8_t a_host[6] = {0x02, 0xaa, 0, 0, 0, 1};
static const uint8_t b_host[6] = {0x02, 0xaa, 0, 0, 0, 2};

#define NET4(n) (0xc0000200u + (n)) /* 192.0.2.n */
#define GW4 NET4(1)

static const uint8_t unspecified6[16];
static const uint8_t gw6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 1};
static const uint8_t nodes6[16] = {0xff, 0x02, [15] = 1};
static const uint8_t group33[6] = {0x33, 0x33, 0, 0, 0, 1};

#define PASSES(way, f) CHECK(case_run(rig, way, f) == TC_ACT_REDIRECT)
/* Dropped for this reason. */
#define DROPS(way, f, why)                                                               \
	do {                                                                             \
		uint64_t n_ = rig->count(why);                                           \
		int verdict_ = case_run(rig, way, f);                                    \
		CHECK(verdict_ == TC_ACT_SHOT || verdict_ == CASE_REFUSED);              \
		CHECK(rig->count(why) == n_ + (verdict_ == TC_ACT_SHOT));                \
	} while (0)

/* 2001:db8:1::KIND:0:0:N; valid until four more were asked for. */
const uint8_t *net6(unsigned kind, unsigned n);
bool eq(const uint8_t a[6], const uint8_t b[6]);

/* The verdict; CASE_WRONG with a word where something does not hold that always does;
 * CASE_REFUSED of a frame shorter than its IP header, with which newer kernels run no
 * test. */
#define CASE_WRONG (-2)
#define CASE_REFUSED (-3)
int case_run(const struct rig *rig, enum rig_way way, struct frame *f);

/* A UDP packet, in IPv4 of `size` bytes. */
void udp4(struct frame *f, const uint8_t dst[6], const uint8_t src[6], uint32_t saddr,
    uint32_t daddr, unsigned size);
void udp6(struct frame *f, const uint8_t dst[6], const uint8_t src[6],
    const uint8_t *saddr, const uint8_t *daddr);

/* Of cases.c: frames that were captured, as they were but that the router had to do with
 * the radio. */
size_t case_captured_count(void);
enum rig_way case_captured(struct frame *f, size_t i);

/* Of agree.c; not among rig_cases. */
bool model_agrees(const struct rig *rig);

/* Of cases-ndp.c. */
bool ndp_out(const struct rig *rig);
bool ndp_checksum(const struct rig *rig);
bool duplicate_detection(const struct rig *rig);
bool extension_headers(const struct rig *rig);
bool ndp_malformed(const struct rig *rig);
bool ndp_in(const struct rig *rig);

#endif
