/* The table of commands: the parser of options, help, and the manual page all come
 * from these rows. */
#include "cli.h"

#include "paths.h"

const struct cli_status cli_statuses[] = {
    {ERR_NONE, "Done."},
    {ERR_FAILED, "Failed; also when the output could not be written."},
    {ERR_USAGE, "Wrong usage: a command, an option or a value that is none."},
    {ERR_NOT_RUNNING, "The daemon of this instance is not running."},
    {ERR_TIMEOUT, "Timed out."},
    {ERR_PRECONDITION, "A precondition is missing; the message names it and what to do."},
    {ERR_NONE, NULL},
};

static const struct cli_option up_options[] = {
    {"wait", 0, "SEC",
	"Give up waiting after so many seconds, 0 to 3600.\n"
	"Default: 60; with 0 the command returns as soon as the daemon runs."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option follow_options[] = {
    {"follow", 'f', NULL, "Go on with what comes, until interrupted."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option plan_options[] = {
    {"os", 0, "OS",
	"The host's operating system: linux or freebsd.\n"
	"Default: this one."},
    {"card", 0, "CARD",
	"The card, as in the configuration file, in its place.\n"
	"With it there need not be a configuration file."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option speedtest_options[] = {
    {"time", 't', "SEC", "Seconds for each direction, 1 to 60.\nDefault: 5."},
    {NULL, 0, NULL, NULL},
};

const struct command cli_commands[] = {
    {.name = "up",
	.args = "",
	.summary = "start, and wait until the host is online",
	.help = "Starts the daemon where it does not run yet, and the virtual machine.\n"
		"Returns when the host's interface carries frames of the WLAN.\n"
		"On a terminal it shows each stage with its time.\n"
		"A machine that failed before is started again; one that is online "
		"is left as it is.\n"
		"\n"
		"When the time is up, or on an interrupt, the daemon goes on.",
	.options = up_options,
	.run = cmd_up},
    {.name = "down",
	.args = "",
	.summary = "stop: radio quiet, driver unbound, card and interface released",
	.help = "Stops cleanly: the guest leaves the network, unbinds the card's driver "
		"and powers off; then the card and the interface are given back and "
		"the daemon ends.\n"
		"A guest that hangs is killed after the time that the key "
		"stop_timeout states.\n"
		"\n"
		"Where the daemon was killed and left a virtual machine behind, that "
		"is cleared.",
	.run = cmd_down},
    {.name = "status",
	.args = "",
	.summary = "show state, network, signal, addresses, guest",
	.help = "One screen.\n"
		"With --json one object for programs; its members are listed in "
		"bhyfi(8).",
	.run = cmd_status},
    {.name = "log",
	.args = "",
	.summary = "print the daemon's log",
	.help = "Prints the lines that the daemon keeps; where it does not run, those of "
		"its last run.\n"
		"With --json each line is an object {\"line\":TEXT}.",
	.options = follow_options,
	.run = cmd_log},
    {.name = "console",
	.args = "",
	.summary = "print the guest's console",
	.help = "Prints what the guest's kernel and programs wrote to its console.\n"
		"With --json each piece is an object {\"data\":TEXT}.",
	.options = follow_options,
	.run = cmd_console},
    {.name = "cards",
	.args = "",
	.summary = "list wireless PCI cards, and whether each can be passed through",
	.help = "What stands in the first column is the value for the key card.",
	.run = cmd_cards},
    {.name = "plan",
	.args = "",
	.summary = "print the commands that up and down would run",
	.help = "Prints the steps for this host and this configuration as commands.\n"
		"Nothing is changed.",
	.options = plan_options,
	.run = cmd_plan},
    {.name = "image",
	.args = "build|info|verify [OPTION ...]",
	.summary = "build, describe or verify the guest's image",
	.help =
	    "build makes an image from packages of a distribution and makes it the\n"
	    "current one.\n"
	    "--source debian (the default) fetches and verifies packages by apt into a\n"
	    "cache (--cache DIR) and installs nothing; --mirror URL and --suite NAME "
	    "say\n"
	    "from where, by default as the system's own.\n"
	    "--source dir --root DIR takes an unpacked root.\n"
	    "--card VENDOR:DEVICE, an address as bhyfi cards prints it, or sim says for\n"
	    "which card; --air adds the simulated WLAN.\n"
	    "--output DIR puts the image there and leaves the current one as it is.\n"
	    "--keep-signatures leaves the kernel's modules as packaged.\n"
	    "\n"
	    "info describes an image, verify compares all its files with its manifest; "
	    "both take the image's folder, by default the current one.",
	.own_options = true,
	.run = cmd_image},
    {.name = "speedtest",
	.args = "[SERVER[:PORT]]",
	.summary = "measure the way down and up with the iperf3 protocol",
	.help = "Measures first the way from, then the way to an iperf3 server.\n"
		"An IPv6 address with a port stands in brackets; the default port is "
		"5201.\n"
		"With a simulated card the default server is the simulated network's "
		"gateway; with a real one, a server must be named.",
	.options = speedtest_options,
	.max_args = 1,
	.run = cmd_speedtest},
    {.name = "version",
	.args = "",
	.summary = "print the version, and that of the running daemon",
	.help = "The daemon's version is printed where one runs.",
	.run = cmd_version},
    {.name = "help",
	.args = "[COMMAND]",
	.summary = "print help",
	.help = "Lists the commands, or explains one.",
	.max_args = 1,
	.run = cmd_help},
    {.name = "air",
	.args = "OP [KEY=VALUE ...]",
	.summary = "give the simulated WLAN an order",
	.help =
	    "For tests and demonstrations with a simulated card: sends one request and "
	    "prints the answer as JSON.\n"
	    "A VALUE that is a number, true or false is sent as that, anything "
	    "else as text.",
	.hidden = true,
	.min_args = 1,
	.max_args = 32,
	.run = cmd_air},
    {.name = NULL},
};
