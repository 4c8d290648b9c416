/* What of the speed test has tests of its own. */
#ifndef BHYFI_SPEEDTEST_H
#define BHYFI_SPEEDTEST_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>

/* The first address of the network that "192.0.2.61/24" is in; false for anything
 * else, and for link-local addresses, which lead nowhere without an interface. */
bool speedtest_gateway(const char *address, char out[INET6_ADDRSTRLEN]);

#endif
