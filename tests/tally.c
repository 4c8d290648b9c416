/*
 * Adds up what meson's test logs say: tally FILE... prints "PASSED FAILED".
 *
 * Each line of a testlog.json is one program. Its TAP points count one by one;
 * a program that ended badly without a point saying so (a crash, a leak found
 * at exit, a time-out) counts as one failure more. Names of what failed go to
 * standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"

struct count {
	unsigned passed, failed, skipped;
};

/* cmocka 1.1.5 says "not ok N # SKIP NAME" of a test that was skipped. */
static void count_point(struct count *c, const char *program, const char *line)
{
	int len = (int)strcspn(line, "\n");

	if (strncmp(line, "ok ", 3) != 0 && strncmp(line, "not ok ", 7) != 0)
		return;
	if (memmem(line, (size_t)len, "# SKIP", 6)) {
		c->skipped++;
		fprintf(stderr, "skipped: %s: %.*s\n", program, len, line);
	} else if (line[0] == 'o') {
		c->passed++;
	} else {
		c->failed++;
		fprintf(stderr, "failed: %s: %.*s\n", program, len - 7, line + 7);
	}
}

static void count_program(struct count *c, const json_t *o)
{
	const char *name = msg_str(o, "name", "?"), *result = msg_str(o, "result", "?");
	const char *text = json_string_value(json_object_get(o, "stdout"));
	bool ended_well = json_integer_value(json_object_get(o, "returncode")) == 0;
	struct count here = {0, 0, 0};

	for (const char *line = text; line && *line;) {
		count_point(&here, name, line);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (strcmp(result, "SKIP") == 0) {
		fprintf(stderr, "skipped: %s\n", name);
	} else if (strcmp(result, "OK") == 0) {
		/* No TAP: the exit status is the test. */
		here.passed += here.passed + here.failed + here.skipped == 0;
	} else if (here.failed == 0 && !(here.skipped > 0 && ended_well)) {
		here.failed = 1;
		fprintf(stderr, "failed: %s: %s\n", name, result);
	}
	c->passed += here.passed;
	c->failed += here.failed;
}

/* One JSON object a line. */
static int count_file(struct count *c, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	int rc = -1;

	if (!f) {
		perror(path);
		return -1;
	}
	while (getline(&line, &size, f) > 0) {
		json_t *o = json_loads(line, JSON_ALLOW_NUL, NULL);

		if (!o) {
			fprintf(stderr, "%s: a line that is no JSON\n", path);
			goto out;
		}
		count_program(c, o);
		json_decref(o);
	}
	rc = 0;
out:
	free(line);
	fclose(f);
	return rc;
}

int main(int argc, char **argv)
{
	struct count c = {0, 0, 0};

	for (int i = 1; i < argc; i++) {
		if (count_file(&c, argv[i]))
			return 1;
	}
	printf("%u %u\n", c.passed, c.failed);
	return 0;
}
