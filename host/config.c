/*
 * The table of keys is the whole of it: parsing, defaults, what an error says
 * was expected, and the manual page come from its rows.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "nearest.h"
#include "paths.h"
#include BHYFI_DEFAULTS
#include "vmm/vmm.h"

_Static_assert(IFNAME_MAX == IF_NAMESIZE, "interface names");

/* Users without an entry in the password database, for a tree that nobody
 * installed: far from what distributions hand out. */
#define USER_NUMBER "26969"
#define VM_USER_NUMBER "26970"

/* FreeBSD's, of the base system and of the package bhyve-firmware. */
#define DEFAULT_BHYVE "/usr/sbin/bhyve"
#define DEFAULT_FIRMWARE "/usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd"
#define TAP_INTERFACE "tap0"

struct key {
	const char *name;
	int (*parse)(const struct key *k, struct config *c, const char *value);
	size_t offset, size;
	unsigned min, max;
	const char *const *choices;
	const char *def;      /* for the manual */
	const char *expected; /* completes "expected ..."; NULL: made from min and max */
	const char *help;
};

static const char *const mode_names[] = {"clone", "wds", "macnat", "ap", "nat", "auto"};
_Static_assert(ARRAY_LEN(mode_names) == MODE_AUTO + 1, "a mode lacks its name");

static const char *const accels[] = {"auto", "kvm", "tcg", NULL};

const char *mode_name(enum path_mode mode)
{
	return mode_names[mode];
}

/* Each parser returns -1 for a value that is not what the row expects. */

static int set_text(const struct key *k, struct config *c, const char *value)
{
	size_t len = strlen(value);

	if (len >= k->size)
		return -1;
	memcpy((char *)c + k->offset, value, len + 1);
	return 0;
}

static bool is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static int parse_path(const struct key *k, struct config *c, const char *value)
{
	return value[0] == '/' && is_printable(value) ? set_text(k, c, value) : -1;
}

static int parse_number(const struct key *k, struct config *c, const char *value)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)value[0]))
		return -1;
	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno != 0 || *end != '\0' || n < k->min || n > k->max)
		return -1;
	*(unsigned *)(void *)((char *)c + k->offset) = (unsigned)n;
	return 0;
}

static int parse_choice(const struct key *k, struct config *c, const char *value)
{
	for (const char *const *p = k->choices; *p != NULL; p++)
		if (strcmp(*p, value) == 0)
			return set_text(k, c, value);
	return -1;
}

static int parse_vmm(const struct key *k, struct config *c, const char *value)
{
	return vmm_find(value) != NULL ? set_text(k, c, value) : -1;
}

static int parse_mode(const struct key *k, struct config *c, const char *value)
{
	(void)k;
	for (size_t i = 0; i < ARRAY_LEN(mode_names); i++) {
		if (strcmp(mode_names[i], value) == 0) {
			c->mode = (enum path_mode)i;
			return 0;
		}
	}
	return -1;
}

static int parse_card(const struct key *k, struct config *c, const char *value)
{
	(void)k;
	return card_id_parse(value, &c->card, NULL);
}

static int parse_ifname(const struct key *k, struct config *c, const char *value)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.-";

	if (!isalnum((unsigned char)value[0]) || strspn(value, allowed) != strlen(value))
		return -1;
	return set_text(k, c, value);
}

static int parse_country(const struct key *k, struct config *c, const char *value)
{
	if (strlen(value) != 2 || !isupper((unsigned char)value[0]) ||
	    !isupper((unsigned char)value[1]))
		return -1;
	return set_text(k, c, value);
}

static int parse_mac(const struct key *k, struct config *c, const char *value)
{
	(void)k;
	return mac_policy_parse(value, &c->mac);
}

static int parse_forward(const struct key *k, struct config *c, const char *value)
{
	(void)k;
	return forwards_parse(value, &c->forwards);
}

static int parse_subnet(const struct key *k, struct config *c, const char *value)
{
	(void)k;
	return forwards_subnet(value, c->subnet);
}

static int parse_word(const struct key *k, struct config *c, const char *value)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.-";

	if (value[0] == '\0' || value[0] == '-' ||
	    strspn(value, allowed) != strlen(value))
		return -1;
	return set_text(k, c, value);
}

