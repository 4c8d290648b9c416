#include "subnet.h"

/* Private (RFC 1918), none of them some maker's or program's default. */
static const uint32_t ours[] = {
    0xc0a8d700, /* 192.168.215.0 */
    0x0adb2d00, /* 10.219.45.0 */
    0xac1db300, /* 172.29.179.0 */
    0xc0a8a500, /* 192.168.165.0 */
    0x0a5bc700, /* 10.91.199.0 */
    0xac153d00, /* 172.21.61.0 */
};

bool subnet_clashes(uint32_t subnet, const struct subnet_used *used, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t mask = used[i].mask & SUBNET_MASK;

		if (((subnet ^ used[i].address) & mask) == 0)
			return true;
	}
	return false;
}

uint32_t subnet_choose(
    uint32_t now, uint32_t wish, const struct subnet_used *used, size_t n)
{
	if (now != 0 && !subnet_clashes(now, used, n))
		return now;
	if (wish != 0 && !subnet_clashes(wish, used, n))
		return wish;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!subnet_clashes(ours[i], used, n))
			return ours[i];
	return 0;
}
