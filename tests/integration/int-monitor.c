/*
 * `bhyfi monitor` on a terminal of its own, with `vmm = fake`: what it paints, and that
 * it gives the terminal back whatever ends it. Between the test and the command stands a
 * process that does what a shell does: it leads the session and waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "harness.h"

#define TEXT_MAX (1024 * 1024)
#define NEWS_MS 20000
#define ENTER "\033[?1049h"
#define LEAVE "\033[?25h\033[?1049l"

struct screen {
	int master, slave, status_fd;
	pid_t shell, pid; /* of the command */
	struct termios before;
	char *text; /* all that was painted */
	size_t len;
};

/* Passes on what the command's state changes to, until it has ended. */
static _Noreturn void be_shell(const char *const argv[], int slave, int status_fd)
{
	pid_t pid;
	int st;

	signal(SIGTTOU, SIG_IGN);
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		_exit(126);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		tcsetpgrp(slave, getpid());
		signal(SIGTTOU, SIG_DFL);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		execvp(argv[0], (char *const *)(const void *)argv);
		_exit(127);
	}
	if (write(status_fd, &pid, sizeof(pid)) != sizeof(pid))
		_exit(126);
	do {
		if (waitpid(pid, &st, WUNTRACED) != pid ||
		    write(status_fd, &st, sizeof(st)) != sizeof(st))
			_exit(126);
	} while (!WIFEXITED(st) && !WIFSIGNALED(st));
	_exit(0);
}

static void resize(const struct screen *s, unsigned short rows, unsigned short columns)
{
	const struct winsize ws = {.ws_row = rows, .ws_col = columns};

	assert_int_equal(ioctl(s->master, TIOCSWINSZ, &ws), 0);
}

