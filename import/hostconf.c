#include "hostconf.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static const char *const rc_files[] = {"/etc/rc.conf", "/etc/rc.conf.local"};

static bool rule_fits(const struct hostconf_rule *r, const char *name)
{
	size_t n = strlen(r->name);

	if (n > 0 && r->name[n - 1] == '*')
		return strncmp(r->name, name, n - 1) == 0;
	return strcmp(r->name, name) == 0;
}

static const struct hostconf_rule *find_rule(
    const struct hostconf_rule *rules, const char *name)
{
	for (; rules->name != NULL; rules++)
		if (rule_fits(rules, name))
			return rules;
	return NULL;
}

/* sysrc(8) names a file only where it is not the usual one. */
static void to_remove(
    struct finder *f, const char *file, const struct assign *s, const char *why)
{
	char setting[SETTING_SIZE];
	bool usual = strcmp(file, rc_files[0]) == 0;

	found(f, IMPORT_TODO, file, s->line, setting_text(s, setting),
	    "sysrc %s%s%s-x %s    # %s", usual ? "" : "-f ", usual ? "" : file,
	    usual ? "" : " ", s->name, why);
}

static void look(struct finder *f, const char *file, const struct assign *s,
    const struct hostconf_rule *rules, const char *word)
{
	const struct hostconf_rule *r = find_rule(rules, s->name);
	char setting[SETTING_SIZE];

	if (s->name[0] == '\0') {
		found(f, IMPORT_CANNOT, file, s->line, NULL, "%s", s->problem);
	} else if (r != NULL && s->problem != NULL) {
		found(f, IMPORT_CANNOT, file, s->line, setting_text(s, setting), "%s",
		    s->problem);
	} else if (r != NULL && r->look != NULL) {
		r->look(f, file, s);
	} else if (r != NULL) {
		to_remove(f, file, s, r->text);
	} else if (word != NULL && strstr(s->value, word) != NULL) {
		found(f, IMPORT_TODO, file, s->line, setting_text(s, setting),
		    "it names %s, which bhyfi does not make: name %s instead, or remove "
		    "it",
		    word, f->ifname);
	}
}

int hostconf_rc(struct finder *f, const struct hostconf_rule *rules, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(rc_files); i++) {
		struct assigns a;
		int ret = found_assigns(f, rc_files[i], false, &a);

		if (ret < 0)
			return -1;
		for (size_t j = 0; ret == 1 && j < a.n; j++)
			look(f, rc_files[i], &a.list[j], rules, word);
		assigns_free(&a);
	}
	return 0;
}

char *hostconf_rc_get(struct finder *f, const char *name)
{
	char *value = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rc_files); i++) {
		const struct assign *s;
		struct assigns a;

		if (found_assigns(f, rc_files[i], false, &a) != 1)
			continue;
		s = assigns_last(&a, name);
		if (s != NULL) {
			free(value);
			value = strdup(s->value);
		}
		assigns_free(&a);
	}
	return value;
}

static void look_at_loader(struct finder *f, const struct assign *s)
{
	static const char file[] = "/boot/loader.conf";
	char setting[SETTING_SIZE];

	setting_text(s, setting);
	if (s->problem != NULL)
		return;
	if (strncmp(s->name, "pptdevs", 7) == 0)
		found(f, IMPORT_NEEDLESS, file, s->line, setting,
		    "bhyfi takes the card from its driver when it starts; what is "
		    "reserved "
		    "here stays reserved, which does no harm");
	else if (strcmp(s->name, "vmm_load") == 0 || strcmp(s->name, "nmdm_load") == 0 ||
		 strcmp(s->name, "if_tuntap_load") == 0 ||
		 strcmp(s->name, "if_tap_load") == 0)
		found(f, IMPORT_NEEDLESS, file, s->line, setting,
		    "bhyfi uses it as well: keep");
	else if (strcmp(s->name, "if_bridge_load") == 0)
		found(f, IMPORT_NEEDLESS, file, s->line, setting,
		    "bhyfi needs no bridge; keep it where another one does");
	else if (strncmp(s->name, "hw.vmm.", 7) == 0)
		found(f, IMPORT_NEEDLESS, file, s->line, setting,
		    "it is still wanted: keep");
}

int hostconf_loader(struct finder *f)
{
	struct assigns a;
	int ret = found_assigns(f, "/boot/loader.conf", false, &a);

	if (ret < 0)
		return -1;
	for (size_t i = 0; ret == 1 && i < a.n; i++)
		look_at_loader(f, &a.list[i]);
	assigns_free(&a);
	return 0;
}

int hostconf_mentions(
    struct finder *f, const char *path, const char *word, const char *todo)
{
	char AUTO_FREE *text = NULL;
	char line[200];
	unsigned number = 1;
	int ret = found_read(f, path, ASSIGN_FILE_MAX, &text, NULL);

	if (ret != 1)
		return ret;
	for (const char *s = text; *s != '\0'; number++) {
		size_t len = strcspn(s, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)(len < 190 ? len : 190),
		    s + strspn(s, " \t"));
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#' && strstr(line, word) != NULL)
			found(f, IMPORT_TODO, path, number, line, "%s", todo);
		s += len;
		s += *s == '\n';
	}
	return 0;
}
