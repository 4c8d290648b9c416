#include "template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct template_mark *mark_at(
    const struct template_mark *marks, const char *p)
{
	for (const struct template_mark *m = marks; m->mark != NULL; m++)
		if (strncmp(p, m->mark, strlen(m->mark)) == 0)
			return m;
	return NULL;
}

static void print_line(const struct template_mark *marks, const char *line)
{
	while (*line != '\0') {
		const struct template_mark *m = mark_at(marks, line);

		if (m == NULL) {
			putchar(*line++);
			continue;
		}
		if (m->print != NULL)
			m->print();
		else
			fputs(m->text, stdout);
		line += strlen(m->mark);
	}
}

int template_main(
    const char *name, const struct template_mark *marks, int argc, char **argv)
{
	char line[1024];
	FILE *f;

	if (argc != 2) {
		fprintf(stderr, "usage: %s TEMPLATE\n", name);
		return 2;
	}
	f = fopen(argv[1], "r");
	if (f == NULL) {
		fprintf(stderr, "%s: %s: %s\n", name, argv[1], strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), f) != NULL)
		print_line(marks, line);
	if (ferror(f) || fclose(f) != 0 || fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "%s: %s: %s\n", name, argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
