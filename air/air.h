/* The simulated WLAN as a whole: what start.c, ops.c and main.c share. */
#ifndef BHYFI_AIR_H
#define BHYFI_AIR_H

#include <event2/event.h>
#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "netlink.h"
#include "proc.h"
#include "request.h"
#include "scenario.h"

#define AIR_STATION "station" /* the wiphy of the guest's radio */

struct air_step {
	const char *name;
	int64_t ms; /* since the kernel started, at its end */
};

struct air {
	struct event_base *base;
	struct scenario s;
	uint8_t station_mac[6];
	char radio[IF_NAMESIZE]; /* the guest's interface, once there */
	bool ready;              /* all APs have sent */
	bool failed;
	int station_ap; /* the AP on which the station is, -1: none */

	/* In the guest's namespace and in ours, the air's. The first owns the AP
	 * radios: they end with us. */
	struct netlink guest, own;
	int guest_ns, own_ns;

	bool ap_on[AIR_MAX_APS];
	struct proc hostapd, dnsmasq, iperf;
	unsigned dnsmasq_restarts, iperf_restarts;
	struct event *deadline; /* until ready */

	/* ops.c */
	json_int_t ap_on_id; /* waits for hostapd's start; -1: nobody */
	struct bench *bench; /* one at a time */

	struct air_step steps[16];
	unsigned n_steps;
};

/* start.c: from modules to APs on the air. Told as events: the radio, that the APs
 * are on, or a failure. */
int air_start(struct air *air, struct err *e);
int air_start_hostapd(struct air *air, struct err *e);
/* Tells the agent and leaves the loop. */
void air_fail(struct air *air, const struct err *e);

/* ops.c */
void air_request(struct air *air, const char *data, size_t len);
/* hostapd said that all APs are on, or it has ended (reason): whoever asked. */
void ops_aps_on(struct air *air, const char *reason);

#endif
