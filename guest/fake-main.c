/* bhyfi-guest-fake: the agent as an ordinary process, on sockets like QEMU's. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "console.h"
#include "fake.h"

static int usage(void)
{
	fprintf(stderr,
	    "usage: bhyfi-guest-fake {--agent-fd FD | --agent PATH}\n"
	    "           [--console-fd FD | --console PATH] [--scenario NAME]\n");
	return 2;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sa.sun_path)) {
		fprintf(stderr, "bhyfi-guest-fake: %s: path is too long\n", path);
		return -1;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 1) < 0) {
		perror(path);
		return -1;
	}
	return fd;
}

static int fd_arg(const char *s)
{
	char *end;
	long n = strtol(s, &end, 10);

	return *s == '\0' || *end != '\0' || n < 0 || n > 65535 ? -1 : (int)n;
}

/* An image of tests says how it fails: "die" at once, "mute" without a word; all else
 * runs. */
static void obey(int image)
{
	char word[5] = "";

	if (pread(image, word, sizeof(word) - 1, 0) < 0)
		perror("image");
	if (strcmp(word, "die\n") == 0)
		exit(1);
	while (strcmp(word, "mute") == 0)
		pause();
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"agent-fd", required_argument, NULL, 'a'},
	    {"console-fd", required_argument, NULL, 'c'},
	    {"agent", required_argument, NULL, 'A'},
	    {"console", required_argument, NULL, 'C'},
	    {"image-fd", required_argument, NULL, 'i'},
	    {"scenario", required_argument, NULL, 's'},
	    {NULL, 0, NULL, 0},
	};
	struct fake_options fo = {.agent_fd = -1, .console_fd = -1, .scenario = "wpa2"};
	struct agent_options ao = {.ops = &guest_fake, .ops_arg = &fo, .window = 65536};
	struct console console;
	int c, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'a')
			fo.agent_fd = fd_arg(optarg);
		else if (c == 'c')
			fo.console_fd = fd_arg(optarg);
		else if (c == 'A')
			fo.agent_fd = listen_at(optarg);
		else if (c == 'C')
			fo.console_fd = listen_at(optarg);
		else if (c == 'i')
			obey(fd_arg(optarg));
		else if (c == 's')
			fo.scenario = optarg;
		else
			return usage();
	}
	if (optind < argc || fo.agent_fd < 0 || !fake_scenario_known(fo.scenario))
		return usage();
	fcntl(fo.agent_fd, F_SETFL, O_NONBLOCK);
	if (fo.console_fd >= 0)
		fcntl(fo.console_fd, F_SETFL, O_NONBLOCK);
	/* A client that left is a lost line, not our end. */
	signal(SIGPIPE, SIG_IGN);
	fo.console = ao.console = open("/dev/null", O_WRONLY | O_CLOEXEC);
	status = agent_run(&ao);
	console_init(&console, ao.console);
	console_line(&console, "power off");
	return status;
}
