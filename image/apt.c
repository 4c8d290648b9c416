#include "apt.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "deb.h"
#include "fs.h"
#include "hash.h"

#define UPDATE_TIMEOUT_MS (10 * 60 * 1000)
#define DOWNLOAD_TIMEOUT_MS (60 * 60 * 1000)
#define LIST_MAX 512

extern char **environ;

static char *join(const char *dir, const char *name, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		err_sys(e, ENOMEM, "%s", dir);
		return NULL;
	}
	return path;
}

static int make_env(struct apt *a, struct err *e)
{
	static const char *const ours[] = {
	    "APT_CONFIG=", "LC_ALL=", "LANG=", "LANGUAGE="};
	char AUTO_FREE *conf = NULL;

	for (char **v = environ; v != NULL && *v != NULL; v++) {
		bool keep = true;

		for (size_t i = 0; i < ARRAY_LEN(ours); i++)
			if (strncmp(*v, ours[i], strlen(ours[i])) == 0)
				keep = false;
		if (keep && strv_add(&a->env, *v, e) < 0)
			return -1;
	}
	if (asprintf(&conf, "APT_CONFIG=%s", a->conf) < 0)
		return err_sys(e, ENOMEM, "apt");
	return strv_add(&a->env, conf, e) < 0 ? -1 : strv_add(&a->env, "LC_ALL=C", e);
}

/* Lines of the system's configuration that say where from and how to fetch. */
static bool takes_over(const char *line)
{
	static const char *const some[] = {"Acquire::", "Dir::Etc::netrc",
	    "Dir::Etc::source", "Dir::Etc::trusted", "Dir::Etc::preferences"};

	if (strncmp(line, "Acquire::IndexTargets", 21) == 0 ||
	    strncmp(line, "Acquire::Languages", 18) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(some); i++)
		if (strncmp(line, some[i], strlen(some[i])) == 0)
			return true;
	return false;
}

