#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "air.h"
#include "chan.h"
#include "cleanup.h"
#include "clock.h"
#include "ctl.h"
#include "escape.h"
#include "fs.h"
#include "log.h"
#include "msg.h"
#include "meminfo.h"
#include "station.h"

#define IPERF3 "/usr/bin/iperf3"
#define IPERF_OUTPUT_MAX (256 * 1024)
#define MAX_STATIONS 32

/* ap-off and ap-on of one or all APs, one after the other. */
struct ap_switch {
	struct air *air;
	json_int_t id;
	bool on;
	unsigned ap, last;
};

static void ap_ifname(unsigned ap, char *buf, size_t size)
{
	snprintf(buf, size, "ap%u", ap);
}

static void switch_done(struct ap_switch *sw, const struct err *e)
{
	if (e != NULL)
		chan_reply_error(sw->id, e);
	else
		chan_reply(sw->id, NULL);
	free(sw);
}

static void switch_reply(void *arg, const char *reply, const struct err *e);

static void switch_next(struct ap_switch *sw)
{
	struct err e = ERR_INIT;
	char ifname[IF_NAMESIZE];

	/* hostapd calls it a failure to do what is done. */
	while (sw->ap <= sw->last && sw->air->ap_on[sw->ap] == sw->on)
		sw->ap++;
	if (sw->ap > sw->last) {
		switch_done(sw, NULL);
		return;
	}
	ap_ifname(sw->ap, ifname, sizeof(ifname));
	if (ctl_request(sw->air->base, ifname, sw->on ? "ENABLE" : "DISABLE",
		switch_reply, sw, &e) < 0)
		switch_done(sw, &e);
}

static void switch_reply(void *arg, const char *reply, const struct err *e)
{
	struct ap_switch *sw = arg;
	struct err refused = ERR_INIT;

	if (reply == NULL) {
		switch_done(sw, e);
		return;
	}
	if (strncmp(reply, "OK", 2) != 0) {
		err_set(&refused, ERR_FAILED, "hostapd ap%u: %s", sw->ap, reply);
		switch_done(sw, &refused);
		return;
	}
	sw->air->ap_on[sw->ap] = sw->on;
	sw->ap++;
	switch_next(sw);
}

void ops_aps_on(struct air *air, const char *reason)
{
	struct err e = ERR_INIT;

	if (air->ap_on_id < 0)
		return;
	if (reason == NULL) {
		chan_reply(air->ap_on_id, NULL);
	} else {
		err_set(&e, ERR_FAILED, "%s", reason);
		chan_reply_error(air->ap_on_id, &e);
	}
	air->ap_on_id = -1;
}

static int op_ap(struct air *air, const struct air_request *r, struct err *e)
{
	struct ap_switch *sw;

	if (r->ap >= (int)air->s.n_aps)
		return err_set(
		    e, ERR_USAGE, "ap: there are only %u, from 0", air->s.n_aps);
	if (air->hostapd.pid == 0) {
		if (r->op == AIR_OP_AP_OFF || air->ap_on_id >= 0)
			return err_set(e, ERR_FAILED, "hostapd does not run");
		if (air_start_hostapd(air, e) < 0)
			return -1;
		air->ap_on_id = r->id;
		return 0;
	}
	sw = calloc(1, sizeof(*sw));
	if (sw == NULL)
		return err_sys(e, ENOMEM, "ap");
	*sw = (struct ap_switch){.air = air,
	    .id = r->id,
	    .on = r->op == AIR_OP_AP_ON,
	    .ap = r->ap < 0 ? 0 : (unsigned)r->ap,
	    .last = r->ap < 0 ? air->s.n_aps - 1 : (unsigned)r->ap};
	switch_next(sw);
	return 0;
}

