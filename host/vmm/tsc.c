/*
 * Why the guest is told the frequency of its time stamp counter: without KVM it is
 * the host's, and the guest measures it against the PIT. On a busy host that
 * measurement fails, microvm has no other clock to measure against, and the
 * kernel then hangs in "Calibrating delay loop".
 */
#include "tsc.h"

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)

#define SAMPLES 16
#define WINDOW_NS 10000000

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A pair of readings of one moment: the tightest of several, as we may be
 * interrupted between the two. */
static void sample(int64_t *ns, uint64_t *ticks)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < SAMPLES; i++) {
		int64_t before = now_ns();
		uint64_t t = __builtin_ia32_rdtsc();
		int64_t after = now_ns();

		if (after - before < best) {
			best = after - before;
			*ns = before + (after - before) / 2;
			*ticks = t;
		}
	}
}

unsigned tsc_khz(void)
{
	const struct timespec window = {.tv_nsec = WINDOW_NS};
	int64_t ns[2] = {0, 0};
	uint64_t ticks[2] = {0, 0};

	sample(&ns[0], &ticks[0]);
	nanosleep(&window, NULL);
	sample(&ns[1], &ticks[1]);
	if (ns[1] <= ns[0] || ticks[1] <= ticks[0])
		return 0;
	return (unsigned)((ticks[1] - ticks[0]) * 1000000 / (uint64_t)(ns[1] - ns[0]));
}

#else

unsigned tsc_khz(void)
{
	return 0;
}

#endif
