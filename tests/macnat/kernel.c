/*
 * macnat's programs in a kernel, run on the cases by BPF_PROG_TEST_RUN: as an ordinary
 * program, or as PID 1 of a guest that has nothing else, which it then powers off.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "case.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Woverlength-strings"
#include "macnat.skel.h"
#pragma GCC diagnostic pop

static struct macnat_bpf *skel;

int rig_kernel_open(void)
{
	struct macnat_config config = {.host_if = RIG_HOST_IF, .air_if = RIG_AIR_IF};

	skel = macnat_bpf__open();
	if (skel == NULL)
		return -1;
	memcpy(&config.mac, rig_radio, 6);
	memcpy((void *)(uintptr_t)&skel->rodata->config, &config, sizeof(config));
	return macnat_bpf__load(skel) < 0 ? -1 : 0;
}

static int kernel_run(enum rig_way way, uint8_t *frame, size_t *len)
{
	static uint8_t out[RIG_FRAME_MAX];
	struct bpf_test_run_opts opts = {.sz = sizeof(opts),
	    .data_in = frame,
	    .data_out = out,
	    .data_size_in = (uint32_t)*len,
	    .data_size_out = sizeof(out),
	    .repeat = 1};
	const struct bpf_program *prog =
	    way == RIG_OUT ? skel->progs.macnat_out : skel->progs.macnat_in;

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
		return -1;
	memcpy(frame, out, opts.data_size_out);
	*len = opts.data_size_out;
	return (int)opts.retval;
}

static uint64_t kernel_count(enum macnat_count what)
{
	return skel->bss->counts[what];
}

/* Calls f with each key of a table; it may delete it. */
static void each(const struct bpf_map *map, void (*f)(int fd, void *key))
{
	static uint8_t keys[MACNAT_TABLE6][16];
	int fd = bpf_map__fd(map);
	void *last = NULL;
	size_t n = 0;

	while (n < MACNAT_TABLE6 && bpf_map_get_next_key(fd, last, keys[n]) == 0)
		last = keys[n++];
	for (size_t i = 0; i < n; i++)
		f(fd, keys[i]);
}

static unsigned older_by;

static void make_older(int fd, void *key)
{
	struct macnat_host h;

	if (bpf_map_lookup_elem(fd, key, &h) < 0)
		return;
	h.seen -= MACNAT_TICKS(older_by);
	bpf_map_update_elem(fd, key, &h, BPF_EXIST);
}

static void forget(int fd, void *key)
{
	bpf_map_delete_elem(fd, key);
}

static void kernel_age(unsigned seconds)
{
	older_by = seconds;
	each(skel->maps.hosts4, make_older);
	each(skel->maps.hosts6, make_older);
}

static void kernel_reset(void)
{
	each(skel->maps.hosts4, forget);
	each(skel->maps.hosts6, forget);
	memset(skel->bss->counts, 0, sizeof(skel->bss->counts));
}

const struct rig rig_kernel = {
    "kernel", kernel_run, kernel_count, kernel_age, kernel_reset};

/* What a packet costs, for one who looks. */
static void show_cost(void)
{
	static uint8_t frame[1514] = {[0] = 0x02,
	    0xbb,
	    [6] = 0x02,
	    0xaa,
	    [12] = 0x08,
	    0,
	    0x45,
	    [23] = 6,
	    [26] = 192,
	    0,
	    2,
	    2,
	    192,
	    0,
	    2,
	    1};
	struct bpf_test_run_opts opts = {.sz = sizeof(opts),
	    .data_in = frame,
	    .data_size_in = sizeof(frame),
	    .repeat = 100000};

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.macnat_out), &opts) == 0)
		printf("# a packet out: %u ns\n", opts.duration);
}

static bool run_one(size_t number, const struct rig_case *c)
{
	bool good;

	rig_kernel.reset();
	good = c->run(&rig_kernel);
	printf("%sok %zu - %s\n", good ? "" : "not ", number, c->name);
	return good;
}

static int run_all(void)
{
	static const struct rig_case agrees = {"model_agrees", model_agrees};
	struct utsname u;
	int failed = 0;

	uname(&u);
	printf("1..%zu\n# kernel %s\n", rig_case_count + 2, u.release);
	if (rig_kernel_open() < 0) {
		printf("not ok 1 - the programs are loaded: %s\n", strerror(errno));
		return 1;
	}
	printf("ok 1 - the programs are loaded\n");
	rig_refusing = &rig_kernel;
	for (size_t i = 0; i < rig_case_count; i++)
		failed += !run_one(i + 2, &rig_cases[i]);
	failed += !run_one(rig_case_count + 2, &agrees);
	show_cost();
	macnat_bpf__destroy(skel);
	return failed;
}

int main(void)
{
	int failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	failed = run_all();
	printf("macnat: %zu cases, %d failed\n", rig_case_count + 2, failed);
	fflush(stdout);
	if (getpid() == 1)
		reboot(RB_AUTOBOOT); /* ends a VMM that was told not to reboot */
	return failed != 0;
}
