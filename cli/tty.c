#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"

/* Second screen, no cursor, no autowrap in the last column; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"
#define LEAVE_MS 500 /* for a terminal that does not read */

struct tty {
	int fd;
	bool nonblocking;
	struct termios saved;
	volatile sig_atomic_t entered;
	char *out;
	size_t len, at, size;
};

/* The one that a fault leaves. */
static struct tty *current;

static void on_fault(int sig)
{
	if (current != NULL)
		tty_leave(current);
	raise(sig); /* SA_RESETHAND: ends us */
}

static void catch_faults(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction sa = {
	    .sa_handler = on_fault, .sa_flags = SA_RESETHAND | SA_NODEFER};

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		sigaction(faults[i], &sa, NULL);
}

struct tty *tty_open(struct err *e)
{
	const char *term = getenv("TERM");
	char name[PATH_MAX];
	struct tty *t;

	if (!isatty(STDOUT_FILENO) || term == NULL || term[0] == '\0' ||
	    strcmp(term, "dumb") == 0) {
		err_set(e, ERR_USAGE,
		    isatty(STDOUT_FILENO) ? "monitor: this terminal can not be repainted"
					  : "monitor: standard output is not a terminal");
		err_hint(e, "use --once or --json");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		err_sys(e, ENOMEM, "monitor");
		return NULL;
	}
	/* Opened anew, so that not to wait is our own affair: standard output is shared
	 * with the shell. */
	t->fd = ttyname_r(STDOUT_FILENO, name, sizeof(name)) == 0
		    ? open(name, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
		    : -1;
	t->nonblocking = t->fd >= 0;
	if (t->fd < 0)
		t->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (t->fd < 0 || tcgetattr(t->fd, &t->saved) < 0) {
		err_sys(e, errno, "monitor: the terminal");
		tty_close(t);
		return NULL;
	}
	current = t;
	catch_faults();
	return t;
}

void tty_close(struct tty *t)
{
	if (t == NULL)
		return;
	tty_leave(t);
	if (current == t)
		current = NULL;
	if (t->fd >= 0)
		close(t->fd);
	free(t->out);
	free(t);
}

/* All of it, or what a terminal that reads takes. */
static void write_now(const struct tty *t, const char *text, size_t len)
{
	while (len > 0) {
		struct pollfd p = {.fd = t->fd, .events = POLLOUT};
		ssize_t n = write(t->fd, text, len);

		if (n < 0 && errno == EAGAIN && poll(&p, 1, LEAVE_MS) > 0 &&
		    (p.revents & POLLOUT) != 0)
			continue;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static int set_modes(const struct tty *t, const struct termios *modes)
{
	int r;

	/* In the background this stops us until we are in the foreground. */
	do
		r = tcsetattr(t->fd, TCSANOW, modes);
	while (r < 0 && errno == EINTR);
	return r;
}

int tty_enter(struct tty *t, struct err *e)
{
	struct termios raw = t->saved;

	/* Keys one by one and unseen; ^C and ^Z stay signals. */
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	t->entered = 1;
	if (set_modes(t, &raw) < 0) {
		t->entered = 0;
		return err_sys(e, errno, "monitor: the terminal");
	}
	t->len = t->at = 0;
	write_now(t, ENTER, sizeof(ENTER) - 1);
	return 0;
}

void tty_leave(struct tty *t)
{
	int saved = errno;

	if (!t->entered)
		return;
	t->entered = 0;
	/* The rest of a sequence that was begun would swallow ours: CAN ends it. */
	if (t->at < t->len)
		write_now(t, "\030", 1);
	write_now(t, LEAVE, sizeof(LEAVE) - 1);
	set_modes(t, &t->saved);
	errno = saved;
}

void tty_size(const struct tty *t, size_t *rows, size_t *columns)
{
	struct winsize ws;

	*rows = 24;
	*columns = 80;
	if (ioctl(t->fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0) {
		*rows = ws.ws_row;
		*columns = ws.ws_col;
	}
}

int tty_fd(const struct tty *t)
{
	return t->fd;
}

int tty_key(struct tty *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	unsigned char c;
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return 0;
	n = read(t->fd, &c, 1);
	if (n == 1)
		return c;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void add(struct tty *t, const char *text, size_t len)
{
	if (t->len + len > t->size) {
		size_t size = 2 * (t->len + len);
		char *grown = realloc(t->out, size);

		if (grown == NULL)
			return;
		t->out = grown;
		t->size = size;
	}
	memcpy(t->out + t->len, text, len);
	t->len += len;
}

void tty_show(struct tty *t, const char *text, size_t rows)
{
	char place[32];
	size_t row = 1;

	t->len = t->at = 0;
	/* Each line is cleared behind its end, not before: nothing flickers. */
	while (row <= rows) {
		size_t len = strcspn(text, "\n");
		int n = snprintf(place, sizeof(place), "\033[%zu;1H", row++);

		add(t, place, (size_t)n);
		add(t, text, len);
		add(t, "\033[K", 3);
		text += len;
		if (*text == '\0')
			break;
		text++;
	}
	if (row <= rows)
		add(t, "\033[J", 3);
	tty_flush(t);
}

bool tty_busy(const struct tty *t)
{
	return t->at < t->len;
}

void tty_flush(struct tty *t)
{
	while (t->at < t->len) {
		ssize_t n = write(t->fd, t->out + t->at, t->len - t->at);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			t->at = t->len; /* gone: tty_key says so */
		if (n < 0)
			return;
		t->at += (size_t)n;
	}
}
