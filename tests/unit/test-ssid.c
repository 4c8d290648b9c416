/* ssid.c: SSIDs to text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "ssid.h"

static void unescapes(void **state)
{
	static const struct {
		const char *text, *bytes;
		int len;
	} cases[] = {
	    {"", "", 0},
	    {"plain", "plain", 5},
	    {"\\\\\\\"\\n\\r\\t\\e", "\\\"\n\r\t\033", 6},
	    {"\\x1b\\xF\\x00", "\033\017\0", 3},
	    {"\\0\\377\\1234", "\0\377S4", 4},
	    {"\\q", "", -1},
	    {"\\x", "", -1},
	    {"\\400", "", -1},
	    {"\\", "", -1},
	};
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int n =
		    ssid_unescape(cases[i].text, strlen(cases[i].text), out, sizeof(out));

		assert_int_equal(n, cases[i].len);
		if (n > 0)
			assert_memory_equal(out, cases[i].bytes, (size_t)n);
	}
	assert_int_equal(ssid_unescape("abc", 3, out, 2), -1);
}

static void loose_never_fails(void **state)
{
	uint8_t out[4];

	(void)state;
	assert_int_equal(ssid_unescape_loose("\\q\\xg", 5, out, sizeof(out)), 3);
	assert_memory_equal(out, "qxg", 3);
	assert_int_equal(ssid_unescape_loose("abcdef", 6, out, sizeof(out)), 4);
}

static void values(void **state)
{
	uint8_t out[SSID_MAX];

	(void)state;
	assert_int_equal(ssid_value("\"a\"b\"", out, sizeof(out)), 3);
	assert_memory_equal(out, "a\"b", 3);
	assert_int_equal(ssid_value("P\"\\x00\"", out, sizeof(out)), 1);
	assert_int_equal(ssid_value("6162", out, sizeof(out)), 2);
	assert_int_equal(ssid_value("616", out, sizeof(out)), -1);
	assert_int_equal(ssid_value("\"open", out, sizeof(out)), -1);
	assert_int_equal(ssid_value("", out, sizeof(out)), -1);
	assert_int_equal(
	    ssid_value("\"012345678901234567890123456789012\"", out, 32), -1);
}

/* Whatever it is made of comes back, and the text is one printable line. */
static void values_come_back(void **state)
{
	static const char *const ssids[] = {"plain", "with blank", "caf\303\251", "a\"b",
	    "\\", "\033[2J", "\n", "}", "#", "\377", "\342\200\256", "P\"x", " ",
	    "01234567890123456789012345678901"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ssids); i++) {
		size_t len = strlen(ssids[i]);
		char text[SSID_VALUE_SIZE];
		uint8_t back[SSID_MAX];

		ssid_value_text((const uint8_t *)ssids[i], len, text);
		assert_true(strlen(text) < sizeof(text));
		for (const char *p = text; *p != '\0'; p++)
			assert_true((unsigned char)*p >= 32);
		assert_int_equal(ssid_value(text, back, sizeof(back)), len);
		assert_memory_equal(back, ssids[i], len);
	}
}

static void hidden(void **state)
{
	(void)state;
	assert_true(ssid_is_hidden(NULL, 0));
	assert_true(ssid_is_hidden((const uint8_t *)"\0\0", 2));
	assert_false(ssid_is_hidden((const uint8_t *)"\0a", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(unescapes),
	    cmocka_unit_test(loose_never_fails), cmocka_unit_test(values),
	    cmocka_unit_test(values_come_back), cmocka_unit_test(hidden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