static void begin(struct screen *s, const struct inst *i, const char *locale,
    unsigned short rows, unsigned short columns)
{
	const char *const argv[] = {
	    BHYFI_TEST_BIN "/bhyfi", "-i", i->name, "monitor", "-n", "0.5", NULL};
	int fd[2];

	memset(s, 0, sizeof(*s));
	s->text = calloc(1, TEXT_MAX + 1);
	assert_non_null(s->text);
	s->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(s->master >= 0);
	assert_int_equal(grantpt(s->master), 0);
	assert_int_equal(unlockpt(s->master), 0);
	s->slave = open(ptsname(s->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(s->slave >= 0);
	assert_int_equal(tcgetattr(s->slave, &s->before), 0);
	resize(s, rows, columns);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	setenv("TERM", "xterm", 1);
	setenv("LC_ALL", locale, 1);
	unsetenv("NO_COLOR");
	fflush(NULL);
	s->shell = fork();
	assert_true(s->shell >= 0);
	if (s->shell == 0)
		be_shell(argv, s->slave, fd[1]);
	close(fd[1]);
	s->status_fd = fd[0];
	assert_int_equal(read(fd[0], &s->pid, sizeof(s->pid)), sizeof(s->pid));
}

static void take(struct screen *s)
{
	ssize_t n = read(s->master, s->text + s->len, TEXT_MAX - s->len);

	if (n > 0)
		s->len += (size_t)n;
	s->text[s->len] = '\0';
}

/* Until the text is painted, behind what was when `from` bytes were there. */
static void see(struct screen *s, size_t from, const char *text)
{
	int64_t deadline = clock_ms() + NEWS_MS;

	while (strstr(s->text + from, text) == NULL) {
		struct pollfd p = {.fd = s->master, .events = POLLIN};
		int left = (int)(deadline - clock_ms());

		if (left <= 0 || poll(&p, 1, left) <= 0) {
			print_error("not painted: %s; but: %s\n", text, s->text + from);
			fail();
		}
		take(s);
	}
}

/* Its next change of state, while what it paints is read (or not). */
static int state(struct screen *s, bool reads)
{
	struct pollfd p[2] = {{.fd = s->status_fd, .events = POLLIN},
	    {.fd = reads ? s->master : -1, .events = POLLIN}};
	int st = -1;

	do {
		assert_true(poll(p, 2, NEWS_MS) > 0);
		if (p[1].revents != 0)
			take(s);
	} while (p[0].revents == 0);
	assert_int_equal(read(s->status_fd, &st, sizeof(st)), sizeof(st));
	/* What it painted last. */
	while (reads && poll(&p[1], 1, 0) > 0 && (p[1].revents & POLLIN) != 0)
		take(s);
	return st;
}

static bool is_raw(const struct screen *s)
{
	struct termios now;

	assert_int_equal(tcgetattr(s->slave, &now), 0);
	return (now.c_lflag & (ICANON | ECHO)) == 0;
}

static void assert_given_back(const struct screen *s)
{
	struct termios now;

	assert_int_equal(tcgetattr(s->slave, &now), 0);
	assert_int_equal(now.c_lflag, s->before.c_lflag);
	assert_int_equal(now.c_iflag, s->before.c_iflag);
	assert_int_equal(now.c_oflag, s->before.c_oflag);
	assert_memory_equal(now.c_cc, s->before.c_cc, sizeof(now.c_cc));
}

static void end(struct screen *s)
{
	close(s->master);
	close(s->slave);
	close(s->status_fd);
	waitpid(s->shell, NULL, 0);
	free(s->text);
}

static struct inst *fake(void **state)
{
	struct inst *i = lab_inst(state, "wpa2");

	inst_set(i, "vmm", "fake");
	lab_write(i);
	lab_up(i);
	return i;
}

static void paints_and_quits(void **state_)
{
	struct inst *i = fake(state_);
	struct screen s;
	int st;

	begin(&s, i, "C.UTF-8", 24, 80);
	see(&s, 0, "q quits");
	assert_true(strncmp(s.text, ENTER "\033[?25l", strlen(ENTER "\033[?25l")) == 0);
	see(&s, 0, "bhyfi-wpa2 \302\267 WPA2-PSK \302\267 02:bf:00:00:00:01");
	see(&s, 0, "-30 dBm\033[0m, noise \342\200\223");
	see(&s, 0, "\342\226\210"); /* a plot */
	see(&s, 0, "state: online");
	assert_true(is_raw(&s));
	/* Input of no meaning is none. */
	assert_int_equal(write(s.master, "x\033[A", 4), 4);
	see(&s, s.len, "\033[1;1H");
	assert_int_equal(write(s.master, "q", 1), 1);
	st = state(&s, true);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
	assert_given_back(&s);
	assert_true(s.len > strlen(LEAVE));
	assert_string_equal(s.text + s.len - strlen(LEAVE), LEAVE);
	end(&s);
	lab_down(i);
}

/* No row below the window's end, in what was painted since. */
static void assert_rows(const char *text, unsigned rows)
{
	while ((text = strstr(text, "\033[")) != NULL) {
		unsigned row, column;
		char h;

		if (sscanf(text += 2, "%u;%u%c", &row, &column, &h) == 3 && h == 'H')
			assert_in_range(row, 1, rows);
	}
}

static void follows_the_window(void **state_)
{
	struct inst *i = fake(state_);
	struct screen s;
	size_t from;

	begin(&s, i, "C", 24, 80);
	see(&s, 0, "q quits");
	resize(&s, 5, 20);
	see(&s, 0, "\033[5;1H\033[2mup");
	from = s.len;
	see(&s, from, "\033[5;1H\033[2mup");
	assert_rows(s.text + from, 5);
	assert_null(strstr(s.text + from, "latency"));
	resize(&s, 1, 1);
	from = s.len;
	see(&s, from, "\033[1;1H");
	resize(&s, 60, 200);
	see(&s, from, "q quits");
	/* A terminal that is told to be ASCII gets nothing else. */
	for (size_t k = 0; k < s.len; k++)
		assert_true((unsigned char)s.text[k] < 0x80);
	assert_int_equal(write(s.master, "\003", 1), 1); /* ^C */
	assert_int_equal(state(&s, true), 0);
	assert_given_back(&s);
	end(&s);
	lab_down(i);
}

static void signals_give_it_back(void **state_)
{
	static const int signals[] = {SIGTERM, SIGHUP, SIGQUIT, SIGABRT};
	struct inst *i = fake(state_);

	for (size_t k = 0; k < ARRAY_LEN(signals); k++) {
		struct screen s;
		int st;

		begin(&s, i, "C.UTF-8", 24, 80);
		see(&s, 0, "q quits");
		assert_int_equal(kill(s.pid, signals[k]), 0);
		st = state(&s, true);
		assert_true(WIFSIGNALED(st));
		assert_int_equal(WTERMSIG(st), signals[k]);
		assert_given_back(&s);
		assert_string_equal(s.text + s.len - strlen(LEAVE), LEAVE);
		end(&s);
	}
	lab_down(i);
}

static void stops_and_goes_on(void **state_)
{
	struct inst *i = fake(state_);
	struct screen s;
	size_t from;
	int st;

	begin(&s, i, "C.UTF-8", 24, 80);
	see(&s, 0, "q quits");
	assert_int_equal(write(s.master, "\032", 1), 1); /* ^Z */
	st = state(&s, true);
	assert_true(WIFSTOPPED(st));
	assert_given_back(&s);
	assert_string_equal(s.text + s.len - strlen(LEAVE), LEAVE);
	from = s.len;
	assert_int_equal(kill(s.pid, SIGCONT), 0);
	see(&s, from, ENTER);
	see(&s, from, "q quits");
	assert_true(is_raw(&s));
	/* One that can not be caught; the shell puts the modes as it likes them. */
	assert_int_equal(kill(s.pid, SIGSTOP), 0);
	assert_true(WIFSTOPPED(state(&s, true)));
	assert_int_equal(tcsetattr(s.slave, TCSANOW, &s.before), 0);
	from = s.len;
	assert_int_equal(kill(s.pid, SIGCONT), 0);
	see(&s, from, ENTER);
	see(&s, from, "q quits");
	assert_true(is_raw(&s));
	assert_int_equal(write(s.master, "q", 1), 1);
	assert_int_equal(state(&s, true), 0);
	assert_given_back(&s);
	end(&s);
	lab_down(i);
}

/* By a descriptor of our own: the command's may wait. */
static void fill(const struct screen *s)
{
	int AUTO_CLOSE fd = open(ptsname(s->master), O_RDWR | O_NOCTTY | O_NONBLOCK);
	static const char text[4096] = "x";

	assert_true(fd >= 0);
	while (write(fd, text, sizeof(text)) > 0 || write(fd, text, 1) > 0)
		;
	assert_int_equal(errno, EAGAIN);
}

/* A terminal that takes nothing any more does not keep us. */
static void terminal_that_does_not_read(void **state_)
{
	struct inst *i = fake(state_);
	struct screen s;
	int st;

	begin(&s, i, "C.UTF-8", 200, 900);
	see(&s, 0, ENTER);
	fill(&s);
	assert_int_equal(kill(s.pid, SIGTERM), 0);
	st = state(&s, false);
	assert_true(WIFSIGNALED(st));
	assert_int_equal(WTERMSIG(st), SIGTERM);
	assert_given_back(&s);
	end(&s);
	lab_down(i);
}

static void daemon_ends(void **state_)
{
	struct inst *i = fake(state_);
	struct screen s;
	int st;

	begin(&s, i, "C.UTF-8", 24, 80);
	see(&s, 0, "q quits");
	lab_down(i);
	st = state(&s, true);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 3);
	assert_given_back(&s);
	assert_non_null(strstr(strstr(s.text, LEAVE), "bhyfi: bhyfid of instance"));
	end(&s);
}

static void once_and_json(void **state_)
{
	static const char *const members[] = {"time", "state", "wlan.signal_dbm",
	    "wlan.noise_dbm", "wlan.tx_retries", "host_if.rx_bytes",
	    "throughput.down_mbps", "throughput.up_mbps", "retry_pct", "latency.ms",
	    "latency.gateway", "latency.by", "guest.cpu_pct", "events"};
	struct inst *i = fake(state_);
	struct err e = ERR_INIT;
	struct child c;
	json_t *o;

	o = inst_json(i, COMMAND_MS, &e, "monitor", "--once", "-n", "0.5", NULL);
	ok(o == NULL, &e);
	for (size_t k = 0; k < ARRAY_LEN(members); k++)
		if (json_at(o, members[k]) == NULL) {
			print_error("monitor --json has no %s\n", members[k]);
			fail();
		}
	assert_true(number_at(o, "throughput.down_mbps") >= 0);
	/* No gateway in here. */
	assert_true(json_is_null(json_at(o, "latency.by")));
	json_decref(o);

	ok(inst_run(i, &c, COMMAND_MS, &e, "monitor", "--once", "-n", "0.5", NULL), &e);
	assert_int_equal(c.status, 0);
	assert_non_null(strstr(c.out, "bhyfi-wpa2"));
	assert_null(strchr(c.out, '\033'));
	child_free(&c);

	ok(inst_start(i, &c, &e, "monitor", "--json", "-n", "0.5", NULL), &e);
	ok(child_wait_text(&c, "}\n{\"instance\"", COMMAND_MS, &e), &e);
	child_free(&c);

	lab_refuses(i, 2, (const char *const[]){"monitor", NULL},
	    (const char *const[]){"not a terminal", "--once", "--json", NULL});
	lab_refuses(i, 2, (const char *const[]){"monitor", "--interval", "0", NULL},
	    (const char *const[]){"--interval", "0.5", NULL});
	lab_down(i);
	lab_refuses(i, 3, (const char *const[]){"monitor", "--once", NULL},
	    (const char *const[]){"not running", NULL});
}

LAB_MAIN("mon", LAB_TEST(paints_and_quits), LAB_TEST(follows_the_window),
    LAB_TEST(signals_give_it_back), LAB_TEST(stops_and_goes_on),
    LAB_TEST(terminal_that_does_not_read), LAB_TEST(daemon_ends), LAB_TEST(once_and_json))
