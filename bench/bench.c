/*
 * Ratios from one run on one machine; absolute figures say little under emulation.
 *
 *     bench FILE    prints a table and writes the same to FILE as JSON
 *
 * Boot: `bhyfi up --wait` and a DHCP client's lease, against the floor: the same
 * VMM with the same options and kernel from its start to a PID 1 that does nothing,
 * plus what wpa_supplicant takes from its start to association. Medians of ROUNDS.
 *
 * Throughput: iperf3 in the guest to the AP ("direct", the limit of every data
 * path), and from the host through each mode, one after the other in the same guest.
 * `wds` is the kernel's bridge, as people set it up by hand. Under emulation with one
 * processor the direct one has both its ends on the emulated processor.
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

#define ROUNDS 3
#define SECONDS 5
#define BOOT_MS 120000
#define ARGS_MAX 128

struct rate {
	double down, up; /* Mbit/s */
	double cpu;      /* seconds of the VMM per GB, both directions together */
};

static const char *const modes[] = {"clone", "wds", "macnat", "nat"};
#define MODES ARRAY_LEN(modes)

struct bench {
	struct inst inst;
	char initrd[PATH_MAX];
	double up_ms[ROUNDS], lease_ms[ROUNDS], boot_ms[ROUNDS], assoc_ms[ROUNDS];
	struct rate direct, mode[MODES];
	char server[ADDRESS_MAX]; /* iperf3's, in the air */
	char *args;               /* the VMM's argument vector, NUL between */
	size_t args_len;
};

