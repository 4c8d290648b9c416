#include "bhyve-conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "msg.h"

/* The slots: as the manual's configuration has them, and any other would do. */
#define SLOT_ESP "pci.0.2.0"
#define SLOT_NET "pci.0.3.0"
#define SLOT_RND "pci.0.4.0"
#define SLOT_CARD "pci.0.5.0"

void bhyve_name(const struct config *c, char out[BHYVE_PATH_SIZE])
{
	snprintf(out, BHYVE_PATH_SIZE, "bhyfi-%s", c->instance);
}

void bhyve_nmdm(
    const struct config *c, enum vmm_sock sock, char end, char out[BHYVE_PATH_SIZE])
{
	/* Any name of nmdm(4) but for the last letter is ours to choose. */
	snprintf(out, BHYVE_PATH_SIZE, "/dev/nmdm-bhyfi-%s.%d%c", c->instance,
	    sock == VMM_SOCK_CONSOLE ? 1 : 2, end);
}

bool bhyve_vars(const struct config *c, char out[PATH_MAX])
{
	const char *base = strrchr(c->firmware, '/'), *code = NULL;

	for (const char *p = base; p != NULL && (p = strstr(p, "CODE")) != NULL; p++)
		code = p;
	if (code == NULL)
		return false;
	snprintf(out, PATH_MAX, "%.*sVARS%s", (int)(code - c->firmware), c->firmware,
	    code + 4);
	return true;
}

bool bhyve_is_tap(const char *name)
{
	size_t n = strncmp(name, "tap", 3) == 0     ? 3
		   : strncmp(name, "vmnet", 5) == 0 ? 5
						    : 0;

	return n > 0 && name[n] != '\0' && strlen(name) < IFNAME_MAX &&
	       strspn(name + n, "0123456789") == strlen(name + n);
}

/* What stands for itself in a line of the file and in a reference-free value. */
static bool is_writable(const char *value)
{
	if (value[0] == '\0')
		return false;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '%' || *p == '\\')
			return false;
	return true;
}

int bhyve_conf_set(
    struct bhyve_conf *b, struct err *e, const char *key, const char *fmt, ...)
{
	struct bhyve_var *v = &b->v[b->n];
	va_list ap;
	int r;

	if (b->n == BHYVE_VARS_MAX)
		return err_set(e, ERR_FAILED, "bhyve: too many variables");
	v->key = strdup(key);
	va_start(ap, fmt);
	r = vasprintf(&v->value, fmt, ap);
	va_end(ap);
	if (r < 0)
		v->value = NULL;
	b->n++;
	if (v->key == NULL || v->value == NULL)
		return err_sys(e, ENOMEM, "bhyve: %s", key);
	if (is_writable(v->value))
		return 0;
	return err_set(e, ERR_FAILED,
	    "bhyve: %s: \"%.100s\" can not be written in its configuration: it has no "
	    "quoting",
	    key, v->value);
}

static int set_machine(struct bhyve_conf *b, const struct vm_spec *s, struct err *e)
{
	const struct config *c = s->config;
	char name[BHYVE_PATH_SIZE], vars[PATH_MAX];

	bhyve_name(c, name);
	if (bhyve_conf_set(b, e, "name", "%s", name) < 0 ||
	    bhyve_conf_set(b, e, "cpus", "%u", c->cpus) < 0 ||
	    bhyve_conf_set(b, e, "memory.size", "%uM", c->memory_mib) < 0 ||
	    bhyve_conf_set(b, e, "acpi_tables", "true") < 0 ||
	    bhyve_conf_set(b, e, "x86.vmexit_on_hlt", "true") < 0 ||
	    bhyve_conf_set(b, e, "x86.vmexit_on_pause", "true") < 0 ||
	    /* Linux's drivers look into MSRs that bhyve does not have. */
	    bhyve_conf_set(b, e, "x86.strictmsr", "false") < 0 ||
	    bhyve_conf_set(b, e, "rtc.use_localtime", "false") < 0 ||
	    bhyve_conf_set(b, e, "bootrom", "%s", c->firmware) < 0)
		return -1;
	return bhyve_vars(c, vars)
		   ? bhyve_conf_set(b, e, "bootvars", "%s/" BHYVE_FILE_VARS, s->run_dir)
		   : 0;
}

static int set_ports(struct bhyve_conf *b, const struct config *c, struct err *e)
{
	char console[BHYVE_PATH_SIZE], agent[BHYVE_PATH_SIZE];

	bhyve_nmdm(c, VMM_SOCK_CONSOLE, 'A', console);
	bhyve_nmdm(c, VMM_SOCK_AGENT, 'A', agent);
	if (bhyve_conf_set(b, e, "pci.0.0.0.device", "hostbridge") < 0 ||
	    bhyve_conf_set(b, e, "pci.0.31.0.device", "lpc") < 0 ||
	    bhyve_conf_set(b, e, "lpc.com1.path", "%s", console) < 0)
		return -1;
	return bhyve_conf_set(b, e, "lpc.com2.path", "%s", agent);
}