static int parse_level(const struct key *k, struct config *c, const char *value)
{
	(void)k;
	return log_level_parse(value, &c->log_level);
}

#define AT(member) offsetof(struct config, member), sizeof(((struct config *)0)->member)

/* clang-format off */
static const struct key keys[] = {
	{"card", parse_card, AT(card), .def = NULL,
	    .expected = "pci0:3:0:0 (as pciconf says), 0000:03:00.0 (as lspci says) or "
			"sim:SCENARIO",
	    .help = "The wireless card that the guest gets.\nA simulated one is "
		    "sim:open, sim:wpa2, sim:wpa3, sim:hidden, sim:ess, sim:two or sim:wds; "
		    "it needs an image made with --air."},
	{"mode", parse_mode, AT(mode), .def = "clone",
	    .expected = "clone, wds, macnat, ap, nat or auto",
	    .help = "How the host gets the LAN.\nclone: the interface carries the card's "
		    "MAC address and the guest is invisible.\nmacnat: many hosts, as jails "
		    "and virtual machines on a bridge with the interface, which has an "
		    "address of its own.\nwds: the same by frames with four addresses, for "
		    "access points that take WDS stations.\nauto: wds where the access point "
		    "is seen to take it, else clone.\nap: the card is an access point, "
		    "bridged to the interface; access_point says which.\nnat: the guest is a "
		    "router; the hosts behind it have a subnet of their own, and addresses of "
		    "the WLAN's in IPv6."},
	{"networks", parse_path, AT(networks), .def = PATH_ETC "/wpa_supplicant.conf",
	    .expected = "an absolute path",
	    .help = "A wpa_supplicant.conf with the networks to join."},
	{"access_point", parse_path, AT(access_point), .def = PATH_ETC "/hostapd.conf",
	    .expected = "an absolute path",
	    .help = "A hostapd.conf, for mode ap."},
	{"mac", parse_mac, AT(mac), .def = "permanent",
	    .expected = "permanent, random, stable or a station's address",
	    .help = "The radio's MAC address.\npermanent: the card's own.\nrandom: another "
		    "one at each start, and for each network.\nstable: another one for "
		    "each network, always the same there, made from a secret of this "
		    "host's."},
	{"forward", parse_forward, AT(forwards), .def = "none",
	    .expected = "up to 16 of \"tcp PORT\" or \"udp PORT HOST_PORT\", with commas "
			"between",
	    .help = "In mode nat, ports of the WLAN address that are the host's: tcp 2222 "
		    "22, udp 5000."},
	{"subnet", parse_subnet, AT(subnet), .def = "one that is free",
	    .expected = "a private /24, as 192.168.100.0/24",
	    .help = "The hosts' subnet in mode nat.\nIf the WLAN uses it, another one is "
		    "taken."},
	{"country", parse_country, AT(country), .def = "not set",
	    .expected = "two capital letters (ISO 3166)",
	    .help = "The country whose radio rules hold."},
	{"interface", parse_ifname, AT(interface),
	    .def = DEFAULT_INTERFACE "; " TAP_INTERFACE
				     " with bhyve; other instances than wlan: made from "
				     "their name",
	    .expected = "an interface name of at most 15 letters, digits, '_', '.' and '-'",
	    .help = "The network interface that the host gets."},
	{"mtu", parse_number, AT(mtu), 1280, 2304, .def = "1500",
	    .help = "The interface's MTU in bytes."},
	{"image", parse_path, AT(image), .def = PATH_IMAGES "/current",
	    .expected = "an absolute path",
	    .help = "The folder of the guest's image; or the link current in a folder of "
		    "images, which bhyfi image build fills: then a candidate beside it is "
		    "tried first."},
	{"vmm", parse_vmm, AT(vmm), .def = DEFAULT_VMM,
	    .expected = "a virtual machine monitor of this version",
	    .help = "The virtual machine monitor; fake runs the guest's agent as a "
		    "local process, for tests."},
	{"accel", parse_choice, AT(accel), .choices = accels, .def = "auto",
	    .expected = "auto, kvm or tcg",
	    .help = "QEMU's accelerator.\nauto takes KVM where it can be used, else "
		    "emulation (TCG)."},
	{"qemu", parse_path, AT(qemu), .def = DEFAULT_QEMU, .expected = "an absolute path",
	    .help = "The QEMU program."},
	{"bhyve", parse_path, AT(bhyve), .def = DEFAULT_BHYVE,
	    .expected = "an absolute path", .help = "The bhyve program."},
	{"firmware", parse_path, AT(firmware), .def = DEFAULT_FIRMWARE,
	    .expected = "an absolute path",
	    .help = "The UEFI firmware that bhyve boots with.\nOf one whose name holds "
		    "CODE, the file with VARS in its place is copied for each start."},
	{"sysroot", parse_path, AT(sysroot), .def = "/",
	    .expected = "an absolute path",
	    .help = "The folder under which the host's programs and files are looked for.\n"
		    "For tests of bhyve's side on another system."},
	{"memory", parse_number, AT(memory_mib), 64, 65536, .def = "160; 256 with bhyve",
	    .help = "The guest's memory in MiB."},
	{"cpus", parse_number, AT(cpus), 1, 32, .def = "1",
	    .help = "The guest's processors."},
	{"user", parse_word, AT(user), .def = "_bhyfi where it exists, else " USER_NUMBER,
	    .expected = "a user's name or number",
	    .help = "The user as whom the daemon runs once it has started."},
	{"vm_user", parse_word, AT(vm_user),
	    .def = "_bhyfi-vm where it exists, else " VM_USER_NUMBER,
	    .expected = "a user's name or number",
	    .help = "The user as whom the virtual machine monitor runs."},
	{"control_group", parse_word, AT(control_group), .def = "root only",
	    .expected = "a group's name or number",
	    .help = "Members of this group may use the control socket."},
	{"wpa_group", parse_word, AT(wpa_group), .def = "control_group's",
	    .expected = "a group's name or number",
	    .help = "Members of this group may use wpa_cli and wpa_gui with the socket wpa/wlan0: "
		    "they choose networks, and see no passphrases."},
	{"boot_timeout", parse_number, AT(boot_timeout_s), 1, 3600, .def = "60",
	    .help = "Seconds from the start of the virtual machine until the guest's agent "
		    "answers."},
	{"stop_timeout", parse_number, AT(stop_timeout_s), 1, 600, .def = "10",
	    .help = "Seconds for a clean release, then for the power button, before "
		    "the virtual machine is killed."},
	{"suspend_timeout", parse_number, AT(suspend_timeout_s), 1, 600, .def = "5",
	    .help = "Seconds for all of that before the host sleeps.\nFreeBSD sleeps 10 s "
		    "after it was asked to, ready or not, of which about 5 are ours."},
	{"beat", parse_number, AT(beat_s), 1, 300, .def = "5",
	    .help = "Seconds between the guest's signs of life; three that are missed "
		    "restart it."},
	{"restarts", parse_number, AT(restarts), 0, 1000, .def = "5",
	    .help = "Restarts in a row before the daemon gives up."},
	{"log_level", parse_level, AT(log_level), .def = "info",
	    .expected = "error, warn, info or debug",
	    .help = "What is logged."},
};
/* clang-format on */

