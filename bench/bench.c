/*
 * Ratios from one run on one machine; absolute figures say little under emulation.
 *
 *     bench FILE [PASSES]    prints a table and writes the same to FILE as JSON
 *
 * Starts (boot.c): `bhyfi up --wait` and a DHCP client's lease, against the floor: the
 * same VMM with the same options and kernel from its start to a PID 1 that does nothing,
 * plus what wpa_supplicant takes from its start to association. With the distribution's
 * kernel and the small one in turns; medians.
 *
 * Throughput: iperf3 in the guest to the AP ("direct", the limit of every data
 * path), and from the host through each mode, one after the other in the same guest.
 * `wds` is the kernel's bridge, as people set it up by hand, `peer` another guest, made
 * like wifibox' (peer.h). PASSES times, every other time in reversed order, so that
 * what changes on the machine meanwhile meets all of them; medians. Under emulation
 * with one processor the direct one has both its ends on the emulated processor.
 *
 * All of it over two simulated WLANs: WPA2, and an open one. In the first, most of the
 * time goes into the cipher, twice, since hwsim's radios have none in hardware as cards
 * have; the second is nearer to what a data path costs behind a card.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "cleanup.h"
#include "fs.h"
#include "inst.h"
#include "net.h"
#include "ns.h"
#include "paths.h"
#include "peer.h"

#define PASSES 3 /* unless said otherwise */
#define PASSES_MAX 99
#define SECONDS 5

struct rate {
	double down, up; /* Mbit/s */
	double cpu;      /* seconds of the VMM per GB, both directions together */
};

enum row { DIRECT, CLONE, WDS, MACNAT, NAT, PEER, ROWS };

static const char *const names[] = {[DIRECT] = "direct",
    [CLONE] = "clone",
    [WDS] = "wds",
    [MACNAT] = "macnat",
    [NAT] = "nat",
    [PEER] = "peer"};
_Static_assert(ARRAY_LEN(names) == ROWS, "a name for each");

/* What the others are compared with. */
static const enum row bases[] = {DIRECT, WDS, PEER};

/* Both take WDS stations. */
enum air { AIR_WPA2, AIR_OPEN, AIRS };

static const struct {
	const char *scenario, *name;
} airs[] = {[AIR_WPA2] = {"wds", "wpa2"}, [AIR_OPEN] = {"wds-open", "open"}};
_Static_assert(ARRAY_LEN(airs) == AIRS, "one of each");

struct bench {
	struct inst inst;
	struct peer peer;
	struct boot boot;
	int passes;
	struct rate rate[AIRS][ROWS][PASSES_MAX];
	char base[INST_EXTRA_MAX]; /* settings without a mode */
	const char *mode;          /* of the guest that runs; NULL: none does */
	char server[ADDRESS_MAX];  /* iperf3's, in the air */
	char *args;                /* the VMM's argument vector, NUL between */
	size_t args_len;
};

static double vmm_cpu(const struct bench *b)
{
	struct process p;

	if (!b->mode) {
		if (!process_get(b->peer.vmm.pid, &p))
			return NAN;
	} else if (!process_find("qemu", b->inst.name, 0, &p) &&
		   !process_find("qemu-system-x86", b->inst.name, 0, &p))
		return NAN;
	return (double)p.cpu_ticks / (double)sysconf(_SC_CLK_TCK);
}

static int direct(struct bench *b, struct rate *r, struct err *e)
{
	const char *const ways[] = {"reverse=true", "reverse=false"};
	double *const rates[] = {&r->down, &r->up};

	for (int i = 0; i < 2; i++) {
		json_t *o = inst_json(
		    &b->inst, 60000, e, "air", "iperf", ways[i], "seconds=5", NULL);

		*rates[i] = number_at(o, "bits_per_second") / 1e6;
		json_decref(o);
		if (!o || *rates[i] <= 0)
			return o ? err_set(
				       e, ERR_FAILED, "iperf3 in the guest: no result")
				 : -1;
	}
	return 0;
}

static int speedtest(struct bench *b, struct rate *r, struct err *e)
{
	json_t *o =
	    inst_json(&b->inst, 60000, e, "speedtest", "--time", "5", b->server, NULL);

	if (!o)
		return -1;
	r->down = number_at(o, "down_mbps");
	r->up = number_at(o, "up_mbps");
	json_decref(o);
	return 0;
}

