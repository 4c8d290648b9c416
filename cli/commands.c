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

static const struct cli_option scan_options[] = {
    {"cached", 0, NULL, "Print what was heard last, without another scan."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option connecting_options[] = {
    {"security", 0, "KIND",
	"open, owe, wpa (WPA2 or WPA3, as the access point has it), wpa2, wpa3, eap.\n"
	"Default: auto, by what is heard of it; without a daemon, wpa.",
	"auto|open|owe|wpa|wpa2|wpa3|eap"},
    {"passphrase-file", 'p', "FILE",
	"Its first line is the passphrase; - is standard input.\n"
	"Default: the one that is kept, or it is asked for on the terminal."},
    {"ask", 0, NULL, "Ask for the passphrase, also where one is kept."},
    {"hidden", 0, NULL, "The network does not announce its name: ask for it."},
    {"priority", 0, "NUMBER",
	"Networks with a higher one are preferred; 0 is the usual one."},
    {"save", 0, NULL, "Keep the network even where joining it fails."},
    {"wait", 0, "SEC", "Give up after so many seconds, 1 to 300.\nDefault: 30."},
    {"check", 0, NULL,
	"Wait for an address, too, and look whether a captive portal is in the way; "
	"where one is, its URL is printed.\n"
	"For that http://connectivity-check.ubuntu.com/ is fetched."},
    {"check-url", 0, "URL",
	"What --check fetches instead; it has to answer with status 204."},
    {"block", 0, "FILE",
	"Take the settings from a network block of wpa_supplicant.conf(5) in FILE."},
    {"eap", 0, "METHOD",
	"For 802.1X: peap, ttls (both with MSCHAPv2), ttls-pap or pwd; for others see "
	"--block.",
	"peap|ttls|ttls-pap|pwd"},
    {"identity", 0, "NAME", "For 802.1X: the user's name."},
    {"ca-cert", 0, "FILE",
	"For 802.1X: the certificate, in PEM, of who vouches for the server; it is "
	"copied into the networks file.\n"
	"Without it any server is believed, and a line warns of that."},
    {"domain", 0, "NAME",
	"For 802.1X: the server's certificate is to be of this domain."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option networks_options[] = {
    {"priority", 0, "NUMBER", "Networks with a higher one are preferred."},
    {"autoconnect", 0, "yes|no", "Whether it is joined without being told to.", "yes|no"},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option monitor_options[] = {
    {"interval", 'n', "SEC", "Seconds between two samples, 0.5 to 3600.\nDefault: 1."},
    {"once", 0, NULL, "Print one sample as text, or with --json as one object."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option follow_options[] = {
    {"follow", 'f', NULL, "Go on with what comes, until interrupted."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option plan_options[] = {
    {"os", 0, "OS",
	"The host's operating system: linux or freebsd.\n"
	"Default: this one.",
	"linux|freebsd"},
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
	"Default: this one.",
	"linux|freebsd"},
    {"root", 0, "DIR",
	"The folder in which that system's files are.\n"
	"Default: /."},
    {NULL, 0, NULL, NULL},
};

static const struct cli_option os_options[] = {
    {"os", 0, "OS",
	"The operating system that is looked at: linux or freebsd.\n"
	"Default: this one.",
	"linux|freebsd"},
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
	"Default: this one.",
	"linux|freebsd"},
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
    {.name = "reload",
	.args = "",
	.summary = "read the configuration again while the machine runs",
	.help = "The keys mode, mac, country, forward, subnet, networks, access_point "
		"and log_level, and the files that they name, hold from then on; the "
		"guest is not started anew.\n"
		"It says so where other keys have changed, too: they wait for the next "
		"start.\n"
		"What is wrong is an error, and all stays as it was.",
	.run = cmd_reload},
    {.name = "suspend",
	.args = "",
	.summary = "stop for the host's sleep: the card belongs to no machine any more",
	.help =
	    "Stops as down does, but the daemon stays, and so does the interface, "
	    "unplugged; the card stays with the pass-through driver.\n"
	    "Returns 0 when the virtual machine is off, also where it was before.\n"
	    "A guest that hangs is killed after the time that the key suspend_timeout "
	    "states; that is said, and is no failure.\n"
	    "\n"
	    "The host's own scripts call it before the host sleeps.\n"
	    "While suspended, resume and up start again, and down ends the daemon.\n"
	    "A daemon that was killed meanwhile is suspended when it is started again.",
	.run = cmd_suspend},
    {.name = "resume",
	.args = "",
	.summary = "start again after suspend, and wait until the host is online",
	.help = "As up, and prints the time that it took; but where no daemon runs and "
		"none was killed, it starts none: the exit status is 3.\n"
		"A suspend that is still under way is finished first.\n"
		"\n"
		"When the time is up, or on an interrupt, the daemon goes on.",
	.options = up_options,
	.run = cmd_resume},
    {.name = "status",
	.args = "",
	.summary = "show state, network, signal, addresses, guest",
	.help = "One screen.\n"
		"With --json one object for programs; its members are listed in "
		"bhyfi(8).",
	.run = cmd_status},
    {.name = "monitor",
	.args = "",
	.summary = "watch signal, rates, throughput and latency in the terminal",
	.help = "Repaints in place until q is typed, with plots over time and the latest "
		"lines of the daemon's log.\n"
		"What can not be measured is shown as a dash.\n"
		"The guest is asked only while somebody watches.\n"
		"\n"
		"Throughput is what passes the host's interface.\nLatency is that of the "
		"gateway, by an ICMP echo, where the system lets the user send one "
		"(root; on Linux also net.ipv4.ping_group_range), else by a connection "
		"to its TCP port 53, which need not be open.\n"
		"Retries are the frames to the access point that were sent again, among "
		"all that were sent.\n"
		"\n"
		"With --json one object for each interval, on a line: the members of "
		"status, and time, throughput (down_mbps, up_mbps), retry_pct, latency "
		"(ms, gateway, by) and events, a list of objects with time, bad and "
		"text.",
	.options = monitor_options,
	.run = cmd_monitor},
    {.name = "scan",
	.args = "",
	.summary = "list the networks that are heard",
	.help = "A line for each network, the one that is joined first, then by signal.\n"
		"* is the one that is joined, + one that is kept.\n"
		"A scan does not change which network is joined.\n"
		"\n"
		"Names are chosen by strangers: what is not printable in them is shown "
		"as \\xNN.\n"
		"With --json one object: aps, a list of objects with ssid (escaped), "
		"ssid_hex, bssid, freq_mhz, signal_dbm, security (open, owe, wpa, wpa2, "
		"wpa3, wpa2+wpa3, eap, wep, unknown), known and connected.",
	.options = scan_options,
	.run = cmd_scan},
    {.name = "connect",
	.args = "SSID",
	.summary = "join a network, and keep it",
	.help =
	    "SSID is the network's name, or hex:DIGITS for one that can not be typed.\n"
	    "A network that is new is tried first: where it can not be joined, the "
	    "reason is said and nothing has changed.\n"
	    "It is kept in the networks file, an ordinary wpa_supplicant.conf(5); what "
	    "else is in that file stays as it is.\n"
	    "Others that are kept are joined when this one is out of reach.\n"
	    "\n"
	    "Where no daemon runs the network is only kept, for the next up.\n"
	    "With --block SSID may be left out.",
	.options = connecting_options,
	.max_args = 1,
	.run = cmd_connect},
    {.name = "forget",
	.args = "SSID",
	.summary = "keep a network no longer",
	.help = "Takes it out of the networks file, and leaves it where it is joined.",
	.min_args = 1,
	.max_args = 1,
	.run = cmd_forget},
    {.name = "networks",
	.args = "[SSID]",
	.summary = "list the networks that are kept, or change one",
	.help =
	    "* is the one that is joined.\n"
	    "With SSID and an option that network is changed.\n"
	    "With --json one object: networks, a list of objects with ssid (escaped), "
	    "ssid_hex, security, priority, autoconnect, hidden and connected.",
	.options = networks_options,
	.max_args = 1,
	.run = cmd_networks},
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
	    "A file of bhyfi's that is there is completed; one that says something else "
	    "is not replaced without --force.",
	.options = import_options,
	.min_args = 1,
	.max_args = 2,
	.run = cmd_import},
    {.name = "image",
	.args = "build|info|verify|rollback|outdated|esp [OPTION ...]",
	.summary = "build, describe, verify or change back the guest's image",
	.help =
	    "build makes an image from packages of a distribution.\nThe first is the "
	    "current one; a later one is a candidate, which the next start tries: if it "
	    "comes online it is the current one, else bhyfid goes back to the last good "
	    "one by itself, says so, and does not try it again. --current makes it the "
	    "current one at once, without a trial.\nOf older images the three newest "
	    "stay.\n"
	    "It is signed with this host's key, which the first build makes, or with "
	    "--sign FILE, a secret key that signify -G -n made.\nOnly images that are "
	    "signed with a key in " PATH_ETC "/keys and whose files are undamaged are "
	    "started.\n"
	    "--source debian (the default) fetches and verifies packages by apt into a\n"
	    "cache (--cache DIR) and installs nothing.\nWith --mirror URL|DIR it does so "
	    "by "
	    "itself, on any system: --suite NAME says which release, --keys FILE|DIR "
	    "whose "
	    "signatures count (gpgv checks them), --security-mirror URL|DIR|none where "
	    "the "
	    "security updates are, if not beside the mirror.\n"
	    "--source alpine takes packages of Alpine Linux, on any system; --branch "
	    "NAME says of which release (v3.20 or later; latest-stable), --mirror "
	    "URL|DIR from where, --keys DIR whose signatures count.\n"
	    "--source dir --root DIR|FILE takes a root, unpacked or as a tar file.\n"
	    "--card VENDOR:DEVICE, an address as bhyfi cards prints it, or sim says for\n"
	    "which card: its driver, and the firmware that this asks for, go into the "
	    "image.\n"
	    "Without it: the card of the instance's configuration, or the only one of "
	    "this machine.\n"
	    "--all-cards makes an image for any. --firmware DIR has files of your own, "
	    "which no distribution may pass on (b43).\n"
	    "--air adds the simulated WLAN, --ap what mode ap needs.\n"
	    "--output DIR puts the image there and leaves the current one as it is.\n"
	    "--kernel small builds a kernel from the distribution's source package with "
	    "nothing in it but what a guest needs, once for each card: ten minutes, and "
	    "it starts sooner and in less memory.\nDebian only, on Linux.\n"
	    "--guest DIR has bhyfi's programs for the guest, which are Linux programs: "
	    "libexec/bhyfi of a build on Linux.\nElsewhere there are none without it.\n"
	    "--keep-signatures leaves the kernel's modules as packaged.\n"
	    "What no option says is taken from " PATH_ETC "/image.options, if that is "
	    "there: lines as mirror = URL, for source, root, mirror, security_mirror, "
	    "suite, branch, keys, firmware, guest, kernel, cache, sign, and ap and "
	    "keep_signatures (yes or no).\nWith --source, --root or --mirror all that "
	    "says where packages come from is the command line's.\n"
	    "\n"
	    "info describes an image, with --files each file of it, the largest first, "
	    "and why it "
	    "is there, with --all every image and what it is; verify compares all its "
	    "files with its manifest, and that with its signature; "
	    "both take the image's folder, by default the one that starts next.\n"
	    "\n"
	    "rollback [ID] goes back to the image before the current one, or to that "
	    "one, "
	    "from the next start on; the one that it leaves is not tried again.\n"
	    "\n"
	    "outdated lists packages of the image of which its source offers newer ones, "
	    "and which of these are security updates; it takes the options of build that "
	    "say where packages come from, and needs no root.\nIts exit status is 1 "
	    "where "
	    "there are any, 0 where there are none, and never 1 where that can not be "
	    "known.\n"
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
    {.name = "complete",
	.args = "instances|networks|heard|cards",
	.summary = "print what a shell offers as an argument",
	.help = "For the completions of bash, zsh and fish: a word on each line.\n"
		"A name of a network that can not be typed stands there as hex:DIGITS.",
	.hidden = true,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_complete},
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
