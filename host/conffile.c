/*
 * inih splits lines; it knows no line numbers (its build option for them is off in
 * most packages), cuts long lines in pieces and joins indented ones. So lines
 * reach it through read_line(), which counts, refuses what is too long or
 * holds a NUL byte, and takes indentation off.
 */
#include "conffile.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

struct parse {
	FILE *f;
	const char *name;
	conffile_entry *entry;
	void *arg;
	struct err *e;
	unsigned line;
	size_t bytes;
	bool failed;
};

static int fail_line(struct parse *p)
{
	p->failed = true;
	return err_prefix(p->e, "%s:%u", p->name, p->line);
}

/* fgets for inih. NULL ends the parse; p->failed tells why. */
static char *read_line(char *buf, int size, void *arg)
{
	struct parse *p = arg;
	int n = 0, ch = 0;

	p->line++;
	while (p->bytes++ < CONFFILE_MAX && (ch = getc(p->f)) != EOF && ch != '\n') {
		if (ch == '\0') {
			err_set(p->e, ERR_FAILED, "a NUL byte: expected text");
			goto fail;
		}
		if (n == 0 && (ch == ' ' || ch == '\t'))
			continue;
		if (n >= size - 2) {
			err_set(p->e, ERR_FAILED, "expected lines of at most %d bytes",
			    size - 2);
			goto fail;
		}
		buf[n++] = (char)ch;
	}
	if (p->bytes > CONFFILE_MAX) {
		err_set(p->e, ERR_FAILED, "more than %d bytes", CONFFILE_MAX);
		goto fail;
	}
	if (ferror(p->f)) {
		err_sys(p->e, errno, "read");
		goto fail;
	}
	if (ch == EOF && n == 0)
		return NULL;
	buf[n++] = '\n';
	buf[n] = '\0';
	if (buf[0] == '[') {
		err_set(p->e, ERR_FAILED, "expected KEY = VALUE: there are no sections");
		goto fail;
	}
	return buf;
fail:
	fail_line(p);
	return NULL;
}

/* inih's handler: 0 is an error. */
static int take_entry(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *p = arg;

	if (p->failed)
		return 0;
	/* read_line refuses them, but for one behind a byte order mark. */
	if (section[0] != '\0')
		err_set(p->e, ERR_FAILED, "expected KEY = VALUE: there are no sections");
	else if (p->entry(p->arg, name, value, p->e) == 0)
		return 1;
	fail_line(p);
	return 0;
}

int conffile_parse(
    FILE *f, const char *name, conffile_entry *entry, void *arg, struct err *e)
{
	struct parse p = {.f = f, .name = name, .entry = entry, .arg = arg, .e = e};
	int line = ini_parse_stream(read_line, &p, take_entry, &p);

	if (p.failed)
		return -1;
	if (line < 0)
		return err_sys(e, ENOMEM, "%s", name);
	if (line > 0)
		return err_set(e, ERR_FAILED, "%s:%d: expected KEY = VALUE", name, line);
	return 0;
}

static int check_file(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "%s: not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		err_set(e, ERR_FAILED, "%s: belongs to user %u, expected root", path,
		    (unsigned)st.st_uid);
		return err_hint(e, "chown root %s", path);
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		err_set(e, ERR_FAILED, "%s: others can write it", path);
		return err_hint(e, "chmod go-w %s", path);
	}
	return 0;
}

int conffile_open(FILE **f, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*f = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", path);
	if (check_file(fd, path, e) == 0) {
		*f = fdopen(fd, "r");
		if (*f != NULL)
			return 0;
		err_sys(e, errno, "%s", path);
	}
	close(fd);
	return -1;
}
