/*
 * PCI cards by sysfs (Documentation/ABI/testing/sysfs-bus-pci) and VFIO
 * (Documentation/driver-api/vfio.rst).
 *
 * Claim: driver_override names vfio-pci, the former driver lets go, the kernel
 * probes again, and the group's node goes to the VM's user. Every step that was
 * made is taken back when a later one fails. Release is the same backwards.
 *
 * A group is the IOMMU's unit of isolation: no other device in it may have a
 * driver of the host.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "escape.h"
#include "fs.h"
#include "linux.h"
#include "log.h"

#define CLASS_WIRELESS 0x0280 /* network controller, other: PCI code and ID */
#define CLASS_BRIDGE 0x06
#define VFIO_DRIVER "vfio-pci"
#define PCI_IDS_MAX (8 * 1024 * 1024)
#define GROUP_MAX 64

static int sysfs_write(const char *path, const char *text, struct err *e)
{
	int AUTO_CLOSE fd = open(path, O_WRONLY | O_CLOEXEC);

	/* One write: sysfs takes it as the value. */
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(e, errno, "%s", path);
	return 0;
}

struct linux_env linux_env = {
    .pci = "/sys/bus/pci",
    .dev_vfio = "/dev/vfio",
    .pci_ids = "/usr/share/misc/pci.ids",
    .modprobe = "/sbin/modprobe",
    .write = sysfs_write,
};

/* Below sysfs' folder of PCI, in the system that is looked at. */
static void pci_path(const char *below, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s/%s", os_root(), linux_env.pci, below);
}

static void device_path(const char *dev, const char *leaf, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s/devices/%s%s%s", os_root(), linux_env.pci, dev,
	    leaf[0] != '\0' ? "/" : "", leaf);
}

static void device_name(const struct card_id *id, char out[16])
{
	snprintf(out, 16, "%04x:%02x:%02x.%x", id->domain & 0xffff, id->bus & 0xff,
	    id->slot & 0x1f, id->function & 7);
}

/* A hexadecimal attribute; false where it is not there. */
static bool read_hex(const char *dev, const char *leaf, unsigned long *value)
{
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX], *end;

	device_path(dev, leaf, path);
	if (fs_read_file(path, 4096, &text, NULL, NULL) < 0)
		return false;
	*value = strtoul(text, &end, 16);
	return end != text;
}

/* The last part of a link's target; "" where there is none. */
static void read_link(const char *dev, const char *leaf, char *out, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;
	char *base;

	device_path(dev, leaf, path);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		n = 0;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(out, size, "%.*s", (int)size - 1, base != NULL ? base + 1 : target);
}

static int iommu_group(const char *dev)
{
	char name[32];

	read_link(dev, "iommu_group", name, sizeof(name));
	return isdigit((unsigned char)name[0]) ? atoi(name) : -1;
}

static void interface_of(const char *dev, char out[IFNAME_MAX])
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *dir;

	out[0] = '\0';
	device_path(dev, "net", path);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && strlen(d->d_name) < IFNAME_MAX)
			snprintf(out, IFNAME_MAX, "%.15s", d->d_name);
	closedir(dir);
}

static FILE *open_proc(const char *path)
{
	char full[PATH_MAX];

	return os_path(full, sizeof(full), path, NULL) == 0 ? fopen(full, "re") : NULL;
}

/* Whether a default route leaves by the interface: "IFACE 00000000 ..." in
 * /proc/net/route, "0...0 00 ... IFACE" in ipv6_route. */
static bool has_default_route(const char *ifname)
{
	char line[512], iface[32], dest[40];
	bool found = false;
	FILE *f = open_proc("/proc/net/route");
	unsigned plen;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%31s %39s", iface, dest) == 2 &&
			strcmp(dest, "00000000") == 0 && strcmp(iface, ifname) == 0;
	if (f != NULL)
		fclose(f);
	f = open_proc("/proc/net/ipv6_route");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%39s %2x %*s %*s %*s %*s %*s %*s %*s %31s", dest,
			    &plen, iface) == 3 &&
			plen == 0 && strspn(dest, "0") == 32 &&
			strcmp(iface, ifname) == 0;
	if (f != NULL)
		fclose(f);
	return found;
}

