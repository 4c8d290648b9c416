#include "passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"

/* The line without its end. At the end of the input a line may lack its newline. */
static int read_line(int fd, const char *name, char out[PASSPHRASE_SIZE], struct err *e)
{
	size_t len = 0;
	ssize_t n;

	while (true) {
		n = read(fd, out + len, 1);
		if (n < 0)
			return err_sys(e, errno, "%s", name);
		if (n == 0 || out[len] == '\n')
			break;
		if (out[len] == '\0')
			return err_set(e, ERR_FAILED, "%s: a NUL byte", name);
		if (++len == PASSPHRASE_SIZE)
			return err_set(e, ERR_FAILED, "%s: a line of more than %d bytes",
			    name, PASSPHRASE_SIZE - 1);
	}
	if (len > 0 && out[len - 1] == '\r')
		len--;
	out[len] = '\0';
	return len > 0 ? 0 : err_set(e, ERR_FAILED, "%s: no passphrase in it", name);
}

int passphrase_read(const char *path, char out[PASSPHRASE_SIZE], struct err *e)
{
	bool input = strcmp(path, "-") == 0;
	int AUTO_CLOSE fd = input ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return err_sys(e, errno, "%s", input ? "standard input" : path);
	ret = read_line(fd, input ? "standard input" : path, out, e);
	if (ret < 0)
		explicit_bzero(out, PASSPHRASE_SIZE);
	return ret;
}

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = sig;
}

int passphrase_ask(const char *prompt, char out[PASSPHRASE_SIZE], struct err *e)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	struct sigaction act = {.sa_handler = on_signal}, old[ARRAY_LEN(signals)];
	struct termios was, quiet;
	int AUTO_CLOSE fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int ret;

	if (fd < 0 || tcgetattr(fd, &was) < 0) {
		err_set(e, ERR_PRECONDITION, "no terminal to ask for the passphrase");
		return err_hint(e, "--passphrase-file FILE, or - for standard input");
	}
	/* Without SA_RESTART: a signal ends the read, and the echo comes back first. */
	stopped = 0;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &act, &old[i]);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	tcsetattr(fd, TCSAFLUSH, &quiet);
	ret = fs_write_all(fd, prompt, strlen(prompt), e);
	if (ret == 0)
		ret = read_line(fd, "passphrase", out, e);
	tcsetattr(fd, TCSAFLUSH, &was);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	if (ret < 0)
		explicit_bzero(out, PASSPHRASE_SIZE);
	if (stopped != 0)
		raise(stopped);
	return ret;
}
