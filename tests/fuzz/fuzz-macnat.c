/* Frames of hosts and of the air, as they may come: macnat's programs on a model of the
 * kernel. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define SENT_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Who has sent frames so far. */
static uint8_t sent[SENT_MAX][6];
static size_t n_sent;

static bool known(const uint8_t mac[6])
{
	for (size_t i = 0; i < n_sent; i++)
		if (memcmp(sent[i], mac, 6) == 0)
			return true;
	return false;
}

static void one(const struct rig *rig, enum rig_way way, uint8_t *frame, size_t len)
{
	uint8_t before[256];
	size_t after = len;
	const char *why;
	int verdict;

	memcpy(before, frame, len);
	if (way == RIG_OUT && len >= 14 && n_sent < SENT_MAX)
		memcpy(sent[n_sent++], frame + 6, 6);
	verdict = rig->run(way, frame, &after);
	if (len < 14 ? verdict != TC_ACT_SHOT
		     : !rig_sane(way, before, frame, len, verdict, known, &why))
		abort();
}

/*
 * Records: a byte of flags (1: from the air; 2: to the radio's own address;
 * 4: some time passes; 8: only the Ethernet header is in place), a byte of length, the
 * frame.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t frame[256];

	rig_native.reset();
	n_sent = 0;
	while (size >= 2 && n_sent < SENT_MAX) {
		unsigned flags = data[0];
		size_t n = data[1] < size - 2 ? data[1] : size - 2;

		memcpy(frame, data + 2, n);
		if ((flags & 2) != 0 && n >= 14)
			memcpy(frame, rig_radio, 6);
		if ((flags & 4) != 0)
			rig_native.age(MACNAT_HOLD_S + 5);
		one((flags & 8) != 0 ? &rig_split : &rig_native,
		    (flags & 1) != 0 ? RIG_IN : RIG_OUT, frame, n);
		data += 2 + n;
		size -= 2 + n;
	}
	return 0;
}