_Static_assert(ARRAY_LEN(keys) <= 32, "a bit each in struct parse.seen");

/* Derived so that two instances never share a name. */
static void default_interface(const char *instance, const char *vmm, char *name)
{
	uint64_t h = config_hash_text(CONFIG_HASH_INIT, instance);
	const struct vmm_ops *v = vmm_find(vmm);
	bool tap = v != NULL && v->opens_tap;

	if (strcmp(instance, "wlan") == 0)
		snprintf(name, IFNAME_MAX, "%s", tap ? TAP_INTERFACE : DEFAULT_INTERFACE);
	else if (tap || strcmp(DEFAULT_INTERFACE, TAP_INTERFACE) == 0)
		/* Only tapN will do: a clash is possible, and then refused. */
		snprintf(name, IFNAME_MAX, "tap%u", 1 + (unsigned)(h % 9999));
	else if (strlen(instance) <= 9)
		snprintf(name, IFNAME_MAX, "bhyfi-%.9s", instance);
	else
		snprintf(name, IFNAME_MAX, "bhyfi.%08x", (unsigned)(h ^ h >> 32));
}

/* UEFI firmware, and what it starts, have the image in memory several times over. */
static unsigned default_memory(const char *vmm)
{
	const struct vmm_ops *v = vmm_find(vmm);

	return v != NULL && v->uefi ? 256 : 160;
}

