#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli-run.h"
#include "cli.h"
#include "client.h"
#include "fs.h"

static char dir[64];

static void read_back(FILE *f, char *buf)
{
	size_t n;

	rewind(f);
	n = fread(buf, 1, OUTPUT_MAX - 1, f);
	buf[n] = '\0';
	fclose(f);
}

void cli_run(struct cli_run *r, const char *const argv[])
{
	FILE *out = tmpfile(), *err = tmpfile();
	char *copy[32] = {NULL};
	int argc = 0, st;
	pid_t pid;

	assert_non_null(out);
	assert_non_null(err);
	for (; argv[argc] != NULL; argc++)
		assert_non_null(copy[argc] = strdup(argv[argc]));
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fileno(out), 1);
		dup2(fileno(err), 2);
		st = cli_main(argc, copy);
		fflush(NULL);
		_exit(st);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	r->status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
	for (int i = 0; i < argc; i++)
		free(copy[i]);
	read_back(out, r->out);
	read_back(err, r->err);
}

void cli_dir_make(const char *instance)
{
	char path[128];

	snprintf(dir, sizeof(dir), "/tmp/bhyfi-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, instance);
	assert_int_equal(mkdir(path, 0700), 0);
	client_run_dir = dir;
}

const char *cli_dir(void)
{
	return dir;
}

void cli_dir_remove(void)
{
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

/* A request into line; 0 at the end. */
static size_t read_request(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len + 1 < size && read(fd, line + len, 1) == 1)
		if (line[len++] == '\n')
			break;
	line[len] = '\0';
	return len;
}

static _Noreturn void play(int listener, const struct step *s)
{
	static char line[65536];
	int fd = accept(listener, NULL, NULL);

	for (; fd >= 0 && (s->expect != NULL || s->reply != NULL); s++) {
		if (s->expect == NULL && s->reply[0] == '\0') {
			close(fd);
			fd = accept(listener, NULL, NULL);
			continue;
		}
		if (s->reply != NULL && strcmp(s->reply, "!") == 0)
			_exit(0);
		if (s->expect != NULL && (read_request(fd, line, sizeof(line)) == 0 ||
					     strstr(line, s->expect) == NULL)) {
			fprintf(stderr, "expected %s, got %s\n", s->expect, line);
			_exit(1);
		}
		if (s->reply != NULL &&
		    fs_write_all(fd, s->reply, strlen(s->reply), NULL) < 0)
			_exit(1);
	}
	while (fd >= 0 && read_request(fd, line, sizeof(line)) > 0)
		;
	_exit(fd < 0);
}

pid_t server_start(const char *instance, const struct step *steps)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	snprintf(
	    sun.sun_path, sizeof(sun.sun_path), "%.60s/%.16s/control", dir, instance);
	unlink(sun.sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 4), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		alarm(30);
		play(fd, steps);
	}
	close(fd);
	return pid;
}

void server_stop(pid_t pid)
{
	int st;

	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), 0);
}
