/*
 * pciconf(8), devctl(8) and the bus behind them: drivers bid for devices as in
 * sys/kern/subr_bus.c, ppt comes with vmm.ko (sys/amd64/vmm/io/ppt.c).
 */
#include "double.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAPPED_NAME 32

/* pptdevs of the loader, which was read at boot: "3/0/0 4/0/0". */
static bool is_pptdev(const json_t *state, const json_t *d)
{
	const char *list = state_text(json_object_get(state, "kenv"), "pptdevs", "");
	char want[32];
	size_t n;

	snprintf(want, sizeof(want), "%d/%d/%d", (int)state_int(d, "bus", 0),
	    (int)state_int(d, "slot", 0), (int)state_int(d, "function", 0));
	n = strlen(want);
	for (const char *p = list; (p = strstr(p, want)) != NULL; p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' '))
			return true;
	return false;
}

/* Whether a driver of that name is on the PCI bus. */
static bool driver_exists(const json_t *state, const char *driver)
{
	char module[64];

	snprintf(module, sizeof(module), "pci/%.50s", driver);
	return kld_has(state, module);
}

static void bind_driver(json_t *state, json_t *d, const char *driver)
{
	json_t *all = json_object_get(state, "pci"), *o;
	json_int_t unit = 0;
	bool taken = true;
	size_t i;

	while (taken) {
		taken = false;
		json_array_foreach (all, i, o)
			if (o != d && strcmp(state_text(o, "driver", ""), driver) == 0 &&
			    state_int(o, "unit", -1) == unit)
				taken = true;
		unit += taken;
	}
	json_object_set_new(d, "driver", json_string(driver));
	json_object_set_new(d, "unit", json_integer(unit));
	json_object_set_new(d, "attached", json_true());
}

static void unbind(json_t *d)
{
	json_object_set_new(d, "driver", json_string(""));
	json_object_set_new(d, "attached", json_false());
}

/* ENXIO: no driver wants it. */
static int probe(json_t *state, json_t *d)
{
	const char *native = state_text(d, "native", "");
	bool endpoint = (state_int(d, "hdr", 0) & 0x7f) == 0;
	const char *driver = state_bool(d, "fixed") ? state_text(d, "driver", "")
			     : endpoint && is_pptdev(state, d) ? "ppt"
							       : native;

	if (*driver == '\0' || !driver_exists(state, driver) ||
	    (strcmp(driver, "ppt") == 0 && !endpoint))
		return ENXIO;
	bind_driver(state, d, driver);
	return 0;
}

void pci_probe_all(json_t *state)
{
	json_t *d;
	size_t i;

	json_array_foreach (json_object_get(state, "pci"), i, d)
		if (!state_bool(d, "attached"))
			probe(state, d);
}

/* A VM that has the device keeps its driver, or that does not let go by itself. */
static int detach(json_t *state, json_t *d)
{
	json_t *pseudo = json_object_get(state, "pseudo"), *o;
	const char *ifname;
	char name[64];
	void *next;

	if (strcmp(state_text(d, "vm", ""), "") != 0 || state_bool(d, "detach_busy"))
		return EBUSY;
	/* A driver takes its interfaces along. */
	snprintf(name, sizeof(name), "%s%d", state_text(d, "driver", ""),
	    (int)state_int(d, "unit", 0));
	json_object_foreach_safe(
	    pseudo, next, ifname, o) if (strcmp(ifname, name) == 0 ||
					 strcmp(state_text(o, "parent", ""), name) == 0)
	    json_object_del(pseudo, ifname);
	json_object_set_new(d, "attached", json_false());
	return 0;
}

bool pci_unload(json_t *state, const char *driver)
{
	json_t *d;
	size_t i;

	json_array_foreach (json_object_get(state, "pci"), i, d)
		if (strcmp(state_text(d, "driver", ""), driver) == 0 &&
		    state_bool(d, "attached") && detach(state, d) != 0)
			return false;
	return true;
}

