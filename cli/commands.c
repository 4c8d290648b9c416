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
    {"vm-bhyve", 0, NULL,
	"Print instead how vm-bhyve boots the same image: a template and commands."},
    {"output", 0, "DIR",
	"With --vm-bhyve: write the template and the guest's configuration there."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option setup_options[] = {
    {"dry-run", 'n', NULL, "Show what would be changed, and change nothing."},
    {"yes", 'y', NULL, "Do not ask."},
    {"undo", 0, NULL, "Put back what was there before the first setup."},
    {"card", 0, "CARD",
	"The card, as bhyfi cards prints it, or sim:SCENARIO.\n"
	"Default: the configured one, or the only one there is."},
    {"bind-at-boot", 0, NULL,
	"Keep the card from its own driver from the start of the host: pptdevs in "
	"loader.conf on FreeBSD, vfio-pci's ids on Linux."},
    {"pptdevs", 0, NULL, "The same as --bind-at-boot."},
    {"os", 0, "OS",
	"The operating system that is set up: linux or freebsd.\n"
	"Default: this one."},
    {"root", 0, "DIR",
	"The folder in which that system's files are.\n"
	"Default: /."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option os_options[] = {
    {"os", 0, "OS",
	"The operating system that is looked at: linux or freebsd.\n"
	"Default: this one."},
    {"root", 0, "DIR",
	"The folder in which that system's programs and files are.\n"
	"Default: /."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option import_options[] = {
    {"dry-run", 'n', NULL, "Show what would be taken over, and write nothing."},
    {"card", 0, "CARD",
	"Which device is the wireless card, as pci0:BUS:SLOT:FUNCTION.\n"
	"Needed where several are passed through."},
    {"networks", 0, "FILE",
	"A wpa_supplicant.conf to take instead of the one that is found."},
    {"force", 'f', NULL,
	"Replace files of bhyfi's that are there; a copy is kept as FILE.bak."},
    {"vm-dir", 0, "DIR",
	"vm-bhyve's folder in that system.\n"
	"Default: as vm_dir in rc.conf says."},
    {"root", 0, "DIR",
	"The folder in which that system's files are.\n"
	"Default: /."},
    {"os", 0, "OS",
	"The system that bhyfi will run on: linux or freebsd.\n"
	"Default: this one."},
    {"output", 0, "DIR",
	"The folder to write into.\n"
	"Default: " PATH_ETC "."},
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
	.options = os_options,
	.run = cmd_cards},
    {.name = "doctor",
	.args = "",
	.summary = "check every precondition, and say what mends it",
	.help = "Changes nothing.\n"
		"Each line says pass, warn, fail, or skip for what can not be told from "
		"here, and why; below it stands what mends it.\n"
		"It works without a configuration, and as an ordinary user as far as "
		"that goes.\n"
		"\n"
		"The exit status is 5 where a check failed; warnings do not count.\n"
		"With --json one object: checks, a list of objects with id, title, "
		"status, why and fix, and the numbers pass, warn, fail and skip.",
	.options = os_options,
	.run = cmd_doctor},
    {.name = "setup",
	.args = "",
	.summary = "write what the host needs: shows a diff, asks, and can undo it",
	.help = "Finds the card, shows as a diff every file that it would change, asks, "
		"and writes all of them or none.\n"
		"On FreeBSD: loader.conf, rc.conf, a ZFS dataset for images where the "
		"root is on ZFS; on Linux: modules-load.d, systemd's links, a .network "
		"file where systemd-networkd runs; on both the configuration.\n"
		"Whatever else stands in those files stays, byte for byte.\n"
		"It says whether the host has to be restarted, and why.\n"
		"\n"
		"Done twice, the second time there is nothing to do.\n"
		"A setup that was interrupted is put right by the next one.\n"
		"With --json the changes are listed, and made only with --yes.",
	.options = setup_options,
	.run = cmd_setup},
    {.name = "plan",
	.args = "",
	.summary = "print the commands that up and down would run",
	.help = "Prints the steps for this host and this configuration as commands.\n"
		"Nothing is changed.",
	.options = plan_options,
	.run = cmd_plan},
    {.name = "import",
	.args = "wifibox|vm-bhyve [GUEST]",
	.summary = "take over a set-up of wifibox or of a vm-bhyve guest",
	.help =
	    "Reads the other program's files, prints what becomes of each setting, "
	    "and writes the configuration of the instance and its networks.\n"
	    "What can not be taken over is listed with the reason, and so is what is "
	    "left to do by hand.\n"
	    "Their files are neither changed nor run: a setting that only a shell could "
	    "work out is named and left.\n"
	    "\n"
	    "GUEST is needed where several guests of vm-bhyve have devices.\n"
	    "A file of bhyfi's that is there with other content is not replaced "
	    "without --force.",
	.options = import_options,
	.min_args = 1,
	.max_args = 2,
	.run = cmd_import},
    {.name = "image",
	.args = "build|info|verify|esp [OPTION ...]",
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
	    "both take the image's folder, by default the current one.\n"
	    "\n"
	    "esp --cmdline TEXT [--air] [--image DIR] FILE writes the disk that UEFI "
	    "firmware starts the guest from, with that command line for its kernel: what "
	    "up does for bhyve at each start.",
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
