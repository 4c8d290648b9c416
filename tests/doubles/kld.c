/*
 * kldload(8), kldstat(8), kldunload(8). "files": those in the kernel's folder, each a
 * list of its modules; "depends": the files that one needs; "loaded": those that are
 * there now, in order, "kernel" first.
 */
#include "double.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_module(const json_t *state, const char *file, const char *module)
{
	const json_t *list = json_object_get(json_object_get(state, "files"), file);
	json_t *m;
	size_t i;

	json_array_foreach (list, i, m)
		if (strcmp(json_string_value(m), module) == 0)
			return true;
	return false;
}

static bool is_loaded(const json_t *state, const char *file, size_t *at)
{
	json_t *f;
	size_t i;

	json_array_foreach (json_object_get(state, "loaded"), i, f)
		if (strcmp(json_string_value(f), file) == 0) {
			*at = i;
			return true;
		}
	return false;
}

bool kld_has(const json_t *state, const char *module)
{
	json_t *f;
	size_t i;

	json_array_foreach (json_object_get(state, "loaded"), i, f)
		if (has_module(state, json_string_value(f), module))
			return true;
	return false;
}

/* vmm reads its tunable once (sys/amd64/vmm/amd/amdvi_hw.c). */
static void start_vmm(json_t *state)
{
	const json_t *env = json_object_get(state, "kenv");

	json_object_set_new(state_object(state, "sysctl"), "hw.vmm.amdvi.enable",
	    json_string(state_text(env, "hw.vmm.amdvi.enable", "0")));
}

/* As kern_kldload: a name with or without .ko, or one that the kernel has. */
int kld_load(json_t *state, const char *name, bool probe)
{
	json_t *file_list = json_object_get(state, "files"), *needs, *need;
	char file[128];
	size_t n = strlen(name), at, i;

	if (geteuid() != 0)
		return EPERM;
	snprintf(file, sizeof(file), "%.100s%s", name,
	    n > 3 && strcmp(name + n - 3, ".ko") == 0 ? "" : ".ko");
	if (kld_has(state, name) || is_loaded(state, file, &at))
		return EEXIST;
	if (json_object_get(file_list, file) == NULL)
		return ENOENT;
	needs = json_object_get(json_object_get(state, "depends"), file);
	json_array_foreach (needs, i, need)
		kld_load(state, json_string_value(need), false);
	json_array_append_new(json_object_get(state, "loaded"), json_string(file));
	if (strcmp(file, "vmm.ko") == 0)
		start_vmm(state);
	if (probe)
		pci_probe_all(state);
	return 0;
}

int double_kldload(int argc, char **argv)
{
	bool check = false, quiet = false, verbose = false;
	int c, errors = 0;
	json_t *state;

	while ((c = double_getopt(argc, argv, "nqv")) != -1) {
		check |= c == 'n';
		quiet = c == 'q' || (quiet && c != 'v');
		verbose = c == 'v' || (verbose && c != 'q');
		if (c == '?')
			break;
	}
	if (c == '?' || optind == argc) {
		fprintf(stderr, "usage: kldload [-nqv] file ...\n");
		return 1;
	}
	state = state_open();
	for (int i = optind; i < argc; i++) {
		int error = kld_load(state, argv[i], true);

		if (error == EEXIST && check) {
			if (verbose)
				printf("%s is already loaded\n", argv[i]);
			continue;
		}
		errors += error != 0;
		if (error == 0 && verbose)
			printf("Loaded %s, id=%zu\n", argv[i],
			    json_array_size(json_object_get(state, "loaded")));
		else if (error == EEXIST && !quiet)
			double_warnx(
			    "can't load %s: module already loaded or in kernel", argv[i]);
		else if (error != 0 && !quiet)
			double_warnx(
			    "can't load %s: %s", argv[i], double_strerror(error));
	}
	state_close(state, true);
	return errors != 0;
}

static _Noreturn void kldstat_usage(void)
{
	fprintf(stderr, "usage: kldstat [-dhqv] [-i id] [-n filename]\n"
			"       kldstat [-dq] [-m modname]\n");
	exit(1);
}

int double_kldstat(int argc, char **argv)
{
	const char *module = NULL, *filename = NULL;
	json_t *state, *f;
	bool quiet = false;
	int c, ret = 0;
	size_t i;

	while ((c = double_getopt(argc, argv, "dhi:m:n:qv")) != -1) {
		if (c == 'm')
			module = optarg;
		else if (c == 'n')
			filename = optarg;
		else if (c == 'q')
			quiet = true;
		else
			kldstat_usage();
	}
	if (optind != argc)
		kldstat_usage();
	state = state_open();
	if (module != NULL) {
		ret = !kld_has(state, module);
		if (ret != 0 && !quiet)
			double_warnx(
			    "can't find module %s: %s", module, double_strerror(ENOENT));
		else if (!quiet)
			printf("Id  Refs Name\n  1    1 %s\n", module);
	} else if (filename != NULL) {
		ret = !is_loaded(state, filename, &i);
		if (ret != 0 && !quiet)
			double_warnx(
			    "can't find file %s: %s", filename, double_strerror(ENOENT));
	} else {
		printf("Id Refs Address                Size Name\n");
		json_array_foreach (json_object_get(state, "loaded"), i, f)
			printf("%2zu    1 0xffffffff80200000   f80c40 %s\n", i + 1,
			    json_string_value(f));
	}
	state_close(state, false);
	return ret;
}

int double_kldunload(int argc, char **argv)
{
	char file[128];
	json_t *state, *m;
	size_t at, i;
	int c;

	while ((c = double_getopt(argc, argv, "finv")) != -1)
		if (c == '?' || c == 'i')
			break;
	if (c != -1 || optind == argc) {
		fprintf(stderr, "usage: kldunload [-fv] -i id ...\n"
				"       kldunload [-fv] [-n] name ...\n");
		return 64;
	}
	state = state_open();
	for (; optind < argc; optind++) {
		size_t n = strlen(argv[optind]);

		snprintf(file, sizeof(file), "%.100s%s", argv[optind],
		    n > 3 && strcmp(argv[optind] + n - 3, ".ko") == 0 ? "" : ".ko");
		if (!is_loaded(state, file, &at))
			double_errx(1, "can't find file %s", argv[optind]);
		json_array_foreach (
		    json_object_get(json_object_get(state, "files"), file), i, m) {
			const char *name = json_string_value(m);

			if (strncmp(name, "pci/", 4) == 0 && !pci_unload(state, name + 4))
				double_err(1, EBUSY, "can't unload file");
		}
		json_array_remove(json_object_get(state, "loaded"), at);
	}
	state_close(state, true);
	return 0;
}
