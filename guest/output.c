#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "spawn.h"

void output_init(struct output *o, struct event_base *base, char *buf, size_t size,
    void (*line)(void *arg, const char *text), void *arg)
{
	*o = (struct output){
	    .base = base, .line = line, .arg = arg, .fd = -1, .buf = buf, .size = size};
}

static void line_done(struct output *o)
{
	o->buf[o->len] = '\0';
	o->len = 0;
	o->line(o->arg, o->buf);
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct output *o = arg;
	char data[1024];
	ssize_t n;

	(void)what;
	while ((n = read(fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (data[i] == '\n' || o->len + 1 == o->size)
				line_done(o);
			if (data[i] != '\n')
				o->buf[o->len++] = data[i];
		}
	/* It may have quoted a line of its configuration. */
	explicit_bzero(data, sizeof(data));
	if (n == 0)
		event_del(o->readable);
}

int output_spawn(struct output *o, const char *const argv[], pid_t *pid, struct err *e)
{
	int pipefd[2];

	*pid = 0;
	if (pipe2(pipefd, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, errno, "pipe");
	o->fd = pipefd[0];
	*pid = spawn_child(argv, pipefd[1], -1, e);
	close(pipefd[1]);
	if (*pid < 0) {
		*pid = 0;
		output_close(o);
		return -1;
	}
	o->readable = event_new(o->base, o->fd, EV_READ | EV_PERSIST, on_output, o);
	if (o->readable == NULL || event_add(o->readable, NULL) < 0)
		return err_sys(e, ENOMEM, "pipe");
	return 0;
}

void output_end(struct output *o)
{
	if (o->readable != NULL)
		on_output(o->fd, EV_READ, o);
	output_close(o);
}

void output_close(struct output *o)
{
	if (o->readable != NULL)
		event_free(o->readable);
	o->readable = NULL;
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	o->len = 0;
}
