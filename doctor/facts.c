/* What the host says: files under os_root(), sysctl(8), kldstat(8). */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "check.h"
#include "cleanup.h"
#include "fs.h"

char *fact_file(const char *path)
{
	char full[PATH_MAX], *text;

	errno = ENAMETOOLONG;
	if (os_path(full, sizeof(full), path, NULL) < 0)
		return NULL;
	/* The errno of what failed; a folder or a file too large has none. */
	errno = EINVAL;
	return fs_read_file(full, FACT_FILE_MAX, &text, NULL, NULL) == 0 ? text : NULL;
}

bool fact_exists(const char *path)
{
	char full[PATH_MAX];

	return os_path(full, sizeof(full), path, NULL) == 0 && access(full, F_OK) == 0;
}

int fact_config(struct config *c, const char *path, struct err *e)
{
	FILE *f = fopen(path, "re");
	int ret;

	if (f == NULL && errno == ENOENT)
		return err_set(e, ERR_PRECONDITION, "%s: no such file", path);
	if (f == NULL)
		return err_sys(e, errno, "%s", path);
	ret = config_parse(c, f, path, e);
	fclose(f);
	return ret;
}

bool fact_line(const char *text, const char *prefix, char *out, size_t size)
{
	size_t len = strlen(prefix);

	while (text != NULL && strncmp(text, prefix, len) != 0) {
		text = strchr(text, '\n');
		if (text != NULL)
			text++;
	}
	if (text == NULL)
		return false;
	text += len;
	snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
	return true;
}

bool fact_meminfo(const char *key, uint64_t *kib)
{
	AUTO_FREE char *text = fact_file("/proc/meminfo");
	char value[64], *end;

	if (text == NULL || !fact_line(text, key, value, sizeof(value)) ||
	    value[0] != ':')
		return false;
	*kib = strtoull(value + 1, &end, 10);
	return end != value + 1;
}

bool fact_sysctl_number(const char *name, uint64_t *value)
{
	char text[32], *end;

	if (!freebsd_sysctl(name, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return false;
	*value = strtoull(text, &end, 10);
	return *end == '\0';
}

int fact_setting(const char *path, const char *name, char *out, size_t size)
{
	AUTO_FREE char *text = fact_file(path);
	struct confdoc c;
	int ret = 0;

	out[0] = '\0';
	if (text == NULL)
		return fact_exists(path) ? -1 : 0;
	if (confdoc_parse(&c, CONF_SH, path, text, strlen(text), NULL) < 0)
		return -1;
	for (size_t i = 0; i < c.n; i++) {
		const struct conf_event *ev = &c.event[i];

		if (ev->kind == CONF_ASSIGN && strcmp(ev->name, name) == 0) {
			ret = ev->literal ? 1 : -1;
			snprintf(out, size, "%s", ev->literal ? ev->value : "");
		} else if (ev->kind == CONF_OPAQUE || ev->kind == CONF_INCLUDE ||
			   (ev->kind == CONF_UNKNOWN && confdoc_names(&c, ev, name))) {
			ret = -1;
		}
	}
	confdoc_free(&c);
	return ret;
}

static int find(struct confset *s, const char *name, char *out, size_t size)
{
	struct conf_value v;

	out[0] = '\0';
	if (s == NULL || confset_find(s, name, &v, NULL) < 0)
		return -1;
	if (v.known == CONF_UNSET)
		return 0;
	if (v.known != CONF_KNOWN || !v.literal)
		return -1;
	snprintf(out, size, "%s", v.value);
	return 1;
}

/* rc.subr also reads rc.conf.d/SERVICE, after the others. */
int fact_rc(struct doctor *d, const char *name, char *out, size_t size)
{
	static const char *const folders[] = {"/etc", "/usr/local/etc"};
	char value[1024], path[128];
	int ret = find(d->rc, name, out, size), now;

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		snprintf(path, sizeof(path), "%s/rc.conf.d/%.*s", folders[i],
		    (int)strcspn(name, "_"), name);
		now = fact_setting(path, name, value, sizeof(value));
		if (now == 0)
			continue;
		ret = now;
		snprintf(out, size, "%s", value);
	}
	return ret;
}

int fact_rc_yes(struct doctor *d, const char *name)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	char value[64];
	int set = fact_rc(d, name, value, sizeof(value));

	for (size_t i = 0; set == 1 && i < ARRAY_LEN(yes); i++)
		if (strcasecmp(value, yes[i]) == 0)
			return 1;
	return set < 0 ? -1 : 0;
}

bool fact_loader(struct doctor *d, const char *name, char *out, size_t size)
{
	return find(d->loader, name, out, size) == 1;
}
