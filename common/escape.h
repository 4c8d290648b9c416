/*
 * Text that somebody else chose (SSIDs, log lines, file contents) made fit for
 * a terminal, a log and JSON.
 */
#ifndef BHYFI_ESCAPE_H
#define BHYFI_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes src as one printable line: valid UTF-8 stays, control characters,
 * DEL, C1 controls, bidirectional overrides and invalid bytes become \xNN, a
 * backslash becomes \\. Cuts at a character that no longer fits; dst is always
 * terminated. Returns the length written. src and dst must not overlap.
 */
size_t escape_text(const char *src, size_t len, char *dst, size_t size);

/*
 * The same, but a backslash stays one: for messages and log lines, which may go
 * through it more than once on their way (guest, daemon, command).
 */
size_t escape_line(const char *src, size_t len, char *dst, size_t size);

/* The size that escape_text needs for len bytes, terminator included. */
#define ESCAPE_SIZE(len) ((len)*4 + 1)

/*
 * The length of the valid UTF-8 character at p (1-4), 0 if it is invalid or
 * cut off. Overlong forms and surrogates are invalid (RFC 3629). *cp gets the
 * code point.
 */
size_t utf8_char(const char *p, size_t len, unsigned *cp);

/* Whether all of it is such characters. */
bool utf8_valid(const char *text, size_t len);

#endif
