#include "found.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fs.h"
#include "merge.h"
#include "networks.h"
#include "paths.h"

static const char *const result_names[] = {"taken", "needless", "cannot", "todo"};
_Static_assert(ARRAY_LEN(result_names) == IMPORT_TODO + 1, "a result lacks its name");

const char *import_result_name(enum import_result r)
{
	return result_names[r];
}

static char *copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static void add_item(struct finder *f, enum import_result result, const char *file,
    unsigned line, const char *setting, const char *text)
{
	struct import *im = f->im;
	struct import_item *list, *it;

	if ((im->n & (im->n - 1)) == 0) {
		list = realloc(im->items, (im->n == 0 ? 1 : 2 * im->n) * sizeof(*list));
		if (list == NULL) {
			im->no_memory = true;
			return;
		}
		im->items = list;
	}
	it = &im->items[im->n++];
	*it = (struct import_item){.result = result,
	    .line = line,
	    .file = copy(file),
	    .setting = copy(setting),
	    .text = copy(text)};
	if (it->file == NULL || it->text == NULL ||
	    (it->setting == NULL && setting != NULL))
		im->no_memory = true;
}

void found(struct finder *f, enum import_result result, const char *file, unsigned line,
    const char *setting, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_item(f, result, file, line, setting, text);
}

const char *setting_text(const struct assign *s, char buf[SETTING_SIZE])
{
	if (s->problem != NULL)
		snprintf(
		    buf, SETTING_SIZE, "%s%s", s->name, s->name[0] != '\0' ? "=..." : "");
	else
		snprintf(buf, SETTING_SIZE, "%s=%s", s->name, s->value);
	return buf;
}

