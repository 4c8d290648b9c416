/*
 * zfs(8) with list, get, create and destroy, and mount(8) as far as it lists. "zfs" in
 * the state: the datasets by name, each with its properties, "mounted" and "busy"
 * (somebody has it open). A dataset's files are those of a plain folder under SYSROOT;
 * what was there before it was mounted is put aside until it is gone. "mounts": the other
 * file systems.
 */
#include "double.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"

#define NAME_MAX_LEN 255 /* ZFS_MAX_DATASET_NAME_LEN less its NUL */

static const char *command;

static _Noreturn void usage(void)
{
	static const struct {
		const char *command, *text;
	} texts[] = {
	    {"list", "\tlist [-Hp] [-j [--json-int]] [-r|-d max] [-o property[,...]] "
		     "[-s property]...\n\t    [-S property]... [-t type[,...]] "
		     "[filesystem|volume|snapshot] ...\n"},
	    {"get", "\tget [-rHp] [-j [--json-int]] [-d max] [-o \"all\" | "
		    "field[,...]]\n\t    [-t type[,...]] [-s source[,...]]\n\t    "
		    "<\"all\" | property[,...]> [filesystem|volume|snapshot|bookmark] "
		    "...\n"},
	    {"create", "\tcreate [-Pnpuv] [-o property=value] ... <filesystem>\n"
		       "\tcreate [-Pnpsv] [-b blocksize] [-o property=value] ... -V "
		       "<size> <volume>\n"},
	    {"destroy", "\tdestroy [-fnpRrv] <filesystem|volume>\n"
			"\tdestroy [-dnpRrv] <filesystem|volume>@<snap>[%<snap>][,...]\n"
			"\tdestroy <filesystem|volume>#<bookmark>\n"},
	};

	if (command == NULL)
		fprintf(stderr, "usage: zfs command args ...\n"
				"where 'command' is one of the following:\n\n");
	else
		fprintf(stderr, "usage:\n");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (command == NULL || strcmp(command, texts[i].command) == 0)
			fprintf(stderr, "%s", texts[i].text);
	exit(2);
}

static int option(int argc, char **argv, const char *options)
{
	char posix[64];
	int c;

	snprintf(posix, sizeof(posix), "+:%s", options);
	c = getopt(argc, argv, posix);
	if (c == '?')
		fprintf(stderr, "invalid option '%c'\n", optopt);
	else if (c == ':')
		fprintf(stderr, "missing argument for '%c' option\n", optopt);
	if (c == '?' || c == ':')
		usage();
	return c;
}

