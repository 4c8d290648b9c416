#include "boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "fs.h"
#include "net.h"
#include "paths.h"
#include "peer.h"
#include "tree.h"

#define IMAGE_MS (90 * 60 * 1000)
#define ARGS_MAX 128
#define VALUES_MAX 100

static const char *const kernels[] = {
    [KERNEL_DISTRIBUTION] = "distribution", [KERNEL_SMALL] = "small"};
_Static_assert(ARRAY_LEN(kernels) == KERNELS, "a name for each");

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(const double *v, int n)
{
	double sorted[VALUES_MAX];

	memcpy(sorted, v, (size_t)n * sizeof(*v));
	qsort(sorted, (size_t)n, sizeof(*v), compare);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static int make_initrd(struct boot *b, struct err *e)
{
	struct tree t = {0};
	char *init;
	size_t len;
	int rc;

	snprintf(
	    b->initrd, sizeof(b->initrd), "/tmp/bhyfi-bench-%d.initrd", (int)getpid());
	if (fs_read_file(BENCH_INIT, 16 * 1024 * 1024, &init, &len, e))
		return -1;
	rc = tree_file(&t, "init", init, len, 0755, NO_PACKAGE, e) < 0 ||
		     tree_write_cpio(&t, b->initrd, 0, 0, NULL, e) < 0
		 ? -1
		 : 0;
	tree_free(&t);
	return rc;
}

int boot_make(struct boot *b, struct err *e)
{
	const char *const image[] = {
	    BHYFI_TEST_BIN "/bhyfi", "image", "build", "--air", "--current", NULL};
	const char *const small[] = {BHYFI_TEST_BIN "/bhyfi", "image", "build", "--air",
	    "--kernel", "small", "--output", b->small, NULL};
	int status = 0;

	snprintf(b->small, sizeof(b->small), PATH_DB "/bench-small");
	if (child_show(image, IMAGE_MS, &status, e) < 0)
		return -1;
	if (status != 0)
		return err_set(e, ERR_FAILED, "the image could not be built");
	printf("an image with the small kernel; the first time that takes minutes ...\n");
	fflush(stdout);
	if (child_show(small, IMAGE_MS, &status, e) < 0)
		return -1;
	if (status != 0)
		snprintf(b->why_not, sizeof(b->why_not),
		    "its image could not be built, see above");
	return make_initrd(b, e);
}

void boot_end(struct boot *b)
{
	unlink(b->initrd);
}

int boot_args(pid_t pid, char **args, size_t *len, struct err *e)
{
	char path[64];

	free(*args);
	*args = NULL;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	return fs_read_file(path, 65536, args, len, e);
}

/* With what of the VMM's options makes the machine. */
static int floor_boot(const struct boot *b, enum kernel k, const char *args, size_t len,
    double *ms, struct err *e)
{
	const char *const same[] = {
	    "-machine", "-accel", "-cpu", "-m", "-smp", "-append"};
	char kernel[PATH_MAX + 16];
	const char *argv[ARGS_MAX] = {args, "-nodefaults", "-no-user-config", "-display",
	    "none", "-no-reboot", "-serial", "stdio", "-kernel", kernel, "-initrd",
	    b->initrd};
	int64_t start = clock_ms();
	struct child c;
	int n = 12, rc;

	snprintf(kernel, sizeof(kernel), "%s/vmlinux",
	    k == KERNEL_SMALL ? b->small : PATH_IMAGES "/current");
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		if (!peer_option(args, len, same[i]))
			continue;
		argv[n++] = same[i];
		argv[n++] = peer_option(args, len, same[i]);
	}
	if (child_start(&c, argv, e))
		return -1;
	rc = child_wait_text(&c, "bhyfi-floor", BOOT_MS, e);
	*ms = (double)(clock_ms() - start);
	child_free(&c);
	return rc;
}

int boot_down(const struct inst *i, struct err *e)
{
	json_t *o = inst_json(i, 60000, e, "down", NULL);

	json_decref(o);
	return o ? 0 : -1;
}

/* What the guest took, and the VMM's options. */
static int read_status(
    const struct inst *i, struct start *s, char **args, size_t *len, struct err *e)
{
	json_t *o = inst_json(i, 10000, e, "status", NULL);
	int rc;

	if (!o)
		return -1;
	s->assoc = number_at(o, "guest_stages.associated") -
		   number_at(o, "guest_stages.supplicant");
	rc = number_at(o, "guest_stages.supplicant") < 0
		 ? err_set(e, ERR_FAILED, "the guest did not say when it was associated")
		 : boot_args((pid_t)number_at(o, "pid"), args, len, e);
	json_decref(o);
	return rc;
}

