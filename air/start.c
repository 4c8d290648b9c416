#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "air.h"
#include "blob.h"
#include "chan.h"
#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "conf.h"
#include "fs.h"
#include "group.h"
#include "log.h"
#include "station.h"

/*
 * Theory of operation
 *
 * hwsim's radios hear each other if they were made in the same network namespace,
 * wherever they are later. So the AP radios are made in the guest's namespace,
 * without interfaces (the agent, which waits for its radio there, sees none of
 * them come and go), and moved into a namespace of their own, in which this
 * process then lives and with it hostapd, dnsmasq and iperf3. Two netlink sockets
 * stay in the guest's namespace; the AP radios end with them.
 *
 * Time counts: the guest has one slow processor. What waits longest is the station's
 * first scan, 33 ms for each channel, in which the processor idles. So the station's
 * radio is there first, and hostapd starts while the supplicant does, nice, so as not
 * to delay the scan; the APs of the scenarios are on the last channels that are scanned
 * (161, 165), 0.6 s later. If that was too late nevertheless, on a busy machine,
 * the agent has the supplicant scan again as soon as they send. dnsmasq starts
 * beside hostapd, nicer, and gets its full share once all APs send: it must be there
 * when the station asks for an address. iperf3 follows, nice until the station is
 * associated.
 */

#define HOSTAPD "/usr/sbin/hostapd"
#define DNSMASQ "/usr/sbin/dnsmasq"
#define IPERF3 "/usr/bin/iperf3"
#define MODPROBE "/sbin/modprobe"
#define HOSTAPD_TIMEOUT_S 30
#define MODPROBE_TIMEOUT_MS 30000
#define MAX_RESTARTS 5
#define NICE_AT_START 19
#define NICE_HOSTAPD 10

static void step(struct air *air, const char *name)
{
	if (air->n_steps < ARRAY_LEN(air->steps))
		air->steps[air->n_steps++] = (struct air_step){name, clock_ms()};
}

void air_fail(struct air *air, const struct err *e)
{
	chan_event("failed", json_pack("{s:s}", "reason", e->msg));
	air->failed = true;
	event_base_loopbreak(air->base);
}

static int modprobe(const char *const argv[], struct err *e)
{
	static const struct cmd_opts opts = {.timeout_ms = MODPROBE_TIMEOUT_MS};

	return cmd_run(argv, &opts, NULL, NULL, e);
}

static int load_modules(const struct air *air, struct err *e)
{
	static const char *const hwsim[] = {MODPROBE, "mac80211_hwsim", "radios=0", NULL};
	static const char *const bridge[] = {MODPROBE, "bridge", NULL};

	if (modprobe(hwsim, e) < 0)
		return -1;
	for (unsigned i = 0; i < air->s.n_networks; i++)
		if (scenario_bridged(&air->s, i))
			return modprobe(bridge, e);
	return 0;
}

static void hostapd_conf_path(unsigned ap, char *buf, size_t size)
{
	snprintf(buf, size, AIR_RUN "/ap%u.conf", ap);
}

static int write_confs(const struct air *air, struct err *e)
{
	char path[64];

	if (fs_mkdir_p(AIR_RUN, 0700, e) < 0)
		return -1;
	for (unsigned i = 0; i < air->s.n_aps; i++) {
		hostapd_conf_path(i, path, sizeof(path));
		if (conf_write(path, conf_hostapd(&air->s, i), e) < 0)
			return -1;
		if (air->s.aps[i].security != AIR_EAP)
			continue;
		snprintf(path, sizeof(path), AIR_RUN "/ap%u.users", i);
		if (conf_write(path, conf_eap_users(&air->s, i), e) < 0)
			return -1;
	}
	return conf_write(AIR_RUN "/dnsmasq.conf", conf_dnsmasq(&air->s), e);
}

/* An own network namespace for this process and all that it starts. */
static int enter_air(struct air *air, struct err *e)
{
	static const char *const knobs[][2] = {
	    /* Addresses that can be used at once, and that outlive "ap-off". */
	    {"/proc/sys/net/ipv6/conf/default/accept_dad", "0"},
	    {"/proc/sys/net/ipv6/conf/all/keep_addr_on_down", "1"},
	};

	air->guest_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (air->guest_ns < 0 || unshare(CLONE_NEWNET) < 0)
		return err_sys(e, errno, "network namespace");
	air->own_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (air->own_ns < 0)
		return err_sys(e, errno, "network namespace");
	for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
		int AUTO_CLOSE fd = open(knobs[i][0], O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(e, errno, "%s", knobs[i][0]);
		if (fs_write_all(fd, knobs[i][1], 1, e) < 0)
			return err_prefix(e, "%s", knobs[i][0]);
	}
	return 0;
}