/* Properties that are read here, and user properties, which have a colon. */
static bool is_property(const char *name)
{
	static const char *const names[] = {
	    "name", "type", "mountpoint", "mounted", "canmount"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return strchr(name, ':') != NULL &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789:._-") == strlen(name);
}

static const char *property(const char *dataset, const json_t *d, const char *name)
{
	if (strcmp(name, "name") == 0)
		return dataset;
	if (strcmp(name, "type") == 0)
		return "filesystem";
	if (strcmp(name, "mounted") == 0)
		return state_bool(d, "mounted") ? "yes" : "no";
	return state_text(d, name, strcmp(name, "canmount") == 0 ? "on" : "-");
}

static json_t *find(json_t *state, const char *name)
{
	json_t *d = json_object_get(json_object_get(state, "zfs"), name);

	if (name[0] == '/' || strchr(name, '@') != NULL)
		double_errx(70, "%s: not in this double", name);
	if (d == NULL)
		fprintf(stderr, "cannot open '%s': dataset does not exist\n", name);
	return d;
}

static void print_row(
    const char *name, const json_t *d, const char *fields, bool scripted)
{
	char AUTO_FREE *copy = strdup(fields);
	char *save = NULL;
	bool first = true;

	for (char *f = strtok_r(copy, ",", &save); f != NULL;
	     f = strtok_r(NULL, ",", &save)) {
		printf("%s%s", first ? "" : scripted ? "\t" : "  ", property(name, d, f));
		first = false;
	}
	printf("\n");
}

static void check_fields(const char *fields)
{
	char AUTO_FREE *copy = strdup(fields);
	char *save = NULL;

	for (char *f = strtok_r(copy, ",", &save); f != NULL;
	     f = strtok_r(NULL, ",", &save)) {
		if (is_property(f))
			continue;
		fprintf(stderr, "bad property list: invalid property '%s'\n", f);
		usage();
	}
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int do_list(int argc, char **argv)
{
	const char *fields = "name,mountpoint", *keys[64], *key;
	bool scripted = false;
	json_t *state, *d;
	size_t n = 0;
	int c, ret = 0;

	while ((c = option(argc, argv, "jHS:d:o:prs:t:")) != -1) {
		if (c == 'H')
			scripted = true;
		else if (c == 'o')
			fields = optarg;
		else if (c == 't' && strcmp(optarg, "filesystem") != 0 &&
			 strcmp(optarg, "fs") != 0)
			double_errx(70, "-t %s: not in this double", optarg);
		else if (strchr("jSdrs", c) != NULL)
			double_errx(70, "-%c: not in this double", c);
	}
	check_fields(fields);
	state = state_open();
	for (; optind < argc; optind++) {
		d = find(state, argv[optind]);
		if (d != NULL)
			print_row(argv[optind], d, fields, scripted);
		else
			ret = 1;
		n = 1;
	}
	if (n == 0) {
		json_object_foreach (json_object_get(state, "zfs"), key, d)
			if (n < ARRAY_LEN(keys))
				keys[n++] = key;
		qsort(keys, n, sizeof(keys[0]), compare_keys);
		for (size_t i = 0; i < n; i++)
			print_row(keys[i],
			    json_object_get(json_object_get(state, "zfs"), keys[i]),
			    fields, scripted);
		if (n == 0 && !scripted)
			fprintf(stderr, "no datasets available\n");
	}
	state_close(state, false);
	return ret;
}

static int do_get(int argc, char **argv)
{
	const char *fields = "", *name;
	json_t *state, *d;
	int c, ret = 0;

	while ((c = option(argc, argv, "d:o:s:jrt:Hp")) != -1) {
		if (c == 'o')
			fields = optarg;
		else if (c != 'H' && c != 'p')
			double_errx(70, "-%c: not in this double", c);
	}
	if (optind == argc) {
		fprintf(stderr, "missing property argument\n");
		usage();
	}
	name = argv[optind++];
	if (!is_property(name)) {
		fprintf(stderr, "bad property list: invalid property '%s'\n", name);
		usage();
	}
	if (strcmp(fields, "value") != 0)
		double_errx(70, "-o %s: not in this double", fields);
	state = state_open();
	for (; optind < argc; optind++) {
		d = find(state, argv[optind]);
		if (d != NULL)
			printf("%s\n", property(argv[optind], d, name));
		else
			ret = 1;
	}
	state_close(state, false);
	return ret;
}

static bool valid_name(const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.:/ ";
	size_t n = strlen(name);

	return n > 0 && n <= NAME_MAX_LEN && strspn(name, chars) == n && name[0] != '/' &&
	       name[n - 1] != '/' && strstr(name, "//") == NULL;
}

/* Where a dataset's files were put that it covers. */
static void covered(const char *name, char out[PATH_MAX])
{
	char flat[NAME_MAX_LEN + 1];

	snprintf(flat, sizeof(flat), "%s", name);
	for (char *p = flat; *p != '\0'; p++)
		*p = *p == '/' ? '+' : *p;
	snprintf(out, PATH_MAX, "%.3000s/%s", double_path("/var/double/below"), flat);
}

static void mount_dataset(const char *name, json_t *d)
{
	const char *at = state_text(d, "mountpoint", "none");
	char below[PATH_MAX];
	struct err e = ERR_INIT;

	if (at[0] != '/')
		return;
	covered(name, below);
	fs_mkdir_p(double_path("/var/double/below"), 0700, NULL);
	if (fs_mkdir_p(double_path(at), 0755, &e) < 0 ||
	    rename(double_path(at), below) < 0 || mkdir(double_path(at), 0755) < 0)
		double_errx(70, "%s: %s%s", at, e.msg, strerror(errno));
	json_object_set_new(d, "mounted", json_true());
}

static bool parent_exists(const json_t *all, const char *name)
{
	char parent[NAME_MAX_LEN + 1];
	const char *slash = strrchr(name, '/');
	size_t pool = strcspn(name, "/");

	snprintf(parent, sizeof(parent), "%.*s", (int)pool, name);
	if (slash == NULL)
		fprintf(stderr, "cannot create '%s': missing dataset name\n", name);
	else if (json_object_get(all, parent) == NULL)
		fprintf(stderr, "cannot create '%s': no such pool '%s'\n", name, parent);
	else {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - name), name);
		if (json_object_get(all, parent) != NULL)
			return true;
		fprintf(stderr, "cannot create '%s': parent does not exist\n", name);
	}
	return false;
}

