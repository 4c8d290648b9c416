/*
 * bhyvectl(8): --destroy, as far as bhyfi needs it. Destroying a VM on which bhyve runs
 * ends that (15.1: with 4).
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bhyve.h"
#include "cleanup.h"

/* The card is nobody's again; it stays with ppt. */
static void release_devices(json_t *state, const char *name)
{
	json_t *d;
	size_t i;

	json_array_foreach (json_object_get(state, "pci"), i, d)
		if (strcmp(state_text(d, "vm", ""), name) == 0)
			json_object_set_new(d, "vm", json_string(""));
}

static int destroy(const char *name)
{
	json_t *state = state_open();
	json_t *vms = state_object(state, "vms"), *vm = json_object_get(vms, name);
	char path[PATH_MAX];

	if (vm_is_running(vm))
		kill((pid_t)state_int(vm, "pid", 0), SIGUSR1);
	vm_device(name, path);
	unlink(path);
	json_object_del(vms, name);
	release_devices(state, name);
	state_close(state, true);
	return 0;
}

static _Noreturn void usage(void)
{
	fprintf(stderr, "Usage: bhyvectl --vm=<vmname>\n"
			"       [--cpu=<vcpu_number>]\n"
			"       [--create]\n"
			"       [--destroy]\n"
			"       [--force-reset]\n"
			"       [--force-poweroff]\n");
	exit(1);
}

int double_bhyvectl(int argc, char **argv)
{
	static int create, kill_it, reset, poweroff;
	static const struct option options[] = {{"vm", required_argument, NULL, 'v'},
	    {"cpu", required_argument, NULL, 'c'}, {"create", no_argument, &create, 1},
	    {"destroy", no_argument, &kill_it, 1},
	    {"force-reset", no_argument, &reset, 1},
	    {"force-poweroff", no_argument, &poweroff, 1}, {NULL, 0, NULL, 0}};
	const char *name = NULL;
	json_t *state;
	bool exists;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'v')
			name = optarg;
		else if (c != 0)
			usage();
	}
	if (name == NULL)
		usage();
	if (create + kill_it + reset + poweroff > 1) {
		fprintf(stderr, "mutually exclusive actions specified\n");
		return 1;
	}
	if (create || reset || poweroff)
		double_errx(70, "not in this double");
	state = state_open();
	exists = json_object_get(json_object_get(state, "vms"), name) != NULL;
	state_close(state, false);
	if (!exists) {
		fprintf(stderr, "vm_open: %s could not be opened: %s\n", name,
		    strerror(ENOENT));
		return 1;
	}
	return kill_it ? destroy(name) : 0;
}