static double median(const double *v)
{
	double a = v[0], b = v[1], c = v[2];

	_Static_assert(ROUNDS == 3, "a median of three");
	return fmax(fmin(a, b), fmin(fmax(a, b), c));
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

/* The value behind an option of the VMM that ran; NULL without it. */
static const char *vmm_option(const struct bench *b, const char *option)
{
	for (size_t at = 0; at < b->args_len; at += strlen(b->args + at) + 1) {
		size_t next = at + strlen(b->args + at) + 1;

		if (strcmp(b->args + at, option) == 0 && next < b->args_len)
			return b->args + next;
	}
	return NULL;
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
		if (!vmm_option(b, same[i]))
			continue;
		argv[n++] = same[i];
		argv[n++] = vmm_option(b, same[i]);
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

	if (!process_find("qemu", b->inst.name, 0, &p) &&
	    !process_find("qemu-system-x86", b->inst.name, 0, &p))
		return NAN;
	return (double)p.cpu_ticks / (double)sysconf(_SC_CLK_TCK);
}

static void finish_rate(struct rate *r, double cpu)
{
	double gigabytes = (r->down + r->up) * SECONDS / 8 / 1000;

	r->cpu = gigabytes > 0 ? cpu / gigabytes : 0;
}

static int direct(struct bench *b, struct err *e)
{
	const char *const ways[] = {"reverse=true", "reverse=false"};
	double *const rates[] = {&b->direct.down, &b->direct.up}, cpu = vmm_cpu(b);

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
	finish_rate(&b->direct, vmm_cpu(b) - cpu);
	return 0;
}

static int speedtest(struct bench *b, struct rate *r, struct err *e)
{
	double cpu = vmm_cpu(b);
	json_t *o =
	    inst_json(&b->inst, 60000, e, "speedtest", "--time", "5", b->server, NULL);

	if (!o)
		return -1;
	r->down = number_at(o, "down_mbps");
	r->up = number_at(o, "up_mbps");
	json_decref(o);
	finish_rate(r, vmm_cpu(b) - cpu);
	return 0;
}

/* Another mode while the guest runs: the interface is unplugged and plugged in again. */
static int change_mode(struct bench *b, const char *base, const char *mode, struct err *e)
{
	AUTO_CLOSE int watch = net_watch(e);
	json_t *o;

	snprintf(b->inst.settings, sizeof(b->inst.settings), "%smode = %s\n", base, mode);
	if (watch < 0 || inst_write(&b->inst, e))
		return -1;
	o = inst_json(&b->inst, 20000, e, "reload", NULL);
	json_decref(o);
	return !o || net_watch_carrier(watch, b->inst.tap, false, 20000, e) ||
		       net_watch_carrier(watch, b->inst.tap, true, 60000, e)
		   ? -1
		   : 0;
}

/* All in one guest, whose access point takes WDS stations. */
static int throughput(struct bench *b, struct err *e)
{
	char base[INST_EXTRA_MAX];
	struct lease l;
	json_t *o;

	inst_init(&b->inst, "bench", "wds");
	memcpy(base, b->inst.settings, sizeof(base));
	if (inst_write(&b->inst, e))
		return -1;
	o = inst_json(&b->inst, BOOT_MS + 10000, e, "up", "--wait", "120", NULL);
	json_decref(o);
	if (!o)
		return -1;
	for (size_t i = 0; i < MODES; i++) {
		printf("mode %s ...\n", modes[i]);
		fflush(stdout);
		if ((i > 0 && change_mode(b, base, modes[i], e)) ||
		    net_dhcp("udhcpc", b->inst.tap, 20000, &l, e))
			return -1;
		/* In mode clone the gateway is the air's; in mode nat it is the guest. */
		if (i == 0)
			snprintf(b->server, sizeof(b->server), "%s", l.gateway);
		if ((i == 0 && direct(b, e)) || speedtest(b, &b->mode[i], e))
			return -1;
	}
	return down(b, e);
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

static json_t *rate_json(const struct rate *r)
{
	return json_pack("{s:f, s:f, s:f}", "down_mbps", r->down, "up_mbps", r->up,
	    "vmm_cpu_s_per_gb", r->cpu);
}

static void rate_row(const char *name, const struct rate *r)
{
	printf("  %-22s %8.1f %8.1f %12.1f\n", name, r->down, r->up, r->cpu);
}

/* NAME and NAME_to_direct. */
static void put_mode(json_t *o, const struct bench *b, size_t i)
{
	const struct rate *r = &b->mode[i];
	char ratio[32];

	json_object_set_new(o, modes[i], rate_json(r));
	snprintf(ratio, sizeof(ratio), "%s_to_direct", modes[i]);
	json_object_set_new(o, ratio,
	    json_pack("{s:f, s:f}", "down", r->down / b->direct.down, "up",
		r->up / b->direct.up));
}

static int report(const struct bench *b, const char *path, struct err *e)
{
	double boot = median(b->boot_ms), assoc = median(b->assoc_ms);
	double lease = median(b->lease_ms), ratio = lease / (boot + assoc);
	json_t *o;
	char *text;
	int rc;

	printf("\nThroughput, Mbit/s           down       up   VMM CPU s/GB\n");
	rate_row("direct, in the guest", &b->direct);
	for (size_t i = 0; i < MODES; i++)
		rate_row(modes[i], &b->mode[i]);
	for (size_t i = 0; i < MODES; i++)
		printf("  %-6s / direct %15.2f %8.2f %12.2f\n", modes[i],
		    b->mode[i].down / b->direct.down, b->mode[i].up / b->direct.up,
		    b->mode[i].cpu / b->direct.cpu);
	printf("\nBoot, s (medians of %d)\n", ROUNDS);
	printf("  %-32s %6.2f\n", "floor: VMM start to PID 1", boot / 1e3);
	printf("  %-32s %6.2f\n", "floor: supplicant to association", assoc / 1e3);
	printf("  %-32s %6.2f\n", "bhyfi up --wait", median(b->up_ms) / 1e3);
	printf("  %-32s %6.2f\n", "bhyfi up --wait, then a lease", lease / 1e3);
	printf("  %-32s %6.2f\n", "lease / floor", ratio);
	o = json_pack("{s:o, s:{s:f, s:f, s:f, s:f, s:f}}", "direct",
	    rate_json(&b->direct), "boot", "floor_pid1_s", boot / 1e3,
	    "floor_association_s", assoc / 1e3, "up_s", median(b->up_ms) / 1e3, "lease_s",
	    lease / 1e3, "ratio", ratio);
	for (size_t i = 0; o && i < MODES; i++)
		put_mode(o, b, i);
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
	    BHYFI_TEST_BIN "/bhyfi", "image", "build", "--air", NULL};
	struct bench b = {.args = NULL};
	struct err e = ERR_INIT;
	int status = 0, rc;

	if (argc != 2) {
		fprintf(stderr, "usage: bench FILE\n");
		return ERR_USAGE;
	}
	rc = ns_check_tun(&e) || child_show(image, 1800000, &status, &e) ? -1 : 0;
	if (!rc && status)
		rc = err_set(&e, ERR_FAILED, "the image could not be built");
	if (!rc && !ns_enter(&e))
		rc = run(&b, &e) || report(&b, argv[1], &e) ? -1 : 0;
	unlink(b.initrd);
	free(b.args);
	if (e.code)
		fprintf(stderr, "bench: %s%s%s%s\n", e.msg, e.hint[0] ? " (" : "", e.hint,
		    e.hint[0] ? ")" : "");
	return e.code ? (int)e.code : rc != 0;
}
