/*
 * bhyfi-air SCENARIO [STATION_MAC]: the simulated WLAN. Started by bhyfi-guest in
 * the guest, with descriptor 3 to it; doc/air.md.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "air.h"
#include "chan.h"
#include "cleanup.h"
#include "conf.h"
#include "fs.h"
#include "log.h"

static void on_channel(evutil_socket_t fd, short what, void *arg)
{
	static char buf[AIR_PACKET_MAX + 1];
	struct air *air = arg;
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	(void)what;
	if (n > 0) {
		air_request(air, buf, (size_t)n);
		return;
	}
	/* The agent is gone: so is the reason to be. */
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		event_base_loopbreak(air->base);
}

static void on_term(evutil_socket_t sig, short what, void *arg)
{
	struct air *air = arg;

	(void)sig;
	(void)what;
	event_base_loopbreak(air->base);
}

static int parse_mac(const char *text, uint8_t mac[6])
{
	unsigned b[6];
	int end = 0;

	if (strlen(text) != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4],
		&b[5], &end) != 6 ||
	    end != 17 || (b[0] & 1) != 0)
		return -1;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}

/* A name, not a path. */
static int load_scenario(struct air *air, const char *name, struct err *e)
{
	char path[128];

	if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL ||
	    strlen(name) > 32)
		return err_set(e, ERR_USAGE, "not the name of a scenario: %s", name);
	snprintf(path, sizeof(path), AIR_SCENARIOS_DIR "/%s.conf", name);
	return scenario_load(path, &air->s, e);
}

static int run(struct air *air, struct err *e)
{
	struct event *channel, *term;

	air->base = event_base_new();
	if (air->base == NULL)
		return err_set(e, ERR_FAILED, "no event loop");
	channel =
	    event_new(air->base, AIR_CHANNEL_FD, EV_READ | EV_PERSIST, on_channel, air);
	term = evsignal_new(air->base, SIGTERM, on_term, air);
	if (channel == NULL || term == NULL || event_add(channel, NULL) < 0 ||
	    event_add(term, NULL) < 0)
		return err_set(e, ERR_FAILED, "no event");
	if (procs_init(air->base, e) < 0 || air_start(air, e) < 0)
		return -1;
	event_base_dispatch(air->base);
	return 0;
}

int main(int argc, char *argv[])
{
	static struct air air = {.station_mac = {0x02, 0xbf, 0, 0, 0xff, 0x01},
	    .station_ap = -1,
	    .ap_on_id = -1,
	    .guest_ns = -1,
	    .own_ns = -1};
	struct err e = ERR_INIT;

	if (argc < 2 || argc > 3 ||
	    (argc == 3 && parse_mac(argv[2], air.station_mac) < 0)) {
		fprintf(stderr, "usage: bhyfi-air SCENARIO [STATION_MAC]\n");
		return ERR_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	if (chan_open(AIR_CHANNEL_FD, &e) < 0) {
		fprintf(stderr, "bhyfi-air: %s\n", e.msg);
		return (int)e.code;
	}
	log_set_sink(chan_log_sink, NULL);
	if (load_scenario(&air, argv[1], &e) < 0 || run(&air, &e) < 0)
		air_fail(&air, &e);
	procs_end();
	return air.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
