/* Frames for tests: made piece by piece, looked at, their checksums checked. */
#ifndef BHYFI_TEST_MACNAT_FRAME_H
#define BHYFI_TEST_MACNAT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rig.h"

struct frame {
	uint8_t data[RIG_FRAME_MAX];
	size_t len;
};

/* Each puts bytes at the end. Addresses of IPv6 as 16 bytes, of IPv4 in host order. */
void frame_bytes(struct frame *f, const void *bytes, size_t n);
void frame_u8(struct frame *f, unsigned v);
void frame_u16(struct frame *f, unsigned v);
void frame_u32(struct frame *f, uint32_t v);
void frame_hex(struct frame *f, const char *hex);

/* Starts a frame. */
void frame_eth(
    struct frame *f, const uint8_t dst[6], const uint8_t src[6], unsigned type);
void frame_arp(struct frame *f, unsigned op, const uint8_t sha[6], uint32_t spa,
    const uint8_t tha[6], uint32_t tpa);
/* options: a multiple of 4 bytes of them. frag: flags and offset. */
void frame_ip4(struct frame *f, uint32_t src, uint32_t dst, unsigned proto,
    unsigned options, unsigned frag);
void frame_udp(struct frame *f, unsigned sport, unsigned dport);
void frame_ip6(
    struct frame *f, const uint8_t src[16], const uint8_t dst[16], unsigned next);
/* An extension header of units * 8 bytes; next: the one after it. */
void frame_ext(struct frame *f, unsigned next, unsigned units);
void frame_lladdr(struct frame *f, unsigned type, const uint8_t mac[6]);

/* Lengths and checksums of all that is there. */
void frame_finish(struct frame *f);

/* Where the UDP or ICMPv6 header is; 0: there is none. */
size_t frame_l4(const uint8_t *p, size_t len);
/* Of UDP and ICMPv6, which must be complete; true also where there is none to check. */
bool frame_sum_ok(const uint8_t *p, size_t len);

#endif