static int one_start(struct boot *b, enum kernel k, struct start *s, struct err *e)
{
	AUTO_FREE char *args = NULL;
	struct inst i;
	struct lease l;
	size_t len = 0;
	int64_t began;
	json_t *o;

	inst_init(&i, "bench", "wpa2");
	if (k == KERNEL_SMALL)
		inst_set(&i, "image", b->small);
	if (inst_write(&i, e))
		return -1;
	began = clock_ms();
	o = inst_json(&i, BOOT_MS + 10000, e, "up", "--wait", "120", NULL);
	if (!o)
		return -1;
	json_decref(o);
	s->up = (double)(clock_ms() - began);
	if (net_dhcp("udhcpc", i.tap, 20000, &l, e))
		return -1;
	s->lease = (double)(clock_ms() - began);
	if (read_status(&i, s, &args, &len, e) || boot_down(&i, e))
		return -1;
	return floor_boot(b, k, args, len, &s->pid1, e);
}

static bool is_there(const struct boot *b, enum kernel k)
{
	return k != KERNEL_SMALL || b->why_not[0] == '\0';
}

int boot_measure(struct boot *b, struct err *e)
{
	for (int i = 0; i < BOOT_ROUNDS; i++) {
		printf("start %d of %d ...\n", i + 1, BOOT_ROUNDS);
		fflush(stdout);
		for (enum kernel k = KERNEL_DISTRIBUTION; k < KERNELS; k++)
			if (is_there(b, k) && one_start(b, k, &b->starts[k][i], e))
				return -1;
	}
	return 0;
}

static struct start middle(const struct boot *b, enum kernel k)
{
	double v[4][BOOT_ROUNDS];

	for (int i = 0; i < BOOT_ROUNDS; i++) {
		v[0][i] = b->starts[k][i].pid1;
		v[1][i] = b->starts[k][i].assoc;
		v[2][i] = b->starts[k][i].up;
		v[3][i] = b->starts[k][i].lease;
	}
	return (struct start){bench_median(v[0], BOOT_ROUNDS),
	    bench_median(v[1], BOOT_ROUNDS), bench_median(v[2], BOOT_ROUNDS),
	    bench_median(v[3], BOOT_ROUNDS)};
}

static double to_floor(const struct start *s)
{
	return s->lease / (s->pid1 + s->assoc);
}

void boot_print(const struct boot *b)
{
	printf(
	    "\nStarts, s (medians of %d); kernel:   distribution      small    ratio\n",
	    BOOT_ROUNDS);
	struct start d = middle(b, KERNEL_DISTRIBUTION), s = middle(b, KERNEL_SMALL);
	const struct {
		const char *name;
		double d, s;
	} rows[] = {{"floor: VMM start to PID 1", d.pid1, s.pid1},
	    {"floor: supplicant to association", d.assoc, s.assoc},
	    {"bhyfi up --wait", d.up, s.up},
	    {"bhyfi up --wait, then a lease", d.lease, s.lease}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		printf("  %-34s %12.2f", rows[i].name, rows[i].d / 1e3);
		if (is_there(b, KERNEL_SMALL))
			printf(" %10.2f %8.2f", rows[i].s / 1e3, rows[i].s / rows[i].d);
		printf("\n");
	}
	printf("  %-34s %12.2f", "lease / floor", to_floor(&d));
	if (is_there(b, KERNEL_SMALL))
		printf(" %10.2f\n", to_floor(&s));
	else
		printf("   (no small kernel: %s)\n", b->why_not);
}

json_t *boot_json(const struct boot *b)
{
	json_t *o = json_object();

	for (enum kernel k = KERNEL_DISTRIBUTION; k < KERNELS; k++) {
		struct start s = middle(b, k);

		if (is_there(b, k))
			json_object_set_new(o, kernels[k],
			    json_pack("{s:f, s:f, s:f, s:f, s:f}", "floor_pid1_s",
				s.pid1 / 1e3, "floor_association_s", s.assoc / 1e3,
				"up_s", s.up / 1e3, "lease_s", s.lease / 1e3, "ratio",
				to_floor(&s)));
	}
	return o;
}
