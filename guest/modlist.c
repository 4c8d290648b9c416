#include "modlist.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* Kernel names and patterns are short; a longer request is nobody's alias. */
#define ALIAS_MAX 512

bool modlist_normalise(const char *src, char *dst, size_t size)
{
	bool bracket = false;
	size_t i;

	for (i = 0; src[i] != '\0'; i++) {
		if (i + 1 >= size)
			return false;
		if (src[i] == '[')
			bracket = true;
		else if (src[i] == ']')
			bracket = false;
		dst[i] = src[i] == '-' && !bracket ? '_' : src[i];
	}
	if (i >= size)
		return false;
	dst[i] = '\0';
	return true;
}

/* Room for one more of `size` bytes; the list as it was when that fails. */
static void *grow(void *list, size_t count, size_t *room, size_t size, struct err *e)
{
	size_t want = *room > 0 ? *room * 2 : 64;
	void *p;

	if (count < *room)
		return list;
	if (count >= MODLIST_ENTRIES_MAX) {
		err_set(e, ERR_FAILED, "more than %d entries", MODLIST_ENTRIES_MAX);
		return NULL;
	}
	p = realloc(list, want * size);
	if (p == NULL) {
		err_sys(e, ENOMEM, "modules");
		return NULL;
	}
	*room = want;
	return p;
}

/* A word of visible characters. */
static bool is_word(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s == 0x7f)
			return false;
	return true;
}

static bool path_ok(const char *p)
{
	return is_word(p) && p[0] != '/' && strncmp(p, "../", 3) != 0 &&
	       strstr(p, "/../") == NULL;
}

static int add_named(struct modlist *ml, char *name, const char *path, struct err *e)
{
	void *p = grow(ml->mods, ml->mod_count, &ml->mod_room, sizeof(*ml->mods), e);

	if (p == NULL)
		return -1;
	ml->mods = p;
	modlist_normalise(name, name, strlen(name) + 1);
	ml->mods[ml->mod_count++] = (struct mod){
	    .name = name,
	    .path = path,
	    .first_dep = (uint32_t)ml->dep_count,
	    .loaded = path == NULL,
	};
	return 0;
}

static int add_builtin(struct modlist *ml, char *arg, struct err *e)
{
	return add_named(ml, arg, NULL, e);
}

static int add_module(struct modlist *ml, char *arg, struct err *e)
{
	char *path = strchr(arg, ' ');

	if (path == NULL)
		return err_set(e, ERR_FAILED, "a module without a path");
	*path++ = '\0';
	if (!is_word(arg) || !path_ok(path))
		return err_set(e, ERR_FAILED, "bad module name or path");
	return add_named(ml, arg, path, e);
}

static int add_boot(struct modlist *ml, char *arg, struct err *e)
{
	if (*arg != '\0')
		return err_set(e, ERR_FAILED, "boot takes nothing");
	ml->mods[ml->mod_count - 1].boot = true;
	return 0;
}

static int add_one_dep(struct modlist *ml, char *arg, bool soft, struct err *e)
{
	void *p = grow(ml->deps, ml->dep_count, &ml->dep_room, sizeof(*ml->deps), e);

	if (p == NULL)
		return -1;
	ml->deps = p;
	modlist_normalise(arg, arg, strlen(arg) + 1);
	ml->deps[ml->dep_count++] = (struct mod_dep){arg, soft};
	ml->mods[ml->mod_count - 1].dep_count++;
	return 0;
}

static int add_dep(struct modlist *ml, char *arg, struct err *e)
{
	return add_one_dep(ml, arg, false, e);
}

static int add_softdep(struct modlist *ml, char *arg, struct err *e)
{
	return add_one_dep(ml, arg, true, e);
}

static int add_alias(struct modlist *ml, char *arg, struct err *e)
{
	void *p =
	    grow(ml->aliases, ml->alias_count, &ml->alias_room, sizeof(*ml->aliases), e);

	if (p == NULL)
		return -1;
	ml->aliases = p;
	ml->aliases[ml->alias_count++] =
	    (struct mod_alias){arg, (uint32_t)ml->mod_count - 1};
	return 0;
}

static const struct line_row {
	const char *word;
	bool starts;   /* a module, to which the lines that follow belong */
	bool argument; /* one word; `module` looks at its own */
	int (*add)(struct modlist *, char *arg, struct err *);
} line_rows[] = {
    {"builtin", true, true, add_builtin},
    {"module", true, false, add_module},
    {"boot", false, false, add_boot},
    {"dep", false, true, add_dep},
    {"softdep", false, true, add_softdep},
    {"alias", false, true, add_alias},
};

static int add_line(struct modlist *ml, char *line, size_t mods_before, struct err *e)
{
	char *arg = strchr(line, ' ');

	if (arg != NULL)
		*arg++ = '\0';
	else
		arg = line + strlen(line);
	for (size_t i = 0; i < ARRAY_LEN(line_rows); i++) {
		const struct line_row *r = &line_rows[i];

		if (strcmp(line, r->word) != 0)
			continue;
		if (!r->starts && ml->mod_count == mods_before)
			return err_set(e, ERR_FAILED, "%s before any module", line);
		if (r->argument && !is_word(arg))
			return err_set(e, ERR_FAILED, "%s takes one word", line);
		return r->add(ml, arg, e);
	}
	return err_set(e, ERR_FAILED, "unknown word '%s'", line);
}

int modlist_add(struct modlist *ml, char *text, size_t len, struct err *e)
{
	size_t before = ml->mod_count, number = 0;
	char *line = text, *end;

	if (ml->text_count == MODLIST_FILES_MAX) {
		free(text);
		return err_set(e, ERR_FAILED, "more than %d lists", MODLIST_FILES_MAX);
	}
	ml->texts[ml->text_count++] = text;
	if (memchr(text, '\0', len) != NULL)
		return err_set(e, ERR_FAILED, "a NUL byte");
	for (; *line != '\0'; line = end + 1) {
		number++;
		end = strchr(line, '\n');
		if (end == NULL || end - line > MODLIST_LINE_BYTES) {
			err_set(e, ERR_FAILED, "cut off or too long");
			return err_prefix(e, "line %zu", number);
		}
		*end = '\0';
		if (add_line(ml, line, before, e) < 0)
			return err_prefix(e, "line %zu", number);
	}
	return 0;
}

void modlist_free(struct modlist *ml)
{
	for (size_t i = 0; i < ml->text_count; i++)
		free(ml->texts[i]);
	free(ml->mods);
	free(ml->deps);
	free(ml->aliases);
	memset(ml, 0, sizeof(*ml));
}

struct mod *modlist_find(struct modlist *ml, const char *name)
{
	char norm[ALIAS_MAX];

	if (!modlist_normalise(name, norm, sizeof(norm)))
		return NULL;
	for (size_t i = 0; i < ml->mod_count; i++)
		if (strcmp(ml->mods[i].name, norm) == 0)
			return &ml->mods[i];
	return NULL;
}

struct mod *modlist_match(struct modlist *ml, const char *alias, size_t *at)
{
	char norm[ALIAS_MAX];

	if (!modlist_normalise(alias, norm, sizeof(norm)))
		return NULL;
	while (*at < ml->alias_count) {
		const struct mod_alias *a = &ml->aliases[(*at)++];

		/* Most patterns are of another bus: spare them the matcher. */
		if (a->pattern[0] != '*' && a->pattern[0] != '[' &&
		    a->pattern[0] != '?' && a->pattern[0] != norm[0])
			continue;
		if (fnmatch(a->pattern, norm, 0) == 0)
			return &ml->mods[a->mod];
	}
	return NULL;
}
