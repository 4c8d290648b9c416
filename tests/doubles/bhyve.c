/*
 * bhyve(8), amd64, 15.1: options and configuration, then the same steps in the same order
 * up to the start of the guest, with bhyve's messages where it refuses
 * (usr.sbin/bhyve/bhyverun.c, amd64/bhyverun_machdep.c, bootrom.c, pci_emul.c). Two
 * things are refused that bhyve lets pass: a variable that bhyve_config(5) lacks, and a
 * tap that is not there (FreeBSD would make one).
 *
 * A member of "vms" in the state and SYSROOT/dev/vmm/NAME stand for a VM: it stays until
 * bhyvectl destroys it. "clean" there says that all its processors are suspended, as
 * after an end of its own: such a VM can be started again, another is busy.
 */
#include "bhyve.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "link.h"

#define PAGE 4096
#define BOOTROM_MAX (16 << 20)
#define SLOTS 32
#define FUNCTIONS 8

void vm_device(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.3000s/%.128s", double_path("/dev/vmm"), name);
}

bool vm_is_running(const json_t *vm)
{
	pid_t pid = (pid_t)state_int(vm, "pid", 0);

	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

/* A file that is FreeBSD's is under SYSROOT; bhyfid's own are where they are. */
static void real_path(const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s", double_path(path));
	if (access(out, F_OK) < 0)
		snprintf(out, PATH_MAX, "%s", path);
}

static _Noreturn void usage(int status)
{
	fprintf(stderr,
	    "Usage: bhyve [-aCDeHhPSuWwxY]\n"
	    "             [-c [[cpus=]numcpus][,sockets=n][,cores=n][,threads=n]]"
	    "\n             [-G port] [-k config_file] [-l lpc] [-m mem] [-o "
	    "var=value]\n"
	    "             [-p vcpu:hostcpu] [-r file] [-s pci] [-U uuid] "
	    "vmname\n");
	exit(status);
}

static void parse_options(int argc, char **argv)
{
	static const struct {
		char option;
		const char *path, *value;
	} flags[] = {{'a', "x86.x2apic", "false"}, {'D', "destroy_on_poweroff", "true"},
	    {'C', "memory.guest_in_core", "true"}, {'S', "memory.wired", "true"},
	    {'H', "x86.vmexit_on_hlt", "true"}, {'P', "x86.vmexit_on_pause", "true"},
	    {'e', "x86.strictio", "true"}, {'u', "rtc.use_localtime", "false"},
	    {'w', "x86.strictmsr", "false"}, {'W', "virtio_msix", "false"},
	    {'x', "x86.x2apic", "true"}, {'Y', "x86.mptable", "false"}};
	int c;

	while ((c = double_getopt(
		    argc, argv, "aehuwxACDHIPSWYk:f:o:p:G:c:s:m:n:l:K:U:")) != -1) {
		for (size_t i = 0; i < ARRAY_LEN(flags); i++)
			if (flags[i].option == c)
				vars_set(flags[i].path, flags[i].value);
		if (c == 'k')
			vars_file(optarg);
		else if (c == 'm')
			vars_set("memory.size", optarg);
		else if (c == 'U')
			vars_set("uuid", optarg);
		else if (c == 'o' && !vars_option(optarg))
			double_errx(64, "invalid configuration option '%s'", optarg);
		else if (strchr("fpGcsnlK", c) != NULL)
			double_errx(70, "-%c: not in this double", c);
		else if (c == 'h' || c == '?')
			usage(c == 'h' ? 0 : 1);
	}
}

static unsigned int_value(const char *path, unsigned def)
{
	const char *v = vars_get(path);
	char *end;
	long n;

	if (v == NULL)
		return def;
	n = strtol(v, &end, 0);
	if (*v == '\0' || *end != '\0' || n < 1 || n > UINT16_MAX)
		double_errx(4, "Invalid value for %s: '%s'", path, v);
	return (unsigned)n;
}

static unsigned topology(void)
{
	unsigned cpus = int_value("cpus", 1), cores = int_value("cores", 1);
	unsigned threads = int_value("threads", 1), sockets = int_value("sockets", cpus);

	if (vars_get("cpus") != NULL && cpus != sockets * cores * threads)
		double_errx(4,
		    "Topology (%u sockets, %u cores, %u threads) does not match %u vCPUs",
		    sockets, cores, threads, cpus);
	return sockets * cores * threads;
}

/* vm_parse_memsize; whole MiB are all that QEMU takes. */
static unsigned memory_mib(void)
{
	static const char units[] = "KMGT";
	const char *v = vars_get("memory.size"), *unit;
	char *end;
	unsigned long long n = strtoull(v, &end, 0);

	unit = *end != '\0' ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (*v == '\0' || (*end != '\0' && (unit == NULL || end[1] != '\0')))
		double_errx(64, "invalid memsize '%s'", v);
	if (*end == '\0' && n < 1 << 20)
		return (unsigned)n;
	if (unit != NULL)
		n <<= 10 * (unit - units + 1);
	return (unsigned)(n >> 20);
}

/* do_open: makes the VM, or takes one that was left. */
static void open_vm(const char *name)
{
	const char *const load[] = {double_path("/sbin/kldload"), "vmm", NULL};
	json_t *state = state_open(), *vm;
	bool loaded = kld_has(state, "vmm");
	char path[PATH_MAX];
	FILE *f;

	state_close(state, false);
	/* libvmmapi does that. */
	if (!loaded && fork() == 0) {
		execv(load[0], (char *const *)(uintptr_t)load);
		_exit(127);
	}
	wait(NULL);
	state = state_open();
	if (!kld_has(state, "vmm"))
		double_err(4, ENOENT, "vm_openf");
	vm = json_object_get(state_object(state, "vms"), name);
	if (vm != NULL && (vm_is_running(vm) || !state_bool(vm, "clean")))
		double_err(4, EBUSY, "vm_openf");
	if (vm == NULL && vars_get("bootrom") == NULL)
		double_errx(4, "no bootrom was configured");
	vm_device(name, path);
	mkdir(double_path("/dev/vmm"), 0755);
	f = fopen(path, "we");
	if (f == NULL)
		double_err(4, errno, "vm_openf");
	fclose(f);
	json_object_set_new(state_object(state, "vms"), name,
	    json_pack("{s:i,s:b}", "pid", (int)getpid(), "clean", 1));
	state_close(state, true);
}

static void mark_vm(const char *name, bool clean)
{
	json_t *state = state_open();
	json_t *vm = json_object_get(json_object_get(state, "vms"), name);

	json_object_set_new(vm, "clean", json_boolean(clean));
	state_close(state, true);
}

static void load_rom(struct machine *m)
{
	const char *rom = vars_get("bootrom"), *vars = vars_get("bootvars");
	struct stat st = {.st_size = 0};
	off_t size;
	int fd;

	real_path(rom, m->bootrom);
	fd = open(m->bootrom, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		EPRINTLN("Error opening bootrom \"%s\": %s", rom, double_strerror(errno));
		exit(4);
	}
	close(fd);
	size = st.st_size;
	if (vars == NULL)
		return;
	real_path(vars, m->bootvars);
	fd = open(m->bootvars, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		EPRINTLN("Error opening bootrom variable file \"%s\": %s", vars,
		    double_strerror(errno));
		exit(4);
	}
	close(fd);
	if (st.st_size > BOOTROM_MAX || (st.st_size != 0 && st.st_size < PAGE)) {
		EPRINTLN("Invalid bootrom variable size %ld", (long)st.st_size);
		exit(4);
	}
	if (size + st.st_size > BOOTROM_MAX) {
		EPRINTLN("Invalid bootrom and variable aggregate size %ld",
		    (long)(size + st.st_size));
		exit(4);
	}
}

static const char *device_var(const char *node, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s.%s", node, name);
	return vars_get(path);
}

/* Each returns 0, or an errno value having said what is wrong. */

static int init_block(struct machine *m, const char *node)
{
	const char *path = device_var(node, "path");
	int fd;

	if (path == NULL) {
		EPRINTLN("Missing \"path\" for block device.");
		return EINVAL;
	}
	real_path(path, m->esp);
	fd = open(m->esp, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		double_warnx(
		    "Could not open backing file: %s: %s", path, double_strerror(errno));
		return errno;
	}
	close(fd);
	return 0;
}

static int open_tap(const char *name)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = -1, one = 1;
	struct link l;

	/* One that is open already is busy, as if_tuntap.c's. */
	if (link_read(name, &l) == 0 && l.exists && l.tap && !l.open)
		fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &r) == 0 && ioctl(fd, FIONBIO, &one) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	EPRINTLN("open of tap device /dev/%s failed", name);
	return -1;
}

