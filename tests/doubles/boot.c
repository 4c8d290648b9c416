/*
 * kenv(1), devmatch(8), acpidump(8), and the start of the machine: the loader with
 * loader.conf (stand/lua/config.lua), the kernel's probing, rc.d/kld and rc.d/devmatch
 * with rc.conf. "kenv": the kernel's environment; "hints": the devices that modules say
 * they are for; "acpi": the tables that there are.
 */
#include "double.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cleanup.h"
#include "link.h"

#define KENV_VALUE_MAX 128 /* KENV_MVALLEN, sys/sys/kenv.h */
#define FAILED 255         /* what kenv returns of its -1 */

static _Noreturn void kenv_usage(void)
{
	fprintf(stderr, "usage: kenv [-l|-s] [-hNq]\n"
			"       kenv [-qv] variable[=value]\n"
			"       kenv [-q] -u variable\n");
	exit(1);
}

static int kenv_get(const json_t *env, const char *name, bool quiet, bool verbose)
{
	const char *value = state_text(env, name, NULL);

	if (value == NULL && !quiet)
		double_warnx("unable to get %s", name);
	if (value == NULL)
		return FAILED;
	if (verbose)
		printf("%s=\"%s\"\n", name, value);
	else
		printf("%s\n", value);
	return 0;
}

static int kenv_set(json_t *env, const char *name, const char *value, bool quiet)
{
	if (geteuid() == 0 && strlen(value) < KENV_VALUE_MAX) {
		json_object_set_new(env, name, json_string(value));
		printf("%s=\"%s\"\n", name, value);
		return 0;
	}
	if (!quiet)
		double_warnx("unable to set %s to %s", name, value);
	return FAILED;
}

static int kenv_unset(json_t *env, const char *name, bool quiet)
{
	if (geteuid() == 0 && json_object_del(env, name) == 0)
		return 0;
	if (!quiet)
		double_warnx("unable to unset %s", name);
	return FAILED;
}

int double_kenv(int argc, char **argv)
{
	bool flags[128] = {false};
	char *name, *value;
	json_t *state, *env, *v;
	const char *key;
	int c, ret = 0;

	while ((c = double_getopt(argc, argv, "hlNqsuv")) != -1) {
		if (c == '?')
			kenv_usage();
		flags[c] = true;
	}
	argc -= optind;
	name = argv[optind];
	if (((flags['h'] || flags['N']) && argc > 0) || (flags['l'] && flags['s']) ||
	    argc > 1 || ((flags['u'] || flags['v']) && argc == 0))
		kenv_usage();
	value = argc > 0 ? strchr(name, '=') : NULL;
	if (value != NULL)
		*value++ = '\0';
	state = state_open();
	env = state_object(state, "kenv");
	if (argc == 0) {
		json_object_foreach (env, key, v) {
			if (flags['h'] && strncmp(key, "hint.", 5) != 0)
				continue;
			if (flags['N'])
				printf("%s\n", key);
			else
				printf("%s=\"%s\"\n", key, json_string_value(v));
		}
	} else if (value != NULL) {
		ret = kenv_set(env, name, value, flags['q']);
	} else {
		ret = flags['u'] ? kenv_unset(env, name, flags['q'])
				 : kenv_get(env, name, flags['q'], flags['v']);
	}
	state_close(state, value != NULL || flags['u']);
	return ret;
}

/* devmatch */

/* pnpval_as_int: the number behind " KEY=" (or at the start); -1 where it is not. */
static long pnp_value(const char *pnp, const char *key)
{
	char text[32];
	const char *at;

	snprintf(text, sizeof(text), " %s=", key);
	if (strncmp(pnp, text + 1, strlen(text + 1)) == 0)
		return strtol(pnp + strlen(text + 1), NULL, 0);
	at = strstr(pnp, text);
	return at != NULL ? strtol(at + strlen(text), NULL, 0) : -1;
}

/* A hint without a sub-device is for all of them. */
static bool is_for(const json_t *hint, const char *pnp)
{
	static const char *const keys[] = {"vendor", "device", "subvendor", "subdevice"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_int_t want = state_int(hint, keys[i], -1);

		if (want >= 0 && pnp_value(pnp, keys[i]) != want)
			return false;
	}
	return true;
}

typedef void match_fn(json_t *state, const char *module);

static void print_module(json_t *state, const char *module)
{
	(void)state;
	printf("%s\n", module);
}

static void search_hints(json_t *state, const char *pnp, match_fn *found)
{
	json_t *hint;
	size_t i;

	json_array_foreach (json_object_get(state, "hints"), i, hint)
		if (is_for(hint, pnp))
			found(state, state_text(hint, "module", ""));
}

