/* vmm/: command lines, the monitor, how a run ended. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../image/image.h"
#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "priv.h"
#include "vmm/qmp.h"

static struct image test_image = {.id = (char *)(uintptr_t) "test",
    .vmlinux = (char *)(uintptr_t) "/img/vmlinux",
    .initrd = (char *)(uintptr_t) "/img/initrd",
    .air_initrd = (char *)(uintptr_t) "/img/air.initrd",
    .air_initrd_cpio = (char *)(uintptr_t) "/img/air.initrd.cpio"};

static void make_spec(
    struct vm_spec *s, struct config *c, const char *instance, const char *card)
{
	struct err e = ERR_INIT;

	assert_int_equal(config_init(c, instance, &e), 0);
	config_set_vmm(c, "qemu");
	snprintf(c->interface, sizeof(c->interface), "bhyfi0");
	assert_int_equal(card_id_parse(card, &c->card, &e), 0);
	snprintf(c->accel, sizeof(c->accel), "tcg");
	assert_int_equal(vm_spec_init(s, c, &test_image, &e), 0);
}

static char *command_of(const struct vm_spec *s)
{
	const struct vmm_ops *vmm = vmm_find(s->config->vmm);
	struct argv a = {0};
	struct err e = ERR_INIT;
	char *line;

	assert_non_null(vmm);
	assert_int_equal(vmm->command(s, &a, &e), 0);
	line = cmd_quote((const char *const *)a.v);
	assert_non_null(line);
	argv_free(&a);
	assert_int_equal(a.n, 0);
	return line;
}

static void has(const char *line, const char *what)
{
	if (strstr(line, what) == NULL)
		fail_msg("\"%s\" is not in: %s", what, line);
}

static void qemu_gets_names_in_a_plan(void **state)
{
	struct config c;
	struct vm_spec s;

	(void)state;
	make_spec(&s, &c, "wlan", "sim:wpa2");
	AUTO_FREE char *line = command_of(&s);
	has(line, "-machine microvm");
	has(line, "-kernel /img/vmlinux");
	has(line, "-initrd /img/air.initrd.cpio");
	has(line, "ifname=bhyfi0");
	has(line, "/wlan/agent,server=on,wait=off");
	has(line, "name=org.bhyfi.agent");
	has(line, "bhyfi.air=wpa2 bhyfi.air.mac=02:62:");
	has(line, "-sandbox on,");
	has(line, "-no-reboot");
	assert_null(strstr(line, "vfio"));
}

static void qemu_gets_descriptors_in_a_start(void **state)
{
	struct config c;
	struct vm_spec s;

	(void)state;
	make_spec(&s, &c, "wlan", "sim:wpa2");
	s.tap_fd = 20;
	s.vmlinux_fd = 21;
	s.initrd_fd = 22;
	for (int i = 0; i < VMM_SOCKS; i++)
		s.sock_fd[i] = 30 + i;
	AUTO_FREE char *line = command_of(&s);
	has(line, "-kernel /proc/self/fd/21");
	has(line, "-initrd /proc/self/fd/22");
	has(line, "tap,id=lan,fd=20");
	has(line, "socket,id=agent,fd=30,");
	has(line, "socket,id=console,fd=31,");
	has(line, "socket,id=qmp,fd=32,");
	assert_null(strstr(line, "/img/"));
	assert_null(strstr(line, "path="));
	assert_null(strstr(line, "ifname="));
}

static void a_real_card_is_passed_through_on_q35(void **state)
{
	struct config c;
	struct vm_spec s;

	(void)state;
	make_spec(&s, &c, "wlan", "pci0:3:10:1");
	AUTO_FREE char *line = command_of(&s);
	has(line, "-machine q35");
	has(line, "-device vfio-pci,host=0000:03:0a.1");
	has(line, "virtio-net-pci");
	has(line, "-initrd /img/initrd ");
	assert_null(strstr(line, "bhyfi.air"));
}

static void macs_are_local_unicast_and_differ(void **state)
{
	struct config c;
	struct vm_spec a, b;

	(void)state;
	make_spec(&a, &c, "wlan", "sim:wpa2");
	make_spec(&b, &c, "wlan2", "sim:wpa2");
	assert_int_equal(a.vm_mac[0] & 3, 2);
	assert_int_equal(a.station_mac[0] & 3, 2);
	assert_memory_not_equal(a.vm_mac, b.vm_mac, 6);
	assert_memory_not_equal(a.station_mac, b.station_mac, 6);
	assert_memory_not_equal(a.vm_mac, a.station_mac, 6);
}

static void an_image_without_air_is_refused_for_a_simulated_card(void **state)
{
	struct image bare = test_image;
	struct config c;
	struct vm_spec s;
	struct err e = ERR_INIT;

	(void)state;
	bare.air_initrd = bare.air_initrd_cpio = NULL;
	assert_int_equal(config_init(&c, "wlan", &e), 0);
	assert_int_equal(card_id_parse("sim:open", &c.card, &e), 0);
	assert_int_equal(vm_spec_init(&s, &c, &bare, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_string_equal(e.hint, "bhyfi image build --air");
}

static void what_is_missing_is_a_precondition(void **state)
{
	struct config c;
	struct vm_spec s;
	struct err e = ERR_INIT;

	(void)state;
	make_spec(&s, &c, "wlan", "sim:wpa2");
	snprintf(c.qemu, sizeof(c.qemu), "/nonexistent/qemu");
	assert_int_equal(vmm_find("qemu")->check(&s, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	has(e.hint, "apt install");
	snprintf(c.qemu, sizeof(c.qemu), "/bin/sh");
	assert_int_equal(vmm_find("qemu")->check(&s, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	has(e.msg, "/img/vmlinux");
}

static void an_argument_vector_never_overflows(void **state)
{
	struct argv a = {0};
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < VMM_ARGS_MAX; i++)
		argv_add(&a, "%d", i);
	assert_int_equal(argv_done(&a, &e), 0);
	argv_add(&a, "one more");
	assert_int_equal(argv_done(&a, &e), -1);
	assert_null(a.v[VMM_ARGS_MAX]);
	argv_free(&a);
}

static void the_end_of_a_run_is_read_from_its_status(void **state)
{
	const struct vmm_ops *qemu = vmm_find("qemu");

	(void)state;
	assert_int_equal(qemu->exit_reason(0), VM_EXIT_POWEROFF);
	assert_int_equal(qemu->exit_reason(1 << 8), VM_EXIT_CRASH);
	assert_int_equal(qemu->exit_reason(9), VM_EXIT_CRASH);
	assert_null(vmm_find("xen"));
	assert_null(vmm_find(""));
	assert_string_equal(vmm_names(), "qemu, bhyve, fake");
}

/* A monitor that says what it is told to and notes what it hears. */
struct monitor {
	int fd;
	const char *says[4];
	char heard[512];
};

