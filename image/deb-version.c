/* Debian's order of versions (policy 5.6.12), and dependencies with versions (7.1). */
#include <ctype.h>
#include <string.h>

#include "deb.h"

#define VERSION_MAX 256

bool deb_version_ok(const char *v)
{
	size_t len = strlen(v);

	if (len == 0 || len > VERSION_MAX || !isdigit((unsigned char)v[0]))
		return false;
	for (; *v != '\0'; v++)
		if (!isalnum((unsigned char)*v) && strchr(".+-:~", *v) == NULL)
			return false;
	return true;
}

/* '~' before the end of the text, that before letters, those before the rest. */
static int rank(char c)
{
	if (c == '~')
		return -1;
	if (c == '\0' || isdigit((unsigned char)c))
		return 0;
	if (isalpha((unsigned char)c))
		return (unsigned char)c;
	return (unsigned char)c + 256;
}

/* As much of both as is no number; *a and *b move behind it. */
static int compare_text(
    const char **a, const char *a_end, const char **b, const char *b_end)
{
	while ((*a < a_end && !isdigit((unsigned char)**a)) ||
	       (*b < b_end && !isdigit((unsigned char)**b))) {
		int x = rank(*a < a_end ? **a : '\0');
		int y = rank(*b < b_end ? **b : '\0');

		if (x != y)
			return x < y ? -1 : 1;
		(*a)++;
		(*b)++;
	}
	return 0;
}

static size_t digits(const char **p, const char *end)
{
	const char *start;

	while (*p < end && **p == '0')
		(*p)++;
	for (start = *p; *p < end && isdigit((unsigned char)**p); (*p)++)
		;
	return (size_t)(*p - start);
}

static int compare_number(
    const char **a, const char *a_end, const char **b, const char *b_end)
{
	size_t n = digits(a, a_end), m = digits(b, b_end);
	int r;

	if (n != m)
		return n < m ? -1 : 1;
	r = memcmp(*a - n, *b - m, n);
	return (r > 0) - (r < 0);
}

static int compare_part(
    const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		int r = compare_text(&a, a_end, &b, b_end);

		if (r == 0)
			r = compare_number(&a, a_end, &b, b_end);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Where the upstream version starts and the revision, or the end. */
static const char *upstream(const char *v, const char **epoch_end)
{
	const char *colon = strchr(v, ':');

	*epoch_end = colon == NULL ? v : colon;
	return colon == NULL ? v : colon + 1;
}

int deb_version_compare(const char *a, const char *b)
{
	const char *a_epoch, *b_epoch, *x = upstream(a, &a_epoch),
				       *y = upstream(b, &b_epoch);
	const char *x_dash = strrchr(x, '-'), *y_dash = strrchr(y, '-');
	const char *x_end = x + strlen(x), *y_end = y + strlen(y);
	int r = compare_part(a, a_epoch, b, b_epoch);

	if (r == 0)
		r = compare_part(x, x_dash == NULL ? x_end : x_dash, y,
		    y_dash == NULL ? y_end : y_dash);
	/* Without a revision it is 0. */
	if (r == 0)
		r = compare_part(x_dash == NULL ? x_end : x_dash + 1, x_end,
		    y_dash == NULL ? y_end : y_dash + 1, y_end);
	return r;
}

bool deb_version_fits(const char *version, enum deb_relation op, const char *wanted)
{
	int r = op == DEB_ANY ? 0 : deb_version_compare(version, wanted);

	switch (op) {
	case DEB_ANY:
		return true;
	case DEB_EARLIER:
		return r < 0;
	case DEB_EARLIER_EQUAL:
		return r <= 0;
	case DEB_EQUAL:
		return r == 0;
	case DEB_LATER_EQUAL:
		return r >= 0;
	case DEB_LATER:
		return r > 0;
	}
	return false;
}

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* "(>= 1.2)" at p, of which the bracket is past; NULL if it is none. */
static const char *parse_version(const char *p, struct deb_alternative *a)
{
	static const struct {
		const char *text;
		enum deb_relation op;
	} ops[] = {{"<<", DEB_EARLIER}, {"<=", DEB_EARLIER_EQUAL}, {"=", DEB_EQUAL},
	    {">=", DEB_LATER_EQUAL}, {">>", DEB_LATER}};
	size_t n;

	p = skip_space(p);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strncmp(p, ops[i].text, strlen(ops[i].text)) == 0) {
			a->op = ops[i].op;
			p = skip_space(p + strlen(ops[i].text));
			break;
		}
	n = strcspn(p, " \t\r\n)");
	if (a->op == DEB_ANY || n >= sizeof(a->version))
		return NULL;
	memcpy(a->version, p, n);
	a->version[n] = '\0';
	p = skip_space(p + n);
	return deb_version_ok(a->version) && *p == ')' ? p + 1 : NULL;
}

/* name[:arch] [(op version)]; NULL if it is none. */
static const char *parse_alternative(const char *p, struct deb_alternative *a)
{
	size_t n = strcspn(p, " \t\r\n|(:[<,");

	*a = (struct deb_alternative){.op = DEB_ANY};
	if (!deb_name_ok(p, n) || n >= sizeof(a->name))
		return NULL;
	memcpy(a->name, p, n);
	a->name[n] = '\0';
	p += n;
	if (*p == ':')
		p += strcspn(p, " \t\r\n|(,");
	p = skip_space(p);
	if (*p == '(')
		p = parse_version(p + 1, a);
	return p == NULL ? NULL : skip_space(p);
}

int deb_clause_next(const char **text, struct deb_clause *c, struct err *e)
{
	const char *p = *text + strspn(*text, " \t\r\n,"), *start = p;

	c->n = 0;
	*text = p;
	if (*p == '\0')
		return 0;
	while (c->n < DEB_ALTERNATIVES_MAX) {
		p = parse_alternative(p, &c->v[c->n]);
		if (p == NULL || (*p != '\0' && *p != ',' && *p != '|'))
			break;
		c->n++;
		if (*p != '|') {
			*text = p;
			return 1;
		}
		p = skip_space(p + 1);
	}
	return err_set(e, ERR_FAILED, "bad dependency: %.60s", start);
}