/* What its configuration space and its attribute resource tell. */
static int read_facts(const char *dev, struct pci_facts *f, struct err *e)
{
	AUTO_FREE char *config = NULL, *resource = NULL;
	char path[PATH_MAX];
	size_t len;

	memset(f, 0, sizeof(*f));
	device_path(dev, "resource", path);
	if (fs_read_file(path, 4096, &resource, NULL, NULL) == 0)
		pci_parse_resource(f, resource);
	device_path(dev, "config", path);
	if (fs_read_file(path, 4096, &config, &len, e) < 0)
		return -1;
	pci_parse_config(f, (const uint8_t *)config, len);
	return f->header_known ? 0 : err_set(e, ERR_FAILED, "%s: too short", path);
}

static int check_group(const char *dev, int group, struct err *e)
{
	char path[PATH_MAX], driver[32];
	struct dirent *d;
	int n = 0, ret = 0;
	DIR *dir;

	if (group < 0) {
		err_set(e, ERR_PRECONDITION, "there is no IOMMU for it");
		return err_hint(e,
		    "switch on VT-d or AMD-Vi in the firmware, and boot with "
		    "intel_iommu=on");
	}
	device_path(dev, "iommu_group/devices", path);
	dir = opendir(path);
	if (dir == NULL)
		return err_sys(e, errno, "%s", path);
	while (ret == 0 && (d = readdir(dir)) != NULL) {
		unsigned long class = 0;

		if (d->d_name[0] == '.' || strcmp(d->d_name, dev) == 0)
			continue;
		read_link(d->d_name, "driver", driver, sizeof(driver));
		read_hex(d->d_name, "class", &class);
		if (++n > GROUP_MAX || (class >> 16) == CLASS_BRIDGE ||
		    driver[0] == '\0' || strcmp(driver, VFIO_DRIVER) == 0 ||
		    strcmp(driver, "pci-stub") == 0)
			continue;
		ret = err_set(e, ERR_PRECONDITION,
		    "it shares IOMMU group %d with %.16s, which %s drives", group,
		    d->d_name, driver);
		err_hint(e, "try the card in another slot");
	}
	closedir(dir);
	return ret;
}

static int check_card(const char *dev, struct pci_facts *f, struct err *e)
{
	if (read_facts(dev, f, e) < 0 || pci_check(f, e) < 0)
		return -1;
	return check_group(dev, iommu_group(dev), e);
}

/* The name behind "vvvv  " or "\tdddd  " at the start of a line. */
static bool ids_name(const char *line, uint16_t id, const char **name)
{
	char *end;

	if (!isxdigit((unsigned char)line[0]) || strtoul(line, &end, 16) != id ||
	    end != line + 4 || strncmp(end, "  ", 2) != 0)
		return false;
	*name = end + 2;
	return true;
}

void linux_pci_name(uint16_t vendor, uint16_t device, char *out, size_t size)
{
	char line[256], vname[96] = "", dname[128] = "", shown[ESCAPE_SIZE(224)];
	FILE *f = fopen(linux_env.pci_ids, "re");
	const char *name;
	long read = 0;
	bool mine = false;

	while (f != NULL && dname[0] == '\0' && fgets(line, sizeof(line), f) != NULL) {
		read += (long)strlen(line);
		if (read > PCI_IDS_MAX)
			break;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		if (line[0] != '\t' && mine)
			break;
		if (line[0] != '\t')
			mine = ids_name(line, vendor, &name) &&
			       snprintf(vname, sizeof(vname), "%s", name) > 0;
		else if (mine && line[1] != '\t' && ids_name(line + 1, device, &name))
			snprintf(dname, sizeof(dname), "%s", name);
	}
	if (f != NULL)
		fclose(f);
	if (dname[0] == '\0')
		snprintf(dname, sizeof(dname), "%04x:%04x", vendor, device);
	snprintf(line, sizeof(line), "%s%s%s", vname, vname[0] != '\0' ? " " : "", dname);
	escape_text(line, strlen(line), shown, sizeof(shown));
	snprintf(out, size, "%s", shown);
}

