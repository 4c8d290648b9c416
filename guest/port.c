#include "port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmdline.h"
#include "msg.h"

#define CLASS_DIR "/sys/class/virtio-ports"

static int open_uart(const char *name, struct err *e)
{
	char path[64];
	struct termios t;
	int fd;

	if (strchr(name, '/') != NULL)
		return err_set(e, ERR_FAILED, "bhyfi.channel=%s: not a device", name);
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (tcgetattr(fd, &t) < 0) {
		err_sys(e, errno, "%s", path);
		close(fd);
		return -1;
	}
	cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSANOW, &t) < 0) {
		err_sys(e, errno, "%s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static bool is_agent_port(int dir, const char *port)
{
	char path[300], name[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/name", port);
	int AUTO_CLOSE fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, name, sizeof(name) - 1);
	if (n <= 0)
		return false;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return strcmp(name, AGENT_PORT_NAME) == 0;
}

static int open_port(struct err *e)
{
	DIR *dir = opendir(CLASS_DIR);
	struct dirent *de;
	int fd = -2;

	if (dir == NULL)
		return -2;
	while (fd == -2 && (de = readdir(dir)) != NULL) {
		char path[300];

		if (de->d_name[0] == '.' || !is_agent_port(dirfd(dir), de->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", de->d_name);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			fd = err_sys(e, errno, "%s", path);
	}
	closedir(dir);
	return fd;
}

int port_open(bool *uart, struct err *e)
{
	char name[32];

	*uart = cmdline_get("bhyfi.channel", name, sizeof(name));
	return *uart ? open_uart(name, e) : open_port(e);
}