static int parse_property(json_t *props, char *text)
{
	char *value = strchr(text, '=');

	if (value == NULL) {
		fprintf(stderr, "missing '=' for property=value argument\n");
		return -1;
	}
	*value++ = '\0';
	if (json_object_get(props, text) != NULL) {
		fprintf(stderr, "property '%s' specified multiple times\n", text);
		return -1;
	}
	json_object_set_new(props, text, json_string(value));
	return 0;
}

static bool valid_properties(const char *name, const json_t *props)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)props, key, v) {
		const char *value = json_string_value(v);

		if (!is_property(key) || strcmp(key, "name") == 0) {
			fprintf(stderr, "cannot create '%s': invalid property '%s'\n",
			    name, key);
			return false;
		}
		if (strcmp(key, "mountpoint") == 0 && value[0] != '/' &&
		    strcmp(value, "none") != 0 && strcmp(value, "legacy") != 0) {
			fprintf(stderr,
			    "cannot create '%s': 'mountpoint' must be an absolute "
			    "path, 'none', or 'legacy'\n",
			    name);
			return false;
		}
	}
	return true;
}

static int create(json_t *state, const char *name, json_t *props)
{
	json_t *all = state_object(state, "zfs");

	if (!valid_name(name)) {
		fprintf(stderr, "cannot create '%s': invalid character or name\n", name);
		return 1;
	}
	if (!parent_exists(all, name))
		return 1;
	if (json_object_get(all, name) != NULL) {
		fprintf(stderr, "cannot create '%s': dataset already exists\n", name);
		return 1;
	}
	if (!valid_properties(name, props))
		return 1;
	if (geteuid() != 0) {
		fprintf(stderr, "cannot create '%s': permission denied\n", name);
		return 1;
	}
	mount_dataset(name, props);
	json_object_set(all, name, props);
	return 0;
}

static int do_create(int argc, char **argv)
{
	json_t *state, *props = json_object();
	int c, ret;

	while ((c = option(argc, argv, "PV:b:nso:puv")) != -1) {
		if (c != 'o')
			double_errx(70, "-%c: not in this double", c);
		if (parse_property(props, optarg) < 0) {
			json_decref(props);
			return 1;
		}
	}
	if (optind == argc)
		fprintf(stderr, "missing filesystem argument\n");
	if (optind + 1 < argc)
		fprintf(stderr, "too many arguments\n");
	if (optind + 1 != argc)
		usage();
	state = state_open();
	ret = create(state, argv[optind], props);
	json_decref(props);
	state_close(state, ret == 0);
	return ret;
}

static bool has_children(const json_t *all, const char *name)
{
	size_t n = strlen(name);
	bool any = false;
	const char *key;
	json_t *d;

	json_object_foreach ((json_t *)(uintptr_t)all, key, d) {
		if (strncmp(key, name, n) != 0 || (key[n] != '/' && key[n] != '@'))
			continue;
		if (!any)
			fprintf(stderr,
			    "cannot destroy '%s': filesystem has children\n"
			    "use '-r' to destroy the following datasets:\n",
			    name);
		fprintf(stderr, "%s\n", key);
		any = true;
	}
	return any;
}

