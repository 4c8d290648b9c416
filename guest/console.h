/* Log lines on the guest's console. */
#ifndef BHYFI_GUEST_CONSOLE_H
#define BHYFI_GUEST_CONSOLE_H

struct console {
	int fd;
};

/* fd -1: /dev/console, opened without blocking. */
void console_init(struct console *c, int fd);
/* "bhyfi-guest: TEXT", in one write. What a stuck console does not take is lost. */
void console_line(struct console *c, const char *text);

#endif
