/*
 * sysctl(8): "sysctl" in the state holds names and values as text, of which only those
 * of the table can be set while the system runs. What vmm.ko brings is there while it is
 * loaded; net.wlan.N.%parent follows from the pseudo interfaces.
 */
#include "double.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

static json_t *all_values(json_t *state)
{
	json_t *all = json_object(), *v;
	const char *name;
	char oid[64];

	json_object_foreach (json_object_get(state, "sysctl"), name, v)
		if (strncmp(name, "hw.vmm.", 7) != 0 || kld_has(state, "vmm"))
			json_object_set(all, name, v);
	json_object_foreach (json_object_get(state, "pseudo"), name, v) {
		const char *parent = state_text(v, "parent", NULL);

		if (strncmp(name, "wlan", 4) != 0 || parent == NULL)
			continue;
		snprintf(oid, sizeof(oid), "net.wlan.%.20s.%%parent", name + 4);
		json_object_set_new(all, oid, json_string(parent));
		json_object_set_new(all, "net.wlan.debug", json_string("0"));
	}
	return all;
}

/* The value of that name, or all below it. False: there is none. */
static bool print(json_t *all, const char *want, bool bare)
{
	size_t n = strlen(want);
	bool found = false;
	const char *name;
	json_t *v;

	json_object_foreach (all, name, v) {
		if (strncmp(name, want, n) != 0 || (name[n] != '\0' && name[n] != '.'))
			continue;
		if (bare)
			printf("%s\n", json_string_value(v));
		else
			printf("%s: %s\n", name, json_string_value(v));
		found = true;
	}
	return found;
}

/* 0, or the exit status. */
static int set_value(json_t *state, const char *name, const char *value, bool bare)
{
	static const char *const writable[] = {"vm.max_user_wired",
	    "net.link.tap.up_on_open", "net.link.tap.user_open", "net.link.tap.debug"};
	json_t *all = json_object_get(state, "sysctl");

	for (size_t i = 0; i < ARRAY_LEN(writable); i++) {
		if (strcmp(writable[i], name) != 0)
			continue;
		if (geteuid() != 0) {
			double_warnx("%s=%s: Operation not permitted", name, value);
			return 1;
		}
		if (bare)
			printf("%s\n", value);
		else
			printf("%s: %s -> %s\n", name, state_text(all, name, ""), value);
		json_object_set_new(all, name, json_string(value));
		return 0;
	}
	if (strncmp(name, "hw.vmm.", 7) != 0) {
		double_warnx("oid '%s' is read only", name);
		return 1;
	}
	double_warnx("oid '%s' is a read only tunable", name);
	double_warnx("Tunable values are set in /boot/loader.conf");
	return 1;
}

int double_sysctl(int argc, char **argv)
{
	bool bare = false, ignore = false, changed = false;
	json_t *state, *all;
	int c, ret = 0;

	while ((c = double_getopt(argc, argv, "AaB:bdefFhij:lNnoqTtVWwXx")) != -1) {
		bare |= c == 'n';
		ignore |= c == 'i';
		if (c != 'n' && c != 'i' && c != 'q')
			break;
	}
	if (c != -1 || optind == argc) {
		fprintf(stderr, "usage: sysctl [-j jail] [-bdeFhiJlNnoqTtVWx] [ -B "
				"<bufsize> ] [-f filename] name[=value] ...\n");
		return 1;
	}
	state = state_open();
	all = all_values(state);
	for (int i = optind; i < argc; i++) {
		char *set = strchr(argv[i], '=');

		if (set != NULL)
			*set = '\0';
		if (set != NULL && json_object_get(all, argv[i]) != NULL) {
			int failed = set_value(state, argv[i], set + 1, bare);

			changed |= failed == 0;
			ret |= failed;
		} else if (set != NULL || !print(all, argv[i], bare)) {
			if (!ignore) {
				double_warnx("unknown oid '%s'", argv[i]);
				ret = 1;
			}
		}
	}
	json_decref(all);
	state_close(state, changed);
	return ret;
}