static int destroy(json_t *state, const char *name)
{
	json_t *all = json_object_get(state, "zfs"), *d = find(state, name);
	const char *at = state_text(d, "mountpoint", "none");
	char below[PATH_MAX];

	if (d == NULL)
		return 1;
	if (strchr(name, '/') == NULL) {
		fprintf(stderr,
		    "cannot destroy '%s': operation does not apply to pools\n", name);
		return 1;
	}
	if (has_children(all, name))
		return 1;
	if (geteuid() != 0) {
		fprintf(stderr, "cannot destroy '%s': permission denied\n", name);
		return 1;
	}
	if (state_bool(d, "busy")) {
		fprintf(stderr, "cannot unmount '%s': pool or dataset is busy\n", at);
		return 1;
	}
	if (state_bool(d, "mounted")) {
		covered(name, below);
		fs_remove_tree(double_path(at), NULL);
		if (rename(below, double_path(at)) < 0)
			double_err(70, errno, "%s", below);
	}
	json_object_del(all, name);
	return 0;
}

static int do_destroy(int argc, char **argv)
{
	json_t *state;
	int c, ret;

	while ((c = option(argc, argv, "vpndfrR")) != -1)
		double_errx(70, "-%c: not in this double", c);
	if (optind == argc)
		fprintf(stderr, "missing dataset argument\n");
	if (optind + 1 < argc)
		fprintf(stderr, "too many arguments\n");
	if (optind + 1 != argc)
		usage();
	state = state_open();
	ret = destroy(state, argv[optind]);
	state_close(state, ret == 0);
	return ret;
}

int double_zfs(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {{"list", do_list}, {"get", do_get}, {"create", do_create},
	    {"destroy", do_destroy}};

	if (argc < 2) {
		fprintf(stderr, "missing command\n");
		usage();
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		command = commands[i].name;
		return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "unrecognized command '%s'\n", argv[1]);
	usage();
}

/* mount(8) */

/* putfsent(): the columns of fstab(5). */
static void print_mount(
    const char *from, const char *on, const char *type, const char *opts, bool fstab)
{
	size_t f = strlen(from), o = strlen(on);
	bool ufs = strcmp(type, "ufs") == 0;

	if (!fstab) {
		printf("%s on %s (%s)\n", from, on, type);
		return;
	}
	printf("%s%s%s%s%s%s%s%s%s\t%s%s\t%d %d\n", from, f < 8 ? "\t" : "",
	    f < 16 ? "\t" : "", f < 24 ? "\t" : " ", on, o < 8 ? "\t" : "",
	    o < 16 ? "\t" : "", o < 24 ? "\t" : " ", type, opts,
	    strlen(opts) < 8 ? "\t" : " ", ufs, ufs ? 1 + (strcmp(on, "/") != 0) : 0);
}

static void print_zfs(const json_t *state, bool root, bool fstab)
{
	const char *name;
	json_t *d;

	json_object_foreach (json_object_get(state, "zfs"), name, d) {
		const char *at = state_text(d, "mountpoint", "");

		if (state_bool(d, "mounted") && (strcmp(at, "/") == 0) == root)
			print_mount(name, at, "zfs", "rw,noatime,nfsv4acls", fstab);
	}
}

int double_mount(int argc, char **argv)
{
	bool fstab = false;
	json_t *state, *m;
	size_t i;
	int c;

	while ((c = double_getopt(argc, argv, "adF:fLlno:prt:uvw")) != -1) {
		if (c == '?')
			break;
		if (c != 'p' && c != 'v')
			double_errx(70, "-%c: not in this double", c);
		fstab |= c == 'p';
	}
	if (c == '?') {
		fprintf(stderr,
		    "usage: mount [-adflpruvw] [-F fstab] [-o options] [-t "
		    "[no]type[,type ...]]\n"
		    "       mount [-dfpruvw] special | node\n"
		    "       mount [-dfpruvw] [-o options] [-t [no]type[,type ...]] "
		    "special node\n");
		return 1;
	}
	if (optind != argc)
		double_errx(70, "%s: not in this double", argv[optind]);
	state = state_open();
	print_zfs(state, true, fstab);
	json_array_foreach (json_object_get(state, "mounts"), i, m)
		print_mount(state_text(m, "from", ""), state_text(m, "on", ""),
		    state_text(m, "type", ""), state_text(m, "opts", ""), fstab);
	print_zfs(state, false, fstab);
	state_close(state, false);
	return 0;
}
