/* The model that the unit tests and the fuzzer run on does as the kernel does: the same
 * frames, right and wrong ones, have the same end on both. */
#include <stdlib.h>

#include "case.h"

#define FRAMES 6000

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* One that was captured, in either direction, mostly with some of its bytes changed or
 * its end cut off. */
static enum rig_way make_frame(struct frame *f, uint32_t *state)
{
	enum rig_way way = case_captured(f, next_random(state) % case_captured_count());
	unsigned changes = next_random(state) % 4;

	if (next_random(state) % 8 == 0)
		way = way == RIG_OUT ? RIG_IN : RIG_OUT;
	for (; changes > 0; changes--) {
		/* More often in the headers. */
		size_t part = next_random(state) % 2 != 0 && f->len > 80 ? 80 : f->len;

		f->data[next_random(state) % part] = (uint8_t)next_random(state);
	}
	if (next_random(state) % 8 == 0)
		f->len = 15 + next_random(state) % (f->len - 15);
	return way;
}

bool model_agrees(const struct rig *rig)
{
	static struct frame there, here;
	uint32_t state = 1;
	unsigned refused = 0;

	rig_native.reset();
	for (unsigned i = 0; i < FRAMES; i++) {
		enum rig_way way = make_frame(&there, &state);
		int verdict;

		here = there;
		verdict = rig->run(way, there.data, &there.len);
		if (verdict == -1) {
			refused++; /* see CASE_REFUSED */
			continue;
		}
		CHECK(verdict == rig_native.run(way, here.data, &here.len));
		CHECK(there.len == here.len);
		CHECK(memcmp(there.data, here.data, here.len) == 0);
	}
	for (enum macnat_count c = 0; c < MACNAT_COUNTS; c++)
		CHECK(rig->count(c) == rig_native.count(c));
	CHECK(refused < FRAMES / 4);
	return true;
}