static int init_net(struct machine *m, const char *node)
{
	const char *backend = device_var(node, "backend");
	const char *mac = device_var(node, "mac"), *mtu = device_var(node, "mtu");
	unsigned b[6];
	int used = 0;

	if (mac != NULL && (sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2],
				&b[3], &b[4], &b[5], &used) != 6 ||
			       mac[used] != '\0' || (b[0] & 1))) {
		EPRINTLN("Invalid MAC %s", mac);
		return EINVAL;
	}
	snprintf(m->mac, sizeof(m->mac), "%s", mac != NULL ? mac : "58:9c:fc:00:00:01");
	m->mtu = mtu != NULL ? (unsigned)strtoul(mtu, NULL, 0) : 1500;
	if (m->mtu < 46 || m->mtu > 65535)
		return EINVAL;
	if (backend == NULL)
		return 0;
	if (strncmp(backend, "tap", 3) != 0 && strncmp(backend, "vmnet", 5) != 0)
		return EINVAL;
	m->tap_fd = open_tap(backend);
	if (m->tap_fd < 0)
		return ENXIO;
	snprintf(m->tap, sizeof(m->tap), "%s", backend);
	tap_opened(backend);
	return 0;
}

static int init_passthru(const struct machine *m, const char *node)
{
	static const char *const parts[] = {"bus", "slot", "func"};
	json_t *state, *d;
	char name[48];
	int at[3];

	if (!vars_bool("memory.wired", false)) {
		double_warnx("passthru requires guest memory to be wired");
		return EINVAL;
	}
	for (int i = 0; i < 3; i++) {
		const char *v = device_var(node, parts[i]);

		if (v == NULL) {
			EPRINTLN("passthru: missing required %s setting", parts[i]);
			return EINVAL;
		}
		at[i] = atoi(v);
	}
	snprintf(name, sizeof(name), "pci0:%d:%d:%d", at[0], at[1], at[2]);
	state = state_open();
	d = pci_find(state, name);
	if (d == NULL || strcmp(state_text(d, "driver", ""), "ppt") != 0 ||
	    !state_bool(d, "attached")) {
		EPRINTLN("PCI device at %d/%d/%d is not using the ppt driver", at[0],
		    at[1], at[2]);
		state_close(state, false);
		return ENOENT;
	}
	if (state_text(d, "vm", "")[0] != '\0' &&
	    strcmp(state_text(d, "vm", ""), m->name) != 0) {
		EPRINTLN("vm_assign_pptdev: %s", double_strerror(EBUSY));
		state_close(state, false);
		return EBUSY;
	}
	if (!iommu_works(state)) {
		EPRINTLN("vm_assign_pptdev: %s", double_strerror(ENXIO));
		state_close(state, false);
		return ENOENT;
	}
	json_object_set_new(d, "vm", json_string(m->name));
	/* Its first domain switches the IOMMU on. */
	json_object_set_new(
	    state_object(state, "sysctl"), "hw.vmm.iommu.initialized", json_string("1"));
	state_close(state, true);
	return 0;
}