static int measure(struct bench *b, enum row row, struct rate *r, struct err *e)
{
	double cpu = vmm_cpu(b), gigabytes;

	if (row == DIRECT ? direct(b, r, e) : speedtest(b, r, e))
		return -1;
	gigabytes = (r->down + r->up) * SECONDS / 8 / 1000;
	r->cpu = gigabytes > 0 ? (vmm_cpu(b) - cpu) / gigabytes : 0;
	printf("  %-8s %8.1f %8.1f %12.1f\n", names[row], r->down, r->up, r->cpu);
	fflush(stdout);
	return 0;
}

static int set_mode(struct bench *b, const char *mode, struct err *e)
{
	snprintf(
	    b->inst.settings, sizeof(b->inst.settings), "%smode = %s\n", b->base, mode);
	return inst_write(&b->inst, e);
}

static int start_guest(struct bench *b, const char *mode, struct err *e)
{
	json_t *o;
	int rc;

	if (set_mode(b, mode, e))
		return -1;
	o = inst_json(&b->inst, BOOT_MS + 10000, e, "up", "--wait", "120", NULL);
	json_decref(o);
	o = o ? inst_json(&b->inst, 10000, e, "status", NULL) : NULL;
	rc = o ? boot_args((pid_t)number_at(o, "pid"), &b->args, &b->args_len, e) : -1;
	json_decref(o);
	return rc;
}

/* Another mode while the guest runs: the interface is unplugged and plugged in again. */
static int change_mode(struct bench *b, const char *mode, struct err *e)
{
	AUTO_CLOSE int watch = net_watch(e);
	json_t *o;

	if (watch < 0 || set_mode(b, mode, e))
		return -1;
	o = inst_json(&b->inst, 20000, e, "reload", NULL);
	json_decref(o);
	return !o || net_watch_carrier(watch, b->inst.tap, false, 20000, e) ||
		       net_watch_carrier(watch, b->inst.tap, true, 60000, e)
		   ? -1
		   : 0;
}

static int end_guest(struct bench *b, struct err *e)
{
	if (!b->mode)
		return 0;
	b->mode = NULL;
	return boot_down(&b->inst, e);
}

/* The guest is in the mode that the row needs, and the host has a lease. */
static int prepare(struct bench *b, enum row row, struct err *e)
{
	const char *mode = names[row == DIRECT ? CLONE : row];
	struct lease l;

	if (b->mode && strcmp(b->mode, mode) == 0)
		return 0;
	if ((b->mode ? change_mode(b, mode, e) : start_guest(b, mode, e)) ||
	    net_dhcp("udhcpc", b->inst.tap, 20000, &l, e))
		return -1;
	b->mode = mode;
	/* In mode clone the gateway is the air's; in mode nat it is the guest. */
	if (strcmp(mode, "clone") == 0)
		snprintf(b->server, sizeof(b->server), "%s", l.gateway);
	return 0;
}

static int measure_peer(struct bench *b, struct rate *r, struct err *e)
{
	struct lease l;
	int rc;

	if (end_guest(b, e) || peer_start(&b->peer, b->args, b->args_len, e))
		return -1;
	rc =
	    net_dhcp("udhcpc", PEER_TAP, 20000, &l, e) || measure(b, PEER, r, e) ? -1 : 0;
	peer_stop(&b->peer);
	return rc;
}

static int one_pass(struct bench *b, enum air air, int pass, struct err *e)
{
	printf("%s, pass %d of %d ...\n", airs[air].name, pass + 1, b->passes);
	for (int i = 0; i < ROWS; i++) {
		enum row row = (enum row)(pass % 2 ? ROWS - 1 - i : i);
		struct rate *r = &b->rate[air][row][pass];

		if (row == PEER ? measure_peer(b, r, e)
				: prepare(b, row, e) || measure(b, row, r, e))
			return -1;
	}
	return 0;
}

static int throughput(struct bench *b, struct err *e)
{
	for (enum air air = AIR_WPA2; air < AIRS; air++) {
		inst_init(&b->inst, "bench", airs[air].scenario);
		/* On a busy machine a guest that sends all it can answers late. */
		inst_set(&b->inst, "beat", "60");
		memcpy(b->base, b->inst.settings, sizeof(b->base));
		for (int pass = 0; pass < b->passes; pass++)
			if (one_pass(b, air, pass, e))
				return -1;
		/* The next one's is another scenario. */
		if (end_guest(b, e))
			return -1;
	}
	return 0;
}

static int run(struct bench *b, struct err *e)
{
	inst_init(&b->inst, "bench", "wpa2");
	inst_remove(&b->inst);
	return boot_measure(&b->boot, e) ? -1 : throughput(b, e);
}

static struct rate middle(const struct bench *b, enum air air, enum row row)
{
	double down[PASSES_MAX], up[PASSES_MAX], cpu[PASSES_MAX];

