/* macnat's programs on a model of the kernel; the cases are those that run in the
 * kernel too (tests/macnat). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"

static void run_case(void **state)
{
	const struct rig_case *c = *state;
	const struct rig *const rigs[] = {&rig_native, &rig_split};

	for (size_t i = 0; i < 2; i++) {
		rigs[i]->reset();
		assert_true(c->run(rigs[i]));
	}
}

static const uint8_t host[6] = {0x02, 0xaa, 0, 0, 0, 1}, router[6] = {0x02, 0xbb};

/* A tag that the card has taken off the frame. */
static void tagged_frames_are_dropped(void **state)
{
	struct frame f;

	(void)state;
	rig_native.reset();
	rig_native_tag(true);
	frame_eth(&f, router, host, ETH_P_IP);
	frame_ip4(&f, 0xc0000202, 0xc0000201, 1, 0, 0);
	frame_finish(&f);
	assert_int_equal(rig_native.run(RIG_OUT, f.data, &f.len), TC_ACT_SHOT);
	memcpy(f.data, rig_radio, 6);
	memcpy(f.data + 6, router, 6);
	assert_int_equal(rig_native.run(RIG_IN, f.data, &f.len), TC_ACT_SHOT);
	assert_int_equal(rig_native.count(MACNAT_DROP_TAGGED), 2);
	rig_native.reset();
}

/* Which the kernel takes for no frame, so that only the model can have them. */
static void bare_headers_are_dropped(void **state)
{
	struct frame f;

	(void)state;
	for (size_t len = 0; len <= 14; len++) {
		for (int way = RIG_OUT; way <= RIG_IN; way++) {
			frame_eth(&f, rig_radio, router, ETH_P_ARP);
			if (way == RIG_OUT)
				frame_eth(&f, router, host, ETH_P_ARP);
			f.len = len;
			rig_native.reset();
			assert_int_equal(
			    rig_native.run((enum rig_way)way, f.data, &f.len),
			    TC_ACT_SHOT);
			assert_int_equal(rig_native.count(MACNAT_DROP_SHORT), 1);
		}
	}
}

/* What an offload fills in later is not amended before. */
static void partial_checksums_are_left(void **state)
{
	struct frame f, before;

	(void)state;
	rig_native.reset();
	rig_native_partial(true);
	frame_eth(&f, router, host, ETH_P_IPV6);
	frame_ip6(&f, (const uint8_t *)"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
	    (const uint8_t *)"\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 58);
	frame_hex(&f, "8500000000000000");
	frame_lladdr(&f, 1, host);
	frame_finish(&f);
	before = f;
	assert_int_equal(rig_native.run(RIG_OUT, f.data, &f.len), TC_ACT_REDIRECT);
	assert_memory_equal(f.data + 54 + 2, before.data + 54 + 2, 2);
	assert_memory_equal(f.data + f.len - 6, rig_radio, 6);
	rig_native.reset();
}

int main(void)
{
	struct CMUnitTest tests[64] = {
	    cmocka_unit_test(tagged_frames_are_dropped),
	    cmocka_unit_test(partial_checksums_are_left),
	    cmocka_unit_test(bare_headers_are_dropped),
	};
	size_t n = 3;

	for (size_t i = 0; i < rig_case_count; i++)
		tests[n++] = (struct CMUnitTest){
		    .name = rig_cases[i].name,
		    .test_func = run_case,
		    .initial_state = (void *)(uintptr_t)&rig_cases[i],
		};
	return _cmocka_run_group_tests("macnat", tests, n, NULL, NULL);
}