static int init_lpc(struct machine *m, int bus)
{
	static const char *const names[] = {"com1", "com2"};

	if (bus != 0) {
		EPRINTLN("LPC bridge can be present only on bus 0.");
		return EINVAL;
	}
	for (int i = 0; i < 2; i++) {
		char path[32];
		const char *backend;

		snprintf(path, sizeof(path), "lpc.%s.path", names[i]);
		backend = vars_get(path);
		if (backend == NULL)
			double_errx(70, "%s: this double needs it", path);
		if (modem_open(&m->com[i], backend))
			continue;
		EPRINTLN("Unable to initialize backend '%s' for LPC device %s", backend,
		    names[i]);
		return ENOENT;
	}
	return 0;
}

static int init_device(struct machine *m, int bus, const char *node, const char *model)
{
	if (strcmp(model, "hostbridge") == 0 || strcmp(model, "virtio-rnd") == 0)
		return 0;
	if (strcmp(model, "virtio-blk") == 0)
		return init_block(m, node);
	if (strcmp(model, "virtio-net") == 0)
		return init_net(m, node);
	if (strcmp(model, "passthru") == 0)
		return init_passthru(m, node);
	if (strcmp(model, "lpc") == 0)
		return init_lpc(m, bus);
	double_errx(70, "%s: not in this double", model);
}