static int op_kill(struct air *air, const struct air_request *r, struct err *e)
{
	pid_t pid = 0;

	switch (r->what) {
	case AIR_VICTIM_SUPPLICANT:
		pid = process_find("wpa_supplicant");
		break;
	case AIR_VICTIM_AGENT:
		pid = getppid();
		break;
	case AIR_VICTIM_HOSTAPD:
		pid = air->hostapd.pid;
		break;
	}
	if (pid <= 0)
		return err_set(e, ERR_FAILED, "it does not run");
	/* Behind this there may be nobody to read it. */
	if (r->what == AIR_VICTIM_AGENT)
		chan_reply(r->id, json_pack("{s:i}", "pid", (int)pid));
	if (kill(pid, r->signal) < 0) {
		if (r->what == AIR_VICTIM_AGENT) {
			log_error("kill %d: %s", (int)pid, strerror(errno));
			return 0;
		}
		return err_sys(e, errno, "kill %d", (int)pid);
	}
	if (r->what != AIR_VICTIM_AGENT)
		chan_reply(r->id, json_pack("{s:i}", "pid", (int)pid));
	return 0;
}

static int write_file(const char *path, const char *text, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	return fs_write_all(fd, text, strlen(text), e);
}

/* The answer goes first: it may arrive or not. */
static int op_panic(const struct air_request *r, struct err *e)
{
	struct err late = ERR_INIT;

	if (write_file("/proc/sys/kernel/sysrq", "1", e) < 0)
		return -1;
	chan_reply(r->id, NULL);
	if (write_file("/proc/sysrq-trigger", "c", &late) < 0)
		log_error("panic: %s", late.msg);
	return 0;
}

/* iperf3 in the guest's namespace against the AP: the limit of all data paths. */
struct bench {
	struct air *air;
	json_int_t id;
	struct proc proc;
	unsigned ifindex;
	struct in_addr addr;
	unsigned prefix;
};

static double number_at(const json_t *root, const char *object, const char *key)
{
	const json_t *end = json_object_get(root, "end");

	return json_number_value(json_object_get(json_object_get(end, object), key));
}

static json_t *bench_result(const struct proc *p, struct err *e)
{
	json_error_t je;
	json_t *o = json_loadb(p->output, p->output_len, 0, &je), *result = NULL;
	const char *error;

	if (o == NULL) {
		err_set(e, ERR_FAILED, "iperf3: %s: %s", je.text, p->last);
		return NULL;
	}
	error = json_string_value(json_object_get(o, "error"));
	if (error != NULL)
		err_set(e, ERR_FAILED, "iperf3: %s", error);
	else if (!json_is_object(
		     json_object_get(json_object_get(o, "end"), "sum_received")))
		err_set(e, ERR_FAILED, "iperf3: no result");
	else
		result = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "bits_per_second",
		    number_at(o, "sum_received", "bits_per_second"), "seconds",
		    number_at(o, "sum_received", "seconds"), "sent_bits_per_second",
		    number_at(o, "sum_sent", "bits_per_second"), "retransmits",
		    number_at(o, "sum_sent", "retransmits"), "cpu_host",
		    number_at(o, "cpu_utilization_percent", "host_total"), "cpu_remote",
		    number_at(o, "cpu_utilization_percent", "remote_total"));
	json_decref(o);
	return result;
}

static void bench_ended(struct proc *p, int status)
{
	struct bench *b = p->arg;
	struct err e = ERR_INIT, late = ERR_INIT;
	json_t *result = bench_result(p, &e);
	char how[64];

	if (addr_del4(&b->air->guest, b->ifindex, b->addr, b->prefix, &late) < 0)
		log_warn("iperf: %s", late.msg);
	if (result != NULL) {
		chan_reply(b->id, result);
	} else {
		err_prefix(&e, "%s", proc_status_text(status, how, sizeof(how)));
		chan_reply_error(b->id, &e);
	}
	b->air->bench = NULL;
	free(b);
}