static int set_devices(struct bhyve_conf *b, const struct vm_spec *s, struct err *e)
{
	const struct config *c = s->config;
	char mac[MAC_TEXT_SIZE];

	msg_mac_text(s->vm_mac, mac);
	/* Not read-only: the firmware could not open it then. It is a copy. */
	if (bhyve_conf_set(b, e, SLOT_ESP ".device", "virtio-blk") < 0 ||
	    bhyve_conf_set(b, e, SLOT_ESP ".path", "%s/" BHYVE_FILE_ESP, s->run_dir) <
		0 ||
	    bhyve_conf_set(b, e, SLOT_NET ".device", "virtio-net") < 0 ||
	    bhyve_conf_set(b, e, SLOT_NET ".backend", "%s", c->interface) < 0 ||
	    bhyve_conf_set(b, e, SLOT_NET ".mac", "%s", mac) < 0 ||
	    bhyve_conf_set(b, e, SLOT_NET ".mtu", "%u", c->mtu) < 0)
		return -1;
	return bhyve_conf_set(b, e, SLOT_RND ".device", "virtio-rnd");
}

/* The card reads and writes the guest's memory by itself: none of it may move. */
static int set_card(struct bhyve_conf *b, const struct card_id *card, struct err *e)
{
	if (card->domain != 0)
		return err_set(e, ERR_PRECONDITION,
		    "card pci%u:%u:%u:%u: bhyve passes cards of PCI domain 0 only",
		    card->domain, card->bus, card->slot, card->function);
	if (bhyve_conf_set(b, e, "memory.wired", "true") < 0 ||
	    bhyve_conf_set(b, e, SLOT_CARD ".device", "passthru") < 0 ||
	    bhyve_conf_set(b, e, SLOT_CARD ".bus", "%u", card->bus) < 0 ||
	    bhyve_conf_set(b, e, SLOT_CARD ".slot", "%u", card->slot) < 0)
		return -1;
	return bhyve_conf_set(b, e, SLOT_CARD ".func", "%u", card->function);
}

int bhyve_conf_make(struct bhyve_conf *b, const struct vm_spec *s, struct err *e)
{
	const struct config *c = s->config;

	if (!bhyve_is_tap(c->interface)) {
		err_set(e, ERR_PRECONDITION, "interface %s: bhyve opens tapN only",
		    c->interface);
		return err_hint(e, "set interface = tap0");
	}
	if (set_machine(b, s, e) < 0 || set_ports(b, c, e) < 0 ||
	    set_devices(b, s, e) < 0)
		return -1;
	return c->card.kind == CARD_PCI ? set_card(b, &c->card, e) : 0;
}

void bhyve_conf_free(struct bhyve_conf *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->v[i].key);
		free(b->v[i].value);
	}
	b->n = 0;
}

char *bhyve_conf_text(const struct bhyve_conf *b)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < b->n; i++)
		fprintf(f, "%s=%s\n", b->v[i].key, b->v[i].value);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

/* Whether the line at p, len bytes long, sets key; *value then is what it sets. */
static bool sets(
    const char *p, size_t len, const char *key, const char **value, size_t *value_len)
{
	size_t n = strlen(key);

	if (len <= n || memcmp(p, key, n) != 0 || p[n] != '=')
		return false;
	*value = p + n + 1;
	*value_len = len - n - 1;
	return true;
}

static int check_var(const struct bhyve_var *v, const char *dump, struct err *e)
{
	const char *value = NULL, *found = NULL;
	size_t len, value_len = 0, found_len = 0;

	for (const char *p = dump; *p != '\0'; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		if (!sets(p, len, v->key, &value, &value_len))
			continue;
		if (found != NULL)
			return err_set(
			    e, ERR_FAILED, "bhyve: %s: it knows two of them", v->key);
		found = value;
		found_len = value_len;
	}
	if (found == NULL)
		return err_set(
		    e, ERR_FAILED, "bhyve: %s: it did not take this variable", v->key);
	if (found_len == strlen(v->value) && memcmp(found, v->value, found_len) == 0)
		return 0;
	return err_set(e, ERR_FAILED, "bhyve: %s: it understood \"%.*s\" for \"%.100s\"",
	    v->key, (int)(found_len < 100 ? found_len : 100), found, v->value);
}

int bhyve_conf_check(const struct bhyve_conf *b, const char *dump, struct err *e)
{
	for (size_t i = 0; i < b->n; i++)
		if (check_var(&b->v[i], dump, e) < 0)
			return -1;
	return 0;
}