	for (int i = 0; i < b->passes; i++) {
		down[i] = b->rate[air][row][i].down;
		up[i] = b->rate[air][row][i].up;
		cpu[i] = b->rate[air][row][i].cpu;
	}
	return (struct rate){bench_median(down, b->passes), bench_median(up, b->passes),
	    bench_median(cpu, b->passes)};
}

static struct rate ratio(const struct rate *r, const struct rate *base)
{
	return (struct rate){r->down / base->down, r->up / base->up, r->cpu / base->cpu};
}

static json_t *rate_json(const struct rate *r)
{
	return json_pack("{s:f, s:f, s:f}", "down_mbps", r->down, "up_mbps", r->up,
	    "vmm_cpu_s_per_gb", r->cpu);
}

/* NAME, with each pass, and NAME_to_BASE. */
static void put_row(json_t *o, const struct bench *b, enum air air, enum row row)
{
	struct rate r = middle(b, air, row);
	json_t *own = rate_json(&r), *passes = json_array();

	for (int i = 0; i < b->passes; i++)
		json_array_append_new(passes, rate_json(&b->rate[air][row][i]));
	json_object_set_new(own, "passes", passes);
	json_object_set_new(o, names[row], own);
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		struct rate base = middle(b, air, bases[i]), to = ratio(&r, &base);
		char key[32];

		if (row == DIRECT || row == bases[i])
			continue;
		snprintf(key, sizeof(key), "%s_to_%s", names[row], names[bases[i]]);
		json_object_set_new(o, key,
		    json_pack("{s:f, s:f, s:f}", "down", to.down, "up", to.up, "vmm_cpu",
			to.cpu));
	}
}

static void print_rates(const struct bench *b, enum air air)
{
	printf("\nMbit/s, air: %-8s           down       up   VMM CPU s/GB\n",
	    airs[air].name);
	for (enum row row = DIRECT; row < ROWS; row++) {
		struct rate r = middle(b, air, row);

		printf("  %-22s %8.1f %8.1f %12.1f\n",
		    row == DIRECT ? "direct, in the guest"
		    : row == PEER ? "peer, e1000+iptables"
				  : names[row],
		    r.down, r.up, r.cpu);
	}
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		struct rate base = middle(b, air, bases[i]);

		for (enum row row = CLONE; row < ROWS; row++) {
			struct rate r = middle(b, air, row), to = ratio(&r, &base);
			char name[32];

			if (row == bases[i])
				continue;
			snprintf(
			    name, sizeof(name), "%s / %s", names[row], names[bases[i]]);
			printf(
			    "  %-22s %8.2f %8.2f %12.2f\n", name, to.down, to.up, to.cpu);
		}
	}
}

static int report(const struct bench *b, const char *path, struct err *e)
{
	json_t *o;
	char *text;
	int rc;

	for (enum air air = AIR_WPA2; air < AIRS; air++)
		print_rates(b, air);
	boot_print(&b->boot);
	o = json_pack("{s:o?}", "boot", boot_json(&b->boot));
	for (enum air air = AIR_WPA2; o && air < AIRS; air++) {
		json_t *own = json_object();

		for (enum row row = DIRECT; row < ROWS; row++)
			put_row(own, b, air, row);
		json_object_set_new(o, airs[air].name, own);
	}
	text = o ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
	rc = text ? fs_write_atomic(path, 0644, text, strlen(text), e)
		  : err_set(e, ERR_FAILED, "%s: no figures", path);
	free(text);
	json_decref(o);
	return rc;
}

int main(int argc, char **argv)
{
	struct bench b = {.passes = PASSES};
	struct err e = ERR_INIT;
	int rc;

	if (argc == 3)
		b.passes = atoi(argv[2]);
	if (argc < 2 || argc > 3 || b.passes < 1 || b.passes > PASSES_MAX) {
		fprintf(stderr, "usage: bench FILE [PASSES]\n");
		return ERR_USAGE;
	}
	rc = ns_check_tun(&e) || boot_make(&b.boot, &e) ? -1 : 0;
	/* Its packages come over the network, which the namespace has not. */
	if (!rc && !peer_make(&b.peer, PEER_INIT, &e) && !ns_enter(&e))
		rc = run(&b, &e) || report(&b, argv[1], &e) ? -1 : 0;
	boot_end(&b.boot);
	peer_remove(&b.peer);
	free(b.args);
	if (e.code)
		fprintf(stderr, "bench: %s%s%s%s\n", e.msg, e.hint[0] ? " (" : "", e.hint,
		    e.hint[0] ? ")" : "");
	return e.code ? (int)e.code : rc != 0;
}
