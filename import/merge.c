#include "merge.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "inifile.h"

static int check_value(const char *text, size_t len, const char *key, const char *value,
    bool *there, struct err *e)
{
	char present[PATH_MAX];
	size_t start, end;

	*there = ini_find(text, len, key, &start, &end);
	if (!*there || (ini_get(text, len, key, present, sizeof(present)) &&
			   strcmp(present, value) == 0))
		return 0;
	return err_set(e, ERR_PRECONDITION,
	    "%s is \"%.*s\" there, and \"%s\" in what is taken over", key,
	    (int)(end - start < 60 ? end - start : 60), text + start, value);
}

/* One line of ours into the text; nothing of it is lost on an error. */
static int take_line(
    char **text, size_t *len, const char *key, const char *value, struct err *e)
{
	char *more;
	size_t more_len;
	bool there;

	if (check_value(*text, *len, key, value, &there, e) < 0)
		return -1;
	if (there)
		return 0;
	if (ini_set(*text, *len, key, value, &more, &more_len, e) < 0)
		return -1;
	free(*text);
	*text = more;
	*len = more_len;
	return 0;
}

int merge_config(const char *there, size_t len, const char *ours, const char *networks,
    char **out, size_t *out_len, struct err *e)
{
	AUTO_FREE char *lines = strdup(ours);
	char *text = malloc(len + 1), *save = NULL;
	bool named = false;
	int ret = 0;

	if (lines == NULL || text == NULL) {
		free(text);
		return err_sys(e, ENOMEM, "import");
	}
	memcpy(text, there, len);
	text[len] = '\0';
	for (char *line = strtok_r(lines, "\n", &save); line != NULL && ret == 0;
	     line = strtok_r(NULL, "\n", &save)) {
		char *equals = strstr(line, " = ");

		if (line[0] == '#' || equals == NULL)
			continue;
		*equals = '\0';
		named |= strcmp(line, "networks") == 0;
		ret = take_line(&text, &len, line, equals + 3, e);
	}
	/* At its default place: any other is another one. */
	if (ret == 0 && networks != NULL && !named) {
		bool other;

		ret = check_value(text, len, "networks", networks, &other, e);
	}
	if (ret < 0) {
		free(text);
		return -1;
	}
	*out = text;
	*out_len = len;
	return 0;
}

bool merge_says_nothing(const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl != NULL ? nl : end;

		while (text < stop && (*text == ' ' || *text == '\t' || *text == '\r'))
			text++;
		if (text < stop && *text != '#')
			return false;
		text = stop + (nl != NULL);
	}
	return true;
}
