/*
 * /sbin/modprobe: for the kernel's own requests and for bhyfi-air.
 *
 * The kernel runs it ten times while a WPA key is set up, for ciphers that mostly
 * exist already ("crypto-ccm(aes)", "crypto-ccm(aes)-all" ...), and the station
 * waits meanwhile. So it is a program of its own, small and at fixed addresses: under
 * emulation a program that is loaded elsewhere each time is also translated
 * each time, which made 30 ms of each call. It reads nothing but the image's lists and
 * what the kernel asks.
 */
#include <fcntl.h>
#include <stdio.h>

#include "log.h"
#include "modules.h"

/* The kernel starts modprobe without descriptors; its log is the only place. */
static void kmsg_sink(void *arg, enum log_level level, const char *text)
{
	const int *fd = arg;

	(void)level;
	if (*fd >= 0)
		dprintf(*fd, "modprobe: %s\n", text);
}

int main(int argc, char *argv[])
{
	int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	log_set_sink(kmsg_sink, &kmsg);
	return modules_modprobe(argc, argv);
}
