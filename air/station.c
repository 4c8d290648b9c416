#include "station.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "chan.h"
#include "conf.h"
#include "log.h"

#define SUPPLICANT "/sbin/wpa_supplicant"

static struct air_station stations[AIR_MAX_STATIONS];

static json_t *describe(const struct air_station *st)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &st->dhcp.lease.address, address, sizeof(address));
	return json_pack("{s:s, s:s, s:i}", "name", st->air->s.stations[st->index].name,
	    "address", address, "prefix", (int)st->dhcp.lease.prefix);
}

static void on_lease(void *arg, const struct dhcp_lease *lease)
{
	struct air_station *st = arg;
	struct err e = ERR_INIT;

	if (addr_add4(&st->air->own, if_nametoindex(st->ifname), lease->address,
		lease->prefix, &e) < 0) {
		log_error("%s: %s", st->ifname, e.msg);
		return;
	}
	st->leased = true;
	if (st->waits >= 0)
		chan_reply(st->waits, describe(st));
	st->waits = -1;
}

static void join(struct air_station *st)
{
	struct err e = ERR_INIT;

	dhcp_stop(&st->dhcp);
	if (!st->leased &&
	    dhcp_start(&st->dhcp, st->air->base, st->ifname,
		st->air->s.stations[st->index].bssid, on_lease, st, &e) < 0)
		log_error("%s", e.msg);
}

static void on_line(struct proc *p, const char *line)
{
	struct air_station *st = p->arg;

	log_debug("%s: %s", p->name, line);
	if (strstr(line, "CTRL-EVENT-CONNECTED") != NULL)
		join(st);
}

static void supplicant_ended(struct proc *p, int status)
{
	char how[64];

	log_error("%s of a station ended: %s: %s", p->name,
	    proc_status_text(status, how, sizeof(how)), p->last);
}

int stations_make(struct air *air, unsigned wiphy[AIR_MAX_STATIONS], struct err *e)
{
	char name[16];
	int id;

	for (unsigned i = 0; i < air->s.n_stations; i++) {
		const struct radio_params params = {.name = name,
		    .mac = air->s.stations[i].bssid,
		    .no_interface = true,
		    .with_socket = true};

		snprintf(name, sizeof(name), "client%u", i % 10);
		if (radio_create(&air->guest, &params, &id, e) < 0 ||
		    radio_wiphy(name, &wiphy[i], e) < 0)
			return -1;
	}
	return 0;
}

static int start(struct air_station *st, struct err *e)
{
	char path[64];
	const char *const argv[] = {
	    SUPPLICANT, "-i", st->ifname, "-D", "nl80211", "-c", path, NULL};

	snprintf(path, sizeof(path), AIR_RUN "/%s.conf", st->ifname);
	return conf_write(path, conf_supplicant(&st->air->s, st->index), e) < 0
		   ? -1
		   : proc_start(&st->supplicant, argv, e);
}

int stations_start(struct air *air, const unsigned wiphy[AIR_MAX_STATIONS], struct err *e)
{
	for (unsigned i = 0; i < air->s.n_stations; i++) {
		struct air_station *st = &stations[i];

		*st = (struct air_station){.air = air, .index = i, .waits = -1};
		st->dhcp.fd = -1;
		snprintf(st->ifname, sizeof(st->ifname), "sta%u", i);
		st->supplicant = (struct proc){.name = "wpa_supplicant",
		    .netns = -1,
		    .on_line = on_line,
		    .on_exit = supplicant_ended,
		    .arg = st};
		if (radio_move(&air->guest, wiphy[i], air->own_ns, e) < 0 ||
		    radio_add_station(&air->own, wiphy[i], st->ifname, e) < 0 ||
		    start(st, e) < 0)
			return -1;
	}
	return 0;
}

int station_wait(struct air *air, unsigned index, json_int_t id, struct err *e)
{
	struct air_station *st;

	if (index >= air->s.n_stations)
		return err_set(e, ERR_USAGE, "station: there are %u", air->s.n_stations);
	st = &stations[index];
	if (st->leased) {
		chan_reply(id, describe(st));
		return 0;
	}
	if (st->waits >= 0)
		return err_set(e, ERR_FAILED, "station: somebody waits for it already");
	st->waits = id;
	return 0;
}
