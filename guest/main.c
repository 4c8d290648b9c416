/* One program, two names: /init and /sbin/modprobe. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init.h"
#include "log.h"
#include "modules.h"

/* The kernel starts modprobe without descriptors; its log is the only place. */
static void kmsg_sink(void *arg, enum log_level level, const char *text)
{
	const int *fd = arg;

	(void)level;
	if (*fd >= 0)
		dprintf(*fd, "bhyfi-guest: %s\n", text);
}

int main(int argc, char *argv[])
{
	const char *base = argc > 0 ? strrchr(argv[0], '/') : NULL;
	int kmsg;

	base = base != NULL ? base + 1 : argc > 0 ? argv[0] : "";
	if (strcmp(base, "modprobe") == 0) {
		kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
		log_set_sink(kmsg_sink, &kmsg);
		return modules_modprobe(argc, argv);
	}
	if (getpid() == 1)
		init_main();
	fprintf(stderr, "bhyfi-guest: it is the first process of a guest, started by its "
			"kernel\n");
	return 2;
}