void config_set_vmm(struct config *c, const char *vmm)
{
	char name[IFNAME_MAX];

	default_interface(c->instance, c->vmm, name);
	if (strcmp(c->interface, name) == 0)
		default_interface(c->instance, vmm, c->interface);
	if (c->memory_mib == default_memory(c->vmm))
		c->memory_mib = default_memory(vmm);
	snprintf(c->vmm, sizeof(c->vmm), "%s", vmm);
}

static void default_user(char *dst, size_t size, const char *name, const char *number)
{
	snprintf(dst, size, "%s", getpwnam(name) != NULL ? name : number);
}

bool config_instance_valid(const char *instance)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strlen(instance);

	return len > 0 && len < INSTANCE_MAX && strspn(instance, allowed) == len &&
	       instance[0] != '-' && instance[0] != '_';
}

bool config_instance_of(const char *file, char out[INSTANCE_MAX])
{
	size_t len = strlen(file);

	if (len < 6 || len - 5 >= INSTANCE_MAX || strcmp(file + len - 5, ".conf") != 0)
		return false;
	snprintf(out, INSTANCE_MAX, "%.*s", (int)(len - 5), file);
	return config_instance_valid(out);
}

int config_init(struct config *c, const char *instance, struct err *e)
{
	if (!config_instance_valid(instance)) {
		err_set(e, ERR_USAGE,
		    "%.40s: not an instance name: expected at most 15 of a-z, 0-9, '_' "
		    "and "
		    "'-', a letter or digit first",
		    instance);
		return -1;
	}
	/* Padding too: struct config is compared and copied as a whole. */
	memset(c, 0, sizeof(*c));
	snprintf(c->instance, sizeof(c->instance), "%s", instance);
	c->mode = MODE_CLONE;
	snprintf(c->networks, sizeof(c->networks), PATH_ETC "/wpa_supplicant.conf");
	snprintf(c->access_point, sizeof(c->access_point), PATH_ETC "/hostapd.conf");
	snprintf(c->image, sizeof(c->image), PATH_IMAGES "/current");
	snprintf(c->vmm, sizeof(c->vmm), DEFAULT_VMM);
	snprintf(c->accel, sizeof(c->accel), "auto");
	snprintf(c->qemu, sizeof(c->qemu), DEFAULT_QEMU);
	snprintf(c->bhyve, sizeof(c->bhyve), DEFAULT_BHYVE);
	snprintf(c->firmware, sizeof(c->firmware), DEFAULT_FIRMWARE);
	c->memory_mib = default_memory(c->vmm);
	c->cpus = 1;
	default_interface(c->instance, c->vmm, c->interface);
	c->mtu = 1500;
	default_user(c->user, sizeof(c->user), "_bhyfi", USER_NUMBER);
	default_user(c->vm_user, sizeof(c->vm_user), "_bhyfi-vm", VM_USER_NUMBER);
	c->boot_timeout_s = 60;
	c->stop_timeout_s = 10;
	c->suspend_timeout_s = 5;
	c->beat_s = 5;
	c->restarts = 5;
	c->log_level = LOG_LEVEL_INFO;
	return 0;
}

static const char *key_name(unsigned i, void *arg)
{
	(void)arg;
	return keys[i].name;
}

/* Which row of the table a key is. */
static uint32_t key_bit(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return UINT32_C(1) << i;
	return 0;
}

struct parse {
	struct config *c;
	uint32_t seen;
};

static int expected(const struct key *k, const char *value, struct err *e)
{
	if (k->parse == parse_vmm)
		return err_set(e, ERR_FAILED, "%s: expected one of %s, not \"%.48s\"",
		    k->name, vmm_names(), value);
	if (k->expected != NULL)
		return err_set(e, ERR_FAILED, "%s: expected %s, not \"%.48s\"", k->name,
		    k->expected, value);
	return err_set(e, ERR_FAILED,
	    "%s: expected a number from %u to %u, not \"%.48s\"", k->name, k->min, k->max,
	    value);
}

