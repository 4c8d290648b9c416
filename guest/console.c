#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void console_init(struct console *c, int fd)
{
	c->fd = fd >= 0
		    ? fd
		    : open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

void console_line(struct console *c, const char *text)
{
	char line[1200];
	size_t at = 0, len;
	int n;

	n = snprintf(line, sizeof(line) - 1, "bhyfi-guest: %s", text);
	if (n < 0 || c->fd < 0)
		return;
	len = (size_t)n < sizeof(line) - 2 ? (size_t)n : sizeof(line) - 2;
	line[len++] = '\n';
	while (at < len) {
		ssize_t done = write(c->fd, line + at, len - at);

		if (done <= 0 && errno != EINTR)
			return;
		if (done > 0)
			at += (size_t)done;
	}
}
