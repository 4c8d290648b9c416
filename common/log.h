/*
 * Log lines: a level, a UTC time stamp, one line of printable text. They go to
 * standard error, or to a sink that the program sets (a file and a ring in the
 * daemon, the console and the agent channel in the guest). Never put a secret
 * in one.
 */
#ifndef BHYFI_LOG_H
#define BHYFI_LOG_H

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/*
 * Gets each line that passes the level: `text` is escaped and has no newline
 * and no time stamp. Must not log.
 */
typedef void log_sink(void *arg, enum log_level level, const char *text);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* sink NULL: standard error again. */
void log_set_sink(log_sink *sink, void *arg);

const char *log_level_name(enum log_level level);
/* -1 where the name is none of error, warn, info, debug. */
int log_level_parse(const char *name, enum log_level *level);

void log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

struct err;
/* "MESSAGE (HINT)" */
void log_err(enum log_level level, const struct err *e);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
