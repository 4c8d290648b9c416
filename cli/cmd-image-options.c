/*
 * ETC/image.options: what `bhyfi image build` and `bhyfi image outdated` take where their
 * options say nothing, so that a host's image is made from the same source each time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cmd-image.h"
#include "conffile.h"
#include "nearest.h"
#include "paths.h"

enum kind { TEXT, FLAG };

/* Each is an option of build with another spelling. */
struct key {
	const char *name;
	enum kind kind;
	bool source; /* part of what --source, --root or --mirror say anew */
	size_t offset;
};

#define AT(member) offsetof(struct image_options, member)

static const struct key keys[] = {
    {"source", TEXT, true, AT(source)},
    {"root", TEXT, true, AT(root)},
    {"mirror", TEXT, true, AT(mirror)},
    {"security_mirror", TEXT, true, AT(security_mirror)},
    {"suite", TEXT, true, AT(suite)},
    {"branch", TEXT, true, AT(branch)},
    {"keys", TEXT, true, AT(keys)},
    {"firmware", TEXT, false, AT(firmware)},
    {"guest", TEXT, false, AT(libexec)},
    {"kernel", TEXT, false, AT(kernel)},
    {"cache", TEXT, false, AT(cache)},
    {"sign", TEXT, false, AT(sign)},
    {"ap", FLAG, false, AT(ap)},
    {"keep_signatures", FLAG, false, AT(keep_signatures)},
};

_Static_assert(ARRAY_LEN(keys) <= IMAGE_FILE_KEYS, "room for each value");

struct reading {
	struct image_file_options *file;
	struct image_options given;
	bool seen[ARRAY_LEN(keys)];
};

static const char *key_name(unsigned i, void *arg)
{
	(void)arg;
	return keys[i].name;
}

static int unknown(const char *name, struct err *e)
{
	const char *near = nearest_name(name, ARRAY_LEN(keys), key_name, NULL);

	err_set(e, ERR_FAILED, "%.48s: no such key", name);
	return err_hint(e, "%s%s", near == NULL ? "bhyfi help image" : "did you mean ",
	    near == NULL ? "" : near);
}

static const char **text_of(struct image_options *o, const struct key *k)
{
	return (const char **)(void *)((char *)o + k->offset);
}

static bool *flag_of(struct image_options *o, const struct key *k)
{
	return (bool *)(void *)((char *)o + k->offset);
}

static int take_text(struct reading *r, size_t i, const char *value, struct err *e)
{
	if (value[0] == '\0')
		return err_set(e, ERR_FAILED, "%s: a value is missing", keys[i].name);
	r->file->text[i] = strdup(value);
	if (r->file->text[i] == NULL)
		return err_sys(e, ENOMEM, "%s", keys[i].name);
	*text_of(&r->given, &keys[i]) = r->file->text[i];
	return 0;
}

static int take(void *arg, const char *name, const char *value, struct err *e)
{
	struct reading *r = arg;
	size_t i = 0;

	while (i < ARRAY_LEN(keys) && strcmp(keys[i].name, name) != 0)
		i++;
	if (i == ARRAY_LEN(keys))
		return unknown(name, e);
	if (r->seen[i])
		return err_set(e, ERR_FAILED, "%s: given twice", name);
	r->seen[i] = true;
	if (keys[i].kind == TEXT)
		return take_text(r, i, value, e);
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return err_set(
		    e, ERR_FAILED, "%s: expected yes or no, not \"%.48s\"", name, value);
	*flag_of(&r->given, &keys[i]) = strcmp(value, "yes") == 0;
	return 0;
}

/* Options go before the file; where they name a source the file's is another one. */
static void merge(struct image_options *o, struct image_options *given)
{
	const bool other = o->source != NULL || o->root != NULL || o->mirror != NULL;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct key *k = &keys[i];

		if (k->source && other)
			continue;
		if (k->kind == FLAG)
			*flag_of(o, k) |= *flag_of(given, k);
		else if (*text_of(o, k) == NULL)
			*text_of(o, k) = *text_of(given, k);
	}
}

int image_file_options_read(struct image_file_options *file, const char *path,
    struct image_options *o, struct err *e)
{
	struct reading r = {.file = file};
	FILE *f;
	int ret;

	*file = (struct image_file_options){0};
	if (conffile_open(&f, path, e) < 0)
		return -1;
	if (f == NULL)
		return 0;
	ret = conffile_parse(f, path, take, &r, e);
	fclose(f);
	if (ret == 0)
		merge(o, &r.given);
	else
		image_file_options_free(file);
	return ret;
}

void image_file_options_free(struct image_file_options *file)
{
	for (size_t i = 0; i < IMAGE_FILE_KEYS; i++)
		free(file->text[i]);
	*file = (struct image_file_options){0};
}
