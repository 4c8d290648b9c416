/* air/dhcp-message.c */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dhcp.h"

static const struct dhcp asks = {
    .mac = {2, 0, 0, 0, 0, 7}, .xid = 0x11223344, .state = DHCP_DISCOVER};

/* What a server would answer. */
static size_t answer(uint8_t *m, uint8_t type)
{
	const uint8_t options[] = {53, 1, type, 54, 4, 192, 0, 2, 1, 0, 1, 4, 255, 255,
	    240, 0, 3, 8, 192, 0, 2, 1, 192, 0, 2, 2, 255};

	dhcp_make(&asks, m);
	m[0] = 2;
	memcpy(m + 16, "\xc0\x00\x02\x32", 4);
	memcpy(m + 240, options, sizeof(options));
	return 240 + sizeof(options);
}

static void questions(void **state)
{
	struct dhcp d = asks;
	uint8_t m[DHCP_MESSAGE_MAX];

	(void)state;
	assert_int_equal(dhcp_make(&d, m), 300);
	assert_memory_equal(m + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
	assert_memory_equal(m + 28, d.mac, 6);
	d.state = DHCP_REQUEST;
	d.lease.address.s_addr = inet_addr("192.0.2.50");
	d.lease.server.s_addr = inet_addr("192.0.2.1");
	assert_int_equal(dhcp_make(&d, m), 300);
	assert_memory_equal(m + 240,
	    "\x35\x01\x03\x32\x04\xc0\x00\x02\x32\x36\x04\xc0\x00\x02\x01\xff", 16);
}

static void answers(void **state)
{
	uint8_t m[DHCP_MESSAGE_MAX];
	struct dhcp_lease l;
	size_t len = answer(m, DHCP_OFFER);

	(void)state;
	assert_int_equal(dhcp_parse(&asks, m, len, &l), DHCP_OFFER);
	assert_int_equal(l.address.s_addr, inet_addr("192.0.2.50"));
	assert_int_equal(l.server.s_addr, inet_addr("192.0.2.1"));
	assert_int_equal(l.gateway.s_addr, inet_addr("192.0.2.1"));
	assert_int_equal(l.prefix, 20);
	/* Cut off anywhere it is none, or one without its end. */
	for (size_t n = 0; n < len - 1; n++)
		if (dhcp_parse(&asks, m, n, &l) > 0)
			assert_true(n > 242);
	m[4] ^= 1;
	assert_int_equal(dhcp_parse(&asks, m, len, &l), -1);
	len = answer(m, DHCP_OFFER);
	m[28] ^= 1;
	assert_int_equal(dhcp_parse(&asks, m, len, &l), -1);
	len = answer(m, DHCP_OFFER);
	m[0] = 1;
	assert_int_equal(dhcp_parse(&asks, m, len, &l), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(questions),
	    cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
