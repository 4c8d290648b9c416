/* vmm/bhyve*.c: the configuration, what bhyve understood of it, how a run ended, and what
 * is made for a start and removed behind it. bhyve itself is a script here. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../image/image.h"
#include "cleanup.h"
#include "fs.h"
#include "os/os.h"
#include "priv.h"
#include "vmm/bhyve-conf.h"
#include "vmm/vmm.h"

static char top[64]; /* a FreeBSD's root, and in it the instance's folder */
static struct err e;
static struct image test_image = {.id = (char[]){"test"},
    .vmlinuz = (char[]){"/img/vmlinuz"},
    .initrd = (char[]){"/img/initrd"},
    .air_initrd = (char[]){"/img/air.initrd"},
    .air_initrd_cpio = (char[]){"/img/air.initrd.cpio"},
    .stub = (char[]){"/img/stub.efi"}};

/* In the place of image/start.c's. */
int image_esp(const struct image *img, bool air, const char *cmdline, const char *path,
    struct err *err)
{
	char text[700];

	assert_ptr_equal(img, &test_image);
	snprintf(text, sizeof(text), "%s %s", air ? "air" : "card", cmdline);
	return fs_write_atomic(path, 0600, text, strlen(text), err);
}

static void make_spec(struct vm_spec *s, struct config *c, const char *card)
{
	assert_int_equal(config_init(c, "wlan", &e), 0);
	config_set_vmm(c, "bhyve");
	assert_int_equal(card_id_parse(card, &c->card, &e), 0);
	assert_int_equal(vm_spec_init(s, c, &test_image, &e), 0);
	snprintf(s->run_dir, sizeof(s->run_dir), "/var/run/bhyfi/wlan");
}

static const char *value_of(const struct bhyve_conf *b, const char *key)
{
	const char *found = NULL;

	for (size_t i = 0; i < b->n; i++) {
		if (strcmp(b->v[i].key, key) != 0)
			continue;
		assert_null(found);
		found = b->v[i].value;
	}
	return found;
}

