/*
 * The guest's console: everything that comes out is kept (keep.h), made printable
 * first. Nothing is ever written into it.
 */
#ifndef BHYFI_CONSOLE_H
#define BHYFI_CONSOLE_H

#include <event2/event.h>

#include "err.h"
#include "keep.h"

struct console;

/* grown is called when there is more in keep, which is borrowed. NULL without memory. */
struct console *console_new(
    struct event_base *base, struct keep *keep, void (*grown)(void *arg), void *arg);
int console_connect(struct console *c, const char *path, struct err *e);
/* The same with a connected socket, which is the console's to close. */
int console_attach(struct console *c, int fd, struct err *e);
/* Opens a serial port: a descriptor that does not block, the console's to close, or -1.
 */
typedef int console_open_fn(void *arg, struct err *e);
/* The same with a serial port. One that is not there yet, or that fails later, is tried
 * again a few times. */
void console_serial(struct console *c, console_open_fn *open_fn, void *arg);
void console_close(struct console *c);
void console_free(struct console *c);

/*
 * Makes console output printable: as escape_text, but newlines and tabs stay and
 * carriage returns go. A character that is cut off at the end of src waits in
 * pending (at most 3 bytes, *npending of them) for the next call; dst has
 * ESCAPE_SIZE(len + 3) bytes. Returns the length written. Pure.
 */
size_t console_escape(
    const char *src, size_t len, char *dst, char pending[4], size_t *npending);

#endif
