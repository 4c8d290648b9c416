/*
 * The tree of variables, its files and options (usr.sbin/bhyve/config.c, bhyverun.c), and
 * the list of variables of bhyve_config(5), 15.1.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bhyve.h"
#include "cleanup.h"

static json_t *tree;

/* '*' is a number in place of a whole component. */
static const char *const known[] = {"name", "cpus", "cores", "threads", "sockets",
    "memory.guest_in_core", "memory.size", "memory.wired", "bootrom", "bootvars",
    "acpi_tables", "acpi_tables_in_memory", "destroy_on_poweroff", "gdb.address",
    "gdb.port", "gdb.wait", "keyboard.layout", "pci.enable_bars", "rtc.use_localtime",
    "uuid", "virtio_msix", "config.dump", "bios.vendor", "bios.version",
    "bios.release_date", "system.family_name", "system.manufacturer",
    "system.product_name", "system.serial_number", "system.sku", "system.version",
    "board.manufacturer", "board.product_name", "board.version", "board.serial_number",
    "board.asset_tag", "board.location", "chassis.manufacturer", "chassis.version",
    "chassis.serial_number", "chassis.asset_tag", "chassis.sku", "x86.mptable",
    "x86.x2apic", "x86.strictio", "x86.strictmsr", "x86.verbosemsr", "x86.vmexit_on_hlt",
    "x86.vmexit_on_pause", "lpc.com1.path", "lpc.com1.tcp", "lpc.com2.path",
    "lpc.com2.tcp", "lpc.com3.path", "lpc.com3.tcp", "lpc.com4.path", "lpc.com4.tcp",
    "lpc.fwcfg", "lpc.pc-testdev", "lpc.pcireg.vendor", "lpc.pcireg.device",
    "lpc.pcireg.revid", "lpc.pcireg.subvendor", "lpc.pcireg.subdevice", "tpm.path",
    "tpm.type", "tpm.version"};

static const char *const block[] = {
    "path", "nocache", "nodelete", "sync", "direct", "ro", "sectorsize", "ser", NULL};
static const char *const net[] = {
    "backend", "type", "path", "peerhook", "socket", "hook", "hostfwd", "mac", NULL};
static const char *const net_mtu[] = {"backend", "type", "path", "peerhook", "socket",
    "hook", "hostfwd", "mac", "mtu", NULL};
static const char *const hostbridge[] = {"pcireg.vendor", "pcireg.device", NULL};
static const char *const passthru[] = {"bus", "slot", "func", "pptdev", "rom", NULL};
static const char *const uart[] = {"path", "tcp", NULL};
static const char *const console[] = {"port.*.name", "port.*.path", NULL};
static const char *const none[] = {NULL};

static const struct {
	const char *model;
	const char *const *vars;
} models[] = {{"hostbridge", hostbridge}, {"lpc", none}, {"virtio-blk", block},
    {"virtio-net", net_mtu}, {"virtio-rnd", none}, {"passthru", passthru}, {"e1000", net},
    {"uart", uart}, {"virtio-console", console}};

/* The node that a path's last component is in; NULL as bhyve, which has said why. */
static json_t *find_node(const char *path, bool create)
{
	char AUTO_FREE *copy = strdup(path);
	char *rest = copy, *name;
	json_t *node = tree, *next;

	if (copy == NULL)
		double_errx(4, "Failed to allocate memory");
	while ((name = strsep(&rest, ".")) != NULL && rest != NULL) {
		if (*name == '\0') {
			double_warnx("Invalid configuration node: %s", path);
			return NULL;
		}
		next = json_object_get(node, name);
		if (json_is_string(next)) {
			double_warnx("Configuration node %s is a child of existing "
				     "variable %s",
			    path, name);
			return NULL;
		}
		if (next == NULL && !create)
			return NULL;
		if (next == NULL) {
			next = json_object();
			json_object_set_new(node, name, next);
		}
		node = next;
	}
	return node;
}

static const char *last(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL ? dot + 1 : path;
}

