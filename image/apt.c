#include "apt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "deb.h"
#include "fs.h"
#include "hash.h"
#include "log.h"

#define LISTS_FRESH_S (24 * 3600)
#define RETRY_S 3600 /* after an update that failed */
#define UPDATE_TIMEOUT_MS (10 * 60 * 1000)
#define DOWNLOAD_TIMEOUT_MS (60 * 60 * 1000)
#define LIST_MAX 512
#define KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"

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
static bool takes_over(const char *line, bool own_sources)
{
	static const char *const always[] = {"Acquire::", "Dir::Etc::netrc"};
	static const char *const sources[] = {
	    "Dir::Etc::source", "Dir::Etc::trusted", "Dir::Etc::preferences"};

	if (strncmp(line, "Acquire::IndexTargets", 21) == 0 ||
	    strncmp(line, "Acquire::Languages", 18) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (strncmp(line, always[i], strlen(always[i])) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (strncmp(line, sources[i], strlen(sources[i])) == 0)
			return !own_sources;
	return false;
}

static void put_system_conf(FILE *f, char *dump, bool own_sources)
{
	char *save = NULL;

	for (char *line = strtok_r(dump, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		if (takes_over(line, own_sources))
			fprintf(f, "%s\n", line);
}

static int write_conf(struct apt *a, char *system, bool own_sources, struct err *e)
{
	char AUTO_FREE *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return err_sys(e, errno, "apt.conf");
	put_system_conf(f, system, own_sources);
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
	if (own_sources)
		fprintf(f,
		    "Dir::Etc::sourcelist \"%s/sources.list\";\n"
		    "Dir::Etc::sourceparts \"%s\";\n"
		    "Dir::Etc::preferences \"/dev/null\";\n"
		    "Dir::Etc::preferencesparts \"%s\";\n",
		    a->state, a->empty, a->empty);
	if (fclose(f) != 0)
		return err_sys(e, errno, "apt.conf");
	/* 0600: a proxy's address may hold a password. */
	return fs_write_atomic(a->conf, 0600, text, len, e);
}

static int check_word(const char *what, const char *word, struct err *e)
{
	for (const char *p = word; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '[' || *p == ']')
			return err_set(e, ERR_USAGE, "%s: bad character: %s", what, word);
	return *word == '\0' ? err_set(e, ERR_USAGE, "%s: empty", what) : 0;
}

static int write_sources(
    struct apt *a, const char *mirror, const char *suite, struct err *e)
{
	char AUTO_FREE *path = join(a->state, "sources.list", e);
	char AUTO_FREE *text = NULL;
	int n;

	if (path == NULL)
		return -1;
	n = asprintf(&text, "deb [signed-by=" KEYRING "] %s %s main non-free-firmware\n",
	    mirror, suite);
	if (n < 0)
		return err_sys(e, ENOMEM, "sources.list");
	return fs_write_atomic(path, 0644, text, (size_t)n, e);
}

/* The suite of the running system, for a mirror without one. */
static char *system_suite(struct err *e)
{
	static const char key[] = "\nVERSION_CODENAME=";
	char AUTO_FREE *text = NULL;
	char *s, *copy = NULL;

	if (fs_read_file("/etc/os-release", 65536, &text, NULL, NULL) == 0 &&
	    (s = strstr(text, key)) != NULL) {
		s += sizeof(key) - 1;
		s += strspn(s, "\"'");
		copy = strndup(s, strcspn(s, "\"'\n"));
	} else {
		copy = strdup("bookworm");
	}
	if (copy == NULL)
		err_sys(e, ENOMEM, "suite");
	return copy;
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

/* One folder of lists for each set of sources. */
static int make_folders(
    struct apt *a, const char *mirror, const char *suite, struct err *e)
{
	static const char *const below[] = {"lists/partial", "log"};
	char key[HASH_HEX] = "", name[32];
	char AUTO_FREE *text = NULL;
	char AUTO_FREE *status = NULL;

	if (asprintf(&text, "%s %s", mirror == NULL ? "" : mirror,
		suite == NULL ? "" : suite) < 0)
		return err_sys(e, ENOMEM, "apt");
	if (hash_data(text, strlen(text), key, e) < 0)
		return -1;
	snprintf(name, sizeof(name), "apt-%.12s", mirror == NULL ? "system" : key);
	if ((a->state = join(a->dir, name, e)) == NULL ||
	    (a->archives = join(a->dir, "archives", e)) == NULL ||
	    (a->empty = join(a->dir, "empty", e)) == NULL ||
	    (a->conf = join(a->state, "apt.conf", e)) == NULL ||
	    (status = join(a->state, "status", e)) == NULL)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(below); i++) {
		char AUTO_FREE *path = join(a->state, below[i], e);

		if (path == NULL || fs_mkdir_p(path, 0755, e) < 0)
			return -1;
	}
	char AUTO_FREE *partial = join(a->archives, "partial", e);
	if (partial == NULL || fs_mkdir_p(partial, 0755, e) < 0 ||
	    fs_mkdir_p(a->empty, 0755, e) < 0)
		return -1;
	return fs_write_atomic(status, 0644, "", 0, e);
}

static int take_lock(struct apt *a, struct err *e)
{
	char AUTO_FREE *path = join(a->dir, "lock", e);

	if (path == NULL)
		return -1;
	a->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (a->lock < 0)
		return err_sys(e, errno, "%s", path);
	while (flock(a->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "%s", path);
	return 0;
}

int apt_open(
    struct apt *a, const char *dir, const char *mirror, const char *suite, struct err *e)
{
	static const char *const dump[] = {"apt-config", "dump", NULL};
	struct cmd_opts o = {.max_output = 1 << 20};
	char AUTO_FREE *system = NULL;
	char AUTO_FREE *own_suite = NULL;

	*a = (struct apt){.lock = -1};
	if (mirror != NULL && suite == NULL &&
	    (suite = own_suite = system_suite(e)) == NULL)
		return -1;
	if (mirror != NULL &&
	    (check_word("mirror", mirror, e) < 0 || check_word("suite", suite, e) < 0))
		return -1;
	if ((a->dir = strdup(dir)) == NULL)
		return err_sys(e, ENOMEM, "apt");
	if (strpbrk(dir, "\"\n") != NULL)
		return err_set(e, ERR_FAILED, "%s: a path that apt can not take", dir);
	if (fs_mkdir_p(dir, 0755, e) < 0 || take_lock(a, e) < 0)
		return -1;
	if (make_folders(a, mirror, suite, e) < 0 || make_env(a, e) < 0)
		return -1;
	if (cmd_run(dump, &o, &system, NULL, e) < 0) {
		if (e != NULL && e->code == ERR_PRECONDITION)
			err_hint(e, "only a Debian has apt; elsewhere use --source dir");
		return -1;
	}
	if (mirror != NULL && write_sources(a, mirror, suite, e) < 0)
		return -1;
	return write_conf(a, system, mirror != NULL, e);
}

void apt_close(struct apt *a)
{
	if (a->lock >= 0)
		close(a->lock);
	free(a->dir);
	free(a->state);
	free(a->archives);
	free(a->empty);
	free(a->conf);
	strv_free(&a->env);
	*a = (struct apt){.lock = -1};
}

bool apt_stale(const struct apt *a)
{
	char AUTO_FREE *path = join(a->state, "updated", NULL);
	struct stat st;
	time_t now = time(NULL);

	if (path == NULL || stat(path, &st) < 0)
		return true;
	return st.st_mtime > now || now - st.st_mtime > LISTS_FRESH_S;
}

/* The stamp's time says until when the lists pass as fresh. */
static int stamp(struct apt *a, const char *path, time_t age, struct err *e)
{
	struct timespec t[2] = {
	    {.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};

	(void)a;
	if (fs_write_atomic(path, 0644, "", 0, e) < 0)
		return -1;
	return utimensat(AT_FDCWD, path, t, 0) < 0 ? err_sys(e, errno, "%s", path) : 0;
}

int apt_update(struct apt *a, struct err *e)
{
	static const char *const argv[] = {"apt-get", "-q", "--error-on=any", "-o",
	    "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15", "update",
	    NULL};
	char AUTO_FREE *path = join(a->state, "updated", e);
	struct err why = ERR_INIT;
	struct stat st;

	if (path == NULL)
		return -1;
	a->updated = true;
	if (run(a, argv, a->empty, UPDATE_TIMEOUT_MS, NULL, &why) == 0)
		return stamp(a, path, 0, e);
	if (stat(path, &st) < 0) {
		if (e != NULL)
			*e = why;
		return err_prefix(e, "package lists");
	}
	log_warn("package lists not updated, going on with the old ones: %s", why.msg);
	return stamp(a, path, LISTS_FRESH_S - RETRY_S, e);
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
static int parse_line(const char *line, size_t len, struct apt_package *p)
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

int apt_parse_uris(const char *text, struct apt_list *out, struct err *e)
{
	*out = (struct apt_list){0};
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		if (*text == '\'') {
			struct apt_package *grown =
			    reallocarray(out->v, out->n + 1, sizeof(*grown));

			if (grown == NULL)
				return err_sys(e, ENOMEM, "apt-get");
			out->v = grown;
			grown[out->n] = (struct apt_package){0};
			if (out->n >= LIST_MAX ||
			    parse_line(text, len, &grown[out->n]) < 0)
				return err_set(e, ERR_FAILED,
				    "apt-get: not understood: %.*s", (int)len, text);
			out->n++;
			if (grown[out->n - 1].name == NULL ||
			    grown[out->n - 1].file == NULL)
				return err_sys(e, ENOMEM, "apt-get");
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}

void apt_list_free(struct apt_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].file);
	}
	free(l->v);
	*l = (struct apt_list){0};
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
    struct apt *a, const struct strv *names, struct apt_list *out, struct err *e)
{
	static const char *const head[] = {
	    "apt-get", "-qq", "--print-uris", "download", NULL};
	const char AUTO_FREE **argv = NULL;
	char AUTO_FREE *text = NULL;

	*out = (struct apt_list){0};
	if (names_argv(head, strv_array(names), names->n, &argv, e) < 0 ||
	    run(a, argv, a->empty, UPDATE_TIMEOUT_MS, &text, e) < 0)
		return -1;
	return apt_parse_uris(text, out, e);
}

char *apt_archive_path(const struct apt *a, const struct apt_package *p, struct err *e)
{
	return join(a->archives, p->file, e);
}

int apt_download(
    struct apt *a, const struct apt_package *const *packages, size_t n, struct err *e)
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
		char AUTO_FREE *path = apt_archive_path(a, packages[i], e);

		if (path == NULL || hash_file(path, hex, e) < 0)
			return -1;
		if (strcmp(hex, packages[i]->sha256) != 0)
			return err_set(e, ERR_FAILED,
			    "%s: its hash is not the one that apt expects", path);
	}
	return 0;
}
