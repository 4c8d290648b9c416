/*
 * Alpine's versions. The order is that of apk-package(5) and of what apk does: part by
 * part, from the left. Of two where one ends first the longer is greater, unless it goes
 * on with a suffix that is before a release (_alpha, _beta, _pre, _rc).
 */
#include <ctype.h>
#include <string.h>

#include "apk.h"
#include "cleanup.h"

/* In the order in which they follow each other. */
enum part {
	PART_FIRST, /* the first number */
	PART_NUMBER,
	PART_LETTER,
	PART_SUFFIX,
	PART_SUFFIX_NUMBER,
	PART_HASH,
	PART_REVISION,
	PART_END,
	PART_BAD,
};

struct cursor {
	const char *at;
	enum part part;
	const char *text; /* of the part */
	size_t len;
	int suffix; /* below 0: before a release */
};

static const struct {
	const char *name;
	int order;
} suffixes[] = {{"alpha", -4}, {"beta", -3}, {"pre", -2}, {"rc", -1}, {"cvs", 1},
    {"svn", 2}, {"git", 3}, {"hg", 4}, {"p", 5}};

/* Takes what is of these characters; nothing of them makes the part a bad one. */
static void take(struct cursor *c, enum part part, const char *set)
{
	c->part = part;
	c->text = c->at;
	c->len = strspn(c->at, set);
	c->at += c->len;
	if (c->len == 0)
		c->part = PART_BAD;
}

#define DIGITS "0123456789"

static void take_suffix(struct cursor *c)
{
	take(c, PART_SUFFIX, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = 0; i < ARRAY_LEN(suffixes) && c->part != PART_BAD; i++)
		if (strlen(suffixes[i].name) == c->len &&
		    strncmp(suffixes[i].name, c->text, c->len) == 0) {
			c->suffix = suffixes[i].order;
			return;
		}
	c->part = PART_BAD;
}

static void first(struct cursor *c, const char *version)
{
	*c = (struct cursor){.at = version};
	take(c, PART_FIRST, DIGITS);
}

static void next(struct cursor *c)
{
	enum part before = c->part;
	char ch = *c->at;

	c->part = PART_BAD;
	if (ch == '\0') {
		c->part = PART_END;
	} else if (ch == '.' && before <= PART_NUMBER) {
		c->at++;
		take(c, PART_NUMBER, DIGITS);
	} else if (ch >= 'a' && ch <= 'z' && before <= PART_NUMBER) {
		c->part = PART_LETTER;
		c->text = c->at++;
		c->len = 1;
	} else if (isdigit((unsigned char)ch) && before == PART_SUFFIX) {
		take(c, PART_SUFFIX_NUMBER, DIGITS);
	} else if (ch == '_' && before <= PART_SUFFIX_NUMBER) {
		c->at++;
		take_suffix(c);
	} else if (ch == '~' && before < PART_HASH) {
		c->at++;
		take(c, PART_HASH, DIGITS "abcdef");
	} else if (ch == '-' && c->at[1] == 'r' && before < PART_REVISION) {
		c->at += 2;
		take(c, PART_REVISION, DIGITS);
	}
}

bool apk_version_ok(const char *version)
{
	struct cursor c;

	if (strlen(version) >= APK_WORD_MAX)
		return false;
	for (first(&c, version); c.part < PART_END; next(&c))
		;
	return c.part == PART_END;
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static int compare_text(const struct cursor *a, const struct cursor *b)
{
	int r = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return r != 0 ? sign(r) : (a->len > b->len) - (a->len < b->len);
}

/* Digits of any length. */
static int compare_numbers(struct cursor a, struct cursor b)
{
	while (a.len > 1 && *a.text == '0') {
		a.text++;
		a.len--;
	}
	while (b.len > 1 && *b.text == '0') {
		b.text++;
		b.len--;
	}
	if (a.len != b.len)
		return a.len > b.len ? 1 : -1;
	return compare_text(&a, &b);
}

/* Two of the same kind. */
static int compare_parts(const struct cursor *a, const struct cursor *b)
{
	switch (a->part) {
	case PART_NUMBER:
		/* A zero at the start makes it a fraction: 1.09 is before 1.1. */
		if (*a->text == '0' || *b->text == '0')
			return compare_text(a, b);
		return compare_numbers(*a, *b);
	case PART_FIRST:
	case PART_SUFFIX_NUMBER:
	case PART_REVISION:
		return compare_numbers(*a, *b);
	case PART_SUFFIX:
		return (a->suffix > b->suffix) - (a->suffix < b->suffix);
	case PART_LETTER:
	case PART_HASH:
	case PART_END:
	case PART_BAD:
		break;
	}
	return compare_text(a, b);
}

static int compare(const char *x, const char *y, bool fuzzy)
{
	struct cursor a, b;
	int r;

	for (first(&a, x), first(&b, y); a.part == b.part && a.part < PART_END;
	     next(&a), next(&b))
		if ((r = compare_parts(&a, &b)) != 0)
			return r;
	if (a.part == b.part || (fuzzy && b.part == PART_END))
		return 0;
	if (a.part == PART_SUFFIX && a.suffix < 0)
		return -1;
	if (b.part == PART_SUFFIX && b.suffix < 0)
		return 1;
	return a.part > b.part ? -1 : 1;
}

int apk_version_compare(const char *a, const char *b)
{
	return compare(a, b, false);
}

bool apk_version_match(const char *have, unsigned op, const char *want)
{
	static const unsigned bits[] = {APK_LESS, APK_EQUAL, APK_GREATER};

	if (have == NULL || want == NULL || (op & APK_ANY) == APK_ANY)
		return true;
	return (op & bits[compare(have, want, (op & APK_FUZZY) != 0) + 1]) != 0;
}