/* The network with this address; without one that on which the station is. */
static const struct air_network *bench_network(
    const struct air *air, const char *address, struct err *e)
{
	struct in_addr addr;
	uint32_t mask;

	if (*address == '\0') {
		int ap = air->station_ap < 0 ? 0 : air->station_ap;
		const struct air_network *net = &air->s.networks[air->s.aps[ap].network];

		if (net->prefix4 == 0)
			err_set(e, ERR_FAILED, "the network has no IPv4");
		return net->prefix4 != 0 ? net : NULL;
	}
	if (inet_pton(AF_INET, address, &addr) != 1)
		return NULL;
	for (unsigned i = 0; i < air->s.n_networks; i++) {
		const struct air_network *net = &air->s.networks[i];

		mask = net->prefix4 != 0 ? ~(uint32_t)0 << (32 - net->prefix4) : 0;
		if (mask != 0 &&
		    (ntohl(addr.s_addr) & mask) == ntohl(net->subnet4.s_addr))
			return net;
	}
	err_set(e, ERR_USAGE, "address: in no network");
	return NULL;
}

static unsigned guest_ifindex(const struct air *air)
{
	AUTO_FREE char *text = NULL;
	char path[64];

	/* sysfs shows the guest's namespace, if_nametoindex ours. */
	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", air->radio);
	if (fs_read_file(path, 4096, &text, NULL, NULL) < 0)
		return 0;
	return (unsigned)strtoul(text, NULL, 10);
}

static int bench_start(struct bench *b, const struct air_request *r,
    const struct air_network *net, struct err *e)
{
	char gateway[INET_ADDRSTRLEN], seconds[16], omit[16], streams[16];
	struct in_addr gw = air_network_addr4(net, 1);
	const char *argv[16] = {IPERF3, "-J", "-4", "-i", "0", "-c",
	    r->address[0] != '\0' ? r->address : gateway, "-t", seconds, "-O", omit, "-P",
	    streams, r->reverse ? "-R" : NULL, NULL};

	inet_ntop(AF_INET, &gw, gateway, sizeof(gateway));
	snprintf(seconds, sizeof(seconds), "%u", r->seconds);
	snprintf(omit, sizeof(omit), "%u", r->omit);
	snprintf(streams, sizeof(streams), "%u", r->streams);
	/* The last one before broadcast: never in the DHCP range. */
	b->prefix = net->prefix4;
	b->addr = air_network_addr4(net, ((uint32_t)1 << (32 - net->prefix4)) - 2);
	b->ifindex = guest_ifindex(b->air);
	if (b->ifindex == 0)
		return err_set(e, ERR_FAILED, "the guest has no %s", b->air->radio);
	if (addr_add4(&b->air->guest, b->ifindex, b->addr, b->prefix, e) < 0)
		return -1;
	if (proc_start(&b->proc, argv, e) < 0) {
		addr_del4(&b->air->guest, b->ifindex, b->addr, b->prefix, NULL);
		return -1;
	}
	return 0;
}

static int op_iperf(struct air *air, const struct air_request *r, struct err *e)
{
	const struct air_network *net = bench_network(air, r->address, e);
	struct bench *b;

	if (net == NULL)
		return -1;
	if (!air->ready || air->bench != NULL)
		return err_set(e, ERR_FAILED,
		    air->ready ? "one is running already" : "not ready yet");
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return err_sys(e, ENOMEM, "iperf");
	b->air = air;
	b->id = r->id;
	b->proc = (struct proc){.name = "iperf3 client",
	    .netns = air->guest_ns,
	    .max_output = IPERF_OUTPUT_MAX,
	    .on_exit = bench_ended,
	    .arg = b};
	if (bench_start(b, r, net, e) < 0) {
		free(b);
		return -1;
	}
	air->bench = b;
	return 0;
}

/* stations: hostapd lists one per request, AP by AP. */
struct listing {
	struct air *air;
	json_int_t id;
	unsigned ap, count;
	json_t *list;
};

static void listing_reply(void *arg, const char *reply, const struct err *e);

static void listing_done(struct listing *l, const struct err *e)
{
	if (e != NULL) {
		chan_reply_error(l->id, e);
		json_decref(l->list);
	} else {
		chan_reply(l->id, json_pack("{s:o}", "stations", l->list));
	}
	free(l);
}

static void listing_ask(struct listing *l, const char *cmd)
{
	struct err e = ERR_INIT;
	char ifname[IF_NAMESIZE];

	ap_ifname(l->ap, ifname, sizeof(ifname));
	if (ctl_request(l->air->base, ifname, cmd, listing_reply, l, &e) < 0)
		listing_done(l, &e);
}