static void device_pnp(const json_t *d, char *out, size_t size)
{
	snprintf(out, size,
	    "vendor=0x%04x device=0x%04x subvendor=0x%04x subdevice=0x%04x class=0x%06x",
	    (unsigned)state_int(d, "vendor", 0), (unsigned)state_int(d, "device", 0),
	    (unsigned)state_int(d, "subvendor", 0),
	    (unsigned)state_int(d, "subdevice", 0), (unsigned)state_int(d, "class", 0));
}

/* As devmatch without arguments: devices that no driver ever had. */
static void search_unattached(json_t *state, match_fn *found)
{
	char pnp[160];
	json_t *d;
	size_t i;

	json_array_foreach (json_object_get(state, "pci"), i, d) {
		device_pnp(d, pnp, sizeof(pnp));
		if (state_text(d, "driver", "")[0] == '\0')
			search_hints(state, pnp, found);
	}
}

/* "? at PNP AND LOCATION on BUSn" */
static void match_event(json_t *state, char *event)
{
	char *on = event + strlen(event);

	while (on > event && strncmp(on, " on ", 4) != 0)
		on--;
	if (on == event)
		double_errx(1, "No bus found in nomatch string: '%s'", event);
	*on = '\0';
	event += *event == '?';
	if (strncmp(event, " at ", 4) != 0)
		double_errx(1, "Malformed NOMATCH string: '%s'", event);
	if (strncmp(on + 4, "pci", 3) == 0)
		search_hints(state, event + 4, print_module);
}

int double_devmatch(int argc, char **argv)
{
	char *event = NULL;
	json_t *state;
	int c;

	while ((c = double_getopt(argc, argv, "adh:p:quv")) != -1) {
		if (c == 'p')
			event = optarg;
		else if (c == '?')
			break;
		else if (c != 'q')
			double_errx(70, "-%c: not in this double", c);
	}
	if (c != -1 || optind != argc)
		double_errx(1, "devmatch [-adv] [-p nomatch] [-h linker-hints]");
	state = state_open();
	if (event != NULL)
		match_event(state, event);
	else
		search_unattached(state, print_module);
	state_close(state, false);
	return 0;
}

/* acpidump */

static _Noreturn void acpidump_usage(void)
{
	fprintf(stderr,
	    "usage: %s [-d] [-t] [-h] [-v] [-f dsdt_input] [-o dsdt_output] [-T "
	    "table_name]\n",
	    double_name);
	exit(1);
}

static void print_table(const char *signature)
{
	printf("/*\n  %s: Length=136, Revision=1, Checksum=97,\n"
	       "\tOEMID=LENOVO, OEM Table ID=TP-N1M, OEM Revision=0x1000,\n"
	       "\tCreator ID=PTEC, Creator Revision=0x2\n */\n",
	    signature);
}

int double_acpidump(int argc, char **argv)
{
	const char *only = NULL;
	bool tables = false;
	json_t *state, *t;
	size_t i;
	int c;

	if (argc < 2)
		acpidump_usage();
	while ((c = double_getopt(argc, argv, "df:ho:tT:vs")) != -1) {
		if (c == 'T' && strlen(optarg) != 4) {
			double_warnx("Illegal table name %s", optarg);
			acpidump_usage();
		}
		if (c == 'T')
			only = optarg;
		else if (c == 't')
			tables = true;
		else if (c == 'h' || c == '?')
			acpidump_usage();
		else if (c != 'v')
			double_errx(70, "-%c: not in this double", c);
	}
	if (geteuid() != 0)
		double_err(1, EACCES, "opening /dev/mem");
	state = state_open();
	json_array_foreach (json_object_get(state, "acpi"), i, t)
		if (only != NULL ? strcmp(only, json_string_value(t)) == 0 : tables)
			print_table(json_string_value(t));
	state_close(state, false);
	return 0;
}

bool iommu_works(const json_t *state)
{
	const json_t *sysctl = json_object_get(state, "sysctl"), *t;
	bool amd = strncmp(state_text(sysctl, "hw.model", ""), "AMD", 3) == 0;
	bool there = false;
	size_t i;

	json_array_foreach (json_object_get(state, "acpi"), i, t)
		there |= strcmp(json_string_value(t), amd ? "IVRS" : "DMAR") == 0;
	return there &&
	       strcmp(state_text(sysctl, "hw.vmm.iommu.enable", "1"), "1") == 0 &&
	       (!amd || strcmp(state_text(sysctl, "hw.vmm.amdvi.enable", "0"), "1") == 0);
}

/* The start of the machine */

/* name="value" or name=word, a comment behind it. */
static bool loader_line(json_t *env, char *line)
{
	char *name = line + strspn(line, " \t"), *value, *end;
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_.-");

	if (name[0] == '\0' || name[0] == '#')
		return true;
	value = name + n + strspn(name + n, " \t");
	if (n == 0 || *value != '=')
		return false;
	name[n] = '\0';
	value++;
	value += strspn(value, " \t");
	if (*value == '"') {
		end = strchr(++value, '"');
		if (end == NULL)
			return false;
		*end++ = '\0';
	} else {
		end = value + strcspn(value, " \t#");
		if (end == value)
			return false;
		if (*end == '#')
			return false;
		if (*end != '\0')
			*end++ = '\0';
	}
	end += strspn(end, " \t");
	json_object_set_new(env, name, json_string(value));
	return *end == '\0' || *end == '#';
}

