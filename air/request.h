/* Requests of a test to the air: one JSON object, {"id":N,"op":"...",...}. */
#ifndef BHYFI_AIR_REQUEST_H
#define BHYFI_AIR_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"

#define AIR_PACKET_MAX (16 * 1024)

enum air_op {
	AIR_OP_AP_OFF,
	AIR_OP_AP_ON,
	AIR_OP_KILL,
	AIR_OP_PANIC,
	AIR_OP_IPERF,
	AIR_OP_STATIONS,
	AIR_OP_STATUS,
	AIR_OP_MEMINFO,
	AIR_OP_LOG,
	AIR_OP_STATION,
	AIR_OP_STEER,
};

enum air_victim {
	AIR_VICTIM_SUPPLICANT,
	AIR_VICTIM_AGENT,
	AIR_VICTIM_HOSTAPD,
};

struct air_request {
	json_int_t id; /* >= 0 */
	enum air_op op;
	int ap;           /* ap-off, ap-on, station, steer: index, -1: all */
	unsigned to;      /* steer: the AP to go to */
	char station[18]; /* steer: its address */
	enum air_victim what;
	int signal;
	bool reverse; /* iperf */
	unsigned seconds, omit, streams;
	char address[64]; /* "": the gateway */
	int level;        /* log: enum log_level */
};

/*
 * Reads a packet. On error *id is the request's, if that much could be read,
 * else -1: then there is nobody to answer.
 */
int request_parse(
    const char *data, size_t len, struct air_request *out, json_int_t *id, struct err *e);

const char *air_op_name(enum air_op op);

#endif