static void a_simulated_card_needs_no_wired_memory(void **state)
{
	static const struct {
		const char *key, *value;
	} rows[] = {{"name", "bhyfi-wlan"}, {"cpus", "1"}, {"memory.size", "256M"},
	    {"acpi_tables", "true"}, {"x86.vmexit_on_hlt", "true"},
	    {"x86.vmexit_on_pause", "true"}, {"x86.strictmsr", "false"},
	    {"bootrom", "/usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd"},
	    {"bootvars", "/var/run/bhyfi/wlan/bootvars.fd"},
	    {"pci.0.0.0.device", "hostbridge"}, {"pci.0.31.0.device", "lpc"},
	    {"lpc.com1.path", "/dev/nmdm-bhyfi-wlan.1A"},
	    {"lpc.com2.path", "/dev/nmdm-bhyfi-wlan.2A"},
	    {"pci.0.2.0.device", "virtio-blk"},
	    {"pci.0.2.0.path", "/var/run/bhyfi/wlan/esp.img"},
	    {"pci.0.3.0.device", "virtio-net"}, {"pci.0.3.0.backend", "tap0"},
	    {"pci.0.3.0.mtu", "1500"}, {"pci.0.4.0.device", "virtio-rnd"}};
	struct bhyve_conf b = {.n = 0};
	struct config c;
	struct vm_spec s;

	(void)state;
	make_spec(&s, &c, "sim:wpa2");
	assert_int_equal(bhyve_conf_make(&b, &s, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *v = value_of(&b, rows[i].key);

		if (v == NULL || strcmp(v, rows[i].value) != 0)
			fail_msg("%s: \"%s\", expected \"%s\"", rows[i].key,
			    v != NULL ? v : "", rows[i].value);
	}
	/* Its own address, never the tap's. */
	assert_int_equal(strncmp(value_of(&b, "pci.0.3.0.mac"), "02:62:", 6), 0);
	assert_null(value_of(&b, "memory.wired"));
	assert_null(value_of(&b, "pci.0.5.0.device"));
	/* The guest hears where its channel is, and a reset is none by triple fault. */
	assert_non_null(strstr(s.cmdline, " 8250.nr_uarts=2 bhyfi.channel=ttyS1 "));
	assert_null(strstr(s.cmdline, "reboot=t"));
	assert_string_equal(s.initrd, "/img/air.initrd");
	bhyve_conf_free(&b);
}

static void a_card_comes_with_wired_memory(void **state)
{
	struct bhyve_conf b = {.n = 0};
	struct config c;
	struct vm_spec s;

	(void)state;
	make_spec(&s, &c, "pci0:3:1:2");
	assert_int_equal(bhyve_conf_make(&b, &s, &e), 0);
	assert_string_equal(value_of(&b, "memory.wired"), "true");
	assert_string_equal(value_of(&b, "pci.0.5.0.device"), "passthru");
	assert_string_equal(value_of(&b, "pci.0.5.0.bus"), "3");
	assert_string_equal(value_of(&b, "pci.0.5.0.slot"), "1");
	assert_string_equal(value_of(&b, "pci.0.5.0.func"), "2");
	assert_string_equal(s.initrd, "/img/initrd");
	bhyve_conf_free(&b);
}

/* One file a line, as bhyve reads it: up to the first '='. */
static void the_file_is_a_variable_a_line(void **state)
{
	struct bhyve_conf b = {.n = 0};
	size_t n = 0;

	(void)state;
	assert_int_equal(bhyve_conf_set(&b, &e, "name", "a=b c"), 0);
	assert_int_equal(bhyve_conf_set(&b, &e, "cpus", "%u", 2u), 0);
	AUTO_FREE char *text = bhyve_conf_text(&b);
	assert_string_equal(text, "name=a=b c\ncpus=2\n");
	bhyve_conf_free(&b);
	while (n < BHYVE_VARS_MAX)
		assert_int_equal(bhyve_conf_set(&b, &e, "k", "%zu", n++), 0);
	assert_int_equal(bhyve_conf_set(&b, &e, "k", "x"), -1);
	bhyve_conf_free(&b);
}

static void what_can_not_be_written_is_refused(void **state)
{
	static const char *const values[] = {
	    "", "a\nb", "a\rb", "100%", "%(name)", "a\\b", "a\tb", "a\x7f"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct bhyve_conf b = {.n = 0};

		assert_int_equal(bhyve_conf_set(&b, &e, "bootrom", "%s", values[i]), -1);
		assert_int_equal(e.code, ERR_FAILED);
		assert_non_null(strstr(e.msg, "bootrom"));
		bhyve_conf_free(&b);
	}
}

static void refuses(const struct vm_spec *s, enum err_code code, const char *what)
{
	struct bhyve_conf b = {.n = 0};

	assert_int_equal(bhyve_conf_make(&b, s, &e), -1);
	assert_int_equal(e.code, code);
	if (strstr(e.msg, what) == NULL)
		fail_msg("\"%s\" is not in: %s", what, e.msg);
	bhyve_conf_free(&b);
}

static void what_bhyve_can_not_do_is_refused(void **state)
{
	struct config c;
	struct vm_spec s;

	(void)state;
	make_spec(&s, &c, "pci1:3:0:0");
	refuses(&s, ERR_PRECONDITION, "PCI domain 0");
	make_spec(&s, &c, "sim:open");
	snprintf(c.interface, sizeof(c.interface), "bhyfi0");
	refuses(&s, ERR_PRECONDITION, "tapN");
	snprintf(c.interface, sizeof(c.interface), "tap");
	refuses(&s, ERR_PRECONDITION, "tapN");
	snprintf(c.interface, sizeof(c.interface), "tap0x");
	refuses(&s, ERR_PRECONDITION, "tapN");
	make_spec(&s, &c, "sim:open");
	snprintf(c.firmware, sizeof(c.firmware), "/50%%/BHYVE_UEFI_CODE.fd");
	refuses(&s, ERR_FAILED, "bootrom");
	make_spec(&s, &c, "sim:open");
	snprintf(s.run_dir, sizeof(s.run_dir), "/var/a%%b");
	refuses(&s, ERR_FAILED, "bootvars");
}

static void the_variables_are_beside_the_code(void **state)
{
	static const struct {
		const char *firmware, *vars;
	} rows[] = {{"/u/BHYVE_UEFI_CODE.fd", "/u/BHYVE_UEFI_VARS.fd"},
	    {"/CODE/CODE-CODE.fd", "/CODE/CODE-VARS.fd"}, {"/CODE/BHYVE_UEFI.fd", NULL}};
	char vars[PATH_MAX];
	struct config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(c.firmware, sizeof(c.firmware), "%s", rows[i].firmware);
		assert_int_equal(bhyve_vars(&c, vars), rows[i].vars != NULL);
		if (rows[i].vars != NULL)
			assert_string_equal(vars, rows[i].vars);
	}
}

