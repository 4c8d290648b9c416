#include "uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"

int uevent_open(struct err *e)
{
	struct sockaddr_nl us = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int size = 512 * 1024;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return err_sys(e, errno, "uevent socket");
	/* A boot is a burst of events, and modules load while they wait. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&us, sizeof(us)) < 0) {
		err_sys(e, errno, "uevent socket");
		close(fd);
		return -1;
	}
	return fd;
}

bool uevent_parse(char *buf, size_t len, struct uevent *ev)
{
	struct {
		const char *key;
		const char **value;
	} rows[] = {
	    {"ACTION=", &ev->action},
	    {"SUBSYSTEM=", &ev->subsystem},
	    {"DEVPATH=", &ev->devpath},
	    {"MODALIAS=", &ev->modalias},
	    {"INTERFACE=", &ev->interface},
	    {"DEVNAME=", &ev->devname},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		*rows[i].value = "";
	if (len == 0 || buf[len - 1] != '\0')
		return false;
	/* The first string is "add@/devices/..."; udev's own begin with "libudev". */
	if (strchr(buf, '@') == NULL)
		return false;
	for (char *s = buf + strlen(buf) + 1; s < buf + len; s += strlen(s) + 1)
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (strncmp(s, rows[i].key, strlen(rows[i].key)) == 0)
				*rows[i].value = s + strlen(rows[i].key);
	return ev->action[0] != '\0' && ev->devpath[0] == '/';
}

int uevent_read(int fd, char *buf, size_t size, struct uevent *ev, bool *overrun)
{
	struct sockaddr_nl from = {0};
	socklen_t from_len = sizeof(from);
	ssize_t n;

	n = recvfrom(fd, buf, size, MSG_TRUNC, (struct sockaddr *)&from, &from_len);
	if (n < 0) {
		if (errno == ENOBUFS)
			*overrun = true;
		return errno == ENOBUFS || errno == EINTR ? 0 : -1;
	}
	if ((size_t)n > size || from.nl_pid != 0)
		return 0;
	return uevent_parse(buf, (size_t)n, ev) ? 1 : 0;
}
