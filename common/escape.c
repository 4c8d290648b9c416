#include "escape.h"

#include <string.h>

size_t utf8_char(const char *p, size_t len, unsigned *cp)
{
	static const unsigned lowest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)p;
	size_t n, i;
	unsigned c;

	if (len == 0)
		return 0;
	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	if ((s[0] & 0xe0) == 0xc0)
		n = 2, c = s[0] & 0x1f;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3, c = s[0] & 0x0f;
	else if ((s[0] & 0xf8) == 0xf0)
		n = 4, c = s[0] & 0x07;
	else
		return 0;
	if (n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < lowest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

bool utf8_valid(const char *text, size_t len)
{
	unsigned cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_char(text + i, len - i, &cp);
		if (n == 0)
			return false;
	}
	return true;
}

/* Characters that move the cursor, switch modes or reorder what is read. */
static bool is_unsafe(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static size_t escape(
    const char *src, size_t len, char *dst, size_t size, bool double_backslash)
{
	static const char hex[] = "0123456789abcdef";
	size_t out = 0, i = 0, n, k;
	unsigned cp;

	if (size == 0)
		return 0;
	while (i < len) {
		n = utf8_char(src + i, len - i, &cp);
		if (n > 0 && cp == '\\' && double_backslash) {
			if (out + 2 >= size)
				break;
			memcpy(dst + out, "\\\\", 2);
			out += 2;
		} else if (n > 0 && !is_unsafe(cp)) {
			if (out + n >= size)
				break;
			memcpy(dst + out, src + i, n);
			out += n;
		} else {
			n = n > 0 ? n : 1;
			if (out + 4 * n >= size)
				break;
			for (k = 0; k < n; k++) {
				unsigned char b = (unsigned char)src[i + k];

				dst[out++] = '\\';
				dst[out++] = 'x';
				dst[out++] = hex[b >> 4];
				dst[out++] = hex[b & 15];
			}
		}
		i += n;
	}
	dst[out] = '\0';
	return out;
}

size_t escape_text(const char *src, size_t len, char *dst, size_t size)
{
	return escape(src, len, dst, size, true);
}

size_t escape_line(const char *src, size_t len, char *dst, size_t size)
{
	return escape(src, len, dst, size, false);
}