static void *monitor_run(void *arg)
{
	struct monitor *m = arg;
	size_t at = 0;

	for (int i = 0; i < 4 && m->says[i] != NULL; i++) {
		ssize_t n;

		send(m->fd, m->says[i], strlen(m->says[i]), MSG_NOSIGNAL);
		n = recv(m->fd, m->heard + at, sizeof(m->heard) - 1 - at, 0);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	shutdown(m->fd, SHUT_RDWR);
	return NULL;
}

static int press(struct monitor *m, struct err *e)
{
	pthread_t t;
	int s[2], ret;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	m->fd = s[1];
	assert_int_equal(pthread_create(&t, NULL, monitor_run, m), 0);
	ret = qmp_powerdown(s[0], e);
	close(s[0]);
	pthread_join(t, NULL);
	close(s[1]);
	return ret;
}

static void the_power_button_is_pressed_over_events(void **state)
{
	struct err e = ERR_INIT;
	struct monitor m = {
	    .says = {"{\"QMP\": {\"version\": {}}}\r\n",
		"{\"event\": \"NIC_RX_FILTER_CHANGED\"}\r\n{\"return\": {}}\r\n",
		"{\"return\": {}}\r\n"}};

	(void)state;
	if (press(&m, &e) < 0)
		fail_msg("%s", e.msg);
	has(m.heard, "qmp_capabilities");
	has(m.heard, "system_powerdown");
}

static void a_monitor_that_misbehaves_is_an_error(void **state)
{
	static const char greeting[] = "{\"QMP\": {}}\n";
	struct err e = ERR_INIT;
	struct monitor refuses = {
	    .says = {greeting, "{\"error\": {\"desc\": \"no \\u001b such\"}}\n"}};
	struct monitor noise = {.says = {"hello\n"}};
	struct monitor other = {.says = {"{\"x\": 1}\n"}};
	struct monitor closes = {.says = {NULL}};
	char *big = malloc(20001);

	(void)state;
	assert_int_equal(press(&refuses, &e), -1);
	assert_non_null(strstr(e.msg, "no \\x1b such"));
	assert_int_equal(press(&noise, &e), -1);
	assert_int_equal(press(&other, &e), -1);
	assert_int_equal(press(&closes, &e), -1);
	assert_int_equal(e.code, ERR_NOT_RUNNING);
	assert_non_null(big);
	memset(big, ' ', 20000);
	big[20000] = '\0';
	struct monitor endless = {.says = {big}};
	assert_int_equal(press(&endless, &e), -1);
	has(e.msg, "too long");
	free(big);
}

static void a_silent_monitor_is_left_in_time(void **state)
{
	struct err e = ERR_INIT;
	int64_t start = clock_ms();
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(qmp_powerdown(s[0], &e), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_in_range(
	    clock_ms() - start, VMM_POWERDOWN_MS - 10, VMM_POWERDOWN_MS + 5000);
	close(s[0]);
	close(s[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(qemu_gets_names_in_a_plan),
	    cmocka_unit_test(qemu_gets_descriptors_in_a_start),
	    cmocka_unit_test(a_real_card_is_passed_through_on_q35),
	    cmocka_unit_test(macs_are_local_unicast_and_differ),
	    cmocka_unit_test(an_image_without_air_is_refused_for_a_simulated_card),
	    cmocka_unit_test(what_is_missing_is_a_precondition),
	    cmocka_unit_test(an_argument_vector_never_overflows),
	    cmocka_unit_test(the_end_of_a_run_is_read_from_its_status),
	    cmocka_unit_test(the_power_button_is_pressed_over_events),
	    cmocka_unit_test(a_monitor_that_misbehaves_is_an_error),
	    cmocka_unit_test(a_silent_monitor_is_left_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