static void fill_card(const char *dev, struct card *c)
{
	unsigned long vendor = 0, device = 0;
	char ifname[IFNAME_MAX];
	struct err e = ERR_INIT;

	read_hex(dev, "vendor", &vendor);
	read_hex(dev, "device", &device);
	c->vendor = (uint16_t)vendor;
	c->device = (uint16_t)device;
	linux_pci_name(c->vendor, c->device, c->name, sizeof(c->name));
	read_link(dev, "driver", c->driver, sizeof(c->driver));
	interface_of(dev, ifname);
	memcpy(c->ifname, ifname, sizeof(c->ifname));
	c->iommu_group = iommu_group(dev);
	c->passable = check_card(dev, &c->pci, &e) == 0;
	if (!c->passable)
		snprintf(c->why, sizeof(c->why), "%.*s", (int)sizeof(c->why) - 1, e.msg);
	else if (ifname[0] != '\0' && has_default_route(ifname))
		snprintf(c->why, sizeof(c->why),
		    "%s has the default route now: it ends when the guest gets the card",
		    ifname);
}

static int compare_cards(const void *a, const void *b)
{
	const struct card_id *x = &((const struct card *)a)->id;
	const struct card_id *y = &((const struct card *)b)->id;

	if (x->domain != y->domain)
		return x->domain < y->domain ? -1 : 1;
	if (x->bus != y->bus)
		return x->bus < y->bus ? -1 : 1;
	return (int)(x->slot * 8 + x->function) - (int)(y->slot * 8 + y->function);
}

int linux_cards(struct card_list *l, struct err *e)
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *dir;

	memset(l, 0, sizeof(*l));
	pci_path("devices", path);
	dir = opendir(path);
	if (dir == NULL && errno == ENOENT)
		return 0; /* a machine without PCI */
	if (dir == NULL)
		return err_sys(e, errno, "%s", path);
	while (l->n < CARDS_MAX && (d = readdir(dir)) != NULL) {
		struct card *c = &l->cards[l->n];
		unsigned long class;

		if (d->d_name[0] == '.' || !read_hex(d->d_name, "class", &class) ||
		    class >> 8 != CLASS_WIRELESS ||
		    card_id_parse(d->d_name, &c->id, NULL) < 0)
			continue;
		fill_card(d->d_name, c);
		l->n++;
	}
	closedir(dir);
	qsort(l->cards, l->n, sizeof(l->cards[0]), compare_cards);
	return 0;
}

static int load_vfio(struct err *e)
{
	const char *const argv[] = {linux_env.modprobe, VFIO_DRIVER, NULL};
	const struct cmd_opts opts = {.timeout_ms = 30000};
	char path[PATH_MAX];

	pci_path("drivers/" VFIO_DRIVER, path);
	if (access(path, F_OK) == 0)
		return 0;
	if (cmd_run(argv, &opts, NULL, NULL, e) < 0)
		return -1;
	if (access(path, F_OK) == 0)
		return 0;
	return err_set(e, ERR_PRECONDITION, "the kernel has no " VFIO_DRIVER " driver");
}

static int set_override(const char *dev, const char *driver, struct err *e)
{
	char path[PATH_MAX];

	device_path(dev, "driver_override", path);
	/* An empty line clears it. */
	return linux_env.write(path, driver[0] != '\0' ? driver : "\n", e);
}

/* Takes the present driver off (none is no error) and has the kernel look for
 * another one. */
static int rebind(const char *dev, struct err *e)
{
	char path[PATH_MAX], driver[32];

	read_link(dev, "driver", driver, sizeof(driver));
	if (driver[0] != '\0') {
		device_path(dev, "driver/unbind", path);
		if (linux_env.write(path, dev, e) < 0)
			return -1;
	}
	pci_path("drivers_probe", path);
	return linux_env.write(path, dev, e);
}

