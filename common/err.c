#include "err.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "escape.h"

static const char *const code_names[] = {
    [ERR_NONE] = "none",
    [ERR_FAILED] = "failed",
    [ERR_USAGE] = "usage",
    [ERR_NOT_RUNNING] = "not-running",
    [ERR_TIMEOUT] = "timeout",
    [ERR_PRECONDITION] = "precondition",
};
static_assert(sizeof(code_names) / sizeof(code_names[0]) == ERR_PRECONDITION + 1,
    "a name for each error code");

const char *err_code_name(enum err_code code)
{
	if ((unsigned)code > ERR_PRECONDITION)
		return "failed";
	return code_names[code];
}

/* Messages quote file contents and peers' words: no control bytes survive. */
static void put(char *dst, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void put(char *dst, size_t size, const char *fmt, va_list ap)
{
	char raw[ERR_MSG_MAX];
	int n;

	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n < 0)
		raw[0] = '\0';
	escape_line(raw, strlen(raw), dst, size);
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	put(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	if (e == NULL)
		return -1;
	e->code = ERR_FAILED;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	put(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", strerror(errnum));
	return -1;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char old[ERR_MSG_MAX];
	size_t len;
	va_list ap;

	if (e == NULL)
		return -1;
	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	put(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %.*s",
	    (int)(sizeof(e->msg) - len > 2 ? sizeof(e->msg) - len - 3 : 0), old);
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	put(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return -1;
}