static int init_slot(struct machine *m, int slot, int func)
{
	static const char *const models[] = {"hostbridge", "amd_hostbridge", "ahci",
	    "ahci-hd", "ahci-cd", "e1000", "fbuf", "lpc", "hda", "nvme", "passthru",
	    "uart", "virtio-9p", "virtio-blk", "virtio-console", "virtio-input",
	    "virtio-net", "virtio-rnd", "virtio-scsi", "xhci"};
	char node[32];
	const char *model;

	snprintf(node, sizeof(node), "pci.0.%d.%d", slot, func);
	model = device_var(node, "device");
	if (model == NULL)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		if (strcmp(models[i], model) == 0)
			return init_device(m, 0, node, model);
	EPRINTLN("pci slot 0:%d:%d: unknown device \"%s\"", slot, func, model);
	return EINVAL;
}

static void init_pci(struct machine *m)
{
	m->tap_fd = m->com[0].master = m->com[1].master = -1;
	for (int slot = 0; slot < SLOTS; slot++)
		for (int func = 0; func < FUNCTIONS; func++) {
			int error = init_slot(m, slot, func);

			if (error == 0)
				continue;
			if (m->tap_fd >= 0) {
				close(m->tap_fd);
				tap_closed(m->tap);
			}
			EPRINTLN("Device emulation initialization error: %s",
			    double_strerror(error));
			exit(4);
		}
	if (m->com[0].master < 0 || m->esp[0] == '\0')
		double_errx(70, "this double needs an lpc bridge and a disk");
}

/* What nobody unlinks for us: only our own links. */
static void close_modems(const struct machine *m)
{
	for (int i = 0; i < 2; i++)
		unlink(m->com[i].link);
}

int double_bhyve(int argc, char **argv)
{
	const struct rlimit no_core = {0, 0};
	static struct machine m;
	const char *name;
	int status;

	vars_init();
	parse_options(argc, argv);
	if (argc - optind > 1)
		usage(1);
	if (argc - optind == 1)
		vars_set("name", argv[optind]);
	name = vars_get("name");
	if (name == NULL)
		usage(1);
	vars_check();
	if (vars_bool("config.dump", false)) {
		vars_dump();
		return 1;
	}
	snprintf(m.name, sizeof(m.name), "%s", name);
	m.cpus = topology();
	m.memory_mib = memory_mib();
	setrlimit(RLIMIT_CORE, &no_core);
	open_vm(m.name);
	if (vars_get("bootrom") == NULL)
		double_errx(70, "this double boots firmware only");
	load_rom(&m);
	init_pci(&m);
	vars_bool("acpi_tables", true);
	vars_bool("x86.vmexit_on_hlt", false);
	vars_bool("x86.vmexit_on_pause", false);
	vars_bool("x86.strictmsr", true);
	mark_vm(m.name, false);
	status = machine_run(&m);
	mark_vm(m.name, true);
	close_modems(&m);
	return status;
}