static int group_node(const char *dev, uid_t uid, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d", linux_env.dev_vfio, iommu_group(dev));
	if (chown(path, uid, (gid_t)-1) < 0)
		return err_sys(e, errno, "%s", path);
	return 0;
}

static int put_back(const char *dev, const char *former, struct err *e)
{
	char driver[32];

	if (strcmp(former, VFIO_DRIVER) == 0)
		return 0;
	if (set_override(dev, "", e) < 0)
		return -1;
	/* A claim that was recorded and never made, or put back before. */
	read_link(dev, "driver", driver, sizeof(driver));
	if (strcmp(driver, former) == 0)
		return 0;
	if (rebind(dev, e) < 0)
		return -1;
	read_link(dev, "driver", driver, sizeof(driver));
	if (former[0] != '\0' && strcmp(driver, former) != 0)
		return err_set(e, ERR_FAILED, "card %s: %s did not take it back%s%s", dev,
		    former, driver[0] != '\0' ? ", it has " : "", driver);
	return 0;
}

static int bind_vfio(const char *dev, struct err *e)
{
	char driver[32];

	if (set_override(dev, VFIO_DRIVER, e) < 0 || rebind(dev, e) < 0)
		return -1;
	read_link(dev, "driver", driver, sizeof(driver));
	if (strcmp(driver, VFIO_DRIVER) == 0)
		return 0;
	return err_set(e, ERR_FAILED, VFIO_DRIVER " did not take it%s%s",
	    driver[0] != '\0' ? ", it has " : "", driver);
}

int linux_card_examine(const struct card_id *id, struct card_claim *claim, struct err *e)
{
	char dev[16], path[PATH_MAX], ifname[IFNAME_MAX];
	struct pci_facts facts;

	memset(claim, 0, sizeof(*claim));
	device_name(id, dev);
	device_path(dev, "", path);
	if (access(path, F_OK) < 0) {
		err_set(e, ERR_PRECONDITION, "card %s: there is no such device", dev);
		return err_hint(e, "bhyfi cards lists those of this machine");
	}
	if (check_card(dev, &facts, e) < 0)
		return err_prefix(e, "card %s", dev);
	interface_of(dev, ifname);
	if (ifname[0] != '\0' && has_default_route(ifname))
		log_warn("card %s: the host's default route by %s ends now", dev, ifname);
	read_link(dev, "driver", claim->former_driver, sizeof(claim->former_driver));
	claim->claimed = true;
	return 0;
}

int linux_card_claim(
    const struct card_id *id, uid_t vm_uid, const struct card_claim *claim, struct err *e)
{
	struct err rollback = ERR_INIT;
	char dev[16];

	device_name(id, dev);
	if (load_vfio(e) < 0)
		return err_prefix(e, "card %s", dev);
	if ((strcmp(claim->former_driver, VFIO_DRIVER) == 0 || bind_vfio(dev, e) == 0) &&
	    group_node(dev, vm_uid, e) == 0)
		return 0;
	err_prefix(e, "card %s", dev);
	if (put_back(dev, claim->former_driver, &rollback) < 0)
		log_error("%s", rollback.msg);
	return -1;
}

int linux_card_release(
    const struct card_id *id, const struct card_claim *claim, struct err *e)
{
	char dev[16], path[PATH_MAX], driver[32];

	if (!claim->claimed)
		return 0;
	device_name(id, dev);
	device_path(dev, "", path);
	if (access(path, F_OK) < 0)
		return 0;
	read_link(dev, "driver", driver, sizeof(driver));
	if (strcmp(driver, VFIO_DRIVER) == 0 && group_node(dev, 0, e) < 0)
		log_warn(
		    "card %s: %s", dev, e != NULL ? e->msg : "its node stays as it is");
	if (put_back(dev, claim->former_driver, e) < 0)
		return err_prefix(e, "card %s", dev);
	return 0;
}
