#include "flr.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "hex.h"

static const struct {
	const char *name, *text;
} kinds[] = {
    {"flr", "its function level reset fails"},
    {"bus", "a reset of its bus hangs it and it has no other"},
    {"power", "after an unclean end only a power cycle brings it back"},
};
_Static_assert(ARRAY_LEN(kinds) == FLR_KIND_POWER + 1, "a kind lacks its text");

const char *flr_kind_name(enum flr_kind kind)
{
	return kinds[kind].name;
}

const char *flr_kind_text(enum flr_kind kind)
{
	return kinds[kind].text;
}

/* Four hexadecimal digits. */
static bool parse_id(const char *s, uint16_t *id)
{
	*id = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(s[i]);

		if (digit < 0)
			return false;
		*id = (uint16_t)(*id << 4 | digit);
	}
	return true;
}

/* The next word of a line, terminated; "" at its end. */
static char *word(char **at)
{
	char *start = *at + strspn(*at, " \t");

	*at = start + strcspn(start, " \t");
	if (**at != '\0')
		*(*at)++ = '\0';
	return start;
}

/* NULL, or what was expected. */
static const char *parse_line(char *line, struct flr_entry *f)
{
	const char *id = word(&line), *kind = word(&line), *source = word(&line);
	size_t i = 0;

	if (strlen(id) != 9 || id[4] != ':' || !parse_id(id, &f->vendor) ||
	    !parse_id(id + 5, &f->device))
		return "VENDOR:DEVICE, four hexadecimal digits each";
	while (i < ARRAY_LEN(kinds) && strcmp(kinds[i].name, kind) != 0)
		i++;
	if (i == ARRAY_LEN(kinds))
		return "flr, bus or power behind the card";
	f->kind = (enum flr_kind)i;
	if (strncmp(source, "https://", 8) != 0 || strlen(source) >= sizeof(f->source))
		return "a source, https://..., behind the kind";
	strcpy(f->source, source);
	line += strspn(line, " \t");
	if (*line == '\0' || strlen(line) >= sizeof(f->name))
		return "a name of at most 63 bytes behind the source";
	strcpy(f->name, line);
	return NULL;
}

static bool printable(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] != '\t' &&
		    ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e))
			return false;
	return true;
}

static int take_line(struct flr_list *l, const char *start, size_t len, const char *name,
    unsigned number, struct err *e)
{
	char line[FLR_LINE_MAX];
	const char *expected;

	while (len > 0 && isspace((unsigned char)start[len - 1]))
		len--;
	if (len == 0 || start[0] == '#')
		return 0;
	if (len >= sizeof(line) || !printable(start, len))
		return err_set(e, ERR_FAILED,
		    "%s:%u: expected at most %d characters of "
		    "ASCII",
		    name, number, FLR_LINE_MAX - 1);
	memcpy(line, start, len);
	line[len] = '\0';
	if (l->n == FLR_MAX)
		return err_set(e, ERR_FAILED, "%s:%u: expected at most %d cards", name,
		    number, FLR_MAX);
	expected = parse_line(line, &l->entries[l->n]);
	if (expected != NULL)
		return err_set(
		    e, ERR_FAILED, "%s:%u: expected %s", name, number, expected);
	l->n++;
	return 0;
}

int flr_parse(
    struct flr_list *l, const char *text, size_t len, const char *name, struct err *e)
{
	const char *end = text + len;
	unsigned number = 1;

	l->n = 0;
	for (const char *at = text; at < end; number++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const char *stop = nl != NULL ? nl : end;

		if (take_line(l, at, (size_t)(stop - at), name, number, e) < 0)
			return -1;
		at = nl != NULL ? nl + 1 : end;
	}
	return 0;
}

int flr_load(struct flr_list *l, const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	l->n = 0;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return err_set(e, ERR_PRECONDITION, "%s: not installed", path);
	if (fs_read_file(path, FLR_FILE_MAX, &text, &len, e) < 0)
		return -1;
	return flr_parse(l, text, len, path, e);
}

const struct flr_entry *flr_find(
    const struct flr_list *l, uint16_t vendor, uint16_t device)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].vendor == vendor && l->entries[i].device == device)
			return &l->entries[i];
	return NULL;
}