static void dump_is(const struct bhyve_conf *b, const char *dump, const char *wrong)
{
	e = (struct err)ERR_INIT;
	if (wrong == NULL) {
		if (bhyve_conf_check(b, dump, &e) < 0)
			fail_msg("%s", e.msg);
		return;
	}
	assert_int_equal(bhyve_conf_check(b, dump, &e), -1);
	if (strstr(e.msg, wrong) == NULL)
		fail_msg("\"%s\" is not in: %s", wrong, e.msg);
}

static void what_bhyve_understood_is_compared(void **state)
{
	struct bhyve_conf b = {.n = 0};

	(void)state;
	bhyve_conf_set(&b, &e, "name", "x");
	bhyve_conf_set(&b, &e, "memory.size", "160M");
	dump_is(
	    &b, "acpi_tables=true\nmemory.size=160M\nlpc.fwcfg=bhyve\nname=x\n", NULL);
	dump_is(&b, "memory.size=160M\nname=x", NULL);
	dump_is(&b, "", "name: it did not take");
	dump_is(&b, "name=x\n", "memory.size: it did not take");
	dump_is(&b, "name=x\nmemory.size=256M\n", "\"256M\" for \"160M\"");
	dump_is(&b, "name=x\nmemory.size=160\n", "memory.size");
	dump_is(&b, "name=x\nmemory.size=160M \n", "memory.size");
	dump_is(&b, "name=x\nxmemory.size=160M\n", "memory.size: it did not take");
	dump_is(&b, "name=x\nmemory.size=160M\nname=x\n", "name: it knows two");
	dump_is(&b, "name\nmemory.size=160M\n", "name: it did not take");
	bhyve_conf_free(&b);
}

static void the_end_of_a_run_is_read_from_its_status(void **state)
{
	static const struct {
		int status; /* as waitpid says */
		enum vm_exit reason;
		const char *name;
	} rows[] = {{0, VM_EXIT_REBOOT, "reboot"}, {1 << 8, VM_EXIT_POWEROFF, "poweroff"},
	    {2 << 8, VM_EXIT_HALT, "halt"},
	    {3 << 8, VM_EXIT_TRIPLE_FAULT, "triple fault"},
	    /* Also where it was destroyed; an older one aborted. */
	    {4 << 8, VM_EXIT_ERROR, "error"},
	    {143 << 8, VM_EXIT_TERMINATED, "terminated"},
	    {SIGTERM, VM_EXIT_TERMINATED, "terminated"},
	    {137 << 8, VM_EXIT_KILLED, "killed"}, {SIGKILL, VM_EXIT_KILLED, "killed"},
	    {134 << 8, VM_EXIT_CRASH, "crash"}, {SIGABRT, VM_EXIT_CRASH, "crash"},
	    {SIGSEGV | 0x80, VM_EXIT_CRASH, "crash"}, {100 << 8, VM_EXIT_CRASH, "crash"},
	    {71 << 8, VM_EXIT_CRASH, "crash"}};
	const struct vmm_ops *bhyve = vmm_find("bhyve");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(bhyve->exit_reason(rows[i].status), rows[i].reason);
		assert_string_equal(vm_exit_name(rows[i].reason), rows[i].name);
	}
}

/* With programs */

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *p = paths[next++ % ARRAY_LEN(paths)];

	snprintf(p, sizeof(paths[0]), "%s/%s", top, name);
	return p;
}

static void put(const char *name, mode_t mode, const char *text)
{
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", at(name));
	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdir_p(dir, 0755, &e), 0);
	assert_int_equal(fs_write_atomic(at(name), mode, text, strlen(text), &e), 0);
}