/* "MAC\nflags=[AUTH]...\nKEY=VALUE\n..." */
static void listing_add(struct listing *l, const char *reply, char mac[18])
{
	static const char *const keys[] = {"flags", "AKMSuiteSelector", "rx_packets",
	    "tx_packets", "rx_bytes", "tx_bytes", "connected_time"};
	json_t *o = json_object();
	char shown[ESCAPE_SIZE(64)];

	snprintf(mac, 18, "%.17s", reply);
	escape_text(mac, strlen(mac), shown, sizeof(shown));
	json_object_set_new(o, "mac", json_string(shown));
	json_object_set_new(o, "ap", json_integer(l->ap));
	for (const char *line = strchr(reply, '\n'); line != NULL;
	     line = strchr(line, '\n')) {
		line++;
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			size_t len = strlen(keys[i]), n;

			if (strncmp(line, keys[i], len) != 0 || line[len] != '=')
				continue;
			n = strcspn(line + len + 1, "\n");
			escape_text(
			    line + len + 1, n < 64 ? n : 64, shown, sizeof(shown));
			json_object_set_new(o, keys[i], json_string(shown));
		}
	}
	json_array_append_new(l->list, o);
}

static void listing_reply(void *arg, const char *reply, const struct err *e)
{
	struct listing *l = arg;
	char mac[18], cmd[32];

	if (reply == NULL) {
		listing_done(l, e);
		return;
	}
	/* Behind the last one nothing, or FAIL. */
	if (strlen(reply) >= 17 && reply[2] == ':' && l->count < MAX_STATIONS) {
		l->count++;
		listing_add(l, reply, mac);
		snprintf(cmd, sizeof(cmd), "STA-NEXT %s", mac);
		listing_ask(l, cmd);
		return;
	}
	if (++l->ap == l->air->s.n_aps)
		listing_done(l, NULL);
	else
		listing_ask(l, "STA-FIRST");
}

static int op_stations(struct air *air, const struct air_request *r, struct err *e)
{
	struct listing *l;

	if (air->hostapd.pid == 0)
		return err_set(e, ERR_FAILED, "hostapd does not run");
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return err_sys(e, ENOMEM, "stations");
	*l = (struct listing){.air = air, .id = r->id, .list = json_array()};
	listing_ask(l, "STA-FIRST");
	return 0;
}

static json_t *ap_status(const struct air *air, unsigned i)
{
	const struct air_ap *ap = &air->s.aps[i];
	char ssid[ESCAPE_SIZE(AIR_SSID_MAX)], bssid[18];

	escape_text((const char *)ap->ssid, ap->ssid_len, ssid, sizeof(ssid));
	snprintf(bssid, sizeof(bssid), "%02x:%02x:%02x:%02x:%02x:%02x", ap->bssid[0],
	    ap->bssid[1], ap->bssid[2], ap->bssid[3], ap->bssid[4], ap->bssid[5]);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b}", "name", ap->name,
	    "network", air->s.networks[ap->network].name, "ssid", ssid, "bssid", bssid,
	    "security", air_security_name(ap->security), "channel", (int)ap->channel,
	    "on", (int)air->ap_on[i]);
}

static int op_status(struct air *air, const struct air_request *r)
{
	json_t *o = json_object(), *aps = json_array(), *steps = json_object();

	for (unsigned i = 0; i < air->s.n_aps; i++)
		json_array_append_new(aps, ap_status(air, i));
	for (unsigned i = 0; i < air->n_steps; i++)
		json_object_set_new(
		    steps, air->steps[i].name, json_integer(air->steps[i].ms));
	json_object_set_new(o, "ready", json_boolean(air->ready));
	json_object_set_new(o, "radio", json_string(air->radio));
	json_object_set_new(o, "station_ap", json_integer(air->station_ap));
	json_object_set_new(o, "aps", aps);
	json_object_set_new(o, "pids",
	    json_pack("{s:i, s:i, s:i}", "hostapd", (int)air->hostapd.pid, "dnsmasq",
		(int)air->dnsmasq.pid, "iperf3", (int)air->iperf.pid));
	json_object_set_new(o, "restarts",
	    json_integer((json_int_t)(air->dnsmasq_restarts + air->iperf_restarts)));
	json_object_set_new(o, "steps", steps);
	chan_reply(r->id, o);
	return 0;
}

