#include "deb.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool deb_name_ok(const char *name, size_t len)
{
	if (len < 2 || len > 128 || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) &&
		    !isdigit((unsigned char)name[i]) &&
		    (name[i] == '\0' || strchr("+.-", name[i]) == NULL))
			return false;
	return true;
}

static size_t line_length(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl == NULL ? (size_t)(end - p) : (size_t)(nl - p);
}

/* The value's text so far and more of it, blanks around cut off. */
static int join(char **value, const char *p, size_t n, struct err *e)
{
	size_t old = *value == NULL ? 0 : strlen(*value);
	char *grown;

	while (n > 0 && isspace((unsigned char)*p)) {
		p++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)p[n - 1]))
		n--;
	if (memchr(p, '\0', n) != NULL)
		return err_set(e, ERR_FAILED, "control file: NUL byte");
	grown = realloc(*value, old + n + 2);
	if (grown == NULL)
		return err_sys(e, ENOMEM, "control file");
	if (old > 0)
		grown[old++] = ' ';
	memcpy(grown + old, p, n);
	grown[old + n] = '\0';
	*value = grown;
	return 0;
}

int deb_field(
    const char *control, size_t len, const char *name, char **value, struct err *e)
{
	const char *p = control, *end = control + len;
	size_t want = strlen(name);
	bool inside = false;

	*value = NULL;
	while (p < end) {
		size_t n = line_length(p, end);

		if (n == 0)
			break; /* the end of the paragraph */
		if (inside && *p != ' ' && *p != '\t')
			break;
		if (inside) {
			if (join(value, p, n, e) < 0)
				goto fail;
		} else if (n > want && strncasecmp(p, name, want) == 0 &&
			   p[want] == ':') {
			inside = true;
			if (join(value, p + want + 1, n - want - 1, e) < 0)
				goto fail;
		}
		p += n + (p + n < end);
	}
	return 0;
fail:
	free(*value);
	*value = NULL;
	return -1;
}

int deb_depends(const char *field, struct strv *names, struct err *e)
{
	while (*field != '\0') {
		size_t clause = strcspn(field, ","), n;
		const char *p = field + strspn(field, " \t");

		n = strcspn(p, " \t|(:[<,");
		if (p < field + clause) {
			if (!deb_name_ok(p, n))
				return err_set(e, ERR_FAILED,
				    "control file: bad dependency: %.60s", p);
			if (strv_add_n(names, p, n, e) < 0)
				return -1;
		}
		field += clause + (field[clause] == ',');
	}
	return 0;
}

int deb_clean_path(const char *path, char *out, size_t size, struct err *e)
{
	size_t len = 0;

	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			return err_set(e, ERR_FAILED, "path with \"..\": %.100s", path);
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)path[i] < ' ' || path[i] == 0x7f)
				return err_set(
				    e, ERR_FAILED, "path with a control character");
		if (n > 0 && !(n == 1 && path[0] == '.')) {
			if (n > 255 || len + n + 2 > size || len + n + 2 > DEB_PATH_MAX)
				return err_set(
				    e, ERR_FAILED, "path too long: %.60s...", path);
			if (len > 0)
				out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n + (path[n] == '/');
	}
	out[len] = '\0';
	return 0;
}
