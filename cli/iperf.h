/* One measurement with libiperf, in a process of its own: the library ends the
 * process that it runs in when it feels like it. */
#ifndef BHYFI_IPERF_H
#define BHYFI_IPERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "out.h"

#define IPERF_PORT 5201
#define IPERF_HOST_MAX 256

struct iperf_server {
	char host[IPERF_HOST_MAX];
	uint16_t port;
};

struct iperf_result {
	double mbps;                          /* received, of 10^6 bit/s */
	int64_t retransmits;                  /* of the sender; -1: it does not tell */
	double cpu_local_pct, cpu_remote_pct; /* -1: not told */
};

/* "host", "host:5201", "192.0.2.1:5201", "2001:db8::1", "[2001:db8::1]:5201". */
int iperf_server_parse(const char *text, struct iperf_server *s, struct err *e);

/* Whether its name has an address. */
int iperf_server_check(const struct iperf_server *s, struct err *e);

/* From the JSON that libiperf makes: hostile, half of it is the server's. */
int iperf_result_parse(
    const char *text, size_t len, struct iperf_result *r, struct err *e);

/*
 * Measures for `seconds`, down (the server sends) or up. Bounded: ERR_TIMEOUT where the
 * server stalls. p shows the time as it passes.
 */
int iperf_measure(const struct iperf_server *s, bool down, int seconds,
    struct progress *p, struct iperf_result *r, struct err *e);

#endif
