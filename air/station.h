/* The air's own stations: clients of an access point that the guest is. */
#ifndef BHYFI_AIR_STATION_H
#define BHYFI_AIR_STATION_H

#include <jansson.h>

#include "air.h"
#include "dhcp.h"

struct air_station {
	struct air *air;
	unsigned index;
	char ifname[IF_NAMESIZE];
	struct proc supplicant;
	struct dhcp dhcp;
	bool leased;
	json_int_t waits; /* who waits for the lease; -1: nobody */
};

/* Their radios, to be made in the guest's namespace; then, in the air's, all else. */
int stations_make(struct air *air, unsigned wiphy[AIR_MAX_STATIONS], struct err *e);
int stations_start(
    struct air *air, const unsigned wiphy[AIR_MAX_STATIONS], struct err *e);

/* Answers with the station's addresses, once it has a lease. */
int station_wait(struct air *air, unsigned index, json_int_t id, struct err *e);

#endif