static int unknown_key(const char *name, struct err *e)
{
	const char *near = nearest_name(name, ARRAY_LEN(keys), key_name, NULL);

	err_set(e, ERR_FAILED, "%.48s: no such key", name);
	if (near != NULL)
		return err_hint(e, "did you mean %s?", near);
	return err_hint(e, "bhyfi.conf(5) lists the keys");
}

static int config_entry(void *arg, const char *name, const char *value, struct err *e)
{
	struct parse *p = arg;
	size_t i;

	for (i = 0; i < ARRAY_LEN(keys) && strcmp(keys[i].name, name) != 0; i++)
		;
	if (i == ARRAY_LEN(keys))
		return unknown_key(name, e);
	if (p->seen & UINT32_C(1) << i)
		return err_set(e, ERR_FAILED, "%s: given twice", name);
	p->seen |= UINT32_C(1) << i;
	return keys[i].parse(&keys[i], p->c, value) == 0 ? 0
							 : expected(&keys[i], value, e);
}

int config_parse(struct config *c, FILE *f, const char *name, struct err *e)
{
	struct parse p = {.c = c};

	if (conffile_parse(f, name, config_entry, &p, e) < 0)
		return -1;
	if (!(p.seen & 1)) {
		err_set(e, ERR_FAILED, "%s: card: missing: expected card = %s", name,
		    keys[0].expected);
		return err_hint(e, "bhyfi cards lists those of this machine");
	}
	/* What follows from the VMM, unless it was said. */
	if (!(p.seen & key_bit("interface")))
		default_interface(c->instance, c->vmm, c->interface);
	if (!(p.seen & key_bit("memory")))
		c->memory_mib = default_memory(c->vmm);
	return 0;
}

int config_load(struct config *c, const char *instance, struct err *e)
{
	char path[PATH_MAX];
	FILE *f;
	int ret;

	if (config_init(c, instance, e) < 0)
		return -1;
	snprintf(path, sizeof(path), PATH_ETC "/%s.conf", instance);
	if (conffile_open(&f, path, e) < 0)
		return -1;
	if (f == NULL) {
		err_set(e, ERR_PRECONDITION, "%s: no such file", path);
		return err_hint(
		    e, "make it; one line \"card = ...\" is enough, see bhyfi.conf(5)");
	}
	ret = config_parse(c, f, path, e);
	fclose(f);
	return ret;
}

/* A decimal or hexadecimal field of a PCI address up to max; NULL if it is none. */
static const char *pci_field(
    const char *s, int base, unsigned max, char end, unsigned *out)
{
	unsigned long n;
	char *stop;

	if (!isxdigit((unsigned char)s[0]))
		return NULL;
	errno = 0;
	n = strtoul(s, &stop, base);
	if (errno != 0 || n > max || *stop != end || stop - s > 5)
		return NULL;
	*out = (unsigned)n;
	return stop + (end != '\0');
}

static bool parse_pci(const char *s, int base, char last, struct card_id *id)
{
	id->kind = CARD_PCI;
	return (s = pci_field(s, base, 0xffff, ':', &id->domain)) != NULL &&
	       (s = pci_field(s, base, 0xff, ':', &id->bus)) != NULL &&
	       (s = pci_field(s, base, 0x1f, last, &id->slot)) != NULL &&
	       pci_field(s, base, 7, '\0', &id->function) != NULL;
}

static bool parse_scenario(const char *s, struct card_id *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strlen(s);

	if (len == 0 || len >= sizeof(id->scenario) || strspn(s, allowed) != len ||
	    s[0] == '-')
		return false;
	id->kind = CARD_SIM;
	memcpy(id->scenario, s, len + 1);
	return true;
}

int card_id_parse(const char *text, struct card_id *card, struct err *e)
{
	struct card_id id;

	memset(&id, 0, sizeof(id));
	if (strncmp(text, "sim:", 4) == 0  ? parse_scenario(text + 4, &id)
	    : strncmp(text, "pci", 3) == 0 ? parse_pci(text + 3, 10, ':', &id)
					   : parse_pci(text, 16, '.', &id)) {
		*card = id;
		return 0;
	}
	return err_set(
	    e, ERR_USAGE, "%.48s: not a card: expected %s", text, keys[0].expected);
}

