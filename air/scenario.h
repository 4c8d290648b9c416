/*
 * What is on the air: networks (an IP subnet each) and access points. Read from
 * a small INI file, air/scenarios/NAME.conf; doc/air.md lists the keys.
 */
#ifndef BHYFI_AIR_SCENARIO_H
#define BHYFI_AIR_SCENARIO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define AIR_MAX_NETWORKS 4
#define AIR_MAX_APS 8
#define AIR_MAX_STATIONS 2
#define AIR_NAME_MAX 12 /* of a network or an AP */
#define AIR_SSID_MAX 32 /* IEEE 802.11, 9.4.2.2 */
#define AIR_DOMAIN_MAX 64
#define AIR_FILE_MAX 31 /* of a name beside the scenario */
#define AIR_SCENARIO_MAX (16 * 1024)

enum air_security {
	AIR_OPEN,
	AIR_WPA2,
	AIR_WPA3,
	AIR_WPA2_WPA3,
	AIR_OWE,
	AIR_EAP,
};

struct air_network {
	char name[AIR_NAME_MAX + 1];
	struct in_addr subnet4; /* host part 0; the gateway is the first address */
	unsigned prefix4;       /* 8-29; 0: no IPv4 */
	struct in_addr dhcp_first, dhcp_last; /* both 0: no DHCP */
	unsigned lease_s;
	struct in6_addr subnet6; /* a /64 */
	bool has6;
	bool dns;
	char domain[AIR_DOMAIN_MAX];
};

struct air_ap {
	char name[AIR_NAME_MAX + 1];
	unsigned network; /* index */
	uint8_t ssid[AIR_SSID_MAX];
	size_t ssid_len;
	enum air_security security;
	char passphrase[64]; /* 8-63 printable ASCII; "" without security */
	char psk[65];        /* 64 hex digits made of it and the SSID, or "" */
	unsigned channel;    /* 1-11, 36-48, 149-165 */
	/* Of AIR_EAP, else "". Printable ASCII without quotation marks and backslashes;
	 * the files stand beside the scenario. */
	char identity[64], password[64];
	char certificate[AIR_FILE_MAX + 1]; /* the server's, and its key */
	char client_ca[AIR_FILE_MAX + 1];   /* who may come by EAP-TLS; "" nobody */
	bool hidden, wds;
	bool mobility; /* 802.11k, r, v among the APs of its SSID */
	uint8_t bssid[6];
};

struct scenario {
	unsigned n_networks, n_aps, n_stations;
	struct air_network networks[AIR_MAX_NETWORKS];
	struct air_ap aps[AIR_MAX_APS];
	struct air_ap stations[AIR_MAX_STATIONS]; /* what they join; bssid is their own */
};

/* Reads text (len bytes, any bytes). An error says "LINE: what". */
int scenario_parse(const char *text, size_t len, struct scenario *out, struct err *e);

/* Reads the file. Errors say "PATH:LINE: what". */
int scenario_load(const char *path, struct scenario *out, struct err *e);

/* "open", "wpa2", "wpa3", "wpa2+wpa3", "owe", "eap" */
const char *air_security_name(enum air_security security);

/* The network has several APs, or one with WDS, so that they share a bridge. */
bool scenario_bridged(const struct scenario *s, unsigned network);

/* The interface that carries the network: its one AP's ("ap0") or its bridge
 * ("br0"). */
void scenario_ifname(const struct scenario *s, unsigned network, char *buf, size_t size);

/* The n-th address of the network; 1 is the gateway. */
struct in_addr air_network_addr4(const struct air_network *net, unsigned n);
struct in6_addr air_network_addr6(const struct air_network *net, unsigned n);

#endif
