#include "ssid.h"

#include <string.h>

#include "escape.h"
#include "hex.h"

static int hex_byte(const char **s, const char *end)
{
	int c = 0, digits = 0;

	while (digits < 2 && *s < end && hex_digit(**s) >= 0) {
		c = c << 4 | hex_digit(**s);
		++*s;
		digits++;
	}
	return digits > 0 ? c : -1;
}

static int octal_byte(const char **s, const char *end)
{
	int c = 0, digits = 0;

	while (digits < 3 && *s < end && **s >= '0' && **s <= '7') {
		c = c << 3 | (**s - '0');
		++*s;
		digits++;
	}
	return digits > 0 && c <= 255 ? c : -1;
}

/* The character of an escape whose letter is *s; *s moves behind it. -1: none such. */
static int escape_char(const char **s, const char *end)
{
	static const char letters[] = "\\\"nrte";
	static const char bytes[] = "\\\"\n\r\t\033";
	const char *at = *s < end && **s != '\0' ? strchr(letters, **s) : NULL;

	if (at != NULL) {
		++*s;
		return (unsigned char)bytes[at - letters];
	}
	if (*s < end && **s == 'x') {
		++*s;
		return hex_byte(s, end);
	}
	return octal_byte(s, end);
}

int ssid_unescape(const char *s, size_t len, uint8_t *out, size_t size)
{
	const char *end = s + len;
	size_t n = 0;

	while (s < end) {
		int c = (unsigned char)*s++;

		if (c == '\\')
			c = escape_char(&s, end);
		if (c < 0 || n == size)
			return -1;
		out[n++] = (uint8_t)c;
	}
	return (int)n;
}

size_t ssid_unescape_loose(const char *s, size_t len, uint8_t *out, size_t size)
{
	const char *end = s + len;
	size_t n = 0;

	while (s < end && n < size) {
		const char *p = s + 1;
		int c = (unsigned char)*s;

		if (c == '\\' && p < end) {
			c = escape_char(&p, end);
			if (c < 0) {
				p = s + 2;
				c = (unsigned char)s[1];
			}
		}
		out[n++] = (uint8_t)c;
		s = p;
	}
	return n;
}

int ssid_unhex(const char *s, size_t len, uint8_t *out, size_t size)
{
	if (len == 0 || len % 2 != 0 || len / 2 > size)
		return -1;
	for (size_t i = 0; i < len; i += 2) {
		int hi = hex_digit(s[i]), lo = hex_digit(s[i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		out[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	return (int)(len / 2);
}

void ssid_hex(const uint8_t *ssid, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[ssid[i] >> 4];
		*out++ = digits[ssid[i] & 15];
	}
	*out = '\0';
}

int ssid_value(const char *value, uint8_t *out, size_t size)
{
	bool escapes = value[0] == 'P' && value[1] == '"';
	const char *first, *last;
	size_t len;

	if (value[0] != '"' && !escapes)
		return ssid_unhex(value, strlen(value), out, size);
	first = value + (escapes ? 2 : 1);
	last = strrchr(first, '"');
	if (last == NULL || last[1] != '\0')
		return -1;
	len = (size_t)(last - first);
	if (escapes)
		return ssid_unescape(first, len, out, size);
	if (len > size)
		return -1;
	memcpy(out, first, len);
	return (int)len;
}

/* Stays what it is on its way through a line, quotes and a terminal. */
static bool is_plain(const uint8_t *ssid, size_t len)
{
	char shown[ESCAPE_SIZE(SSID_MAX)];

	if (len == 0 || memchr(ssid, '"', len) != NULL)
		return false;
	/* A backslash is doubled by it, and so told from the original, too. */
	return escape_text((const char *)ssid, len, shown, sizeof(shown)) == len &&
	       memcmp(shown, ssid, len) == 0;
}

void ssid_value_text(const uint8_t *ssid, size_t len, char *out)
{
	if (!is_plain(ssid, len)) {
		ssid_hex(ssid, len, out);
		return;
	}
	*out++ = '"';
	memcpy(out, ssid, len);
	memcpy(out + len, "\"", 2);
}

bool ssid_is_hidden(const uint8_t *ssid, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ssid[i] != 0)
			return false;
	return true;
}