static void put_system_conf(FILE *f, char *dump)
{
	char *save = NULL;

	for (char *line = strtok_r(dump, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		if (takes_over(line))
			fprintf(f, "%s\n", line);
}

static int write_conf(struct apt *a, char *system, struct err *e)
{
	char AUTO_FREE *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return err_sys(e, errno, "apt.conf");
	put_system_conf(f, system);
	/* No hooks of the system's: ours is not an update of the system. */
	fprintf(f,
	    "Dir::Etc::main \"/dev/null\";\n"
	    "Dir::Etc::parts \"%s\";\n"
	    "Dir::State \"%s\";\n"
	    "Dir::State::status \"%s/status\";\n"
	    "Dir::State::lists \"%s/lists\";\n"
	    "Dir::Cache \"%s\";\n"
	    "Dir::Cache::archives \"%s\";\n"
	    "Dir::Cache::pkgcache \"pkgcache.bin\";\n"
	    "Dir::Cache::srcpkgcache \"\";\n"
	    "Dir::Log \"%s\";\n"
	    "Acquire::Languages \"none\";\n"
	    "APT::Sandbox::User \"\";\n"
	    "APT::Architecture \"amd64\";\n"
	    "APT::Architectures { \"amd64\"; };\n",
	    a->empty, a->state, a->state, a->state, a->state, a->archives, a->state);
	if (fclose(f) != 0)
		return err_sys(e, errno, "apt.conf");
	/* 0600: a proxy's address may hold a password. */
	return fs_write_atomic(a->conf, 0600, text, len, e);
}

static int run(struct apt *a, const char *const argv[], const char *cwd, int timeout,
    char **out, struct err *e)
{
	struct cmd_opts o = {.timeout_ms = timeout,
	    .max_output = 1 << 20,
	    .cwd = cwd,
	    .env = strv_array(&a->env)};

	return cmd_run(argv, &o, out, NULL, e);
}

static int make_folders(
    struct apt *a, const char *dir, const char *archives, struct err *e)
{
	static const char *const below[] = {"lists/partial", "log"};
	char AUTO_FREE *status = NULL;
	char AUTO_FREE *partial = join(archives, "partial", e);

	if ((a->state = join(dir, "apt-system", e)) == NULL ||
	    (a->empty = join(dir, "empty", e)) == NULL ||
	    (a->conf = join(a->state, "apt.conf", e)) == NULL ||
	    (status = join(a->state, "status", e)) == NULL || partial == NULL)
		return -1;
	a->archives = strdup(archives);
	if (a->archives == NULL)
		return err_sys(e, ENOMEM, "apt");
	for (size_t i = 0; i < ARRAY_LEN(below); i++) {
		char AUTO_FREE *path = join(a->state, below[i], e);

		if (path == NULL || fs_mkdir_p(path, 0755, e) < 0)
			return -1;
	}
	if (fs_mkdir_p(partial, 0755, e) < 0 || fs_mkdir_p(a->empty, 0755, e) < 0)
		return -1;
	return fs_write_atomic(status, 0644, "", 0, e);
}

int apt_open(struct apt *a, const char *dir, const char *archives, struct err *e)
{
	static const char *const dump[] = {"apt-config", "dump", NULL};
	struct cmd_opts o = {.max_output = 1 << 20};
	char AUTO_FREE *system = NULL;

	*a = (struct apt){.state = NULL};
	if (strpbrk(dir, "\"\n") != NULL)
		return err_set(e, ERR_FAILED, "%s: a path that apt can not take", dir);
	if (make_folders(a, dir, archives, e) < 0 || make_env(a, e) < 0 ||
	    cmd_run(dump, &o, &system, NULL, e) < 0)
		return -1;
	return write_conf(a, system, e);
}

void apt_close(struct apt *a)
{
	free(a->state);
	free(a->archives);
	free(a->empty);
	free(a->conf);
	strv_free(&a->env);
	*a = (struct apt){.state = NULL};
}

int apt_update(struct apt *a, struct err *e)
{
	static const char *const argv[] = {"apt-get", "-q", "--error-on=any", "-o",
	    "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15", "update",
	    NULL};

	return run(a, argv, a->empty, UPDATE_TIMEOUT_MS, NULL, e);
}

static int parse_hash(const char *p, size_t n, char out[65])
{
	static const char key[] = "SHA256:";
	size_t skip = sizeof(key) - 1;

	if (n != skip + 64 || strncmp(p, key, skip) != 0)
		return -1;
	for (size_t i = 0; i < 64; i++) {
		if (!isxdigit((unsigned char)p[skip + i]))
			return -1;
		out[i] = (char)tolower((unsigned char)p[skip + i]);
	}
	out[64] = '\0';
	return 0;
}

/* 'URI' FILE SIZE SHA256:HEX */
static int parse_line(const char *line, size_t len, struct deb_package *p)
{
	const char *end = line + len, *f[3];
	size_t n[3];
	char *stop;

	if (len < 2 || line[0] != '\'')
		return -1;
	line = memchr(line + 1, '\'', len - 1);
	if (line == NULL)
		return -1;
	line++;
	for (int i = 0; i < 3; i++) {
		while (line < end && *line == ' ')
			line++;
		f[i] = line;
		while (line < end && *line != ' ')
			line++;
		n[i] = (size_t)(line - f[i]);
	}
	if (n[0] == 0 || n[0] > 255 || f[0][0] == '.' ||
	    memchr(f[0], '/', n[0]) != NULL || n[1] == 0 || n[1] > 12 ||
	    !isdigit((unsigned char)f[1][0]) || parse_hash(f[2], n[2], p->sha256) < 0)
		return -1;
	p->size = strtoul(f[1], &stop, 10);
	if (stop != f[1] + n[1])
		return -1;
	size_t name = strcspn(f[0], "_");
	if (name >= n[0] || !deb_name_ok(f[0], name))
		return -1;
	p->name = strndup(f[0], name);
	p->file = strndup(f[0], n[0]);
	return 0; /* without memory: seen by the caller */
}

int apt_parse_uris(const char *text, struct deb_list *out, struct err *e)
{
	*out = (struct deb_list){0};
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		if (*text == '\'') {
			struct deb_package *p = deb_list_add(out, e);

			if (p == NULL)
				return -1;
			if (out->n > LIST_MAX || parse_line(text, len, p) < 0)
				return err_set(e, ERR_FAILED,
				    "apt-get: not understood: %.*s", (int)len, text);
			if (p->name == NULL || p->file == NULL)
				return err_sys(e, ENOMEM, "apt-get");
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}

static int names_argv(const char *const *head, const char *const *names, size_t n,
    const char ***argv, struct err *e)
{
	size_t h = 0;

	while (head[h] != NULL)
		h++;
	*argv = calloc(h + n + 1, sizeof(**argv));
	if (*argv == NULL)
		return err_sys(e, ENOMEM, "apt-get");
	memcpy(*argv, head, h * sizeof(*head));
	for (size_t i = 0; i < n; i++) {
		if (!deb_name_ok(names[i], strlen(names[i])))
			return err_set(
			    e, ERR_FAILED, "not a package's name: %s", names[i]);
		(*argv)[h + i] = names[i];
	}
	return 0;
}

int apt_resolve(
    struct apt *a, const struct strv *names, struct deb_list *out, struct err *e)
{
	static const char *const head[] = {
	    "apt-get", "-qq", "--print-uris", "download", NULL};
	const char AUTO_FREE **argv = NULL;
	char AUTO_FREE *text = NULL;

	*out = (struct deb_list){0};
	if (names_argv(head, strv_array(names), names->n, &argv, e) < 0 ||
	    run(a, argv, a->empty, UPDATE_TIMEOUT_MS, &text, e) < 0)
		return -1;
	return apt_parse_uris(text, out, e);
}

int apt_download(
    struct apt *a, const struct deb_package *const *packages, size_t n, struct err *e)
{
	static const char *const head[] = {"apt-get", "-qq", "download", NULL};
	const char AUTO_FREE **names = calloc(n + 1, sizeof(*names));
	const char AUTO_FREE **argv = NULL;
	char hex[HASH_HEX];

	if (names == NULL)
		return err_sys(e, ENOMEM, "apt-get");
	for (size_t i = 0; i < n; i++)
		names[i] = packages[i]->name;
	if (names_argv(head, names, n, &argv, e) < 0 ||
	    run(a, argv, a->archives, DOWNLOAD_TIMEOUT_MS, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char AUTO_FREE *path = join(a->archives, packages[i]->file, e);

		if (path == NULL || hash_file(path, hex, e) < 0)
			return -1;
		if (strcmp(hex, packages[i]->sha256) != 0)
			return err_set(e, ERR_FAILED,
			    "%s: its hash is not the one that apt expects", path);
	}
	return 0;
}

/* The first word of a line behind that key. */
static int policy_word(const char *text, const char *key, char *out, size_t size)
{
	const char *p = strstr(text, key);
	size_t n;

	if (p == NULL)
		return -1;
	p += strlen(key);
	p += strspn(p, " ");
	n = strcspn(p, " \n");
	if (n == 0 || n >= size)
		return -1;
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

/* " *** 1.2-3 500" or "     1.2-3 500" */
static bool is_version_line(const char *p, size_t n, const char *version)
{
	size_t len = strlen(version);

	while (n > 0 && (*p == ' ' || *p == '*')) {
		p++;
		n--;
	}
	return n > len && strncmp(p, version, len) == 0 && p[len] == ' ';
}

/* The lines below a version say where it is: "500 URI SUITE/COMPONENT amd64 Packages". */
int apt_parse_policy(const char *text, char **version, bool *security, struct err *e)
{
	char candidate[260];
	const char *p = strstr(text, "\n  Version table:\n");
	bool inside = false;

	*version = NULL;
	*security = false;
	if (policy_word(text, "\n  Candidate:", candidate, sizeof(candidate)) < 0 ||
	    strcmp(candidate, "(none)") == 0)
		return 0; /* no such package */
	if (!deb_version_ok(candidate))
		return err_set(e, ERR_FAILED, "apt-cache: bad version: %s", candidate);
	for (p = p == NULL ? "" : p + 1; *p != '\0'; p += *p == '\n') {
		size_t n = strcspn(p, "\n");
		char suite[128];

		if (n > 5 && (strncmp(p, " *** ", 5) == 0 || p[5] != ' '))
			inside = is_version_line(p, n, candidate);
		else if (inside && sscanf(p, " %*d %*s %127s", suite) == 1 &&
			 strstr(suite, "-security/") != NULL)
			*security = true;
		p += n;
	}
	*version = strdup(candidate);
	return *version == NULL ? err_sys(e, ENOMEM, "apt-cache") : 0;
}

int apt_newest(
    struct apt *a, const char *package, char **version, bool *security, struct err *e)
{
	const char *const argv[] = {"apt-cache", "policy", package, NULL};
	char AUTO_FREE *text = NULL;

	*version = NULL;
	*security = false;
	if (!deb_name_ok(package, strlen(package)))
		return err_set(e, ERR_FAILED, "not a package's name: %s", package);
	if (run(a, argv, a->empty, UPDATE_TIMEOUT_MS, &text, e) < 0)
		return -1;
	return apt_parse_policy(text, version, security, e);
}