static void holds(const char *name, const char *text)
{
	AUTO_FREE char *data = NULL;

	if (fs_read_file(at(name), 65536, &data, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	if (strstr(data, text) == NULL)
		fail_msg("%s: \"%s\" is not in: %s", name, text, data);
}

static bool is_there(const char *name)
{
	return access(at(name), F_OK) == 0;
}

#define DUMP_SCRIPT                                                                      \
	"#!/bin/sh\n[ \"$1 $3 $4\" = \"-k -o config.dump=1\" ] || exit 64\n"             \
	"echo x86.verbosemsr=false\n"
#define CTL_SCRIPT                                                                       \
	"#!/bin/sh\necho \"$@\" >> ${0%/usr/sbin/bhyvectl}/destroyed\n"                  \
	"rm ${0%/usr/sbin/bhyvectl}/dev/vmm/${1#--vm=}\n"

static int setup(void **state)
{
	const struct os_ops *os;

	(void)state;
	e = (struct err)ERR_INIT;
	snprintf(top, sizeof(top), "/tmp/bhyfi-bhyve-XXXXXX");
	assert_non_null(mkdtemp(top));
	put("usr/sbin/bhyve", 0755, DUMP_SCRIPT "cat $2\nexit 1\n");
	put("usr/sbin/bhyvectl", 0755, CTL_SCRIPT);
	put("usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd", 0644, "code");
	put("usr/local/share/uefi-firmware/BHYVE_UEFI_VARS.fd", 0444, "vars");
	put("run/x", 0644, "");
	assert_int_equal(chdir(at("run")), 0);
	return os_select(NULL, top, &os, &e);
}

static int teardown(void **state)
{
	const struct os_ops *os;

	(void)state;
	os_select(NULL, "", &os, NULL);
	if (chdir("/") < 0)
		return -1;
	return fs_remove_tree(top, &e);
}

static int prepare(const struct vm_spec *s)
{
	return vmm_find("bhyve")->prepare(s, &e);
}

static void make_run_spec(struct vm_spec *s, struct config *c, const char *card)
{
	make_spec(s, c, card);
	snprintf(s->run_dir, sizeof(s->run_dir), "%s", at("run"));
}

static void a_start_gets_its_own_copies(void **state)
{
	const struct vmm_ops *bhyve = vmm_find("bhyve");
	struct argv a = {0};
	struct config c;
	struct vm_spec s;
	struct stat st;

	(void)state;
	make_run_spec(&s, &c, "sim:wpa2");
	assert_int_equal(bhyve->check(&s, &e), 0);
	if (prepare(&s) < 0)
		fail_msg("%s", e.msg);
	holds("run/esp.img", "air console=ttyS0 ");
	holds("run/bootvars.fd", "vars");
	assert_int_equal(stat(at("run/bootvars.fd"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	holds("run/bhyve.conf", "\npci.0.2.0.device=virtio-blk\n");
	assert_int_equal(bhyve->command(&s, &a, &e), 0);
	assert_int_equal(a.n, 3);
	assert_string_equal(a.v[0], at("usr/sbin/bhyve"));
	assert_string_equal(a.v[1], "-k");
	assert_string_equal(a.v[2], at("run/bhyve.conf"));
	argv_free(&a);
	/* Once more, over what is there; and no VM was there to be destroyed. */
	assert_int_equal(prepare(&s), 0);
	assert_int_equal(bhyve->cleanup(&c, &e), 0);
	assert_int_equal(bhyve->cleanup(&c, &e), 0);
	assert_false(is_there("run/esp.img"));
	assert_false(is_there("run/bootvars.fd"));
	assert_false(is_there("run/bhyve.conf"));
	assert_false(is_there("destroyed"));
}

static void a_vm_that_was_left_is_destroyed(void **state)
{
	const struct vmm_ops *bhyve = vmm_find("bhyve");
	struct config c;
	struct vm_spec s;

	(void)state;
	make_run_spec(&s, &c, "sim:wpa2");
	put("dev/vmm/bhyfi-wlan", 0600, "");
	put("dev/vmm/bhyfi-other", 0600, "");
	assert_int_equal(prepare(&s), 0);
	holds("destroyed", "--vm=bhyfi-wlan --destroy\n");
	assert_false(is_there("dev/vmm/bhyfi-wlan"));
	put("dev/vmm/bhyfi-wlan", 0600, "");
	assert_int_equal(bhyve->cleanup(&c, &e), 0);
	assert_false(is_there("dev/vmm/bhyfi-wlan"));
	assert_true(is_there("dev/vmm/bhyfi-other"));
	/* One that can not be destroyed is an error, and there is no start. */
	put("dev/vmm/bhyfi-wlan", 0600, "");
	put("usr/sbin/bhyvectl", 0755, "#!/bin/sh\necho not today >&2\nexit 1\n");
	assert_int_equal(prepare(&s), -1);
	assert_non_null(strstr(e.msg, "not today"));
	assert_int_equal(bhyve->cleanup(&c, &e), -1);
}

static void a_misunderstanding_is_refused(void **state)
{
	struct config c;
	struct vm_spec s;

	(void)state;
	make_run_spec(&s, &c, "pci0:3:0:0");
	put("usr/sbin/bhyve", 0755,
	    DUMP_SCRIPT "sed s/wired=true/wired=false/ $2\nexit 1\n");
	assert_int_equal(prepare(&s), -1);
	assert_non_null(strstr(e.msg, "memory.wired"));
	put("usr/sbin/bhyve", 0755, DUMP_SCRIPT "grep -v mtu $2\nexit 1\n");
	assert_int_equal(prepare(&s), -1);
	assert_non_null(strstr(e.msg, "pci.0.3.0.mtu"));
	/* A line that it does not take at all. */
	put("usr/sbin/bhyve", 0755,
	    "#!/bin/sh\necho \"bhyve: $2 line 1: invalid config option 'x'\" >&2\nexit "
	    "4\n");
	assert_int_equal(prepare(&s), -1);
	assert_non_null(strstr(e.msg, "line 1: invalid config option"));
	put("usr/sbin/bhyve", 0755, DUMP_SCRIPT "cat $2\n");
	assert_int_equal(prepare(&s), -1);
	assert_non_null(strstr(e.msg, "exit status 0"));
}

static void what_is_missing_is_named(void **state)
{
	const struct vmm_ops *bhyve = vmm_find("bhyve");
	struct config c;
	struct vm_spec s;

	(void)state;
	make_run_spec(&s, &c, "sim:wpa2");
	s.stub = NULL;
	assert_int_equal(bhyve->check(&s, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	/* The firmware would crash. */
	make_run_spec(&s, &c, "sim:wpa2");
	s.initrd = at("big");
	put("big", 0644, "");
	assert_int_equal(truncate(s.initrd, 60 << 20), 0);
	assert_int_equal(bhyve->check(&s, &e), 0);
	assert_int_equal(truncate(s.initrd, 65 << 20), 0);
	assert_int_equal(bhyve->check(&s, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "memory: 256 MiB"));
	assert_string_equal(e.hint, "set memory = 272");
	make_run_spec(&s, &c, "sim:wpa2");
	assert_int_equal(
	    unlink(at("usr/local/share/uefi-firmware/BHYVE_UEFI_VARS.fd")), 0);
	assert_int_equal(bhyve->check(&s, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "BHYVE_UEFI_VARS.fd"));
	assert_string_equal(e.hint, "pkg install bhyve-firmware");
	assert_int_equal(
	    unlink(at("usr/local/share/uefi-firmware/BHYVE_UEFI_CODE.fd")), 0);
	assert_int_equal(bhyve->check(&s, &e), -1);
	assert_non_null(strstr(e.msg, "BHYVE_UEFI_CODE.fd"));
	assert_int_equal(unlink(at("usr/sbin/bhyve")), 0);
	assert_int_equal(bhyve->check(&s, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_non_null(strstr(e.msg, "/usr/sbin/bhyve"));
}

static void the_host_has_the_other_end(void **state)
{
	const struct vmm_ops *bhyve = vmm_find("bhyve");
	int master, fd = -1;
	struct config c;
	struct vm_spec s;
	struct termios t;

	(void)state;
	make_run_spec(&s, &c, "sim:wpa2");
	assert_int_equal(bhyve->channel(&c, VMM_SOCK_AGENT, &fd, &e), -1);
	assert_non_null(strstr(e.msg, "/dev/nmdm-bhyfi-wlan.2B"));
	master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	put("dev/null", 0644, "");
	assert_int_equal(symlink(ptsname(master), at("dev/nmdm-bhyfi-wlan.2B")), 0);
	assert_int_equal(bhyve->channel(&c, VMM_SOCK_AGENT, &fd, &e), 0);
	assert_int_equal(tcgetattr(fd, &t), 0);
	assert_int_equal(t.c_lflag & (ECHO | ICANON | ISIG), 0);
	assert_int_equal(t.c_oflag & OPOST, 0);
	assert_true(t.c_cflag & CLOCAL);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(master);
	/* What is there is no terminal. */
	assert_int_equal(unlink(at("dev/nmdm-bhyfi-wlan.2B")), 0);
	put("dev/nmdm-bhyfi-wlan.2B", 0644, "");
	assert_int_equal(bhyve->channel(&c, VMM_SOCK_AGENT, &fd, &e), -1);
	assert_int_equal(fd, -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_simulated_card_needs_no_wired_memory),
	    cmocka_unit_test(a_card_comes_with_wired_memory),
	    cmocka_unit_test(the_file_is_a_variable_a_line),
	    cmocka_unit_test(what_can_not_be_written_is_refused),
	    cmocka_unit_test(what_bhyve_can_not_do_is_refused),
	    cmocka_unit_test(the_variables_are_beside_the_code),
	    cmocka_unit_test(what_bhyve_understood_is_compared),
	    cmocka_unit_test(the_end_of_a_run_is_read_from_its_status),
	    TEST(a_start_gets_its_own_copies),
	    TEST(a_vm_that_was_left_is_destroyed),
	    TEST(a_misunderstanding_is_refused),
	    TEST(what_is_missing_is_named),
	    TEST(the_host_has_the_other_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