static void device_name(const json_t *d, char out[MAPPED_NAME])
{
	snprintf(out, MAPPED_NAME, "pci%d:%d:%d:%d", (int)state_int(d, "domain", 0),
	    (int)state_int(d, "bus", 0), (int)state_int(d, "slot", 0),
	    (int)state_int(d, "function", 0));
}

json_t *pci_find(json_t *state, const char *name)
{
	char at[MAPPED_NAME], unit[64];
	json_t *d;
	size_t i;

	json_array_foreach (json_object_get(state, "pci"), i, d) {
		device_name(d, at);
		snprintf(unit, sizeof(unit), "%s%d", state_text(d, "driver", ""),
		    (int)state_int(d, "unit", 0));
		if (strcmp(at, name) == 0 ||
		    (*state_text(d, "driver", "") != '\0' && strcmp(unit, name) == 0))
			return d;
	}
	return NULL;
}

/* pciconf */

static _Noreturn void pciconf_usage(void)
{
	fprintf(stderr, "usage: pciconf -l [-BbcevV] [device]\n"
			"       pciconf -t [-v]\n"
			"       pciconf -a device\n"
			"       pciconf -r [-b | -h] device addr[:addr2]\n"
			"       pciconf -w [-b | -h] device addr value\n"
			"       pciconf -D [-b | -h | -x] device bar [start [count]]\n");
	exit(1);
}

static void print_lines(const json_t *d, const char *key)
{
	json_t *line;
	size_t i;

	json_array_foreach (json_object_get(d, key), i, line)
		printf("%s\n", json_string_value(line));
}

static void print_device(const json_t *d, int *none, bool verbose, bool bars, bool caps)
{
	const char *driver = state_text(d, "driver", "");
	char at[MAPPED_NAME];

	device_name(d, at);
	printf("%s%d@%s:\tclass=0x%06x rev=0x%02x hdr=0x%02x vendor=0x%04x "
	       "device=0x%04x subvendor=0x%04x subdevice=0x%04x\n",
	    *driver != '\0' ? driver : "none",
	    *driver != '\0' ? (int)state_int(d, "unit", 0) : (*none)++, at,
	    (unsigned)state_int(d, "class", 0), (unsigned)state_int(d, "rev", 0),
	    (unsigned)state_int(d, "hdr", 0), (unsigned)state_int(d, "vendor", 0),
	    (unsigned)state_int(d, "device", 0), (unsigned)state_int(d, "subvendor", 0),
	    (unsigned)state_int(d, "subdevice", 0));
	if (verbose && *state_text(d, "vendor_name", "") != '\0')
		printf("    vendor     = '%s'\n", state_text(d, "vendor_name", ""));
	if (verbose && *state_text(d, "device_name", "") != '\0')
		printf("    device     = '%s'\n", state_text(d, "device_name", ""));
	if (verbose)
		printf("    class      = %s\n",
		    state_int(d, "class", 0) >> 16 == 2 ? "network" : "bridge");
	if (bars)
		print_lines(d, "bars");
	if (caps)
		print_lines(d, "caps");
}

int double_pciconf(int argc, char **argv)
{
	bool list = false, verbose = false, bars = false, caps = false;
	json_t *state, *d, *only = NULL;
	int c, none = 0;
	size_t i;

	while ((c = double_getopt(argc, argv, "aBbcDehlrtwVvx")) != -1) {
		if (c == 'l' && !list)
			list = true;
		else if (c == 'v')
			verbose = true;
		else if (c == 'b')
			bars = true;
		else if (c == 'c')
			caps = true;
		else
			pciconf_usage();
	}
	if (!list)
		pciconf_usage();
	/* /dev/pci is root's to write, for everybody to read. */
	if (caps && geteuid() != 0)
		double_err(1, EACCES, "/dev/pci");
	state = state_open();
	if (optind + 1 == argc) {
		only = pci_find(state, argv[optind]);
		if (only == NULL && strchr(argv[optind], ':') == NULL)
			double_errx(1, "Device not found");
		if (only == NULL && strncmp(argv[optind], "pci", 3) != 0)
			double_errx(1, "cannot parse selector %s", argv[optind]);
	}
	json_array_foreach (json_object_get(state, "pci"), i, d)
		if (optind + 1 != argc || d == only)
			print_device(d, &none, verbose, bars, caps);
	if (optind + 1 != argc)
		print_lines(state, "pciconf_noise");
	state_close(state, false);
	return 0;
}