static int make_ap_radios(struct air *air, struct err *e)
{
	unsigned wiphy[AIR_MAX_APS], clients[AIR_MAX_STATIONS];
	char name[16];
	int id;

	for (unsigned i = 0; i < air->s.n_aps; i++) {
		const struct radio_params params = {.name = name,
		    .mac = air->s.aps[i].bssid,
		    .no_interface = true,
		    .with_socket = true};

		snprintf(name, sizeof(name), "air%u", i);
		if (radio_create(&air->guest, &params, &id, e) < 0 ||
		    radio_wiphy(name, &wiphy[i], e) < 0)
			return -1;
	}
	if (stations_make(air, clients, e) < 0)
		return -1;
	step(air, "radios");
	if (enter_air(air, e) < 0 || netlink_open(&air->own, false, e) < 0 ||
	    stations_start(air, clients, e) < 0)
		return -1;
	for (unsigned i = 0; i < air->s.n_aps; i++) {
		snprintf(name, sizeof(name), "ap%u", i);
		if (radio_move(&air->guest, wiphy[i], air->own_ns, e) < 0 ||
		    radio_add_ap(&air->own, wiphy[i], name, e) < 0)
			return -1;
	}
	return 0;
}

static int make_bridges(struct air *air, struct err *e)
{
	char name[IF_NAMESIZE];

	for (unsigned i = 0; i < air->s.n_networks; i++) {
		if (!scenario_bridged(&air->s, i))
			continue;
		scenario_ifname(&air->s, i, name, sizeof(name));
		if (link_add_bridge(&air->own, name, e) < 0 ||
		    link_up(&air->own, if_nametoindex(name), e) < 0)
			return -1;
	}
	return 0;
}

static int add_addresses(struct air *air, struct err *e)
{
	char name[IF_NAMESIZE];

	for (unsigned i = 0; i < air->s.n_networks; i++) {
		const struct air_network *net = &air->s.networks[i];
		unsigned ifindex;

		scenario_ifname(&air->s, i, name, sizeof(name));
		if (*name == '\0')
			continue; /* no AP has it */
		ifindex = if_nametoindex(name);
		if (net->prefix4 != 0 &&
		    addr_add4(&air->own, ifindex, air_network_addr4(net, 1), net->prefix4,
			e) < 0)
			return -1;
		if (net->has6 &&
		    addr_add6(&air->own, ifindex, air_network_addr6(net, 1), e) < 0)
			return -1;
	}
	return 0;
}

static void log_child(struct proc *p, const char *line)
{
	log_debug("%s: %s", p->name, line);
}

/* dnsmasq and iperf3: started again, MAX_RESTARTS times. */
static int start_service(struct proc *p, struct err *e)
{
	static const char *const dnsmasq[] = {
	    DNSMASQ, "--conf-file=" AIR_RUN "/dnsmasq.conf", NULL};
	static const char *const iperf[] = {IPERF3, "-s", NULL};
	struct air *air = p->arg;

	return proc_start(p, p == &air->dnsmasq ? dnsmasq : iperf, e);
}

static void service_ended(struct proc *p, int status)
{
	struct air *air = p->arg;
	unsigned *restarts =
	    p == &air->dnsmasq ? &air->dnsmasq_restarts : &air->iperf_restarts;
	struct err e = ERR_INIT;
	char how[64];

	log_warn("%s ended: %s: %s", p->name, proc_status_text(status, how, sizeof(how)),
	    p->last);
	if (*restarts == MAX_RESTARTS) {
		log_error(
		    "%s: not started again: it ended %u times", p->name, *restarts + 1);
		return;
	}
	++*restarts;
	p->niceness = 0;
	if (start_service(p, &e) < 0)
		log_error("%s: %s", p->name, e.msg);
}

/* Which AP a line of hostapd is about: "apN: ..."; *rest is what follows. */
static int ap_of_line(const struct air *air, const char *line, const char **rest)
{
	char *end;
	unsigned long n;

	if (strncmp(line, "ap", 2) != 0)
		return -1;
	n = strtoul(line + 2, &end, 10);
	if (end == line + 2 || strncmp(end, ": ", 2) != 0 || n >= air->s.n_aps)
		return -1;
	*rest = end + 2;
	return (int)n;
}

static int make_station(struct air *air, struct err *e)
{
	const struct radio_params params = {.name = AIR_STATION, .mac = air->station_mac};
	int id;

	if (radio_create(&air->guest, &params, &id, e) < 0)
		return -1;
	return radio_ifname(AIR_STATION, air->radio, sizeof(air->radio), e);
}

static void tell_on(const struct air *air)
{
	json_t *steps = json_object();

	for (unsigned i = 0; i < air->n_steps; i++)
		json_object_set_new(
		    steps, air->steps[i].name, json_integer(air->steps[i].ms));
	chan_event(
	    "on", json_pack("{s:I, s:o}", "ms", (json_int_t)clock_ms(), "steps", steps));
}