static int op_meminfo(const struct air_request *r, struct err *e)
{
	json_t *o = meminfo(e);

	if (o == NULL)
		return -1;
	chan_reply(r->id, o);
	return 0;
}

static int op_log(const struct air_request *r)
{
	log_set_level((enum log_level)r->level);
	chan_reply(r->id, NULL);
	return 0;
}

/* steer: 802.11v's BSS transition management request. */
static void steer_reply(void *arg, const char *reply, const struct err *e)
{
	json_int_t *id = arg;
	struct err refused = ERR_INIT;

	if (reply == NULL) {
		chan_reply_error(*id, e);
	} else if (strncmp(reply, "FAIL", 4) == 0) {
		err_set(&refused, ERR_FAILED, "hostapd does not ask the station");
		chan_reply_error(*id, &refused);
	} else {
		chan_reply(*id, NULL);
	}
	free(id);
}

/* The operating class: of 20 MHz in each of the bands (IEEE 802.11, annex E). */
static unsigned operating_class(unsigned channel)
{
	return channel <= 14 ? 81 : channel <= 48 ? 115 : 125;
}

static int op_steer(struct air *air, const struct air_request *r, struct err *e)
{
	char ifname[IF_NAMESIZE], cmd[160], bssid[MAC_TEXT_SIZE];
	const struct air_ap *to;
	json_int_t *id;

	if ((unsigned)r->ap >= air->s.n_aps || r->to >= air->s.n_aps)
		return err_set(e, ERR_USAGE, "ap, to: no such access point");
	to = &air->s.aps[r->to];
	id = malloc(sizeof(*id));
	if (id == NULL)
		return err_sys(e, ENOMEM, "steer");
	*id = r->id;
	msg_mac_text(to->bssid, bssid);
	/* One neighbour, the only one to go to; its PHY is HT (7). */
	snprintf(cmd, sizeof(cmd),
	    "BSS_TM_REQ %s pref=1 abridged=1 valid_int=255 neighbor=%s,0x0000,%u,%u,7",
	    r->station, bssid, operating_class(to->channel), to->channel);
	ap_ifname((unsigned)r->ap, ifname, sizeof(ifname));
	if (ctl_request(air->base, ifname, cmd, steer_reply, id, e) == 0)
		return 0;
	free(id);
	return -1;
}

static int dispatch(struct air *air, const struct air_request *r, struct err *e)
{
	switch (r->op) {
	case AIR_OP_AP_OFF:
	case AIR_OP_AP_ON:
		return op_ap(air, r, e);
	case AIR_OP_KILL:
		return op_kill(air, r, e);
	case AIR_OP_PANIC:
		return op_panic(r, e);
	case AIR_OP_IPERF:
		return op_iperf(air, r, e);
	case AIR_OP_STATIONS:
		return op_stations(air, r, e);
	case AIR_OP_STATUS:
		return op_status(air, r);
	case AIR_OP_MEMINFO:
		return op_meminfo(r, e);
	case AIR_OP_LOG:
		return op_log(r);
	case AIR_OP_STEER:
		return op_steer(air, r, e);
	case AIR_OP_STATION:
		return station_wait(air, (unsigned)r->ap, r->id, e);
	}
	return err_set(e, ERR_USAGE, "op: not known");
}

void air_request(struct air *air, const char *data, size_t len)
{
	struct err e = ERR_INIT;
	struct air_request r;
	json_int_t id;

	if (request_parse(data, len, &r, &id, &e) == 0 && dispatch(air, &r, &e) == 0)
		return;
	if (id >= 0)
		chan_reply_error(id, &e);
	else
		log_warn("%s", e.msg);
}
