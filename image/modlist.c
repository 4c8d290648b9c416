#include "modlist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words are printable ASCII without a space: what fits the format. */
static int check_word(const char *word, const char *what, struct err *e)
{
	size_t n = strlen(word);

	if (n == 0 || n + sizeof("softdep ") > MODLIST_LINE_MAX)
		return err_set(e, ERR_FAILED, "module list: %s has %zu bytes", what, n);
	for (size_t i = 0; i < n; i++)
		if (word[i] <= ' ' || word[i] >= 0x7f)
			return err_set(e, ERR_FAILED,
			    "module list: %s with a character that does not fit: %s",
			    what, word);
	return 0;
}

static int put_words(FILE *f, const char *key, const char *const *words, struct err *e)
{
	for (; words != NULL && *words != NULL; words++) {
		if (check_word(*words, key, e) < 0)
			return -1;
		fprintf(f, "%s %s\n", key, *words);
	}
	return 0;
}

static int put_entry(FILE *f, const struct modlist_entry *m, struct err *e)
{
	if (check_word(m->name, "name", e) < 0)
		return -1;
	if (m->path == NULL) {
		fprintf(f, "builtin %s\n", m->name);
		return 0;
	}
	if (check_word(m->path, "path", e) < 0)
		return -1;
	if (strlen(m->name) + strlen(m->path) + sizeof("module ") > MODLIST_LINE_MAX)
		return err_set(e, ERR_FAILED, "module list: %s: line too long", m->name);
	fprintf(f, "module %s %s\n", m->name, m->path);
	if (m->boot)
		fputs("boot\n", f);
	if (put_words(f, "dep", m->deps, e) < 0 ||
	    put_words(f, "softdep", m->softdeps, e) < 0)
		return -1;
	return put_words(f, "alias", m->aliases, e);
}

int modlist_write(const struct modlist_entry *entries, size_t count, char **text,
    size_t *len, struct err *e)
{
	FILE *f = open_memstream(text, len);
	int r = 0;

	if (f == NULL)
		return err_sys(e, errno, "module list");
	for (size_t i = 0; i < count && r == 0; i++)
		r = put_entry(f, &entries[i], e);
	if (r == 0 && ferror(f))
		r = err_set(e, ERR_FAILED, "module list: out of memory");
	if (fclose(f) != 0 && r == 0)
		r = err_sys(e, errno, "module list");
	if (r < 0) {
		free(*text);
		*text = NULL;
	}
	return r;
}