static void full_share(const struct proc *p)
{
	if (p->pid > 0 && setpriority(PRIO_PROCESS, (id_t)p->pid, 0) < 0)
		log_warn("%s: priority: %s", p->name, strerror(errno));
}

static void aps_are_on(struct air *air)
{
	struct err e = ERR_INIT;

	if (air->ready) {
		ops_aps_on(air, NULL);
		return;
	}
	step(air, "aps");
	air->ready = true;
	event_free(air->deadline);
	air->deadline = NULL;
	tell_on(air);
	/* With a short scan the station is there, and asks, within half a second. */
	full_share(&air->hostapd);
	full_share(&air->dnsmasq);
	if (start_service(&air->iperf, &e) < 0)
		log_error("iperf3: %s", e.msg);
}

static bool all_on(const struct air *air)
{
	for (unsigned i = 0; i < air->s.n_aps; i++)
		if (!air->ap_on[i])
			return false;
	return true;
}

static void hostapd_line(struct proc *p, const char *line)
{
	struct air *air = p->arg;
	const char *rest;
	int ap = ap_of_line(air, line, &rest);

	log_child(p, line);
	if (ap < 0)
		return;
	if (strncmp(rest, "AP-ENABLED", 10) == 0) {
		air->ap_on[ap] = true;
		if (all_on(air))
			aps_are_on(air);
	} else if (strncmp(rest, "AP-DISABLED", 11) == 0) {
		air->ap_on[ap] = false;
	} else if (strncmp(rest, "AP-STA-CONNECTED", 16) == 0) {
		air->station_ap = ap;
		full_share(&air->iperf);
	}
}

static void hostapd_ended(struct proc *p, int status)
{
	struct air *air = p->arg;
	struct err e = ERR_INIT;
	char how[64];

	for (unsigned i = 0; i < air->s.n_aps; i++)
		air->ap_on[i] = false;
	err_set(&e, ERR_FAILED, "hostapd ended: %s: %s",
	    proc_status_text(status, how, sizeof(how)), p->last);
	if (!air->ready) {
		air_fail(air, &e);
		return;
	}
	log_warn("%s", e.msg);
	ops_aps_on(air, e.msg);
}

int air_start_hostapd(struct air *air, struct err *e)
{
	char paths[AIR_MAX_APS][64];
	const char *argv[AIR_MAX_APS + 2] = {HOSTAPD};

	for (unsigned i = 0; i < air->s.n_aps; i++) {
		hostapd_conf_path(i, paths[i], sizeof(paths[i]));
		argv[1 + i] = paths[i];
	}
	return proc_start(&air->hostapd, argv, e);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct air *air = arg;
	struct err e = ERR_INIT;

	(void)fd;
	(void)what;
	err_set(&e, ERR_TIMEOUT, "hostapd: no AP within %d s: %s", HOSTAPD_TIMEOUT_S,
	    air->hostapd.last);
	air_fail(air, &e);
}

static void init_procs(struct air *air)
{
	air->hostapd = (struct proc){.name = "hostapd",
	    .netns = -1,
	    .on_line = hostapd_line,
	    .on_exit = hostapd_ended,
	    .arg = air};
	air->dnsmasq = (struct proc){.name = "dnsmasq",
	    .netns = -1,
	    .niceness = NICE_AT_START,
	    .on_line = log_child,
	    .on_exit = service_ended,
	    .arg = air};
	air->iperf = air->dnsmasq;
	air->iperf.name = "iperf3";
}

/* The APs and what is behind them; where there are only stations, nothing is. */
static int start_network(struct air *air, struct err *e)
{
	if (air->s.n_aps == 0) {
		aps_are_on(air);
		return 0;
	}
	air->hostapd.niceness = NICE_HOSTAPD;
	if (air_start_hostapd(air, e) < 0)
		return -1;
	air->hostapd.niceness = 0;
	return add_addresses(air, e) < 0 || start_service(&air->dnsmasq, e) < 0 ? -1 : 0;
}

int air_start(struct air *air, struct err *e)
{
	init_procs(air);
	step(air, "start");
	if (load_modules(air, e) < 0)
		return -1;
	step(air, "modules");
	if (write_confs(air, e) < 0 || netlink_open(&air->guest, true, e) < 0 ||
	    make_ap_radios(air, e) < 0 || make_bridges(air, e) < 0)
		return -1;
	step(air, "interfaces");
	if (make_station(air, e) < 0)
		return -1;
	step(air, "station");
	chan_event("radio", json_pack("{s:s}", "radio", air->radio));
	air->deadline = evtimer_new(air->base, on_deadline, air);
	if (air->deadline == NULL ||
	    event_add(air->deadline, &(struct timeval){HOSTAPD_TIMEOUT_S, 0}) < 0)
		return err_sys(e, ENOMEM, "timer");
	if (start_network(air, e) < 0 || blob_start(air->base, e) < 0 ||
	    group_start(air->base, e) < 0)
		return -1;
	step(air, "services");
	return 0;
}