static void read_loader_conf(json_t *env)
{
	FILE *f = fopen(double_path("/boot/loader.conf"), "re");
	char AUTO_FREE *line = NULL;
	unsigned number = 1;
	size_t size = 0;

	for (; f != NULL && getline(&line, &size, f) > 0; number++) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!loader_line(env, line))
			double_errx(1, "Malformed line (%u):\n\t'%s'", number, line);
	}
	if (f != NULL)
		fclose(f);
}

static void load_by_loader(json_t *state)
{
	const char *name;
	char module[64];
	json_t *v;

	json_object_foreach (json_object_get(state, "kenv"), name, v) {
		size_t n = strlen(name);

		if (n <= 5 || strcmp(name + n - 5, "_load") != 0 ||
		    strcasecmp(json_string_value(v), "YES") != 0)
			continue;
		snprintf(module, sizeof(module), "%.*s", (int)(n - 5), name);
		if (kld_load(state, module, false) == ENOENT)
			double_warnx("can't find '%s'", module);
	}
}

static bool is_blocked(json_t *state, const char *module)
{
	const char *more =
	    state_text(json_object_get(state, "kenv"), "devmatch_blocklist", "");
	char AUTO_FREE *list = rc_value("devmatch_blocklist");
	char AUTO_FREE *all = NULL;
	char *save = NULL;

	if (list == NULL || list[0] == '\0') {
		free(list);
		list = rc_value("devmatch_blacklist");
	}
	if (asprintf(&all, "%s %s", list != NULL ? list : "", more) < 0)
		double_errx(70, "out of memory");
	for (char *w = strtok_r(all, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save)) {
		size_t n = strlen(w);

		if (n > 3 && strcmp(w + n - 3, ".ko") == 0)
			n -= 3;
		if (strlen(module) == n && strncmp(w, module, n) == 0)
			return true;
	}
	return false;
}

static void load_unless_blocked(json_t *state, const char *file)
{
	char module[64];

	snprintf(module, sizeof(module), "%.*s", (int)(strlen(file) - 3), file);
	if (!is_blocked(state, module))
		kld_load(state, module, true);
}

static void load_by_rc(json_t *state)
{
	char AUTO_FREE *list = rc_value("kld_list");
	char *save = NULL;

	for (char *w = list != NULL ? strtok_r(list, " \t\n", &save) : NULL; w != NULL;
	     w = strtok_r(NULL, " \t\n", &save))
		kld_load(state, w, true);
	search_unattached(state, load_unless_blocked);
}

static void end_vms(json_t *state)
{
	const char *name;
	json_t *vm, *d;
	size_t i;

	json_object_foreach (state_object(state, "vms"), name, vm) {
		char dev[128];
		pid_t pid = (pid_t)state_int(vm, "pid", 0);

		if (pid > 0)
			kill(pid, SIGKILL);
		snprintf(dev, sizeof(dev), "/dev/vmm/%.64s", name);
		unlink(double_path(dev));
	}
	json_object_clear(state_object(state, "vms"));
	json_array_foreach (json_object_get(state, "pci"), i, d) {
		json_object_set_new(d, "driver", json_string(""));
		json_object_set_new(d, "vm", json_string(""));
		json_object_set_new(d, "attached", json_false());
		json_object_set_new(d, "fixed", json_false());
	}
}

static void end_interfaces(json_t *state)
{
	const char *name;
	json_t *v;
	struct link l;

	json_object_foreach (state_object(state, "ifs"), name, v) {
		dhclient_lost_link(name);
		if (link_read(name, &l) == 0 && l.exists && l.tap)
			link_delete(name);
	}
	json_object_clear(json_object_get(state, "ifs"));
	json_object_clear(state_object(state, "pseudo"));
}

int double_reboot(const char *sysroot)
{
	json_t *state;

	if (realpath(sysroot, double_root) == NULL)
		double_err(1, errno, "%s", sysroot);
	state = state_open();
	end_vms(state);
	end_interfaces(state);
	json_object_clear(state_object(state, "kenv"));
	json_object_set_new(state, "loaded", json_pack("[s]", "kernel"));
	json_object_set_new(json_object_get(state, "sysctl"), "hw.vmm.iommu.initialized",
	    json_string("0"));
	read_loader_conf(json_object_get(state, "kenv"));
	load_by_loader(state);
	/* All that the loader loaded bids at once. */
	pci_probe_all(state);
	load_by_rc(state);
	state_close(state, true);
	return 0;
}