void vars_set(const char *path, const char *value)
{
	json_t *node = find_node(path, true);

	if (node == NULL)
		double_errx(4, "Failed to create configuration node %s", path);
	if (json_is_object(json_object_get(node, last(path))))
		double_errx(
		    4, "Attempting to add value %s to existing node %s", value, path);
	if (strchr(value, '%') != NULL)
		double_errx(70, "%s: this double knows no references", path);
	json_object_del(node, last(path));
	json_object_set_new(node, last(path), json_string(value));
}

const char *vars_get(const char *path)
{
	const json_t *node = find_node(path, false);

	return json_string_value(json_object_get(node, last(path)));
}

bool vars_bool(const char *path, bool def)
{
	const char *v = vars_get(path);

	if (v == NULL)
		return def;
	if (strcasecmp(v, "true") == 0 || strcasecmp(v, "on") == 0 ||
	    strcasecmp(v, "yes") == 0 || strcmp(v, "1") == 0)
		return true;
	if (strcasecmp(v, "false") == 0 || strcasecmp(v, "off") == 0 ||
	    strcasecmp(v, "no") == 0 || strcmp(v, "0") == 0)
		return false;
	double_errx(4, "Invalid value %s for boolean variable %s: No error: 0", v, path);
}

bool vars_option(const char *option)
{
	const char *value = strchr(option, '=');
	char path[256];

	if (value == NULL || value[1] == '\0' || value - option >= (int)sizeof(path))
		return false;
	snprintf(path, sizeof(path), "%.*s", (int)(value - option), option);
	vars_set(path, value + 1);
	return true;
}

void vars_file(const char *path)
{
	char AUTO_FREE *line = NULL;
	unsigned number = 1;
	size_t size = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		double_err(4, errno, "Failed to open configuration file %s", path);
	for (; getline(&line, &size, f) > 0; number++) {
		if (*line == '#' || *line == '\n')
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (!vars_option(line))
			double_errx(4, "%s line %u: invalid config option '%s'", path,
			    number, line);
	}
	fclose(f);
}

void vars_init(void)
{
	tree = json_object();
	vars_set("acpi_tables", "true");
	vars_set("acpi_tables_in_memory", "true");
	vars_set("memory.size", "256M");
	vars_set("x86.strictmsr", "true");
	vars_set("x86.verbosemsr", "false");
	vars_set("lpc.fwcfg", "bhyve");
}

typedef void visit_fn(const char *path, const char *value);

static void walk(const json_t *node, const char *prefix, visit_fn *visit)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)node, key, v) {
		char path[512];

		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix != '\0' ? "." : "",
		    key);
		if (json_is_string(v))
			visit(path, json_string_value(v));
		else
			walk(v, path, visit);
	}
}

static void print(const char *path, const char *value)
{
	printf("%s=%s\n", path, value);
}

void vars_dump(void)
{
	walk(tree, "", print);
}

static bool device_knows(const char *model, const char *var)
{
	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		for (const char *const *v = models[i].vars;
		     strcmp(models[i].model, model) == 0 && *v != NULL; v++)
			if (fnmatch(*v, var, 0) == 0)
				return true;
	return false;
}

static void check_var(const char *path, const char *value)
{
	char node[64];
	const char *model;
	int used = 0, bus, slot, func;

	(void)value;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i], path) == 0)
			return;
	if (sscanf(path, "pci.%3d.%2d.%1d.%n", &bus, &slot, &func, &used) == 3 &&
	    used > 0) {
		/* As pci_parse_slot says: no padding. */
		snprintf(node, sizeof(node), "pci.%d.%d.%d.device", bus, slot, func);
		model = vars_get(node);
		if (strcmp(path, node) == 0 ||
		    (model != NULL && device_knows(model, path + used)))
			return;
	}
	double_errx(
	    4, "%s: bhyve_config(5) has no such variable (bhyve would ignore it)", path);
}

void vars_check(void)
{
	walk(tree, "", check_var);
}
