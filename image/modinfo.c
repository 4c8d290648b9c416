#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kmod.h"

/* More than any module has (iwlwifi has about 800 aliases). */
#define VALUES_MAX 20000

static bool fits(const char *v)
{
	if (*v == '\0')
		return false;
	for (; *v != '\0'; v++)
		if (*v <= ' ' || *v >= 0x7f)
			return false;
	return true;
}

/* Words of v up to a separator; names get '_' for '-'. */
static int add_words(struct strv *l, const char *v, const char *separators, struct err *e)
{
	while (*v != '\0') {
		size_t n = strcspn(v, separators);
		char *word;

		/* "pre:" and "post:" of a softdep. */
		if (n > 0 && v[n - 1] != ':') {
			if (strv_add_n(l, v, n, e) < 0)
				return -1;
			word = l->v[l->n - 1];
			for (; *word != '\0'; word++)
				if (*word == '-')
					*word = '_';
		}
		v += n + (v[n] != '\0');
	}
	return 0;
}

static int add_alias(struct strv *l, const char *v, struct err *e)
{
	bool bracket = false;

	/* Some (dmi:) hold blanks; the list for the guest can not, and needs none. */
	if (!fits(v))
		return 0;
	if (strv_add(l, v, e) < 0)
		return -1;
	for (char *p = l->v[l->n - 1]; *p != '\0'; p++) {
		if (*p == '[')
			bracket = true;
		else if (*p == ']')
			bracket = false;
		else if (*p == '-' && !bracket)
			*p = '_';
	}
	return 0;
}

static int add_name(char **name, const char *v, struct err *e)
{
	if (*name != NULL || !fits(v))
		return 0;
	*name = strdup(v);
	if (*name == NULL)
		return err_sys(e, ENOMEM, "modinfo");
	for (char *p = *name; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	return 0;
}

static int take(struct modinfo *m, const char *s, struct err *e)
{
	const char *v = strchr(s, '=');
	size_t key;

	if (v == NULL)
		return 0;
	key = (size_t)(v++ - s);
#define IS(name) (key == sizeof(name) - 1 && memcmp(s, name, key) == 0)
	if (IS("depends"))
		return add_words(&m->depends, v, ",", e);
	if (IS("softdep"))
		return add_words(&m->softdeps, v, " \t", e);
	if (IS("alias"))
		return add_alias(&m->aliases, v, e);
	if (IS("name"))
		return add_name(&m->name, v, e);
	if (IS("firmware"))
		return fits(v) ? strv_add(&m->firmware, v, e) : 0;
#undef IS
	return 0;
}

int modinfo_parse(const char *data, size_t len, struct modinfo *m, struct err *e)
{
	size_t values = 0;

	*m = (struct modinfo){0};
	while (len > 0) {
		size_t n = strnlen(data, len);

		if (n == len)
			return err_set(e, ERR_FAILED, "modinfo: not terminated");
		if (n > 0 && ++values > VALUES_MAX)
			return err_set(e, ERR_FAILED, "modinfo: too many values");
		if (n > 0 && take(m, data, e) < 0)
			return -1;
		data += n + 1;
		len -= n + 1;
	}
	return 0;
}

void modinfo_free(struct modinfo *m)
{
	free(m->name);
	strv_free(&m->depends);
	strv_free(&m->softdeps);
	strv_free(&m->aliases);
	strv_free(&m->firmware);
	*m = (struct modinfo){0};
}
