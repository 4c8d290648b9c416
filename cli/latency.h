/*
 * The way to the gateway and back, measured from here, as an ordinary user where the
 * system lets one: an ICMP echo, where that is not allowed or not answered the answer to
 * a TCP connection, whichever it is.
 */
#ifndef BHYFI_LATENCY_H
#define BHYFI_LATENCY_H

#include "sample.h"

struct latency;

/* NULL without memory. */
struct latency *latency_new(void);
void latency_free(struct latency *l);

/* Asks the gateway beyond that interface; one question at a time, until it is answered
 * or LATENCY_MS have passed. */
void latency_ask(struct latency *l, const char *ifname);
#define LATENCY_MS 2000

/* What to wait for meanwhile: -1 for nothing. */
int latency_fd(const struct latency *l, short *events);
/* That has happened. */
void latency_ready(struct latency *l);

/* What was measured since the last time; out's texts last as long as l. */
void latency_take(struct latency *l, struct latency_result *out);

/* The body of an ICMP message is an answer to echo request id (-1: any) and number;
 * for tests. */
#define ECHO_COOKIE 8
struct echo {
	bool six;
	int id;
	uint16_t number;
	uint8_t cookie[ECHO_COOKIE];
};
#define ECHO_SIZE (8 + ECHO_COOKIE)
void echo_write(const struct echo *x, uint8_t out[ECHO_SIZE]);
/* with_header: an IPv4 header is in front of it. */
bool echo_is_answer(
    const struct echo *x, const uint8_t *data, size_t len, bool with_header);

#endif
