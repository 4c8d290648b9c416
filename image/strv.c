#include "strv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int strv_add_n(struct strv *l, const char *s, size_t len, struct err *e)
{
	if (l->n + 2 > l->cap) {
		size_t cap = l->cap == 0 ? 8 : l->cap * 2;
		char **grown = reallocarray(l->v, cap, sizeof(*grown));

		if (grown == NULL)
			return err_sys(e, ENOMEM, "list");
		l->v = grown;
		l->cap = cap;
	}
	l->v[l->n] = strndup(s, len);
	if (l->v[l->n] == NULL)
		return err_sys(e, ENOMEM, "list");
	l->v[++l->n] = NULL;
	return 0;
}

int strv_add(struct strv *l, const char *s, struct err *e)
{
	return strv_add_n(l, s, strlen(s), e);
}

bool strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

int strv_add_once(struct strv *l, const char *s, struct err *e)
{
	return strv_has(l, s) ? 0 : strv_add(l, s, e);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}

void strv_free(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strv){0};
}

const char *const *strv_array(const struct strv *l)
{
	static const char *const none[] = {NULL};

	return l->v == NULL ? none : (const char *const *)l->v;
}