/* devctl */

static _Noreturn void set_usage(const char *what)
{
	fprintf(stderr, "usage: devctl %s\n", what);
	exit(1);
}

static int set_driver(json_t *state, json_t *d, const char *driver, bool force)
{
	int error;

	if (strcmp(driver, state_text(d, "driver", "")) == 0)
		return 0;
	if (!driver_exists(state, driver))
		return ENOENT;
	if (state_bool(d, "attached")) {
		error = force ? detach(state, d) : EBUSY;
		if (error != 0)
			return error;
	}
	json_object_set_new(d, "driver", json_string(driver));
	json_object_set_new(d, "fixed", json_true());
	error = probe(state, d);
	return error;
}

static int clear_driver(json_t *state, json_t *d, bool force)
{
	int error;

	if (!state_bool(d, "fixed"))
		return 0;
	if (state_bool(d, "attached")) {
		error = force ? detach(state, d) : EBUSY;
		if (error != 0)
			return error;
	}
	json_object_set_new(d, "fixed", json_false());
	unbind(d);
	error = probe(state, d);
	return error == ENXIO ? 0 : error;
}

/* "driver [-f] device [driver]", behind set or clear. */
static int driver_command(int argc, char **argv, bool set)
{
	const char *usage =
	    set ? "set driver [-f] device driver" : "clear driver [-f] device";
	bool force = false;
	json_t *state, *d;
	int c, error;

	while ((c = double_getopt(argc, argv, "f")) != -1) {
		if (c != 'f')
			set_usage(usage);
		force = true;
	}
	argc -= optind;
	argv += optind;
	if (argc != (set ? 2 : 1))
		set_usage(usage);
	state = state_open();
	d = pci_find(state, argv[0]);
	error = geteuid() != 0 ? EPERM
		: d == NULL    ? ENOENT
		: set          ? set_driver(state, d, argv[1], force)
			       : clear_driver(state, d, force);
	/* A driver that let go has done so even where the next one fails. */
	state_close(state, true);
	if (error != 0 && set)
		double_err(1, error, "Failed to set %s driver to %s", argv[0], argv[1]);
	if (error != 0)
		double_err(1, error, "Failed to clear %s driver", argv[0]);
	return 0;
}

static int attach_or_detach(const char *name, bool attach)
{
	json_t *state = state_open(), *d = pci_find(state, name);
	int error = d == NULL                               ? ENOENT
		    : attach && state_bool(d, "attached")   ? EBUSY
		    : !attach && !state_bool(d, "attached") ? ENXIO
		    : attach                                ? probe(state, d)
							    : detach(state, d);

	if (error == 0 && !attach && !state_bool(d, "fixed"))
		unbind(d);
	state_close(state, error == 0);
	if (error != 0)
		double_err(
		    1, error, "Failed to %s %s", attach ? "attach" : "detach", name);
	return 0;
}

int double_devctl(int argc, char **argv)
{
	bool set = argc > 1 && strcmp(argv[1], "set") == 0;

	if (argc == 1)
		set_usage("attach device ...");
	if (set || strcmp(argv[1], "clear") == 0) {
		if (argc < 3) {
			double_warnx("The %s command requires a sub-command.", argv[1]);
			return 1;
		}
		if (strcmp(argv[2], "driver") == 0)
			return driver_command(argc - 2, argv + 2, set);
		double_warnx("%s is not a valid sub-command of %s.", argv[2], argv[1]);
		return 1;
	}
	if (strcmp(argv[1], "attach") == 0 || strcmp(argv[1], "detach") == 0) {
		if (argc != 3)
			set_usage("attach device");
		return attach_or_detach(argv[2], argv[1][0] == 'a');
	}
	double_warnx("Unknown command %s.", argv[1]);
	return 1;
}