void card_id_text(const struct card_id *card, char out[CARD_TEXT_SIZE])
{
	switch (card->kind) {
	case CARD_SIM:
		snprintf(out, CARD_TEXT_SIZE, "sim:%s", card->scenario);
		return;
	case CARD_PCI:
		snprintf(out, CARD_TEXT_SIZE, "pci%u:%u:%u:%u", card->domain, card->bus,
		    card->slot, card->function);
		return;
	}
}

static bool parse_id(const char *text, unsigned long *id)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*id = strtoul(text, &end, 10);
	/* The last one is "no change" to chown. */
	return errno == 0 && *end == '\0' && *id < UINT32_MAX;
}

int config_resolve_user(const char *user, uid_t *uid, gid_t *gid, struct err *e)
{
	const struct passwd *pw;
	unsigned long id;

	if (parse_id(user, &id)) {
		pw = getpwuid((uid_t)id);
		*uid = (uid_t)id;
		*gid = pw != NULL ? pw->pw_gid : (gid_t)id;
	} else {
		pw = getpwnam(user);
		if (pw == NULL) {
			err_set(e, ERR_PRECONDITION, "user %s: no such user", user);
			return err_hint(
			    e, "make it, or give a number: it needs no entry");
		}
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
	}
	if (*uid == 0 || *gid == 0)
		return err_set(
		    e, ERR_FAILED, "user %s: expected another one than root", user);
	return 0;
}

int config_resolve_group(const char *group, gid_t *gid, struct err *e)
{
	const struct group *gr;
	unsigned long id;

	if (parse_id(group, &id)) {
		*gid = (gid_t)id;
		return 0;
	}
	gr = getgrnam(group);
	if (gr == NULL)
		return err_set(e, ERR_PRECONDITION, "group %s: no such group", group);
	*gid = gr->gr_gid;
	return 0;
}

uint64_t config_hash_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++) {
		hash ^= (unsigned char)*text;
		hash *= UINT64_C(0x100000001b3);
	}
	return hash;
}

bool config_take(struct config *c, const struct config *fresh)
{
	c->mode = fresh->mode;
	c->mac = fresh->mac;
	c->log_level = fresh->log_level;
	c->forwards = fresh->forwards;
	memcpy(c->subnet, fresh->subnet, sizeof(c->subnet));
	memcpy(c->country, fresh->country, sizeof(c->country));
	memcpy(c->networks, fresh->networks, sizeof(c->networks));
	memcpy(c->access_point, fresh->access_point, sizeof(c->access_point));
	return memcmp(c, fresh, sizeof(*c)) == 0;
}

uint64_t config_hash(const struct config *c)
{
	char text[CARD_TEXT_SIZE], numbers[144];
	uint64_t h = CONFIG_HASH_INIT;

	card_id_text(&c->card, text);
	snprintf(numbers, sizeof(numbers), "\n%u %u %u %u %u %u %u %u\n", c->memory_mib,
	    c->cpus, c->mtu, c->boot_timeout_s, c->stop_timeout_s, c->suspend_timeout_s,
	    c->beat_s, c->restarts);
	const char *const parts[] = {c->instance, "\n", text, "\n", c->image, "\n",
	    c->vmm, "\n", c->accel, "\n", c->qemu, "\n", c->bhyve, "\n", c->firmware,
	    "\n", c->sysroot, "\n", c->interface, "\n", c->user, "\n", c->vm_user,
	    numbers};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		h = config_hash_text(h, parts[i]);
	return h;
}

void config_print_mdoc(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct key *k = &keys[i];

		fprintf(out, ".It Cm %s\n%s\n", k->name, k->help);
		if (k->parse == parse_vmm)
			fprintf(out, "One of %s.\n", vmm_names());
		else if (k->expected != NULL)
			fprintf(out, "Expected: %s.\n", k->expected);
		else
			fprintf(out, "From %u to %u.\n", k->min, k->max);
		if (k->def != NULL)
			fprintf(out, "Default: %s.\n", k->def);
		else
			fprintf(out, "It has no default and must be given.\n");
	}
}
