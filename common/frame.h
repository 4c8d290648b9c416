/*
 * Frames of the agent channel: bytes in, frames out. See doc/protocol.md.
 */
#ifndef BHYFI_FRAME_H
#define BHYFI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER 32
#define FRAME_PAYLOAD_MAX 992
#define FRAME_MAX (FRAME_HEADER + FRAME_PAYLOAD_MAX)

enum frame_kind {
	FRAME_HELLO = 1,
	FRAME_DATA = 2,
	FRAME_ACK = 3,
};

#define FRAME_MORE 0x01

struct frame {
	enum frame_kind kind;
	bool more;
	uint8_t type; /* message type, data frames only */
	uint32_t seq, ack;
	uint32_t session, peer;
	uint16_t len;
	const uint8_t *payload; /* into the reader's buffer, until the next call */
};

/* Writes header and payload; out has FRAME_MAX bytes. Returns the total size. */
size_t frame_encode(const struct frame *f, uint8_t *out);

struct frame_reader {
	uint8_t buf[2 * FRAME_MAX];
	size_t have, used;
	uint64_t skipped; /* bytes that belonged to no frame */
};

void frame_reader_init(struct frame_reader *r);

/* Takes up to len bytes, returns how many: feed, drain with frame_next, repeat. */
size_t frame_feed(struct frame_reader *r, const void *data, size_t len);

/* The next valid frame; false where the bytes so far hold none. */
bool frame_next(struct frame_reader *r, struct frame *f);

/* CRC-32 of IEEE 802.3, continued from crc (0 at first). */
uint32_t frame_crc32(uint32_t crc, const void *data, size_t len);

#endif
