/*
 * Ratios from one run on one machine; absolute figures say little under emulation.
 *
 *     bench FILE [PASSES]    prints a table and writes the same to FILE as JSON
 *
 * Boot: `bhyfi up --wait` and a DHCP client's lease, against the floor: the same
 * VMM with the same options and kernel from its start to a PID 1 that does nothing,
 * plus what wpa_supplicant takes from its start to association. Medians of ROUNDS.
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
#include <archive.h>
#include <archive_entry.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "inst.h"
#include "net.h"
#include "ns.h"
#include "paths.h"
#include "peer.h"

#define ROUNDS 3
#define PASSES 3 /* unless said otherwise */
#define PASSES_MAX 99
#define SECONDS 5
#define BOOT_MS 120000
#define ARGS_MAX 128

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
	char initrd[PATH_MAX];
	double up_ms[ROUNDS], lease_ms[ROUNDS], boot_ms[ROUNDS], assoc_ms[ROUNDS];
	int passes;
	struct rate rate[AIRS][ROWS][PASSES_MAX];
	char base[INST_EXTRA_MAX]; /* settings without a mode */
	const char *mode;          /* of the guest that runs; NULL: none does */
	char server[ADDRESS_MAX];  /* iperf3's, in the air */
	char *args;                /* the VMM's argument vector, NUL between */
	size_t args_len;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *v, int n)
{
	double sorted[PASSES_MAX];

	memcpy(sorted, v, (size_t)n * sizeof(*v));
	qsort(sorted, (size_t)n, sizeof(*v), compare);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static int add_file(struct archive *a, const char *name, const char *data, size_t len)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (la_int64_t)len);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0755);
	rc = archive_write_header(a, entry) == ARCHIVE_OK &&
		     archive_write_data(a, data, len) == (la_ssize_t)len
		 ? 0
		 : -1;
	archive_entry_free(entry);
	return rc;
}

static int make_initrd(struct bench *b, struct err *e)
{
	struct archive *a = archive_write_new();
	AUTO_FREE char *init = NULL;
	size_t len;
	int rc;

	snprintf(
	    b->initrd, sizeof(b->initrd), "/tmp/bhyfi-bench-%d.initrd", (int)getpid());
	if (fs_read_file(BENCH_INIT, 16 * 1024 * 1024, &init, &len, e))
		return -1;
	archive_write_set_format_cpio_newc(a);
	archive_write_add_filter_none(a);
	rc = archive_write_open_filename(a, b->initrd) == ARCHIVE_OK &&
		     !add_file(a, "init", init, len) &&
		     archive_write_close(a) == ARCHIVE_OK
		 ? 0
		 : err_set(e, ERR_FAILED, "%s: %s", b->initrd, archive_error_string(a));
	archive_write_free(a);
	return rc;
}

/* From the VMM's start to PID 1, with what of its options makes the machine. */
static int floor_boot(const struct bench *b, double *ms, struct err *e)
{
	const char *const same[] = {
	    "-machine", "-accel", "-cpu", "-m", "-smp", "-append"};
	const char *argv[ARGS_MAX] = {b->args, "-nodefaults", "-no-user-config",
	    "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel",
	    PATH_IMAGES "/current/vmlinux", "-initrd", b->initrd};
	int64_t start = clock_ms();
	struct child c;
	int n = 12, rc;

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		if (!peer_option(b->args, b->args_len, same[i]))
			continue;
		argv[n++] = same[i];
		argv[n++] = peer_option(b->args, b->args_len, same[i]);
	}
	if (child_start(&c, argv, e))
		return -1;
	rc = child_wait_text(&c, "bhyfi-floor", BOOT_MS, e);
	*ms = (double)(clock_ms() - start);
	child_free(&c);
	return rc;
}

static int keep_args(struct bench *b, pid_t pid, struct err *e)
{
	char path[64];

	free(b->args);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	return fs_read_file(path, 65536, &b->args, &b->args_len, e);
}

