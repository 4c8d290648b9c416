#include "knob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

void knob_set(bool may_lack, int value, const char *fmt, ...)
{
	char path[160], text[16];
	int AUTO_CLOSE fd = -1;
	int n = snprintf(text, sizeof(text), "%d", value);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && may_lack)
		return;
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		log_warn("%s: %s", path, strerror(errno));
}
