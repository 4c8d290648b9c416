#include "log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "err.h"
#include "escape.h"

#define LINE_MAX_BYTES 1024

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};
static_assert(sizeof(level_names) / sizeof(level_names[0]) == LOG_LEVEL_DEBUG + 1,
    "a name for each level");

static enum log_level threshold = LOG_LEVEL_INFO;
static log_sink *current_sink;
static void *current_arg;

void log_set_level(enum log_level level)
{
	threshold = level;
}

enum log_level log_get_level(void)
{
	return threshold;
}

void log_set_sink(log_sink *sink, void *arg)
{
	current_sink = sink;
	current_arg = arg;
}

const char *log_level_name(enum log_level level)
{
	return (unsigned)level <= LOG_LEVEL_DEBUG ? level_names[level] : "info";
}

int log_level_parse(const char *name, enum log_level *level)
{
	for (unsigned i = 0; i <= LOG_LEVEL_DEBUG; i++)
		if (strcasecmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	return -1;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char raw[LINE_MAX_BYTES], text[LINE_MAX_BYTES];
	va_list ap;
	int n;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	escape_line(raw, strlen(raw), text, sizeof(text));
	if (current_sink != NULL)
		current_sink(current_arg, level, text);
	else
		fprintf(stderr, "%s: %s\n", log_level_name(level), text);
}

void log_err(enum log_level level, const struct err *e)
{
	if (e->hint[0] != '\0')
		log_line(level, "%s (%s)", e->msg, e->hint);
	else
		log_line(level, "%s", e->msg);
}
