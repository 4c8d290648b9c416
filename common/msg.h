/*
 * The messages of the agent channel: one table for both ends.
 * doc/protocol.md gives their content.
 */
#ifndef BHYFI_MSG_H
#define BHYFI_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define MSG_MAX (64 * 1024) /* bytes of JSON */
#define PROTOCOL_VERSION 1
#define AGENT_PORT_NAME "org.bhyfi.agent"

enum msg_type {
	MSG_CONFIG = 1,
	MSG_STOP = 2,
	MSG_STATUS_GET = 3,
	MSG_WPA = 4,
	MSG_AIR = 5,
	MSG_JOIN = 6,
	MSG_STAGE = 16,
	MSG_RADIO = 17,
	MSG_WLAN = 18,
	MSG_STATUS = 19,
	MSG_BEAT = 20,
	MSG_LOG = 21,
	MSG_FAILED = 22,
	MSG_RELEASED = 23,
	MSG_WPA_REPLY = 24,
	MSG_WPA_EVENT = 25,
	MSG_AIR_REPLY = 26,
	MSG_PATH = 27,
	MSG_JOINED = 28,
};

enum msg_dir {
	MSG_TO_GUEST,
	MSG_TO_HOST,
};

struct msg_row {
	enum msg_type type;
	const char *name;
	enum msg_dir dir;
	bool secret; /* content never goes to a log */
};

/* NULL for a type that the table lacks. */
const struct msg_row *msg_row(uint8_t type);

/* One object from hostile bytes: bounded depth and size, no duplicate keys.
 * NULL where it is none; otherwise the caller's reference. */
json_t *msg_parse(const char *data, size_t len);

/* Bounded reads of members; the default where it is absent or of another type
 * or, for numbers, out of range. Strings are cut at size - 1 and contain no
 * NUL. */
const char *msg_str(const json_t *o, const char *key, const char *def);
void msg_str_copy(const json_t *o, const char *key, char *dst, size_t size);
int64_t msg_int(const json_t *o, const char *key, int64_t min, int64_t max, int64_t def);
bool msg_bool(const json_t *o, const char *key, bool def);

/* "aa:bb:cc:dd:ee:ff" to six bytes; false where it is anything else. */
bool msg_mac_parse(const char *s, uint8_t mac[6]);
#define MAC_TEXT_SIZE 18
void msg_mac_text(const uint8_t mac[6], char out[MAC_TEXT_SIZE]);
/* One that an interface can have: unicast, and not all zeros. */
bool msg_mac_is_station(const uint8_t mac[6]);

#endif