static int round_up(struct bench *b, int round, struct err *e)
{
	int64_t start = clock_ms();
	struct lease l;
	json_t *o = inst_json(&b->inst, BOOT_MS + 10000, e, "up", "--wait", "120", NULL);

	if (!o)
		return -1;
	json_decref(o);
	b->up_ms[round] = (double)(clock_ms() - start);
	if (net_dhcp("udhcpc", b->inst.tap, 20000, &l, e))
		return -1;
	b->lease_ms[round] = (double)(clock_ms() - start);
	o = inst_json(&b->inst, 10000, e, "status", NULL);
	if (!o)
		return -1;
	b->assoc_ms[round] = number_at(o, "guest_stages.associated") -
			     number_at(o, "guest_stages.supplicant");
	if (number_at(o, "guest_stages.supplicant") < 0)
		err_set(e, ERR_FAILED, "the guest did not say when it was associated");
	else if (!keep_args(b, (pid_t)number_at(o, "pid"), e))
		round = -1;
	json_decref(o);
	return round == -1 ? 0 : -1;
}

static int down(const struct bench *b, struct err *e)
{
	json_t *o = inst_json(&b->inst, 60000, e, "down", NULL);

	json_decref(o);
	return o ? 0 : -1;
}

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
	rc = o ? keep_args(b, (pid_t)number_at(o, "pid"), e) : -1;
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
	return down(b, e);
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
	if (inst_write(&b->inst, e) || make_initrd(b, e))
		return -1;
	for (int i = 0; i < ROUNDS; i++) {
		printf("round %d of %d ...\n", i + 1, ROUNDS);
		fflush(stdout);
		if (round_up(b, i, e) || down(b, e) || floor_boot(b, &b->boot_ms[i], e))
			return -1;
	}
	return throughput(b, e);
}

static struct rate middle(const struct bench *b, enum air air, enum row row)
{
	double down[PASSES_MAX], up[PASSES_MAX], cpu[PASSES_MAX];

	for (int i = 0; i < b->passes; i++) {
		down[i] = b->rate[air][row][i].down;
		up[i] = b->rate[air][row][i].up;
		cpu[i] = b->rate[air][row][i].cpu;
	}
	return (struct rate){
	    median(down, b->passes), median(up, b->passes), median(cpu, b->passes)};
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
	double boot = median(b->boot_ms, ROUNDS), assoc = median(b->assoc_ms, ROUNDS);
	double lease = median(b->lease_ms, ROUNDS), to_floor = lease / (boot + assoc);
	json_t *o;
	char *text;
	int rc;

	for (enum air air = AIR_WPA2; air < AIRS; air++)
		print_rates(b, air);
	printf("\nBoot, s (medians of %d)\n", ROUNDS);
	printf("  %-32s %6.2f\n", "floor: VMM start to PID 1", boot / 1e3);
	printf("  %-32s %6.2f\n", "floor: supplicant to association", assoc / 1e3);
	printf("  %-32s %6.2f\n", "bhyfi up --wait", median(b->up_ms, ROUNDS) / 1e3);
	printf("  %-32s %6.2f\n", "bhyfi up --wait, then a lease", lease / 1e3);
	printf("  %-32s %6.2f\n", "lease / floor", to_floor);
	o = json_pack("{s:{s:f, s:f, s:f, s:f, s:f}}", "boot", "floor_pid1_s", boot / 1e3,
	    "floor_association_s", assoc / 1e3, "up_s", median(b->up_ms, ROUNDS) / 1e3,
	    "lease_s", lease / 1e3, "ratio", to_floor);
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
	const char *const image[] = {
	    BHYFI_TEST_BIN "/bhyfi", "image", "build", "--air", "--current", NULL};
	struct bench b = {.passes = PASSES};
	struct err e = ERR_INIT;
	int status = 0, rc;

	if (argc == 3)
		b.passes = atoi(argv[2]);
	if (argc < 2 || argc > 3 || b.passes < 1 || b.passes > PASSES_MAX) {
		fprintf(stderr, "usage: bench FILE [PASSES]\n");
		return ERR_USAGE;
	}
	rc = ns_check_tun(&e) || child_show(image, 1800000, &status, &e) ? -1 : 0;
	if (!rc && status)
		rc = err_set(&e, ERR_FAILED, "the image could not be built");
	/* Its packages come over the network, which the namespace has not. */
	if (!rc && !peer_make(&b.peer, PEER_INIT, &e) && !ns_enter(&e))
		rc = run(&b, &e) || report(&b, argv[1], &e) ? -1 : 0;
	unlink(b.initrd);
	peer_remove(&b.peer);
	free(b.args);
	if (e.code)
		fprintf(stderr, "bench: %s%s%s%s\n", e.msg, e.hint[0] ? " (" : "", e.hint,
		    e.hint[0] ? ")" : "");
	return e.code ? (int)e.code : rc != 0;
}
