/*
 * The one error idiom.
 *
 * A function that can fail takes a `struct err *` as its last argument, fills
 * it when it fails and returns -1 (or NULL). Nobody below the top prints: the
 * callee says what happened, the callers in between may add context
 * (err_prefix) or advice (err_hint), and only the top (main(), or the control
 * socket) shows it. As one line: "bhyfi: MESSAGE (HINT)".
 *
 * Every function here accepts a NULL `struct err *` and then only returns -1.
 */
#ifndef BHYFI_ERR_H
#define BHYFI_ERR_H

#include <stdarg.h>

/* The exit status of the commands, documented in bhyfi(8). */
enum err_code {
	ERR_NONE = 0,
	ERR_FAILED = 1,
	ERR_USAGE = 2,
	ERR_NOT_RUNNING = 3,
	ERR_TIMEOUT = 4,
	ERR_PRECONDITION = 5,
};

#define ERR_MSG_MAX 512
#define ERR_HINT_MAX 256

struct err {
	enum err_code code;
	char msg[ERR_MSG_MAX];   /* "what: why", no newline, printable */
	char hint[ERR_HINT_MAX]; /* what to do, or "" */
};

/* clang-format off */
#define ERR_INIT {ERR_NONE, "", ""}
/* clang-format on */

/* Sets code and message, clears the hint. Always returns -1. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_FAILED, and ": strerror(errnum)" behind the message. */
int err_sys(struct err *e, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets what to do about it. Returns -1. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "failed", "usage" ...: the "code" in a JSON error object. */
const char *err_code_name(enum err_code code);

#endif