void take(struct finder *f, const char *file, const struct assign *s, const char *key,
    const char *fmt, ...)
{
	char value[128], text[192], setting[SETTING_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	fprintf(f->conf, "%s = %s\n", key, value);
	snprintf(text, sizeof(text), "%s = %s", key, value);
	add_item(f, IMPORT_TAKEN, file, s->line, setting_text(s, setting), text);
}

int found_path(const struct finder *f, const char *path, char *buf, size_t size)
{
	if ((size_t)snprintf(buf, size, "%s%s", f->o->root, path) < size)
		return 0;
	return err_set(f->e, ERR_FAILED, "%s: the path is too long", path);
}

int found_read(struct finder *f, const char *path, size_t max, char **text, size_t *len)
{
	char full[PATH_MAX];

	*text = NULL;
	if (found_path(f, path, full, sizeof(full)) < 0)
		return -1;
	if (access(full, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	return fs_read_file(full, max, text, len, f->e) < 0 ? -1 : 1;
}

int found_assigns(struct finder *f, const char *path, bool vm, struct assigns *a)
{
	char AUTO_FREE *text = NULL;
	size_t len;
	int ret = found_read(f, path, ASSIGN_FILE_MAX, &text, &len);

	memset(a, 0, sizeof(*a));
	if (ret != 1)
		return ret;
	ret = (vm ? assigns_parse_vm : assigns_parse)(text, len, path, a, f->e);
	return ret < 0 ? -1 : 1;
}

int found_device(const char *text, size_t len, struct card_id *card)
{
	char buf[32], pci[48];
	unsigned part[3];
	int n = 0, at = 0;

	if (len >= sizeof(buf))
		return -1;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (!isdigit((unsigned char)buf[0]) || strspn(buf, "0123456789/") != len ||
	    sscanf(buf, "%3u/%3u/%3u%n", &part[0], &part[1], &part[2], &n) != 3 ||
	    buf[n] != '\0')
		return -1;
	at = snprintf(pci, sizeof(pci), "pci0:%u:%u:%u", part[0], part[1], part[2]);
	return at < (int)sizeof(pci) ? card_id_parse(pci, card, NULL) : -1;
}

static int choose(struct finder *f, const char *file, const struct found_card *list,
    size_t n, size_t *which)
{
	char a[CARD_TEXT_SIZE], b[CARD_TEXT_SIZE];
	struct card_id want;

	*which = 0;
	if (f->o->card == NULL && n == 1)
		return 0;
	if (f->o->card == NULL) {
		err_set(f->e, ERR_PRECONDITION, "%s: %zu devices are passed through",
		    file, n);
		return err_hint(
		    f->e, "say which is the wireless card: --card pci0:B:S:F");
	}
	if (card_id_parse(f->o->card, &want, f->e) < 0)
		return err_prefix(f->e, "--card");
	card_id_text(&want, a);
	for (*which = 0; *which < n; ++*which) {
		card_id_text(&list[*which].id, b);
		if (strcmp(a, b) == 0)
			return 0;
	}
	return err_set(
	    f->e, ERR_PRECONDITION, "%s: it passes no device %s through", file, a);
}

int found_card(
    struct finder *f, const char *file, const struct found_card *list, size_t n)
{
	char text[CARD_TEXT_SIZE], setting[SETTING_SIZE];
	size_t which;

	if (choose(f, file, list, n, &which) < 0)
		return -1;
	card_id_text(&list[which].id, text);
	take(f, file, &list[which].setting, "card", "%s", text);
	for (size_t i = 0; i < n; i++) {
		if (i == which)
			continue;
		card_id_text(&list[i].id, text);
		found(f, IMPORT_CANNOT, file, list[i].setting.line,
		    setting_text(&list[i].setting, setting),
		    "%s: bhyfi's guest gets one device, the wireless card; another "
		    "wireless "
		    "card is another instance (bhyfi -i NAME import)",
		    text);
	}
	return 0;
}

unsigned long found_memory(const char *text)
{
	unsigned long long n;
	char *end;

	text += strspn(text, " \t");
	if (!isdigit((unsigned char)text[0]))
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || n > 1ull << 40)
		return 0;
	switch (tolower((unsigned char)*end)) {
	case 'k':
		n /= 1024;
		end++;
		break;
	case 'm':
		end++;
		break;
	case 'g':
		n *= 1024;
		end++;
		break;
	case 't':
		n *= 1024 * 1024;
		end++;
		break;
	default:
		/* Without a unit: MiB, but bytes where that would be absurd. */
		if (n >= 1024 * 1024)
			n /= 1024 * 1024;
	}
	if (tolower((unsigned char)*end) == 'b')
		end++;
	end += strspn(end, " \t");
	return *end == '\0' && n <= 1024 * 1024 ? (unsigned long)n : 0;
}

void found_take_memory(struct finder *f, const char *file, const struct assign *s)
{
	char setting[SETTING_SIZE];
	unsigned long mib = found_memory(s->value);
	struct config c;

	if (config_init(&c, f->o->instance, NULL) < 0)
		return;
	setting_text(s, setting);
	if (mib == 0 || mib > 65536)
		found(f, IMPORT_CANNOT, file, s->line, setting,
		    "not a size that bhyfi takes; its own default is %u MiB",
		    c.memory_mib);
	else if (mib <= c.memory_mib)
		found(f, IMPORT_NEEDLESS, file, s->line, setting,
		    "bhyfi's guest is kept in memory as a whole and has %u MiB by "
		    "default",
		    c.memory_mib);
	else
		take(f, file, s, "memory", "%lu", mib);
}

void found_take_number(struct finder *f, const char *file, const struct assign *s,
    const char *key, unsigned min, unsigned max)
{
	char setting[SETTING_SIZE];
	const char *v = s->value + strspn(s->value, " \t");
	size_t digits = strspn(v, "0123456789");
	unsigned long n = digits > 0 && digits < 10 ? strtoul(v, NULL, 10) : max + 1ul;

	if (v[digits + strspn(v + digits, " \t")] != '\0' || n < min || n > max)
		found(f, IMPORT_CANNOT, file, s->line, setting_text(s, setting),
		    "%s: bhyfi takes a number from %u to %u", key, min, max);
	else
		take(f, file, s, key, "%lu", n);
}

/* A file of the host that a network block names. */
static bool names_file(const char *line)
{
	static const char *const keys[] = {"ca_cert", "ca_cert2", "client_cert",
	    "client_cert2", "private_key", "private_key2", "ca_path", "ca_path2",
	    "dh_file", "dh_file2", "pac_file", "sae_pk_file"};
	size_t n = strcspn(line, "=");

	if (line[n] != '=' || line[n + 1] != '"' ||
	    strncmp(line + n + 2, "blob://", 7) == 0 ||
	    strncmp(line + n + 2, "hash:", 5) == 0 ||
	    strncmp(line + n + 2, "probe:", 6) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strlen(keys[i]) == n && strncmp(keys[i], line, n) == 0)
			return true;
	return false;
}

static void look_at_line(
    struct finder *f, const char *path, const char *line, unsigned number, bool in_block)
{
	char setting[SETTING_SIZE];
	struct assign s = {.line = number};
	char country[3];

	snprintf(setting, sizeof(setting), "%.*s", (int)sizeof(setting) - 1, line);
	if (!in_block && strncmp(line, "country=", 8) == 0 &&
	    isupper((unsigned char)line[8]) && isupper((unsigned char)line[9]) &&
	    strchr(" \t\r#", line[10]) != NULL) {
		snprintf(country, sizeof(country), "%.2s", line + 8);
		s.name = (char[]){"country"};
		s.value = country;
		take(f, path, &s, "country", "%s", country);
	} else if (!in_block && (strncmp(line, "ctrl_interface", 14) == 0 ||
				    strncmp(line, "update_config=", 14) == 0)) {
		found(f, IMPORT_NEEDLESS, path, number, setting,
		    "the control socket in the guest is bhyfi's own");
	} else if (in_block && names_file(line)) {
		found(f, IMPORT_CANNOT, path, number, setting,
		    "the guest has no files of the host: put it into the file as "
		    "blob-base64-NAME={...} and name it blob://NAME");
	}
}

static void look_at_networks(struct finder *f, const char *path, const char *text)
{
	char line[512];
	bool in_block = false;
	unsigned number = 1;

	for (const char *s = text; *s != '\0'; number++) {
		size_t len = strcspn(s, "\n"), at = strspn(s, " \t\r");

		at = at > len ? len : at;
		snprintf(line, sizeof(line), "%.*s", (int)(len - at), s + at);
		line[strcspn(line, "\r")] = '\0';
		look_at_line(f, path, line, number, in_block);
		if (line[0] == '}')
			in_block = false;
		else if (line[0] != '#' && strstr(line, "={") != NULL)
			in_block = true;
		s += len;
		s += *s == '\n';
	}
	explicit_bzero(line, sizeof(line));
}

/* Ours: the instance "wlan" has the default name. */
static int networks_target(struct finder *f)
{
	bool def = strcmp(f->o->instance, "wlan") == 0;
	const char *etc = f->o->etc != NULL ? f->o->etc : PATH_ETC;
	char **path = &f->im->networks.path;

	if (asprintf(path, "%s/%s%swpa_supplicant.conf", etc, def ? "" : f->o->instance,
		def ? "" : ".") < 0) {
		*path = NULL;
		return err_sys(f->e, ENOMEM, "networks");
	}
	if (!def)
		fprintf(f->conf, "networks = %s/%s.wpa_supplicant.conf\n", PATH_ETC,
		    f->o->instance);
	return 0;
}

int found_networks(struct finder *f, const char *path)
{
	struct import_file *file = &f->im->networks;
	struct networks n;
	int ret = 1;

	if (f->o->networks != NULL) {
		path = f->o->networks;
		if (fs_read_file(path, NETWORKS_FILE_MAX, &file->text, &file->len, f->e) <
		    0)
			return -1;
	} else {
		ret = found_read(f, path, NETWORKS_FILE_MAX, &file->text, &file->len);
	}
	if (ret != 1)
		return ret;
	if (networks_parse(file->text, file->len, path, &n, f->e) < 0)
		return -1;
	f->im->networks_n = n.n;
	networks_free(&n);
	look_at_networks(f, path, file->text);
	if (f->im->networks_n == 0) {
		found(f, IMPORT_CANNOT, path, 0, NULL, "no network in it");
		return 0;
	}
	if (networks_target(f) < 0)
		return -1;
	found(f, IMPORT_TAKEN, path, 0, NULL, "%s, %zu network%s", file->path,
	    f->im->networks_n, f->im->networks_n == 1 ? "" : "s");
	return 1;
}

/* The host's interface where the set-up does not name one. */
static int set_interface(struct finder *f)
{
	struct config c;

	if (config_init(&c, f->o->instance, f->e) < 0)
		return -1;
	snprintf(f->ifname, sizeof(f->ifname), "%s", c.interface);
	if (!f->o->freebsd)
		return 0;
	fprintf(f->conf, "vmm = bhyve\n");
	if (f->o->root[0] != '\0')
		fprintf(f->conf, "sysroot = %s\n", f->o->root);
	/* As config.c's default is there. */
	if (strcmp(f->o->instance, "wlan") == 0 && strcmp(f->ifname, "tap0") != 0) {
		snprintf(f->ifname, sizeof(f->ifname), "tap0");
		f->ifname_said = true;
	}
	return 0;
}

int found_begin(struct finder *f, const struct import_options *o, struct import *im,
    const char *from, struct err *e)
{
	*f = (struct finder){.o = o, .im = im, .e = e};
	memset(im, 0, sizeof(*im));
	f->conf = open_memstream(&f->conf_text, &f->conf_len);
	if (f->conf == NULL)
		return err_sys(e, errno, "import");
	fprintf(
	    f->conf, "# Taken over from %s by bhyfi import; see bhyfi.conf(5).\n", from);
	return set_interface(f);
}

static void replace_text(struct import_file *file, char *text, size_t len)
{
	free(file->text);
	file->text = text;
	file->len = len;
}

/* A file with other content: what becomes of it. */
static void settle(
    struct finder *f, struct import_file *file, const char *there, size_t len)
{
	const char *networks = f->im->networks.path;
	char *text = NULL;
	size_t text_len;

	file->state = IMPORT_FILE_OTHER;
	if (f->o->force)
		return;
	if (file == &f->im->networks) {
		if (merge_says_nothing(there, len))
			file->state = IMPORT_FILE_MERGE;
		return;
	}
	if (merge_config(
		there, len, file->text, networks, &text, &text_len, &file->conflict) < 0)
		return;
	file->state = text_len == len ? IMPORT_FILE_SAME : IMPORT_FILE_MERGE;
	replace_text(file, text, text_len);
}

/* What is at the place of a file of ours. */
static int compare(struct finder *f, struct import_file *file)
{
	char *there = NULL;
	struct stat st;
	size_t len;

	if (lstat(file->path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		file->state = IMPORT_FILE_NEW;
		return 0;
	}
	if (fs_read_file(file->path, ASSIGN_FILE_MAX, &there, &len, f->e) < 0)
		return -1;
	if (len == file->len && memcmp(there, file->text, len) == 0)
		file->state = IMPORT_FILE_SAME;
	else
		settle(f, file, there, len);
	explicit_bzero(there, len);
	free(there);
	return 0;
}

/* INSTANCE.conf, as the daemon will read it. */
static int check_config(struct finder *f, const struct import_file *file)
{
	struct config c;
	FILE *in = fmemopen(file->text, file->len, "r");
	int ret;

	if (in == NULL)
		return err_sys(f->e, errno, "import");
	ret = config_init(&c, f->o->instance, f->e);
	if (ret == 0)
		ret = config_parse(&c, in, file->path, f->e);
	fclose(in);
	return ret;
}

static int finish(struct finder *f)
{
	struct import_file *file = &f->im->config;

	if (asprintf(&file->path, "%s/%s.conf", f->o->etc != NULL ? f->o->etc : PATH_ETC,
		f->o->instance) < 0) {
		file->path = NULL;
		return err_sys(f->e, ENOMEM, "import");
	}
	if (check_config(f, file) < 0 || compare(f, file) < 0 ||
	    (file->state == IMPORT_FILE_MERGE && check_config(f, file) < 0))
		return -1;
	return f->im->networks.path != NULL ? compare(f, &f->im->networks) : 0;
}

int found_end(struct finder *f, int ret)
{
	if (f->ifname_said)
		fprintf(f->conf, "interface = %s\n", f->ifname);
	if (fclose(f->conf) != 0 && ret == 0)
		ret = err_sys(f->e, errno, "import");
	f->im->config.text = f->conf_text;
	f->im->config.len = f->conf_len;
	if (ret == 0)
		ret = finish(f);
	if (ret == 0 && f->im->no_memory)
		ret = err_sys(f->e, ENOMEM, "import");
	return ret;
}
