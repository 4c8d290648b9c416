#include <string.h>

#include "frame.h"

const uint8_t rig_radio[6] = {0x02, 0, 0, 0, 0, 0x01};

static bool same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, 6) == 0;
}

static bool is_type(const uint8_t *p, unsigned type)
{
	return p[12] == type >> 8 && p[13] == (type & 0xff);
}

static const char *sane_out(const uint8_t *before, const uint8_t *after, size_t len)
{
	if (!same(after + 6, rig_radio))
		return "a host's address went out";
	if (!same(after, before) || memcmp(after + 12, before + 12, 2) != 0)
		return "another destination or type";
	if (is_type(after, ETH_P_ARP) && (len < 42 || !same(after + 22, rig_radio)))
		return "ARP with a host's address went out";
	return NULL;
}

static const char *sane_in(const uint8_t *before, const uint8_t *after, size_t len,
    bool (*known)(const uint8_t mac[6]))
{
	if (memcmp(after + 6, before + 6, 8) != 0)
		return "another source or type";
	if ((after[0] & 1) == 0 && !known(after))
		return "to somebody who is no host";
	/* All else stays, but whom an ARP is for. */
	if (is_type(after, ETH_P_ARP)) {
		if (memcmp(after + 14, before + 14, 18) != 0 ||
		    memcmp(after + 38, before + 38, len - 38) != 0)
			return "ARP was changed";
	} else if (memcmp(after + 14, before + 14, len - 14) != 0) {
		return "the packet was changed";
	}
	return NULL;
}

bool rig_sane(enum rig_way way, const uint8_t *before, const uint8_t *after, size_t len,
    int verdict, bool (*known)(const uint8_t mac[6]), const char **why)
{
	*why = NULL;
	switch (verdict) {
	case TC_ACT_OK:
		if (way != RIG_IN ||
		    (!is_type(before, ETH_P_PAE) && !is_type(before, ETH_P_PREAUTH)))
			*why = "left to the guest";
		break;
	case TC_ACT_SHOT:
		break;
	case TC_ACT_REDIRECT:
		*why = way == RIG_OUT ? sane_out(before, after, len)
				      : sane_in(before, after, len, known);
		if (*why == NULL && frame_sum_ok(before, len) &&
		    !frame_sum_ok(after, len))
			*why = "the checksum was right";
		break;
	default:
		*why = "no such verdict";
		break;
	}
	return *why == NULL;
}
